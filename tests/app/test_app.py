"""The app as a reader meets it: pages, changes, dead ends and the way out of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from planner.app.main import PAGES

Opened = Callable[..., Any]


def _metric(app: Any, label: str) -> str:
    (found,) = [m.value for m in app.metric if m.label == label]
    return str(found)


def _dollars(text: str) -> float:
    return float(text.strip("$").replace(",", ""))


def _slider(app: Any, part: str) -> Any:
    return next(s for s in app.select_slider if part in (s.key or ""))


def test_the_first_page_says_what_to_buy_and_what_it_costs(opened: Opened) -> None:
    app = opened()
    assert not app.exception
    headline = app.markdown[0].value + app.markdown[1].value + app.markdown[2].value
    assert "Rent 4 × H200 SXM" in headline.replace("\\", "")
    assert _metric(app, "Cost per month").startswith("$")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("example", ["chat-70b", "small-model"])
def test_every_page_draws_for_one_workload_and_for_owned_cards(
    opened: Opened, page: str, example: str
) -> None:
    app = opened(page=page, example=example)
    assert not app.exception
    assert not app.error
    assert app.session_state["page"] == page


def test_more_traffic_costs_more_and_the_link_says_so(opened: Opened) -> None:
    app = opened()
    before = _dollars(_metric(app, "Cost per month"))
    _slider(app, "w0.rate").set_value(20).run()
    assert not app.exception
    assert _dollars(_metric(app, "Cost per month")) > before
    assert app.query_params == {"w0.rate": ["20"]} or app.query_params["w0.rate"] in ("20", ["20"])


def test_a_link_and_the_slider_give_the_same_answer(opened: Opened) -> None:
    moved = opened()
    _slider(moved, "w0.rate").set_value(20).run()
    linked = opened(**{"w0.rate": "20"})
    assert _metric(linked, "Cost per month") == _metric(moved, "Cost per month")
    assert _slider(linked, "w0.rate").value == 20


def test_changes_are_told_against_the_baseline_and_can_be_taken_back(opened: Opened) -> None:
    app = opened(**{"w0.rate": "20"})
    (cost,) = [m for m in app.metric if m.label == "Cost per month"]
    assert cost.delta
    app.button(key="reset_sidebar").click().run()
    (cost,) = [m for m in app.metric if m.label == "Cost per month"]
    assert not cost.delta
    assert not app.query_params


def test_an_impossible_limit_names_what_binds_and_one_click_puts_it_right(opened: Opened) -> None:
    app = opened(**{"w0.tpot_ms": "1"})
    assert not app.exception
    assert "Nothing satisfies these limits" in app.error[0].value
    assert any("tpot" in m.value for m in app.markdown)
    app.button(key="relax_0").click().run()
    assert not app.error
    assert _dollars(_metric(app, "Cost per month")) > 0
    assert app.query_params["w0.tpot_ms"] != ["1"]


def test_a_budget_that_is_too_small_is_dropped_by_one_click(opened: Opened) -> None:
    app = opened(budget_usd_per_month="100")
    assert "Nothing satisfies these limits" in app.error[0].value
    (button, *_) = [b for b in app.button if "Budget" in b.label]
    button.click().run()
    assert not app.error


def test_the_last_good_plan_stays_in_sight_when_nothing_fits(opened: Opened) -> None:
    app = opened()
    before = _metric(app, "Cost per month")
    _slider(app, "w0.tpot_ms").set_value(5).run()
    assert "Nothing satisfies these limits" in app.error[0].value
    assert _metric(app, "Cost per month") == before
    assert any("not the answer" in c.value for c in app.caption)


def test_a_broken_link_is_explained_and_the_example_answers(opened: Opened) -> None:
    app = opened(**{"w0.rate": "lots", "page": "nowhere"})
    assert not app.exception
    assert "not understood" in app.warning[0].value
    assert _metric(app, "Cost per month").startswith("$")


def test_two_sessions_do_not_see_each_other(opened: Opened) -> None:
    one, other = opened(), opened()
    _slider(one, "w0.rate").set_value(20).run()
    other.run()
    assert _slider(other, "w0.rate").value == 12
    assert "w0.rate" not in other.query_params


def test_another_example_starts_afresh(opened: Opened) -> None:
    app = opened(**{"w0.rate": "20"})
    app.selectbox(key="base").select("eu-only").run()
    assert not app.exception
    assert set(app.query_params) == {"example"}


def test_a_form_is_applied_as_a_whole(opened: Opened) -> None:
    app = opened(page="what-if")
    next(n for n in app.number_input if n.label.startswith("Output tokens")).set_value(128.0)
    next(b for b in app.button if b.label == "Apply").click().run()
    assert not app.exception
    assert not app.error
    assert "w0.output_tokens" in app.query_params


def test_own_prices_change_the_plan_and_stay_out_of_the_link(opened: Opened) -> None:
    app = opened(page="prices")
    app.session_state["own_prices:"] = {
        "edited_rows": {0: {"usd_per_hour": 0.5}},
        "added_rows": [],
        "deleted_rows": [],
    }
    app.run()
    app.button(key="apply_prices").click().run()
    assert not app.exception
    assert any("in force" in s.value for s in app.success)
    assert set(app.query_params) == {"page", "with_upload"}


def test_own_prices_that_make_no_sense_are_explained_in_place(opened: Opened) -> None:
    app = opened(page="prices")
    app.session_state["own_prices:"] = {
        "edited_rows": {},
        "added_rows": [{"seller": "me"}],
        "deleted_rows": [],
    }
    app.run()
    app.button(key="apply_prices").click().run()
    assert not app.exception
    assert any("Not applied" in e.value for e in app.error)
    assert "with_upload" not in app.query_params
