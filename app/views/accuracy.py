"""How far to trust the predictions: what is known of their errors, and your own measurements beside them."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from planner import api
from planner.app import charts, measured, panels, session, tables
from planner.app.answers import failure

if TYPE_CHECKING:
    from planner.app.session import Now


def show() -> None:
    """Draw the page."""
    here: Now = st.session_state["now"]
    st.title("Accuracy")
    if here.plan is not None:
        basis = tables.widest(p.estimate for p in here.plan.placements)
        st.markdown(f"The speeds of this plan are **{basis}** at the weakest; the chance that every limit is met "
                    "already allows for the errors below.")  # fmt: skip
    rows = api.shipped_accuracy()
    whole = measured.accuracy(r for r in rows if r.group == "all")
    st.header("By what the prediction had not seen")
    st.caption(
        "Absolute error of the time per token (TPOT) and to the first token (TTFT), cross-validated: no figure "
        "is of a measurement its fit had seen. The first line flatters; for your model read the others."
    )
    panels.show_chart(
        charts.errors(whole), whole, name="errors", says="Median and 90th percentile of the error"
    )
    st.header("Do the intervals hold?")
    st.caption(
        "Of 100 measurements 80 should fall into the 80 % interval; the groups furthest from that come first."
    )
    groups = measured.accuracy(r for r in rows if r.group.count(" / ") == 2 and r.figures == rows[0].figures)
    worst = (
        groups.assign(off=(groups["TPOT in 80 % interval, %"] - 80).abs())
        .nlargest(12, "off")
        .drop(columns="off")
    )
    panels.show_chart(
        charts.coverage(worst), worst, name="coverage", says="Share of measurements inside the interval"
    )
    with st.expander("All groups"):
        panels.show_table(groups, name="groups", says="Errors by GPU, model and engine")
    st.header("Against your own measurements")
    _own()


def _own() -> None:
    st.caption("CSV with the columns that `planner validate` reads. Nothing is kept.")
    file = st.file_uploader("Measurements", type=["csv"], key="upload_measurements", max_upload_size=20)
    if file is None:
        return
    try:
        score, points = session.memory().alone(lambda: _validated(file.getvalue()))
    except Exception as error:
        st.error(f"Not taken: {panels.plain(failure(error).said)}", icon=":material/error:")
        return
    if points is None or not len(points):
        table = measured.speeds(score)
        panels.show_table(table, name="speeds", says="Errors of predicted speeds")
        return
    panels.show_chart(
        charts.against(points), points, name="against", says="Predicted against measured milliseconds"
    )
    own = measured.accuracy(r for r in score.rows if r.group == "all")
    panels.show_table(own, name="own_accuracy", says="Errors on your measurements")


def _validated(data: bytes) -> tuple[Any, pd.DataFrame | None]:
    """Score and points of an uploaded CSV, in a folder that is gone afterwards; messages call it `upload`."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "upload.csv", Path(folder) / "predictions.csv"
        path.write_bytes(data)
        try:
            score = api.validate(path, out)
        except Exception as error:
            error.args = tuple(str(a).replace(f"{folder}/", "") for a in error.args)
            raise
        given = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
        predicted = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))
    return score, measured.points(given, predicted)
