"""Shares, quotas, power, carbon and measured dollars: each limit binds where it should, and says so."""

from __future__ import annotations

from datetime import date
from functools import cache

import pytest

from planner.answer.placements import layers
from planner.decide import Decided, decide
from planner.errors import ScenarioError
from planner.estimate.describe import measured_share
from planner.inputs import loads
from planner.pricing.catalog import Catalog, gated, parse_offer
from planner.pricing.energy import carbon_intensity
from planner.pricing.money import HOURS_PER_MONTH
from planner.profiles.gpus import load_gpus
from planner.profiles.store import load_profiles
from planner.recommend import recommend

TODAY = date(2026, 11, 22)
ROWS = (
    ("verda", "h100_sxm", "1", "FI", "on_demand", "1.5"),
    ("lambda", "h100_sxm", "1", "US", "on_demand", "1.9"),
    ("runpod", "mi300x", "1", "US", "on_demand", "2.1"),
    ("aws", "l40s", "1", "", "on_demand", "0.2"),
)
CHAT = ("[workloads.chat]\nmodel = 'llama-3.1-8b'\nrequests_per_s = 80\ninput_tokens = 1024\noutput_tokens = 256\n"
        "ttft_ms = 1000\ntpot_ms = 50\n")  # fmt: skip


@cache
def _catalog() -> Catalog:
    names = ("seller", "gpu", "gpu_count", "country", "term", "usd_per_hour")
    made = [
        parse_offer({"instance": f"{row[1]}-{i}", **dict(zip(names, row, strict=True))}, where=f"row {i}")
        for i, row in enumerate(ROWS)
    ]
    return gated(made).aged(TODAY)


@cache
def _decided(limits: str = "", more: str = "") -> Decided:
    return decide(loads(f"{CHAT}[constraints]\nsellers = ['verda', 'lambda', 'runpod', 'owned']\n{limits}\n{more}"),
                  _catalog(), load_profiles())  # fmt: skip


def _gpus(decided: Decided, **named: str) -> float:
    return sum(x.units * x.option.offer.gpu_count for x in layers(decided)
               if all(getattr(x.option.offer, key) == value for key, value in named.items()))  # fmt: skip


def _usd(decided: Decided) -> float:
    return decided.decision.usd_per_hour


def test_one_seller_gets_no_more_than_its_share() -> None:
    free, capped = _decided(), _decided("max_seller_share = 0.5")
    assert _gpus(free) == _gpus(free, seller="verda")
    shares = capped.decision.shares[0]
    sellers = [c.option.offer.seller for c in capped.columns]
    by_seller = {s: sum(x for x, o in zip(shares, sellers, strict=True) if o == s) for s in set(sellers)}
    assert max(by_seller.values()) <= 0.5 + 1e-5
    assert _usd(capped) > _usd(free)


def test_one_maker_gets_no_more_than_its_share() -> None:
    capped = _decided("max_vendor_share = 0.6")
    on_nvidia = sum(x for x, c in zip(capped.decision.shares[0], capped.columns, strict=True)
                    if load_gpus()[c.option.offer.gpu].vendor == "nvidia")  # fmt: skip
    assert on_nvidia <= 0.6 + 1e-5
    assert _gpus(capped, gpu="mi300x") > 0


@pytest.mark.parametrize(
    ("quota", "named"),
    [("seller = 'verda'", {"seller": "verda"}), ("gpu = 'h100_sxm'", {"gpu": "h100_sxm"}),
     ("seller = 'verda'\nterm = 'on_demand'", {"seller": "verda"})],
)  # fmt: skip
def test_a_quota_counts_the_gpus_it_names(quota: str, named: dict[str, str]) -> None:
    free = _gpus(_decided(), **named)
    capped = _decided(more=f"[[constraints.quotas]]\n{quota}\ngpus = 1\n")
    assert free > 1 >= _gpus(capped, **named)
    other = _decided(more=f"[[constraints.quotas]]\n{quota}\nregion = 'nowhere'\ngpus = 1\n")
    assert _gpus(other, **named) == free


def test_owned_hardware_stays_within_the_power_of_its_site() -> None:
    owned = "[[owned]]\ngpu = 'h100_sxm'\ncount = 8\npurchase_usd = 100\nsite = {pue = 1.5}\n"
    free, capped = _decided("", owned), _decided("max_power_kw = 2.2", owned)
    watts = load_gpus()["h100_sxm"].tdp_w or 0.0
    assert _gpus(free, term="owned") * watts * 1.5 > 2200
    assert 0 < _gpus(capped, term="owned") * watts * 1.5 <= 2200


def test_carbon_moves_the_load_to_a_cleaner_grid_and_its_sum_holds() -> None:
    def kg(decided: Decided) -> float:
        total = 0.0
        for x in layers(decided):
            offer, grid = x.option.offer, carbon_intensity(x.option.offer.country)
            assert grid is not None
            kw = offer.gpu_count * (load_gpus()[offer.gpu].tdp_w or 0.0) / 1000 * 1.2
            total += x.units * x.hours * kw * grid.grams_co2_per_kwh / 1000
        return total

    dear = _decided("max_seller_share = 0.5")
    capped = _decided(f"max_seller_share = 0.6\nmax_carbon_kg_per_month = {0.9 * kg(dear):.1f}")
    assert kg(capped) <= 0.9 * kg(dear) + 0.1
    assert HOURS_PER_MONTH == 730


def test_an_offer_of_unknown_country_has_no_known_carbon() -> None:
    scenario = loads(f"{CHAT}[constraints]\nmax_carbon_kg_per_month = 1000000\n")
    decided = decide(scenario, _catalog(), load_profiles())
    why = next(r for r in decided.considered.rejected if "carbon" in r)
    assert decided.considered.rejected[why] == ("aws l40s-3 (no region) on_demand",)


def test_the_measured_share_of_the_dollars_is_kept() -> None:
    def share(decided: Decided) -> float:
        found = [
            (x.units * x.hours * x.option.offer.usd_per_hour,
             measured_share(x.option.configuration.evaluation, x.option.batch_index))
            for x in layers(decided)
        ]  # fmt: skip
        return sum(usd * part for usd, part in found) / sum(usd for usd, _ in found)

    text = f"{CHAT}[constraints]\nsellers = ['runpod', 'lambda']\n"
    cheap = gated([parse_offer({"instance": "x", "seller": s, "gpu": g, "gpu_count": "1", "country": "US", "term":
                                "on_demand", "usd_per_hour": usd}, where="row") for s, g, usd in
                   (("runpod", "mi300x", "0.6"), ("lambda", "h100_sxm", "1.9"))])  # fmt: skip
    free, kept = (
        decide(loads(text + limit), cheap, load_profiles()) for limit in ("", "min_measured_share = 0.5\n")
    )
    assert share(free) < 0.5 <= share(kept) + 1e-6


def test_limits_that_cannot_be_kept_say_what_they_would_take() -> None:
    from planner.errors import Infeasible

    scenario = loads(f"{CHAT}[constraints]\nsellers = ['verda']\n[[constraints.quotas]]\ngpus = 1\n")
    with pytest.raises(
        Infeasible, match=r"quota of all GPUs of \d+ \(now 1\).*without constraints\.quotas would cost"
    ):
        recommend(scenario, _catalog(), load_profiles(), as_of=TODAY)


@pytest.mark.parametrize(
    ("limits", "message"),
    [("max_seller_share = 1.5", "max_seller_share"), ("max_power_kw = -1", "max_power_kw"),
     ("[[constraints.quotas]]\nseller = 'aws'\n", "gpus"),
     ("[[constraints.quotas]]\ngpus = 1\ngpu = 'h1000'\n", "h1000")],
)  # fmt: skip
def test_odd_limits_name_the_field(limits: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        loads(f"{CHAT}[constraints]\n{limits}\n")
