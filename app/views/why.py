"""Why this plan: the choices considered, what would flip the answer, what was left out, what it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from planner.app import analyses, charts, panels, session, tables
from planner.app.state import current

if TYPE_CHECKING:
    from planner.app.session import Now
    from planner.plan import Plan

FACTORS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)


def show() -> None:
    """Draw the page."""
    here: Now = st.session_state["now"]
    st.title("Why this plan")
    if here.plan is None:
        panels.no_answer(here.answer, where="why")
        return
    plan = here.plan
    st.markdown(f"**{panels.plain(tables.headline(plan))}** {panels.plain(tables.because(plan))}")
    st.header("The choices considered")
    options = tables.options(plan)
    panels.show_chart(charts.options(options), options, name="options",
                      says="Cost per month of the recommended plan and its alternatives")  # fmt: skip
    analyses.show(here, "flip")
    _speeds(here, plan)
    st.header("Break-even: what if demand were smaller or larger?")
    _sweep(here)
    analyses.show(here, "arbitrage")
    analyses.show(here, "frontier")
    analyses.show(here, "explain")
    st.header("What was left out, and why")
    rejected = tables.rejected(plan)
    panels.show_chart(
        charts.rejected(rejected), rejected, name="rejected", says="Options left out, by reason"
    )
    st.header("What it rests on")
    evidence = tables.evidence(plan)
    if len(evidence):
        panels.show_chart(charts.evidence(evidence), evidence, name="evidence",
                          says="Share of the dollars by basis of performance and prices")  # fmt: skip
    analyses.show(here, "regret")
    analyses.show(here, "measure_next")
    with st.expander("Assumptions, each with its source"):
        panels.show_table(
            tables.assumptions(plan), name="assumptions", says="Assumptions with value and source"
        )
    for f in tables.findings(plan, "failure", "warning", "note"):
        st.markdown(f"- *{f.level}*: {panels.plain(f.message)}")


def _speeds(here: Now, plan: Plan) -> None:
    if here.scenario is None:
        return
    speeds = tables.predictions(plan, here.scenario)
    if len(speeds):
        st.header("Predicted latency against your limits")
        for kind, part in speeds.groupby("Kind", sort=False):
            panels.show_chart(charts.latency(part), part, name=f"latency_{kind}".split(",")[0].replace(" ", "_"),
                              says=f"{kind}, predicted with its 80 % interval, against the limit")  # fmt: skip


@st.fragment
def _sweep(here: Now) -> None:
    """The plan solved again at other demands; one button, for it takes a few seconds, and any input stops it."""
    workloads = here.question.base().workloads
    known = f"sweep:{here.plan.question.digest if here.plan else ''}"
    if known not in st.session_state:
        st.caption(
            "Solves your question at a quarter to four times the demand and shows where the hardware changes."
        )
        if not st.button("Solve at eight demands", key="run_sweep", icon=":material/play_arrow:"):
            return
        bar = st.progress(0.0, "solving; move any input to stop")
        rows: list[dict[str, Any]] = []
        for n, factor in enumerate(FACTORS):
            asked = here.question
            for i, w in enumerate(workloads.values()):
                key = f"w{i}.{'requests' if w.requests else 'rate'}"
                asked = asked.changed(key, current(here.question, key) * factor)
            bar.progress(n / len(FACTORS), f"solving at {factor:g} × the demand; move any input to stop")
            plan = session.answer_to(asked, here, lambda message: bar.progress(n / len(FACTORS)))  # noqa: B023
            if plan is not None:
                rows.append(
                    {"Value": factor, "$/month": plan.usd_per_month, "Hardware": tables.hardware(plan)}
                )
        bar.empty()
        st.session_state[known] = pd.DataFrame(rows, columns=["Value", "$/month", "Hardware"])
    table = st.session_state[known]
    if len(table):
        panels.show_chart(charts.sweep(table, "times the demand asked about"), table, name="sweep",
                          says="Cheapest cost over the demand, with the hardware that wins at each")  # fmt: skip
    else:
        st.caption("No plan holds at any of these demands.")
