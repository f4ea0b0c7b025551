"""The question: workloads, limits, hardware on hand, own prices, policy.

Frozen records, one per table of `planner.toml`; once made, every value is checked and complete. Files are
opened by `planner.inputs`, never here.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import Field, model_validator

from planner import fieldtypes as t
from planner.fields import FieldError
from planner.record import Record
from planner.workload import Speculation, Workload

__all__ = [
    "Constraints",
    "OwnedGpu",
    "Policy",
    "PolicyLimits",
    "Price",
    "Quota",
    "Scenario",
    "Site",
    "Speculation",
    "Workload",
]

_NAME = r"^[A-Za-z0-9][A-Za-z0-9 _-]{0,63}$"


class Quota(Record):
    """At most so many GPUs at once of what the other keys name; a key left out names all."""

    seller: t.Text | None = None
    """Who sells them."""
    gpu: t.Text | None = None
    """Name of the GPU."""
    region: t.Text | None = None
    """The seller's region."""
    term: t.Term | None = None
    """Term they are had on."""
    gpus: Annotated[int, Field(ge=0, le=1_000_000, strict=True, examples=[16])]
    """Most GPUs at any time, whatever instances they come in."""

    @property
    def label(self) -> str:
        """What it counts, for messages."""
        named = (self.seller, self.gpu, self.region, self.term)
        return f"quota of {' '.join(filter(None, named)) or 'all GPUs'}"


class Constraints(Record):
    """Limits that shape the search; what is left out does not limit."""

    zones: Annotated[tuple[t.Zone, ...] | None, Field(min_length=1, examples=[["eu"]])] = None
    """Where data may be; an offer of unknown country never qualifies."""
    countries: Annotated[tuple[t.Country, ...] | None, Field(min_length=1, examples=[["DE", "FR"]])] = None
    """Countries where data may be."""
    regions: Annotated[tuple[t.Text, ...] | None, Field(min_length=1, examples=[["us-*"]])] = None
    """Patterns over the seller's own region names."""
    sellers: Annotated[tuple[t.Text, ...] | None, Field(min_length=1, examples=[["aws", "owned"]])] = None
    """Sellers to consider."""
    terms: Annotated[tuple[t.Term, ...] | None, Field(min_length=1, examples=[["on_demand", "spot"]])] = None
    """Terms to consider. Hosted APIs take part where this names `api` (own prices and the shipped token tables), or
    where it is left out and `[[prices]]` gives one."""
    vendors: Annotated[tuple[t.Vendor, ...] | None, Field(min_length=1, examples=[["nvidia", "amd"]])] = None
    """GPU makers to consider."""
    gpus: Annotated[tuple[t.Text, ...] | None, Field(min_length=1, examples=[["h100_sxm", "rtx_4090"]])] = (
        None
    )
    """GPUs to consider."""
    engines: Annotated[tuple[t.Engine, ...] | None, Field(min_length=1, examples=[["vllm", "sglang"]])] = None
    """Engines to consider."""
    kernels: t.KernelRule = "any"
    """Which kernels may run: any, open source only, or portable over two vendors."""
    max_spot_share: Annotated[t.Share | None, Field(examples=[0.5])] = None
    """Largest share of each workload's load on spot capacity."""
    spot_fallback: t.SpotFallback = "standby"
    """What carries on when all spot of one seller and region vanishes: `standby` units that are there anyway, or units
    rented `on_demand` then, late by a cold start. Batches wait."""
    max_seller_share: Annotated[t.Share | None, Field(examples=[0.6])] = None
    """Largest share of each workload's load with one seller, hosted APIs included."""
    max_vendor_share: Annotated[t.Share | None, Field(examples=[0.8])] = None
    """Largest share of each workload's load on the GPUs of one maker."""
    quotas: Annotated[tuple[Quota, ...], Field(max_length=1000)] = ()
    """Most GPUs by seller, GPU, region or term: [[constraints.quotas]]."""
    max_power_kw: Annotated[t.Positive | None, Field(examples=[12])] = None
    """Most power of owned hardware at once: boards at their limit, times the site's pue."""
    max_carbon_kg_per_month: Annotated[t.Positive | None, Field(examples=[500])] = None
    """CO2 of the electricity: boards at their limit, pue, and the grid of the offer's country; an offer of
    unknown country or power never qualifies."""
    min_measured_share: Annotated[t.Share | None, Field(examples=[0.5])] = None
    """Least share of the dollars whose step time rests on measurements; leaves out hosted APIs."""
    budget_usd_per_month: Annotated[t.Usd | None, Field(examples=[20000])] = None
    """All workloads together."""
    spare_replicas: Annotated[int, Field(ge=0, le=10_000, strict=True, examples=[1])] = 0
    """Replicas of each workload that may fail without breaking its limits."""
    marketplace: t.Flag = True
    """Whether single machines of a marketplace may be planned; they vanish, and their hosts vary."""
    consumer_in_datacenter: t.Flag = False
    """Whether consumer cards may be planned in data centres, against NVIDIA's driver terms."""
    quantile: Annotated[float, Field(ge=0.5, le=0.99, strict=True, examples=[0.8])] = 0.8
    """Side of the predictions to plan on: 0.8 holds in 80 % of cases."""


class Site(Record):
    """Where owned hardware stands."""

    electricity_usd_per_kwh: Annotated[float, Field(ge=0, le=10, strict=True, examples=[0.15])] = 0.15
    """Price of electricity."""
    pue: Annotated[float, Field(ge=1, le=5, strict=True, examples=[1.1])] = 1.2
    """Power drawn by the site over power drawn by the hardware."""
    zone: t.Zone | None = None
    """Residency zone."""
    country: t.Country | None = None
    """Two-letter country code."""


class OwnedGpu(Record):
    """Hardware on hand, or that could be bought."""

    gpu: Annotated[t.Text, Field(examples=["rtx_4090"])]
    """Name of the GPU."""
    count: Annotated[t.Count, Field(examples=[4])]
    """How many GPUs."""
    status: t.OwnedState = "have"
    """`have`: already paid for; `would_buy`: could be bought."""
    purchase_usd: Annotated[t.UsdOrZero, Field(examples=[2600])]
    """Per GPU with its share of the host; for `have`, what it would sell for now."""
    site: Site = Site()
    """Where it stands."""


class Price(Record):
    """A price of my own: overrides the same offer of the snapshot, or adds one."""

    seller: t.Text
    """Who sells it."""
    instance: t.Text
    """The seller's name of what is sold."""
    region: t.Text | None = None
    """The seller's region; any if left out."""
    term: t.Term = "on_demand"
    """Term it is sold on."""
    usd_per_hour: Annotated[t.Usd | None, Field(examples=[38.0])] = None
    """Whole instance."""
    gpu: t.Text | None = None
    """GPU of an instance the snapshot does not know."""
    gpu_count: Annotated[t.Count | None, Field(examples=[8])] = None
    """GPUs of the instance."""
    country: t.Country | None = None
    """Two-letter country code."""
    upfront_usd: t.UsdOrZero | None = None
    """Paid at the start of a commitment."""
    available: t.Count | None = None
    """Most instances to be had."""
    interruption_per_hour: t.Share | None = None
    """Chance that spot capacity is taken away within an hour."""
    model: t.Text | None = None
    """Model a hosted API serves; a workload with latency limits also needs its `ttft_ms` and `tpot_ms`."""
    usd_per_million_input_tokens: t.UsdOrZero | None = None
    """Price of an API."""
    usd_per_million_output_tokens: t.UsdOrZero | None = None
    """Price of an API."""
    ttft_ms: t.Milliseconds | None = None
    """Time to the first token of an API, as you measured it."""
    tpot_ms: t.Milliseconds | None = None
    """Time per output token of an API, as you measured it."""

    @model_validator(mode="after")
    def _priced(self) -> Price:
        per_token = (self.usd_per_million_input_tokens, self.usd_per_million_output_tokens)
        if self.term == "api":
            if None in per_token or self.model is None:
                raise FieldError(
                    "an API needs model, usd_per_million_input_tokens and usd_per_million_output_tokens",
                    field="term",
                )
        elif self.usd_per_hour is None:
            raise FieldError("missing", field="usd_per_hour", hint="dollars per hour of the whole instance")
        return self


class PolicyLimits(Record):
    """One limit per rule; what is left out is not judged."""

    max_usd_per_month: Annotated[t.Usd | None, Field(examples=[18000])] = None
    """Cost of the plan."""
    max_increase_usd_per_month: Annotated[t.UsdOrZero | None, Field(examples=[500])] = None
    """Increase over the baseline plan, in dollars a month."""
    max_increase_percent: Annotated[t.UsdOrZero | None, Field(examples=[10])] = None
    """Increase over the baseline plan."""
    max_spot_share: Annotated[t.Share | None, Field(examples=[0.5])] = None
    """Share of the load on spot capacity."""
    max_price_age_days: Annotated[t.Positive | None, Field(examples=[90])] = None
    """Age of the oldest price in the plan."""
    min_slo_probability: Annotated[t.Share | None, Field(examples=[0.95])] = None
    """Probability that every limit is met."""
    max_seller_share: Annotated[t.Share | None, Field(examples=[0.8])] = None
    """Share of the dollars that go to one seller."""
    min_measured_share: Annotated[t.Share | None, Field(examples=[0.5])] = None
    """Share of the dollars that rests on measurements."""
    min_headroom: Annotated[t.Share | None, Field(examples=[0.1])] = None
    """Share of its capacity that every placement keeps free."""
    min_kernel_value_usd_per_month: Annotated[
        float | None, Field(ge=-1e12, le=1e12, strict=True, allow_inf_nan=False, examples=[0])
    ] = None
    """What a kernel change (`check --kernels-before --kernels-after`) saves on this fleet; 0: it must not cost."""


class Policy(PolicyLimits):
    """Gates for CI, judged on the finished plan; they never shape it. A plan that breaks one fails."""

    unknown_price_age: t.AgeRule = "warn"
    """What an undated price does."""
    quiet_below_usd_per_month: Annotated[t.UsdOrZero | None, Field(examples=[50])] = None
    """A change of the cost smaller than this is not worth a word."""
    warn: PolicyLimits | None = None
    """The same limits again: a plan that breaks one of these is only warned about."""


class Scenario(Record):
    """Everything a plan answers."""

    workloads: Annotated[
        dict[Annotated[str, Field(pattern=_NAME)], Workload], Field(min_length=1, max_length=100)
    ]
    """One table per workload, `[workloads.NAME]`."""
    constraints: Constraints = Constraints()
    """Limits that shape the search."""
    owned: Annotated[tuple[OwnedGpu, ...], Field(max_length=1000)] = ()
    """Hardware on hand, or that could be bought."""
    prices: Annotated[tuple[Price, ...], Field(max_length=10_000)] = ()
    """Own prices."""
    policy: Policy = Policy()
    """Gates for CI."""

    def model_post_init(self, context: Any, /) -> None:
        """Tell each workload its name."""
        for name, workload in self.workloads.items():
            workload._name = name

    def document(self) -> dict[str, Any]:
        """The scenario as plain data that reads back to an equal one, without files or comments."""
        table: dict[str, Any] = self.model_dump(mode="json", exclude={"workloads"}, exclude_none=True)
        return {"workloads": {name: w.document() for name, w in self.workloads.items()}, **table}

    @property
    def text(self) -> str:
        """Canonical JSON of `document()`: the same bytes for the same question."""
        return json.dumps(self.document(), sort_keys=True, separators=(",", ":"), allow_nan=False)

    @property
    def digest(self) -> str:
        """SHA-256 of `text`."""
        import hashlib  # OpenSSL takes 4 ms to load, and few need a digest

        return hashlib.sha256(self.text.encode()).hexdigest()
