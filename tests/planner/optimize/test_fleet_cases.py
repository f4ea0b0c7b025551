"""`size_fleet` on the published allocation problems, for every splitting rule, and far off their scale."""

import csv
from pathlib import Path

import pytest

from planner.optimize import size_fleet

CASES = Path(__file__).parents[2] / "data" / "optimizer_cases"


def rows(name):
    with open(CASES / f"{name}.csv", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def tables(case, total):
    of_case = [row for row in rows("throughput") if row["case"] == case]
    rates = {row["class"]: total * float(row["rate_share"]) for row in of_case}
    throughput = {name: {} for name in rates}
    for row in of_case:
        throughput[row["class"]][row["gpu"]] = float(row["requests_per_s"])
    return (
        rates,
        throughput,
        {row["gpu"]: float(row["usd_per_hour"]) for row in rows("prices") if row["case"] == case},
    )


def splitting(text):
    return text if text == "continuous" else int(text)


@pytest.mark.parametrize(
    "answer", rows("answers"), ids=lambda a: f"{a['case']}-{a['total_requests_per_s']}-{a['splitting']}"
)
def test_published_answer_is_found_and_proven(answer):
    inputs = tables(answer["case"], float(answer["total_requests_per_s"]))
    fleet = size_fleet(*inputs, splitting=splitting(answer["splitting"]))
    assert fleet.cost == pytest.approx(float(answer["usd_per_hour"]), abs=1e-9)
    assert " ".join(f"{gpu}={n}" for gpu, n in fleet.counts.items()) == answer["fleet"]
    assert (fleet.status, fleet.gap) == ("optimal", pytest.approx(0, abs=1e-6))


def test_every_case_row_names_its_source():
    assert all(
        row["source"].startswith("https://") and row["as_of"]
        for name in ("throughput", "prices", "answers")
        for row in rows(name)
    )


def test_shares_sum_to_one_and_are_whole_pieces():
    fleet = size_fleet(*tables("melange_example", 30.0), splitting=4)
    for shares in fleet.shares.values():
        assert sum(shares.values()) == pytest.approx(1)
        assert all((4 * share) == pytest.approx(round(4 * share)) for share in shares.values())


def test_finer_pieces_never_cost_more_than_the_multiples_they_contain():
    costs = [
        size_fleet(*tables("melange_example", 30.0), splitting=s).cost for s in (1, 2, 4, 8, "continuous")
    ]
    assert costs == sorted(costs, reverse=True)


def test_zero_throughput_means_not_eligible():
    fleet = size_fleet(
        {"long": 1.0}, {"long": {"small": 0, "large": 0.5}}, {"small": 0.1, "large": 9.0}, splitting=1
    )
    assert dict(fleet.counts) == {"small": 0, "large": 2}


def test_no_rate_needs_no_unit():
    fleet = size_fleet({"idle": 0.0}, {"idle": {"a": 0.0}}, {"a": 1.0}, splitting="continuous")
    assert (fleet.cost, dict(fleet.counts), fleet.status) == (0.0, {"a": 0}, "optimal")


def test_free_units_are_used_first():
    tables = ({"c": 5.0}, {"c": {"own": 1.0, "rent": 1.0}}, {"own": 0.0, "rent": 2.0})
    fleet = size_fleet(*tables, splitting="continuous", availability={"own": 3})
    assert dict(fleet.counts) == {"own": 3, "rent": 2}
    assert fleet.cost == 4.0


@pytest.mark.parametrize("exponent", [-6, -3, 0, 3, 6, 9])
@pytest.mark.parametrize("rule", [1, 4, "continuous"])
def test_cost_per_request_settles_at_any_scale(exponent, rule):
    rates = {"a": 1.7 * 10.0**exponent, "b": 0.4 * 10.0**exponent}
    throughput = {"a": {"x": 1.3, "y": 4.1}, "b": {"x": 0.7, "y": 3.3}}
    fleet = size_fleet(rates, throughput, {"x": 1.1, "y": 3.2}, splitting=rule)
    fluid = sum(
        rate * min(1.1 / t["x"], 3.2 / t["y"])
        for rate, t in zip(rates.values(), throughput.values(), strict=True)
    )
    assert fluid * (1 - 1e-8) <= fleet.cost <= fluid * (1 + 1e-8) + 2 * 3.2
    assert fleet.status in {"optimal", "within_gap"}
    assert fleet.gap <= 1e-5


@pytest.mark.parametrize("factor", [1e-6, 1e9])
def test_rates_and_throughputs_in_other_units_give_the_same_fleet(factor):
    rates, throughput, prices = tables("melange_example", 30.0)
    other = {k: {m: t * factor for m, t in row.items()} for k, row in throughput.items()}
    fleet = size_fleet({k: r * factor for k, r in rates.items()}, other, prices, splitting="continuous")
    assert fleet.cost == pytest.approx(4.68)
