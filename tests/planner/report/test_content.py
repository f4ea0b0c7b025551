"""What a report says: every figure from the plan or a named input, nothing known where nothing is known."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.errors import InputError, MissingExtra
from planner.plan import Alternative, AlternativePart, Plan
from planner.render.document import Grid
from planner.report import inputs_of, report_of, write
from planner.report.content import Chart, Report
from planner.report.sensitivity import SWING, monthly, spot_loss, swings, wins
from planner.report.tco import YEARS, CostRow, present_value, undiscounted
from planner.report.writers import html

ORDER = (
    "Decision", "What is needed", "Options considered", "Total cost of ownership", "What to order", "Assumptions",
    "What would change the answer", "Kernels and lock-in", "How sure we are", "Where the prices are from", "Risks",
    "Request for quotation", "Ruled out", "Signatures", "Glossary", "Reproduce",
)  # fmt: skip


def report(plan: Plan, *, baseline: Plan | None = None, **given: float) -> Report:
    inputs = inputs_of(given, discount_rate=0.08, discount_source="assumption: a firm")
    return report_of(plan, inputs, digest="d" * 64, baseline=baseline)


def grid(made: Report, title: str, number: int = 0) -> Grid:
    section = next(s for s in made.sections if s.title == title)
    return [b for b in section.blocks if isinstance(b, Grid)][number]


def test_a_report_has_every_section_a_purchaser_expects(plan: Plan) -> None:
    assert tuple(s.title for s in report(plan).sections) == ORDER


def test_at_least_three_options_with_the_runner_up_and_doing_nothing(plan: Plan) -> None:
    rows = grid(report(plan), "Options considered").rows
    assert len(rows) >= 3
    assert (rows[0][1], rows[1][1], rows[-1][1]) == ("This plan", plan.alternatives[0].summary, "Do nothing")
    assert rows[-1][2] == "not known"


def test_a_baseline_is_doing_nothing_and_gives_the_saving(plan: Plan) -> None:
    assert plan.usd_per_month is not None
    dearer = replace(plan, usd_per_month=plan.usd_per_month + 1000.0)
    made = report(plan, baseline=dearer)
    assert grid(made, "Options considered").rows[-1][2] != "not known"
    assert "Saving against today" in write(made, "markdown").decode()
    assert "1,000 a month" in write(made, "markdown").decode()


@given(st.floats(0.01, 1e6), st.integers(1, 10))
def test_without_rates_every_year_costs_the_same(usd: float, years: int) -> None:
    row = CostRow("Rental, spot", usd)
    assert undiscounted(row, years, 0.0) == pytest.approx(12 * years * usd)
    assert present_value(row, years, 0.0, 0.0) == pytest.approx(12 * years * usd)


@given(st.floats(0.01, 1e6), st.floats(0.001, 0.5), st.integers(1, 10))
def test_a_later_payment_is_worth_less_and_a_fixed_price_does_not_float(
    usd: float, rate: float, years: int
) -> None:
    fixed, floating = CostRow("Commitments", usd), CostRow("Rental, spot", usd)
    assert present_value(fixed, years, 0.0, rate) < undiscounted(fixed, years, 0.0)
    assert undiscounted(fixed, years, 0.1) == pytest.approx(12 * years * usd)
    assert undiscounted(floating, years, 0.1) >= undiscounted(fixed, years, 0.1)


def test_the_rows_of_the_cost_table_add_up_to_its_totals(plan: Plan) -> None:
    made = report(plan, staff_usd_per_month=5000.0, migration_usd_once=700.0)
    for i in range(len(YEARS)):
        assert sum(cells[i] or 0.0 for cells in made.cost.over) == pytest.approx(made.cost.totals[i])
    first = monthly(plan)
    assert first is not None
    assert made.cost.totals[0] == pytest.approx(12 * (first + 5000.0) + 700.0)


def test_a_cost_nobody_gave_is_not_counted_and_says_so(plan: Plan) -> None:
    rows = {row[0]: row[1] for row in grid(report(plan), "Total cost of ownership").rows}
    assert rows["Staff"] == "not counted"
    assert rows["Total, undiscounted"] != "not counted"


@pytest.mark.parametrize(
    ("given", "said"),
    [({"discount": 0.1}, "did you mean discount_rate"), ({"discount_rate": 9.0}, "not between -0.9 and 2")],
)
def test_an_input_that_does_not_exist_or_is_absurd_is_refused(given: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        inputs_of(given, discount_rate=0.08, discount_source="x")


def test_a_swing_moves_the_whole_by_the_dollars_of_its_price(plan: Plan) -> None:
    total = monthly(plan)
    assert total is not None
    found = swings(plan)
    assert sum(s.high - total for s in found) == pytest.approx(SWING * total)
    assert all(s.low <= total <= s.high for s in found)


def test_a_seller_keeps_its_place_exactly_up_to_the_runner_up(plan: Plan) -> None:
    best = monthly(plan)
    assert best is not None
    dearest = min(a.usd_per_month or 0.0 for a in plan.alternatives)
    kept = [w for w in wins(plan) if w.holds]
    assert kept
    assert all(best - w.now + w.at == pytest.approx(max(dearest, best)) for w in kept)
    assert all(w.at == pytest.approx(min(best, w.now)) for w in wins(plan) if not w.holds)


def test_a_runner_up_on_the_same_offer_gets_dearer_with_it(plan: Plan) -> None:
    first = replace(plan.placements[0], units=4, usd_per_month=4000.0, hours_per_month=730.0)
    hourly = 1000.0 / 730.0
    first = replace(first, offer=replace(first.offer, usd_per_hour=hourly))
    part = AlternativePart("w", 2, first.gpu or "", 8.0, first.offer.seller, "x", None, first.term, hourly)
    half = Alternative("half of it", 4500.0, 12.5, "", (part,))
    (kept,) = [w for w in wins(replace(plan, placements=(first,), alternatives=(half,))) if w.holds]
    assert kept.at == pytest.approx(4000.0 * (1 + 500.0 / 2000.0))
    whole = replace(half, parts=(replace(part, units=5),))
    assert not [w for w in wins(replace(plan, placements=(first,), alternatives=(whole,))) if w.holds]


def test_losing_spot_leaves_what_the_rest_can_carry(plan: Plan) -> None:
    first = plan.placements[0]
    spot = replace(first, term="spot", workload="w", load_requests_per_s=2.0, headroom=0.5)
    firm = replace(first, term="on_demand", workload="w", load_requests_per_s=2.0, headroom=0.2)
    lost = spot_loss(replace(plan, placements=(spot, firm)))
    assert lost == (0.5, pytest.approx((2.0 + 0.5) / 4.0))
    assert spot_loss(replace(plan, placements=(firm,))) is None


def test_an_analysis_that_is_not_there_names_its_command_and_one_that_is_shows_its_rows(plan: Plan) -> None:
    text = write(report(plan), "markdown").decode()
    assert "answer: planner flip" in text
    filled = {**plan.analyses, "flip": {"rule": "by re-solving", "flips": [{"subject": "h100", "usd_per_month": 5.0,
              "worth": {"value": 1.0, "low": 0.5, "high": 2.0, "basis": "calibrated"}, "note": None}]}}  # fmt: skip
    text = write(report(replace(plan, analyses=filled)), "markdown").decode()
    assert "answer: planner flip" not in text
    assert "| h100 |" in text
    assert "1 (0.5 to 2)" in text


def test_the_same_report_is_the_same_bytes_in_every_format_but_pdf(plan: Plan) -> None:
    pytest.importorskip("xlsxwriter")
    for format in ("html", "markdown", "xlsx"):
        assert write(report(plan), format) == write(report(plan), format)


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[str, ...]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(sorted(name for name, _ in attrs))))


def test_no_name_adds_a_tag_or_an_attribute_to_the_page(nasty: Plan) -> None:
    allowed = set(Tags(html(report(replace(nasty, placements=nasty.placements[:1])))).seen)
    text = html(report(nasty))
    assert set(Tags(text).seen) <= allowed | {("br", ()), ("wbr", ())}
    assert not [t for t, attributes in Tags(text).seen if t in ("script", "img", "iframe", "link", "object")]
    assert "49" not in text.split("7*7")[1][:10]
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_the_page_asks_for_nothing_from_outside(plan: Plan) -> None:
    tags = Tags(html(report(plan))).seen
    assert not [
        a for _, attributes in tags for a in attributes if a in ("src", "srcset", "action", "data", "style")
    ]


def test_every_table_and_chart_has_a_name_and_headers(plan: Plan) -> None:
    text = html(report(plan))
    assert text.count("<svg viewBox") == text.count('role="img" aria-label=') == 2
    assert text.count("<h1>") == 1
    assert '<html lang="en">' in text
    assert text.count("<thead>") == text.count('<div class="wide"><table>')


def test_charts_say_what_their_tables_say(plan: Plan) -> None:
    section = next(s for s in report(plan).sections if s.title == "Options considered")
    chart = next(b for b in section.blocks if isinstance(b, Chart))
    rows = grid(report(plan), "Options considered").rows
    assert [bar.text for bar in chart.bars] == [row[2] for row in rows if row[2] != "not known"]


def test_markdown_shows_every_name_as_it_is(nasty: Plan) -> None:
    text = write(report(nasty), "markdown").decode()
    assert "<script>" not in text
    assert "<img" not in text
    assert "\n# h" not in text
    assert "\x1b" not in text


def test_an_unknown_format_names_those_there_are(plan: Plan) -> None:
    with pytest.raises(InputError, match="did you mean html"):
        write(report(plan), "htm")


def test_a_question_that_is_no_document_is_shown_as_it_is(plan: Plan) -> None:
    strange = replace(plan, question=replace(plan.question, text="[workloads.chat]"))
    assert "As asked:" in write(report(strange), "markdown").decode()


def test_every_limit_of_the_question_is_in_the_requirement(plan: Plan) -> None:
    text = write(report(plan), "markdown").decode()
    for name in json.loads(plan.question.text)["workloads"]:
        assert f"| {name} |" in text


def test_limits_nobody_set_are_left_out_and_quotas_are_words(plan: Plan) -> None:
    asked = json.loads(plan.question.text)
    asked["constraints"] |= {"quotas": [{"seller": "aws", "gpu": None, "max_units": 4}], "sellers": []}
    limited = replace(plan, question=replace(plan.question, text=json.dumps(asked)))
    text = write(report(limited), "markdown").decode()
    assert "seller aws max units 4" in text
    assert "| sellers |" not in text
    assert "**sellers**" not in text


@pytest.mark.parametrize(("format", "library"), [("pdf", "weasyprint"), ("xlsx", "xlsxwriter")])
def test_a_missing_library_is_one_line_with_the_remedy(
    plan: Plan, format: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, "planner.report.workbook", raising=False)
    with pytest.raises(MissingExtra, match=r'pip install "openclaw-planner\[report\]"') as error:
        write(report(plan), format)
    assert "\n" not in str(error.value)
