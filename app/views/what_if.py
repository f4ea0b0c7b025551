"""Change anything, bring your own files, and see baseline and what-if side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from planner import api
from planner.app import charts, panels, session, tables, widgets
from planner.app.answers import failure
from planner.app.fields import CONSTRAINTS, WORKLOAD
from planner.app.state import current, scenario_of
from planner.errors import PlannerError

if TYPE_CHECKING:
    from planner.app.session import Now

HEAVY = ("model", "curve", "input_tokens", "output_tokens", "percentile", "prefix_cache_share", "weight_precisions",
         "kv_precisions")  # fmt: skip
UPLOADS = {
    "scenario": ("Scenario", ("toml", "yaml", "yml", "json"), "Your planner.toml. It may name no file: put values in."),
    "plan": ("Baseline", ("json",), "A plan.json from `planner recommend --format json`; deltas are against it."),
    "prices": ("Price list", ("csv", "json"), "Columns as `planner prices show --format csv` writes them."),
    "request_log": ("Request log", ("csv", "jsonl", "json"),
                    "CSV of timestamp and requests sets the demand; JSON lines with token counts set the lengths."),
    "model": ("Model config", ("json",), "A Hugging Face config.json of a model that is not shipped."),
}  # fmt: skip
MOST_MB = 20


def show() -> None:
    """Draw the page."""
    here: Now = st.session_state["now"]
    st.title("What if")
    if here.plan is None:
        panels.no_answer(here.answer, where="what_if")
    else:
        st.markdown(f"**{panels.plain(tables.headline(here.plan))}**")
    panels_now = tables.compared(here.plan, here.baseline.plan)
    st.table(panels_now, hide_index=True)
    if here.question.baseline is not None:
        _baseline_note(here)
    names = list(here.question.base().workloads)
    tabs = st.tabs([*names, "Limits", "Your files", "Demand"])
    for i, (name, tab) in enumerate(zip(names, tabs, strict=False)):
        with tab:
            _workload(i, name)
    with tabs[-3]:
        _limits(here)
    with tabs[-2]:
        _files(here, names)
    with tabs[-1]:
        if here.scenario is not None:
            curve = tables.demand(here.scenario)
            panels.show_chart(charts.demand(curve), curve, name="demand",
                              says="Requests per second against the hours of the month they last")  # fmt: skip


def _baseline_note(here: Now) -> None:
    plan = here.question.baseline
    if plan is None:
        return
    old = f"Baseline: {here.question.baseline_name}, of {plan.as_of}."
    if here.plan is not None and plan.digests != here.plan.digests:
        st.info(f"{old} It was made with other prices or profiles than are installed here, so a part of the change "
                "comes from the data.", icon=":material/update:")  # fmt: skip
    else:
        st.caption(old)
    st.button("Compare with the scenario itself again", key="drop_baseline",
              on_click=lambda: session.ask(replace(session.question(), baseline=None, baseline_name="")))  # fmt: skip


def _workload(i: int, name: str) -> None:
    asked = session.question()
    batch = bool(asked.base().workloads[name].requests)
    with st.form(f"workload_{i}", border=False):
        columns = st.columns(3)
        values: dict[str, Any] = {}
        fields = ["requests" if batch else "rate", "ttft_ms", "tpot_ms", *HEAVY]
        if batch:
            fields.remove("curve")
        for n, key in enumerate(fields):
            with columns[n % 3]:
                options = api.model_names() if key == "model" else ()
                values[f"w{i}.{key}"] = widgets.field_input(f"w{i}.{key}", WORKLOAD[key], options)
        applied = st.form_submit_button("Apply", type="primary")
    if applied:
        _apply(values)


def _limits(here: Now) -> None:
    known = {
        "sellers": tuple(sorted({o.seller for o in here.catalog.offers})),
        "gpus": tuple(sorted({o.gpu for o in here.catalog.offers})),
    }
    with st.form("limits", border=False):
        columns = st.columns(3)
        values: dict[str, Any] = {}
        for n, (key, field) in enumerate(CONSTRAINTS.items()):
            with columns[n % 3]:
                values[key] = widgets.field_input(key, field, known.get(key, ()))
        applied = st.form_submit_button("Apply", type="primary")
    if applied:
        _apply(values)


def _apply(values: dict[str, Any]) -> None:
    """Take a form over as a whole; what does not fit is said and nothing changes."""
    asked = new = session.question()
    for key, value in values.items():
        if value != current(asked, key) and not (key.endswith(".curve") and value == "as given"):
            new = new.changed(key, value)
    try:
        scenario_of(new)
    except PlannerError as error:
        st.error(f"Not applied: {error}", icon=":material/edit_off:")
        return
    session.ask(new)
    st.rerun()


def _files(here: Now, names: list[str]) -> None:
    st.caption("Files stay in this session: they are in no link, on no disk, and no other session sees them.")
    chosen = names[0]
    if len(names) > 1:
        chosen = st.selectbox("Request log and model config are for", names, key="upload_for")
    columns = st.columns(2)
    for n, (kind, (label, endings, help)) in enumerate(UPLOADS.items()):
        with columns[n % 2]:
            _upload(kind, label, endings, help, names.index(chosen))
    asked = here.question
    kept = {
        "scenario": asked.scenario_name,
        "price list": asked.catalog_name,
        "baseline": asked.baseline_name,
    }
    said = [f"{what} {name}" for what, name in kept.items() if name] + sorted(
        {panels.label_of(k) for k in asked.local}
    )
    if said:
        st.success("In force: " + ", ".join(said).replace("_", "\\_"), icon=":material/attach_file:")
        st.button("Drop all files", key="drop_files", on_click=_drop)


def _upload(kind: str, label: str, endings: tuple[str, ...], help: str, workload: int) -> None:
    widget = f"upload_{kind}_{st.session_state.get(f'round_{kind}', 0)}"
    outcome = f"outcome_{kind}"

    def take() -> None:
        if (file := st.session_state[widget]) is None:
            st.session_state.pop(outcome, None)
            return
        try:
            session.take_upload(kind, file.getvalue(), file.name, workload)
        except Exception as error:
            found = failure(error)
            st.session_state[outcome] = ("bad", f"{found.said} — the last good state stays.")
        else:
            st.session_state[outcome] = ("good", f"{file.name} is in force.")

    st.file_uploader(
        label, type=list(endings), key=widget, help=help, on_change=take, max_upload_size=MOST_MB
    )
    state, said = st.session_state.get(outcome, ("", ""))
    if state == "bad":
        st.error(f"Not taken: {panels.plain(said)}", icon=":material/error:")
    elif state == "good":
        st.caption(f"✓ {panels.plain(said)}")


def _drop() -> None:
    asked = session.question()
    for kind in UPLOADS:
        st.session_state.pop(f"outcome_{kind}", None)
        st.session_state[f"round_{kind}"] = st.session_state.get(f"round_{kind}", 0) + 1
    session.ask(replace(asked, scenario=None, scenario_name="", catalog=None, catalog_name="", baseline=None,
                        baseline_name="", local={}, changes={}))  # fmt: skip
