"""The script Streamlit runs for every interaction: question, answer, page."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from planner.app import panels, session, widgets
from planner.app.views import accuracy, answer, kernels, prices, report, what_if, why

ICON = Path(__file__).with_name("icon.svg")  # a named icon would be fetched from another server
PAGES = {
    "answer": (answer.show, "Answer", ":material/check_circle:"),
    "what-if": (what_if.show, "What if", ":material/tune:"),
    "why": (why.show, "Why", ":material/help:"),
    "kernels": (kernels.show, "Kernels", ":material/memory:"),
    "prices": (prices.show, "Prices", ":material/sell:"),
    "accuracy": (accuracy.show, "Accuracy", ":material/target:"),
    "report": (report.show, "Report", ":material/description:"),
}
"""Name in the URL -> page, title, icon; the first is where one arrives."""


def main() -> None:
    """Draw one page for the question of the URL.

    The page is a parameter of the URL, not a path: Streamlit's client looks for its server below the path first
    and reports each miss in the console.
    """
    st.set_page_config(page_title="OpenClaw Planner", page_icon=str(ICON), layout="wide")
    st.html(panels.STYLE)
    session.follow_url(PAGES)
    here = session.page()
    with st.sidebar:
        for name, (_, title, icon) in PAGES.items():
            st.button(title, icon=icon, key=f"page_{name}", on_click=session.go, args=(name,), width="stretch",
                      type="primary" if name == here else "tertiary")  # fmt: skip
        widgets.scenario_chooser()
        st.caption("What if … (answers as you move)")
        widgets.quick()
        if session.question().changes or session.question().local:
            st.button(
                "Take all changes back", on_click=panels.reset, icon=":material/undo:", key="reset_sidebar"
            )
    for remark in st.session_state.get("said", ()):
        st.warning(remark, icon=":material/link_off:")
    waiting = st.empty()
    st.session_state["now"] = session.now(lambda message: waiting.caption(f"Working: {message} …"))
    waiting.empty()
    PAGES[here][0]()


if __name__ == "__main__":  # as Streamlit runs it
    main()
