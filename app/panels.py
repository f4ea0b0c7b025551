"""Pieces that several pages share: a chart with its twin, states without an answer, downloads."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from planner.app import session
from planner.app.fields import CONSTRAINTS, WORKLOAD
from planner.app.state import settings

if TYPE_CHECKING:
    from planner.app.answers import Answer
    from planner.app.session import Now

STYLE = """<style>
.stMainBlockContainer {padding: 1.6rem 2rem 2rem 2rem; max-width: 1320px}
[data-testid=stSidebarUserContent] {padding-top: 0}
[data-testid=stSidebarHeader] {height: 2.2rem}
[data-testid=stSidebarUserContent] [data-testid=stVerticalBlock] {gap: .55rem}
[data-testid=stSidebarUserContent] .stButton button {justify-content: flex-start; min-height: 2.1rem;
  padding: .1rem .7rem}
[data-testid=stSidebarUserContent] .stButton button > div {justify-content: flex-start}
[data-testid=stMetricValue] {font-size: 1.55rem}
.stMain h1 {font-size: 1.6rem !important; padding: 0 0 .3rem 0 !important}
.stMain h2 {font-size: 1.35rem !important; padding: .4rem 0 .2rem 0 !important}
.stMain h3 {font-size: 1.1rem !important; padding: .3rem 0 !important}
@media (max-width: 640px) {.stMainBlockContainer {padding: 3rem .8rem}}
</style>"""
MIME = {"json": "application/json", "markdown": "text/markdown", "table": "text/plain", "csv": "text/csv",
        "html": "text/html", "svg": "image/svg+xml", "png": "image/png", "pdf": "application/pdf",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}  # fmt: skip
ENDING = {"json": "json", "markdown": "md", "table": "txt"}


def show_chart(chart: Any, table: pd.DataFrame, *, name: str, says: str) -> None:
    """A chart, the sentence that says what it shows, and behind it the same data as a table and as files."""
    st.altair_chart(chart, width="stretch", alt=says, key=f"chart_{name}")
    with st.expander("Table and files"):
        show_table(table, name=name, says=says)
        if find_spec("vl_convert"):
            columns = st.columns(3)
            for column, kind in zip(columns, ("svg", "png"), strict=False):
                column.download_button(
                    f"Chart as {kind.upper()}", data=lambda kind=kind: image(chart, kind), mime=MIME[kind],
                    file_name=f"{name}.{kind}", on_click="ignore", key=f"{kind}_{name}", width="stretch",
                )  # fmt: skip
        else:
            st.caption(
                "The chart's toolbar saves a PNG; `pip install 'openclaw-planner[report]'` adds SVG here."
            )


def image(chart: Any, kind: str) -> bytes:
    """A chart as SVG or PNG bytes, made here, with nothing fetched."""
    import vl_convert

    spec = chart.to_json()
    if kind == "svg":
        return str(vl_convert.vegalite_to_svg(spec)).encode()
    return bytes(vl_convert.vegalite_to_png(spec, scale=2))


def show_table(table: pd.DataFrame, *, name: str, says: str, height: Any = "auto") -> None:
    """A table that can be sorted and saved as CSV."""
    formats = {
        c: st.column_config.NumberColumn(format="dollar" if c.startswith("$") else "%.4g")
        for c in table.columns
        if pd.api.types.is_float_dtype(table[c])
    }
    st.dataframe(table, hide_index=True, column_config=formats, alt=says, key=f"table_{name}", height=height)
    st.download_button(
        "Table as CSV", data=table.to_csv(index=False, lineterminator="\n"), file_name=f"{name}.csv", mime="text/csv",
        on_click="ignore", key=f"csv_{name}",
    )  # fmt: skip


def command(here: Now, *, format: str = "json") -> str:
    """The command that prints what is on screen."""
    asked, scenario = here.question, here.scenario
    parts = ["planner", "recommend"]
    if scenario is None or asked.scenario is not None or asked.local:
        parts.append("scenario.json")
    else:
        parts += ["--example", asked.example]
        for setting in settings(asked, scenario):
            parts += ["--set", setting]
    if asked.catalog is not None:
        parts += ["--prices", asked.catalog_name]
    parts += ["--as-of", session.today().isoformat(), "--format", format]
    return shlex.join(parts)


def show_command(here: Now) -> None:
    """The equivalent command line, with the scenario to go with it."""
    st.code(command(here), language="sh", wrap_lines=True)
    if here.scenario is not None:
        st.download_button(
            "Scenario as JSON", data=here.scenario.text, file_name="scenario.json", mime="application/json",
            on_click="ignore", key="download_scenario", help="The whole question, for a file in your repository.",
        )  # fmt: skip


def label_of(path: str) -> str:
    """A dotted path of the scenario as its field is called on screen."""
    name = path.rpartition(".")[2]
    found = WORKLOAD.get(name) or CONSTRAINTS.get(name)
    return found.label if found else name


def relax(values: Mapping[str, object]) -> None:
    """Put a relaxation into the question: what has a field goes into the URL, the rest stays in the session."""
    asked = session.question()
    names = list(asked.base().workloads)
    for path, value in values.items():
        head, _, rest = path.partition(".")
        if head == "constraints" and rest in CONSTRAINTS:
            # A limit that is dropped may be one the base never had in this form: its default is then no limit.
            asked = asked.changed(rest, 0 if rest == "spare_replicas" and value is None else
                                  "any" if rest == "kernels" and value is None else value)  # fmt: skip
        elif head == "workloads" and rest.rpartition(".")[2] in WORKLOAD:
            name, _, key = rest.rpartition(".")
            asked = asked.changed(f"w{names.index(name)}.{key}", value)
        else:
            asked = asked.with_local({path: value})
    session.ask(asked)


def no_answer(found: Answer, *, where: str = "") -> None:
    """A question without a plan: what binds, in words, and a button for each thing that would help."""
    match found.state:
        case "infeasible":
            st.error(
                f"**Nothing satisfies these limits.** {sentence(found.said)}.",
                icon=":material/block:",
            )
            if found.binding:
                st.markdown("**What binds**\n" + "\n".join(f"- {plain(limit)}" for limit in found.binding))
            if found.relaxations:
                st.markdown(
                    "**One click puts it right** — each of these was solved, the cost is what it would take:"
                )
            for i, (text, values) in enumerate(found.relaxations):
                st.button(
                    plain(relaxed(text, values)), key=f"relax_{where}{i}", on_click=relax, args=(values,),
                    disabled=not values, icon=":material/build:",
                )  # fmt: skip
            if not found.relaxations:
                st.markdown("No single change helps; take back the last ones.")
        case "no_answer":
            st.warning(
                f"**The solver ran out of time before it had a plan.** {found.said}",
                icon=":material/timer_off:",
            )
        case "bad_input":
            st.error(f"**This question has a mistake in it.** {found.said}", icon=":material/edit_off:")
        case _:
            st.error(
                "**Something broke inside the planner.** Your question is safe in the address bar. "
                f"What it said: `{found.said[:300]}`", icon=":material/bug_report:",
            )  # fmt: skip
    st.button("Take all changes back", key=f"reset_{where}", on_click=reset, icon=":material/undo:")


def sentence(text: str) -> str:
    """Text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def relaxed(text: str, values: Mapping[str, object]) -> str:
    """A relaxation as a button says it: what is set to what, and what the plan then costs."""
    if not values:
        return sentence(text)
    parts = [f"{label_of(path)}: {'no limit' if value is None else f'{value:g}' if isinstance(value, float) else value}"
             for path, value in values.items()]  # fmt: skip
    cost = text.partition(" would cost ")[2].removesuffix(" USD per month")
    return f"{'; '.join(parts)} — ${cost} a month"


def plain(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return text.replace("$", "\\$").replace("_", "\\_").replace("*", "\\*").replace("[", "\\[")


def reset() -> None:
    """Back to the base as it is."""
    from dataclasses import replace

    session.ask(replace(session.question(), changes={}, local={}))
