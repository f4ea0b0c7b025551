"""Hosted APIs: which become options, at what price per request, and how they reach the plan."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from planner.decide import decide
from planner.errors import Infeasible
from planner.inputs import loads
from planner.models import load_models
from planner.options.hosted import hosted_apis, hosted_options, reviewed_listings
from planner.precisions import load_precisions
from planner.pricing.catalog import Catalog, gated, parse_offer
from planner.pricing.money import HOURS_PER_MONTH
from planner.pricing.tokens import token_prices
from planner.profiles.store import load_profiles
from planner.recommend import recommend
from planner.scenario import Scenario

TODAY = date(2026, 11, 22)
SLO = "ttft_ms = 1000\ntpot_ms = 50"
MEASURED = "ttft_ms = 400\ntpot_ms = 12"


def _question(
    *, slo: str = SLO, limits: str = "", latency: str = MEASURED, more: str = "", rate: float = 0.5
) -> Scenario:
    return loads(
        f'[workloads.chat]\nmodel = "llama-3.1-8b"\nrequests_per_s = {rate}\ninput_tokens = 1000\n'
        f"output_tokens = 200\nprefix_cache_share = 0.5\n{slo}\n[constraints]\n{limits}\n"
        '[[prices]]\nseller = "acme"\ninstance = "fast"\nterm = "api"\nmodel = "llama-3.1-8b-instruct"\n'
        f"usd_per_million_input_tokens = 0.05\nusd_per_million_output_tokens = 0.1\n{latency}\n{more}\n"
    )


def _catalog(usd: str = "0.9") -> Catalog:
    cells = {"seller": "verda", "instance": "l40s-1", "gpu": "l40s", "gpu_count": "1", "country": "FI",
             "term": "on_demand", "usd_per_hour": usd}  # fmt: skip
    return gated([parse_offer(cells, where="row 1")]).aged(TODAY)


def _refusal(scenario: Scenario) -> str:
    (workload,) = scenario.workloads.values()
    found, refused = hosted_options(0, workload, hosted_apis(scenario, at=TODAY), scenario.constraints)
    assert not found
    (reason,) = {r for r, labels in refused.items() if "acme fast api" in labels}
    return reason


def test_a_request_costs_its_tokens() -> None:
    scenario = _question()
    (workload,) = scenario.workloads.values()
    (api,) = hosted_apis(scenario, at=TODAY)
    assert api.usd_per_request(workload) == pytest.approx((1000 * 0.05e-6, 200 * 0.1e-6))


def test_cached_tokens_take_their_own_price_where_one_is_stated() -> None:
    scenario = _question(slo="", limits='terms = ["api"]')
    (workload,) = scenario.workloads.values()
    by_label = {api.label: api for api in hosted_apis(scenario, at=TODAY)}
    api = by_label["openrouter meta-llama/llama-3.1-8b-instruct api"]
    assert api.usd_per_million_cached is not None
    wanted = 1000 * (0.5 * api.usd_per_million_input + 0.5 * api.usd_per_million_cached) / 1e6
    assert api.usd_per_request(workload)[0] == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"latency": ""}, "unknown ttft_ms"),
        ({"latency": "ttft_ms = 400"}, "unknown tpot_ms"),
        ({"latency": "ttft_ms = 1400\ntpot_ms = 12"}, "above ttft_ms"),
        ({"limits": 'zones = ["eu"]'}, "constraints.zones"),
        ({"limits": 'countries = ["FI"]'}, "constraints.countries"),
        ({"limits": 'sellers = ["verda"]'}, "constraints.sellers"),
        ({"limits": 'regions = ["FIN-*"]'}, "constraints.regions"),
        ({"limits": 'kernels = "open"'}, "kernels"),
    ],
)
def test_an_api_that_breaks_a_limit_says_which(changes: dict[str, str], reason: str) -> None:
    assert reason in _refusal(_question(**changes))  # type: ignore[arg-type]


def test_an_api_whose_country_is_given_may_serve_a_zone() -> None:
    scenario = _question(limits='zones = ["eu"]', more='country = "FI"')
    (workload,) = scenario.workloads.values()
    found, _ = hosted_options(0, workload, hosted_apis(scenario, at=TODAY), scenario.constraints)
    assert [option.api.label for option in found] == ["acme fast api"]


def test_terms_decide_who_is_asked() -> None:
    assert [api.seller for api in hosted_apis(_question(), at=TODAY)] == ["acme"]
    assert hosted_apis(_question(limits='terms = ["on_demand"]'), at=TODAY) == ()
    asked = hosted_apis(_question(limits='terms = ["on_demand", "api"]'), at=TODAY)
    assert {"acme", "groq"} <= {api.seller for api in asked}
    assert {api.model for api in asked} == {"meta-llama/Meta-Llama-3.1-8B"}


def test_weights_that_are_known_must_be_acceptable() -> None:
    label = "together meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo api"
    for formats, wanted in (('["bf16"]', False), ('["bf16", "fp8"]', True)):
        scenario = _question(slo=f"weight_precisions = {formats}", limits='terms = ["api"]')
        (workload,) = scenario.workloads.values()
        found, _ = hosted_options(0, workload, hosted_apis(scenario, at=TODAY), scenario.constraints)
        assert (label in {option.api.label for option in found}) == wanted


def test_every_reviewed_listing_names_a_shipped_model_and_a_listing_of_the_tables() -> None:
    listed = {(p.seller, p.model) for p in token_prices(at=datetime(2026, 11, 22, tzinfo=UTC))}
    rows = reviewed_listings()
    assert all(row["model"] in load_models() for row in rows)
    assert all((row["seller"], row["listed"]) in listed for row in rows)
    assert all(not row["weights"] or row["weights"] in load_precisions() for row in rows)
    assert len({(row["seller"], row["listed"]) for row in rows}) == len(rows)


def test_a_small_load_goes_to_the_api_and_its_dollars_add_up() -> None:
    plan = recommend(_question(), _catalog(), load_profiles(), as_of=TODAY)
    (placement,) = plan.placements
    requests = 0.5 * HOURS_PER_MONTH * 3600
    assert (placement.term, placement.gpu, placement.units, placement.estimate) == ("api", None, 0, None)
    assert placement.load_requests_per_s == pytest.approx(0.5)
    assert plan.usd_per_month == pytest.approx(requests * 70e-6)
    assert plan.usd_per_million_tokens is not None
    assert plan.usd_per_million_tokens.input == pytest.approx(0.05)
    assert plan.usd_per_million_tokens.output == pytest.approx(0.1)
    assert sum(e.share_of_dollars for e in plan.evidence if e.subject == "prices") == pytest.approx(1)
    assert plan.measured_share is None
    assert any(f.rule == "api" and "data leaves" in f.message for f in plan.findings)


def test_a_large_load_leaves_the_api_what_whole_units_do_not_carry_or_nothing() -> None:
    decided = decide(_question(rate=40), _catalog(), load_profiles())
    hosted = decided.decision.shares[:, len(decided.columns) :].sum()
    assert 0 <= hosted < 0.5
    assert decided.decision.units.sum() > 0


def test_the_refused_api_is_listed_with_its_reason() -> None:
    plan = recommend(_question(latency=""), _catalog(), load_profiles(), as_of=TODAY)
    assert any("hosted API of unknown ttft_ms" in r.reason and r.examples for r in plan.rejected)
    with pytest.raises(Infeasible):
        recommend(_question(latency="", limits='terms = ["api"]'), _catalog(), load_profiles(), as_of=TODAY)
