"""Hosted APIs as options: priced by the token, no units to rent, limited by what their user knows of them.

Prices come from the scenario (`[[prices]]` of term `api`) and, where `constraints.terms` names `api`, from the
tables of `planner prices tokens`. A listing stands for a model only through `data/api_models.csv`, which was
reviewed by hand; nothing is matched by similarity.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib.resources import files

from planner.errors import ScenarioError
from planner.models import resolve_model
from planner.pricing.errors import MissingPartError
from planner.pricing.offer import Offer
from planner.pricing.regions import zone_of
from planner.scenario import Constraints, Price, Scenario
from planner.workload import Workload


@dataclass(frozen=True, slots=True)
class HostedApi:
    """A model behind an API: USD per million tokens, and latency as its user measured it (None: not known)."""

    seller: str
    listed: str
    model: str
    usd_per_million_input: float
    usd_per_million_output: float
    usd_per_million_cached: float | None = None
    ttft_ms: float | None = None
    tpot_ms: float | None = None
    country: str | None = None
    weights: str | None = None
    source: str = "own price"
    as_of: str | None = None
    licence: str = "the user's own"
    flags: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """One line for messages, like an offer's."""
        return f"{self.seller} {self.listed} api"

    def usd_per_request(self, workload: Workload) -> tuple[float, float]:
        """USD for the input and for the output tokens of a mean request.

        Cached tokens cost their own price where one is stated, else as much as any.
        """
        tokens, cached = workload.input_tokens.mean, workload.prefix_cache_share
        cheap = (
            self.usd_per_million_input if self.usd_per_million_cached is None else self.usd_per_million_cached
        )
        usd_in = tokens * ((1.0 - cached) * self.usd_per_million_input + cached * cheap)
        return usd_in / 1e6, workload.output_tokens.mean * self.usd_per_million_output / 1e6

    def offer(self, usd_per_hour: float) -> Offer:
        """The API as an offer of a plan: no GPU, and what its load costs per hour of the month."""
        return Offer(
            seller=self.seller, instance=self.listed, gpu="", gpu_name_as_listed="", gpu_count=0.0,
            gpu_memory_gib=None, vcpus=None, host_memory_gib=None, region=None, country=self.country,
            zone=zone_of(self.country), term="api", usd_per_hour=usd_per_hour, usd_per_gpu_hour=0.0, currency="USD",
            upfront_usd=None, commitment_months=None, interruption_per_hour=None, availability=None,
            source=self.source, as_of=self.as_of, age_days=None, licence=self.licence, flags=self.flags,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class HostedOption:
    """An API that may serve one workload within its limits."""

    workload: int
    api: HostedApi
    usd_per_request: float


def hosted_apis(scenario: Scenario, *, at: date | None) -> tuple[HostedApi, ...]:
    """APIs of the question: the scenario's own prices, and the shipped tables where its terms name `api`.

    Own prices alone make an API an option when the scenario limits no terms. `at`: the day the tables are read
    for. Raises ScenarioError where the tables are asked for and not installed.
    """
    terms = scenario.constraints.terms
    if terms is not None and "api" not in terms:
        return ()
    own = tuple(_own(row) for row in scenario.prices if row.term == "api")
    if terms is None:
        return own
    wanted = {w.shape.name for w in scenario.workloads.values()}
    mine = {(api.seller, api.listed) for api in own}
    shipped = (api for api in _shipped(at or date.min) if api.model in wanted)
    return (*own, *(api for api in shipped if (api.seller, api.listed) not in mine))


def _own(row: Price) -> HostedApi:
    assert row.model is not None and row.usd_per_million_input_tokens is not None  # Price checks both
    assert row.usd_per_million_output_tokens is not None
    return HostedApi(
        row.seller, row.instance, _name_of(row.model), row.usd_per_million_input_tokens,
        row.usd_per_million_output_tokens, ttft_ms=row.ttft_ms, tpot_ms=row.tpot_ms, country=row.country,
        flags=("own_price",),
    )  # fmt: skip


def _name_of(text: str) -> str:
    try:
        return resolve_model(text).name
    except ScenarioError:
        return text  # a model of the user's own shape, by the name the workload gives it


@lru_cache(maxsize=4)
def _shipped(at: date) -> tuple[HostedApi, ...]:
    from planner.pricing.tokens import token_prices

    try:
        listed = {
            (p.seller, p.model): p for p in token_prices(at=datetime(at.year, at.month, at.day, tzinfo=UTC))
        }
    except MissingPartError as error:
        raise ScenarioError(
            f"constraints.terms: api: {error}", hint="or give [[prices]] of term api"
        ) from error
    found = []
    for row in reviewed_listings():
        price = listed.get((row["seller"], row["listed"]))
        if price is None or "deprecated" in price.flags or "stated_as_free" in price.flags:
            continue
        if price.input_usd_per_million is None or price.output_usd_per_million is None:
            continue
        flags = ("longer_prompts_cost_more",) if price.tiers else ()
        found.append(HostedApi(
            row["seller"], row["listed"], row["model"], price.input_usd_per_million, price.output_usd_per_million,
            price.cached_input_usd_per_million, weights=row["weights"] or None, source=price.source, licence="MIT",
            flags=(*flags, "broker") if "broker" in row["note"] else flags,
        ))  # fmt: skip
    return tuple(found)


@lru_cache(maxsize=1)
def reviewed_listings() -> tuple[Mapping[str, str], ...]:
    """Rows of `data/api_models.csv`: which listing of which seller is which model."""
    text = (files("planner") / "data" / "api_models.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


def asked_on(offers: Iterable[Offer]) -> date | None:
    """The day a catalogue was aged for, None where it was not."""
    for offer in offers:
        if offer.as_of and offer.age_days is not None:
            return date.fromisoformat(offer.as_of) + timedelta(days=offer.age_days)
    return None


def hosted_options(
    index: int, workload: Workload, apis: Sequence[HostedApi], limits: Constraints
) -> tuple[list[HostedOption], dict[str, list[str]]]:
    """APIs that serve the workload's model within its limits; the others under their reason."""
    found: list[HostedOption] = []
    refused: dict[str, list[str]] = {}
    for api in apis:
        if api.model != workload.shape.name:
            continue
        reason = next(_reasons(api, workload, limits), None)
        if reason is None:
            found.append(HostedOption(index, api, sum(api.usd_per_request(workload))))
        else:
            refused.setdefault(reason, []).append(api.label)
    return found, refused


def _reasons(api: HostedApi, workload: Workload, limits: Constraints) -> Iterator[str]:
    for field in ("ttft_ms", "tpot_ms"):
        limit, known = getattr(workload, field), getattr(api, field)
        if limit is not None and known is None:
            yield f"hosted API of unknown {field}; measure it and give it in [[prices]]"
        if limit is not None and known is not None and known > limit:
            yield f"hosted API above {field}"
    if limits.sellers is not None and api.seller not in limits.sellers:
        yield "seller is not in constraints.sellers"
    if limits.zones is not None and zone_of(api.country) not in limits.zones:
        yield "hosted API outside constraints.zones, or of unknown country"
    if limits.countries is not None and api.country not in limits.countries:
        yield "hosted API outside constraints.countries, or of unknown country"
    if limits.regions is not None:
        yield "hosted API of unknown region (constraints.regions)"
    if limits.kernels != "any":
        yield "hosted API: nobody outside knows its kernels (constraints.kernels)"
    if limits.max_carbon_kg_per_month is not None:
        yield "hosted API of unknown carbon (constraints.max_carbon_kg_per_month)"
    if limits.min_measured_share is not None:
        yield "hosted API: nothing of it is measured (constraints.min_measured_share)"
    if api.weights is not None and api.weights not in workload.weight_precisions:
        yield f"hosted API with weights in {api.weights}, not in weight_precisions"
