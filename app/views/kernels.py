"""Which kernels the plan runs, what each is worth, and what closed ones cost to avoid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from planner import api
from planner.app import analyses, charts, panels, session, tables
from planner.render.words import dollars

if TYPE_CHECKING:
    from planner.app.session import Now

RULES = {"any": "any kernel", "open": "open source only", "portable": "portable over two vendors only"}


def show() -> None:
    """Draw the page."""
    here: Now = st.session_state["now"]
    st.title("Kernels")
    if here.plan is None:
        panels.no_answer(here.answer, where="kernels")
        return
    st.header("Where the time goes")
    table = tables.ops(here.plan, {v.name: v.open for v in api.kernels()})
    if len(table):
        panels.show_chart(charts.ops(table), table, name="ops",
                          says="Share of step time by op and kernel, prefill and decode")  # fmt: skip
    else:
        st.caption("Nothing of this plan runs kernels of its own: a hosted API does the work.")
    st.header("What openness costs")
    _rules(here)
    analyses.show(here, "kernel_value")
    analyses.show(here, "lock_in")
    _roofline(here)


@st.fragment(parallel=True)
def _rules(here: Now) -> None:
    """The plan solved again with open and with portable kernels only."""
    place = st.empty()
    rows = []
    for rule, words in RULES.items():
        place.caption(f"Solving with {words} …")
        plan = session.variant(here, {"constraints.kernels": rule}, place.caption).plan
        rows.append({"Name": words, "Kind": "cost", "Value": plan.usd_per_month if plan else None,
                     "Hardware": tables.hardware(plan) if plan else "no plan"})  # fmt: skip
    place.empty()
    table = pd.DataFrame(rows)
    cheapest = table["Value"].min()
    for row in rows:
        if row["Value"] is not None and row["Value"] > cheapest * 1.0005:
            more = panels.plain(dollars(row["Value"] - cheapest))
            st.markdown(f"- **{row['Name']}** costs {more} a month more: {row['Hardware']}.")
    if table["Value"].notna().all() and table["Value"].max() <= cheapest * 1.0005:
        st.markdown(
            "Staying with open or portable kernels costs nothing here: the plan is as cheap with them."
        )
    panels.show_chart(
        charts.values(table), table, name="openness", says="Cost per month under each rule for kernels"
    )


@st.fragment(parallel=True)
def _roofline(here: Now) -> None:
    st.header("How close each op is to the hardware's limit")
    if here.plan is None:
        return
    for n, p in enumerate(here.plan.placements):
        if p.estimate is None:
            continue
        found = session.positions(here, n)
        table, peaks = tables.positions(found), tables.roofs(found)
        st.markdown(f"**{p.workload} on {tables.gpu_name(p.gpu)}**, one GPU, at the planned batch")
        panels.show_chart(charts.roofline(table, peaks), table, name=f"roofline_{n}",
                          says="Each op on the roofline of the chosen GPU")  # fmt: skip
