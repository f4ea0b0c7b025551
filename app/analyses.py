"""Analyses on screen: what the plan holds, else computed when asked for, each as sentence, chart, table and files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from planner import api
from planner.app import charts, panels, session, studies, tables
from planner.app.answers import Asked, failure
from planner.app.session import Now


@dataclass(frozen=True)
class Study:
    """One analysis: heading, command, how a session computes it, and its named values for a chart, if it has any."""

    title: str
    command: str
    use: Callable[[Any, Asked], Any]
    values: Callable[[Any], Any] | None = None
    unit: str = "USD per month"


def _cold(asked: Asked) -> tuple[Any, ...]:
    return asked.scenario, asked.catalog, session.profiles()


STUDIES: Mapping[str, Study] = {
    "flip": Study("What would flip the answer", "flip", lambda s, asked: s.flip(), studies.flips,
                  "change from today, %"),
    "explain": Study("Why each GPU is in or out", "explain", lambda s, asked: s.explain()),
    "kernel_value": Study("What each kernel is worth", "kernels value", lambda s, asked: s.kernel_value(),
                          studies.worth),
    "lock_in": Study("What avoiding lock-in costs, and being locked in", "lock-in", lambda s, asked: s.lock_in(),
                     studies.restricted),
    "arbitrage": Study("The same demand from every kind of seller", "arbitrage", lambda s, asked: s.arbitrage(),
                       studies.routes),
    "frontier": Study("What more speed or certainty costs", "frontier", lambda s, asked: s.frontier(),
                      studies.frontier),
    "regret": Study("How wrong this plan could turn out", "regret", lambda s, asked: api.regret(*_cold(asked))),
    "measure_next": Study("What to measure next", "measure-next", lambda s, asked: api.measure_next(*_cold(asked))),
}  # fmt: skip
"""By key of `Plan.analyses`."""


def available(key: str) -> bool:
    """Whether this installation can compute an analysis."""
    return hasattr(api, key)


@st.fragment
def show(here: Now, key: str) -> None:
    """One analysis: computed before or in the plan, else a button that computes it."""
    study = STUDIES[key]
    st.header(study.title)
    record = (here.plan.analyses.get(key) if here.plan else None) or session.studied(here, key)
    if record is None and not available(key):
        st.caption(f"`planner {study.command}` is not part of this version.")
        return
    if record is None:
        place = st.empty()
        with place.container():
            if not st.button("Find out", key=f"run_{key}", icon=":material/play_arrow:"):
                return
        record = compute(here, key, place)
    if record is not None:
        draw(key, record)


def compute(here: Now, key: str, place: Any) -> Any:
    """Run an analysis with its progress in `place`; what goes wrong is said there."""
    study = STUDIES[key]
    try:
        with place.container(), st.spinner(f"{study.title} …", show_time=True):
            found = session.study(here, key, lambda s: study.use(s, here.asked), lambda message: None)
    except Exception as error:
        place.info(panels.plain(failure(error).said), icon=":material/info:")
        return None
    place.empty()
    return found


def draw(key: str, record: Any) -> None:
    """An analysis as chart, tables and files."""
    study = STUDIES[key]
    for sentence in studies.sentences(record):
        st.markdown(panels.plain(sentence))
    if study.values is not None and len(values := study.values(record)):
        panels.show_chart(charts.values(values, unit=study.unit), values, name=key, says=study.title)
    for name, table in tables.of_record(record).items():
        with st.expander(f"{name[:1].upper()}{name[1:] or 'Figures'}: {len(table)} rows"):
            panels.show_table(table, name=f"{key}_{name}", says=f"{study.title}: {name}")
