"""Inputs that write into the question. A widget shows what the question says, whoever said it: it, a link, a button."""

from __future__ import annotations

from typing import Any

import streamlit as st

from planner import api
from planner.app import session
from planner.app.fields import CONSTRAINTS, PRICE, WORKLOAD, Field, steps
from planner.app.state import Question, current

BETWEEN = {"ttft_ms": (1.0, 1e6), "tpot_ms": (0.1, 1e5), "rate": (1e-6, 1e6), "requests": (1.0, 1e12),
           "budget_usd_per_month": (1.0, 1e12)}  # fmt: skip
LIVE = {True: "slider", False: "field"}


def _key(key: str, kind: str) -> str:
    asked = session.question()
    base = asked.scenario.digest[:8] if asked.scenario is not None else asked.example
    return f"{kind}:{key}:{base}"


def _put(key: str, widget: str) -> None:
    session.change(key, st.session_state[widget])


def _in_step(widget: str, value: Any) -> None:
    """Show `value` without sending it again where the widget has it already: a drag in progress would jump."""
    if widget not in st.session_state or st.session_state[widget] != value:
        st.session_state[widget] = value


def slider(key: str, field: Field, label: str) -> None:
    """A slider over round numbers around what the base says; answers while it moves."""
    asked = session.question()
    value = current(asked, key)
    if value is None:
        return
    around = current(Question(asked.example, scenario=asked.scenario), key) or value
    low, high = BETWEEN.get(field.name, (field.low, field.high))
    places = steps(value, around=around, low=low, high=high)
    value = next(x for x in places if abs(x - value) <= 1e-9 * abs(value))
    widget = _key(key, "slider")
    _in_step(widget, value)
    st.select_slider(
        label, places, key=widget, help=field.help or None, on_change=_put, args=(key, widget),
        format_func=lambda x: f"{x:,.10g}",
    )  # fmt: skip


def price_slider() -> None:
    """How much dearer or cheaper the recommended machines become."""
    value, widget = int(current(session.question(), PRICE.name)), _key(PRICE.name, "slider")
    _in_step(widget, value)
    st.slider(PRICE.label, -50, 100 if value <= 100 else 400, step=5, key=widget, format="%+d %%",
              help=PRICE.help, on_change=_put, args=(PRICE.name, widget))  # fmt: skip


def quick() -> None:
    """The changes that answer at once: demand, latency limits, price, spares."""
    asked = session.question()
    workloads = asked.base().workloads
    for i, (name, workload) in enumerate(workloads.items()):
        several = f"{name}: " if len(workloads) > 1 else ""
        first = "requests" if workload.requests else "rate"
        keys = (first, "ttft_ms", "tpot_ms") if len(workloads) == 1 else (first,)
        for field in (WORKLOAD[k] for k in keys):
            label = field.label[0].lower() + field.label[1:] if several else field.label
            slider(f"w{i}.{field.name}", field, f"{several}{label}")
    price_slider()
    if current(asked, "budget_usd_per_month") is not None:
        slider(
            "budget_usd_per_month",
            CONSTRAINTS["budget_usd_per_month"],
            CONSTRAINTS["budget_usd_per_month"].label,
        )


def field_input(key: str, field: Field, options: tuple[str, ...] = ()) -> Any:
    """An input inside a form; returns its value, which counts when the form is applied."""
    value, widget = current(session.question(), key), _key(key, "form")
    choices = options or field.options
    match field.kind:
        case "number":
            value = None if value is None else float(value)
            step = 1.0 if field.whole else None
            found = st.number_input(
                field.label, value=value, min_value=float(field.low),
                max_value=float(field.high), step=step, key=f"{widget}:{value}",
                help=field.help or None, placeholder="no limit" if field.optional else None,
                format="%g" if not field.whole else "%.0f",
            )  # fmt: skip
            return int(found) if field.whole and found is not None else found
        case "many":
            chosen = list(value or ())
            known = list(dict.fromkeys([*choices, *chosen]))
            found = st.multiselect(field.label, known, default=chosen, key=f"{widget}:{chosen}",
                                   help=field.help or None,
                                   placeholder="any")  # fmt: skip
            return found or (None if field.optional else chosen)
        case "flag":
            return st.checkbox(
                field.label, value=bool(value), key=f"{widget}:{value}", help=field.help or None
            )
        case _:
            known = list(dict.fromkeys([*([value] if value else []), *choices]))
            return st.selectbox(field.label, known, index=known.index(value) if value else 0,
                                key=f"{widget}:{value}", help=field.help or None)  # fmt: skip


def scenario_chooser() -> None:
    """Which question to start from: a shipped one, or the one that was uploaded."""
    asked = session.question()
    uploaded = f"upload: {asked.scenario_name}" if asked.scenario is not None else None
    names = [*([uploaded] if uploaded else []), *api.example_names()]
    widget = "base"
    _in_step(widget, uploaded or asked.example)

    def choose() -> None:
        if (name := st.session_state[widget]) != uploaded:
            session.ask(Question(example=name, catalog=asked.catalog, catalog_name=asked.catalog_name))

    st.selectbox("Scenario", names, key=widget, on_change=choose, help="Upload your own on the What if page.")
