"""What the command line would print: read it here, take it away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from planner import api
from planner.app import panels, session, tables
from planner.app.answers import failure
from planner.render.words import long_date

if TYPE_CHECKING:
    from planner.app.session import Now

FORMATS = {"json": "plan.json", "markdown": "Markdown", "table": "Text"}
REPORTS = {"html": "HTML", "pdf": "PDF", "xlsx": "XLSX", "markdown": "Markdown"}


def show() -> None:
    """Draw the page."""
    here: Now = st.session_state["now"]
    st.title("Report")
    if here.plan is None:
        panels.no_answer(here.answer, where="report")
        return
    plan = session.exact_plan(here)
    st.caption(f"As of {long_date(plan.as_of)}. Each file holds the bytes that the command writes.")
    panels.show_command(here)
    columns = st.columns(4)
    for column, (kind, label) in zip(columns, FORMATS.items(), strict=False):
        column.download_button(
            label, data=lambda kind=kind: api.render(plan, kind), file_name=f"plan.{panels.ENDING.get(kind, kind)}",
            mime=panels.MIME[kind], on_click="ignore", key=f"download_{kind}", width="stretch",
        )  # fmt: skip
    placements = tables.placements(plan)
    columns[-1].download_button(
        "Placements as CSV", data=placements.to_csv(index=False, lineterminator="\n"), mime="text/csv",
        file_name="placements.csv", on_click="ignore", key="csv_placements", width="stretch",
    )  # fmt: skip
    st.subheader("Procurement report")
    st.caption("For whoever signs: decision, requirement, options, cost over years, sensitivity, risks, sources. "
               "`planner report plan.json -o report.pdf` writes the same.")  # fmt: skip
    _reports(here)
    with st.container(border=True):
        text = str(api.render(plan, "markdown"))
        st.markdown(text.replace("<br>", " · "))  # HTML stays off


@st.fragment
def _reports(here: Now) -> None:
    """Reports take seconds to typeset, so each is made when it is asked for."""
    # As the command reads it: the file rounds figures.
    stored = str(api.render(session.exact_plan(here), "json"))
    plan, columns = api.read_upload("plan", stored.encode(), "plan.json"), st.columns(4)
    for column, (kind, label) in zip(columns, REPORTS.items(), strict=True):
        name = f"report:{kind}:{here.asked.key}"
        if name not in st.session_state:
            if not column.button(f"Make {label}", key=f"make_{kind}", width="stretch"):
                continue
            try:
                st.session_state[name] = api.report(plan, kind, baseline=here.question.baseline)
            except Exception as error:
                column.info(panels.plain(failure(error).said), icon=":material/info:")
                continue
        column.download_button(
            f"Report as {label}", data=st.session_state[name], mime=panels.MIME[kind], on_click="ignore",
            file_name=f"report.{panels.ENDING.get(kind, kind)}", key=f"report_{kind}", width="stretch", type="primary",
        )  # fmt: skip
