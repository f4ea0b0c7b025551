"""The answer on one screen: what to do, what it costs, how sure that is, and what the nearest other choice is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import streamlit as st

from planner.app import analyses, charts, panels, session, studies, tables
from planner.render.words import dollars, percent

if TYPE_CHECKING:
    from planner.app.session import Now
    from planner.plan import Plan

PAUSE_S = 0.7
SPREAD = (0.5, 0.9)
"""Quantiles of the predictions between which the cost is shown: as predicted, and near the slow end."""


def show() -> None:
    """Draw the page."""
    here: Now = st.session_state["now"]
    if here.plan is None:
        panels.no_answer(here.answer)
        if here.last_good is not None:
            st.divider()
            st.caption(
                "The last plan that met its limits, for comparison; it is not the answer to the question above."
            )
            _decision(here.last_good, None)
        return
    if here.scenario is not None:
        st.caption(tables.question(here.scenario).replace("$", "\\$"))
    _decision(here.plan, here.baseline.plan if here.moved else None)
    _range(here)
    left, right = st.columns((11, 10), gap="medium")
    with left:
        st.subheader("What to order" if here.plan.placements else "Nothing to order")
        short = tables.placements(here.plan)[["Units", "Machine", "Seller", "Term", "$/month", "Runs"]]
        if len({p.workload for p in here.plan.placements}) > 1:
            short.insert(0, "For", [p.workload for p in here.plan.placements])
        panels.show_table(short, name="order", says="What to order, one row per placement")
        _flips(here)
        _before_you_sign(here.plan)
    with right:
        st.subheader("Against the other choices")
        options = tables.options(here.plan)
        panels.show_chart(charts.options(options), options, name="options",
                          says="Cost per month of the recommended plan and its alternatives")  # fmt: skip
    with st.expander("Share this: link, command line, files"):
        st.markdown("The link in the address bar holds every change made here"
                    + (" **but not the files you uploaded**." if here.question.private else "."))  # fmt: skip
        panels.show_command(here)


def _decision(plan: Plan, before: Plan | None) -> None:
    with st.container(border=True):
        st.markdown(f"## {panels.plain(tables.headline(plan))}")
        st.markdown(panels.plain(tables.because(plan)))
    columns = st.columns((1.15, 1.1, 1, 1, 1.1))
    for column, (label, show_it, value) in zip(columns, tables.FIGURES, strict=False):
        now, then = value(plan), value(before) if before is not None else None
        worse_up = label.startswith("Cost")
        delta = tables.change(then, now, show_it).replace("−", "-")
        column.metric(
            SHORT[label], show_it(now), delta=delta or None, delta_color="inverse" if worse_up else "normal",
            help=f"{label}. {HELP[label]}" + (f" Baseline: {show_it(then)}." if before is not None else ""),
        )  # fmt: skip
        if before is not None:
            column.caption(f"baseline {show_it(then)}".replace("$", "\\$"))
    age, words = tables.price_age(plan)
    columns[-1].metric("Age of prices", age, help=words[0].upper() + words[1:] + ".")
    if before is not None:
        columns[-1].caption("against the baseline")


SHORT = {
    "Cost per month": "Cost per month",
    "Cost per million tokens": "Per million tokens",
    "Chance every limit is met": "Chance limits are met",
    "Share of dollars on measured data": "On measured data",
}
HELP = {
    "Cost per month": "730 hours, list prices, before tax.",
    "Cost per million tokens": "Input and output together, at the planned load.",
    "Chance every limit is met": "That the true latencies stay inside, given how wrong predictions have been.",
    "Share of dollars on measured data": "The rest of the dollars rests on modelled or transferred speeds.",
}


@st.fragment(parallel=True)
def _range(here: Now) -> None:
    """What it costs if speeds come out as predicted, or near their slow end: the plan solved again for both."""
    place = st.empty()
    found = [
        session.variant(here, {"constraints.quantile": q}, lambda m: place.caption(f"How sure? {m} …")).plan
        for q in SPREAD
    ]
    low, high = (None if p is None else p.usd_per_month for p in found)
    if here.plan is None:
        return
    tokens = [None if p is None else tables.total_per_million(p) for p in found]
    top = f"{dollars(high)} ({dollars(tokens[1])})" if high is not None else "no plan holds"
    proven = f"no plan costs less than {dollars(here.plan.bound_usd_per_month)}"
    bases = tables.widest(p.estimate for p in here.plan.placements)
    place.caption(
        f"Cost per month (per million tokens) from **{dollars(low)} ({dollars(tokens[0])})** if speeds come out as "
        f"predicted, to **{top}** if they come out near their slow end (90 %). Prices are quoted; speeds are {bases} "
        f"at the weakest; {proven}, gap {percent(here.plan.gap)}.".replace("$", "\\$")
    )


@st.fragment(parallel=True)
def _flips(here: Now) -> None:
    """The nearest figures that would turn the answer; found at once where one rate holds all month."""
    steady = here.scenario is not None and [
        len(w.demand.periods) for w in here.scenario.workloads.values()
    ] == [1]
    record = session.studied(here, "flip")
    place = st.empty()
    if record is None and steady:
        place.caption("Looking for what would flip it …")
        time.sleep(PAUSE_S)  # a reader still moving a slider is not made to wait for this
        place.caption("Looking for what would flip it …")
        record = analyses.compute(here, "flip", st.empty())
    if record is None:
        place.caption("What would flip it is on the Why page.")
        return
    near = studies.nearest(record)
    said = "; ".join(near) if near else "nothing within the range searched"
    place.caption(f"**Would flip it**: {panels.plain(said)}.")


def _before_you_sign(plan: Plan) -> None:
    found = tables.findings(plan, "failure", "warning")
    if found:
        with st.expander(f"Before you sign: {len(found)} to check", icon=":material/warning:"):
            for f in found:
                st.markdown(
                    f"- {'**Policy failed** ' if f.level == 'failure' else ''}{panels.plain(f.message)}"
                )
