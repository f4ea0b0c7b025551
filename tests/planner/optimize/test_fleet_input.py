"""Bad input of `size_fleet` is one line that names the entry; limits that cannot be met name what binds."""

import math

import pytest

from planner.errors import Infeasible, InputError
from planner.optimize import size_fleet

GOOD = {
    "rates": {"chat": 3.0},
    "throughput": {"chat": {"l4": 1.0}},
    "prices": {"l4": 0.8},
    "splitting": "continuous",
}

BAD = {
    "rate-nan": ({"rates": {"chat": math.nan}}, r"rates\[chat\]: nan"),
    "rate-negative": ({"rates": {"chat": -1}}, r"rates\[chat\]: -1"),
    "rate-infinite": ({"rates": {"chat": math.inf}}, r"rates\[chat\]: inf"),
    "rate-text": ({"rates": {"chat": "3"}}, r"rates\[chat\]: '3'"),
    "rate-bool": ({"rates": {"chat": True}}, r"rates\[chat\]: True"),
    "rates-empty": ({"rates": {}, "throughput": {}}, "rates: empty"),
    "prices-empty": ({"prices": {}, "throughput": {"chat": {}}}, "prices: empty"),
    "price-negative": ({"prices": {"l4": -0.1}}, r"prices\[l4\]: -0.1"),
    "class-missing": ({"throughput": {}}, "throughput: no entry for class 'chat'"),
    "class-unknown": (
        {"throughput": {"chat": {"l4": 1.0}, "chta": {}}},
        r"throughput\[chta\].*did you mean chat",
    ),
    "type-unknown": ({"throughput": {"chat": {"l44": 1.0}}}, r"throughput\[chat\]\[l44\].*did you mean l4"),
    "throughput-nan": ({"throughput": {"chat": {"l4": math.nan}}}, r"throughput\[chat\]\[l4\]: nan"),
    "availability-unknown": ({"availability": {"h100": 1}}, r"availability\[h100\]: not in prices"),
    "availability-negative": ({"availability": {"l4": -1}}, r"availability\[l4\]: -1"),
    "budget-nan": ({"budget_usd_per_hour": math.nan}, "budget_usd_per_hour: nan"),
    "time-negative": ({"time_limit_s": -1}, "time_limit_s: -1"),
    "splitting-zero": ({"splitting": 0}, "splitting: 0"),
    "splitting-half": ({"splitting": 0.5}, "splitting: 0.5"),
    "splitting-word": ({"splitting": "free"}, "splitting: 'free'"),
    "splitting-bool": ({"splitting": True}, "splitting: True"),
}


@pytest.mark.parametrize(("change", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_named_on_one_line(change, message):
    with pytest.raises(InputError, match=message) as caught:
        size_fleet(**{**GOOD, **change})
    assert "\n" not in str(caught.value)


def test_unserved_class_is_named():
    with pytest.raises(Infeasible, match="no option can serve chat"):
        size_fleet({"chat": 1.0}, {"chat": {"l4": 0.0}}, {"l4": 1.0}, splitting=1)


def test_budget_below_the_optimum_names_the_budget_it_would_take():
    with pytest.raises(Infeasible) as caught:
        size_fleet(**GOOD, budget_usd_per_hour=2.3)
    assert caught.value.binding == ("budget_usd_per_hour",)
    assert "2.4 USD per hour (now 2.3)" in caught.value.relaxations[0]


def test_budget_equal_to_the_optimum_is_enough():
    assert size_fleet(**GOOD, budget_usd_per_hour=2.4).cost == pytest.approx(2.4)


def test_scarcity_names_how_many_more_units_it_would_take():
    with pytest.raises(Infeasible, match="1 more of l4") as caught:
        size_fleet(**GOOD, availability={"l4": 2})
    assert caught.value.exit_code == 4


def test_fractional_availability_counts_whole_units():
    with pytest.raises(Infeasible, match="availability"):
        size_fleet(**GOOD, availability={"l4": 2.9})


def test_inputs_are_left_as_they_were():
    given = {
        "rates": {"chat": 3.0},
        "throughput": {"chat": {"l4": 1.0, "h100": 0.0}},
        "prices": {"l4": 0.8, "h100": 2},
    }
    copy = {name: dict(table) for name, table in given.items()}
    fleet = size_fleet(**given, splitting=2)
    assert given == copy
    with pytest.raises(TypeError):
        fleet.counts["l4"] = 0
