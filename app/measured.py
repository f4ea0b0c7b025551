"""Predictions against measurements as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd


def accuracy(rows: Iterable[Any]) -> pd.DataFrame:
    """Errors of groups of measurements, in percent, and how many fell into the 80 % interval."""
    table = [
        {"Figures": r.figures, "Group": r.group, "Measurements": r.rows, "TPOT median error, %": r.tpot_median,
         "TPOT P90 error, %": r.tpot_p90, "TPOT in 80 % interval, %": r.tpot_within_80,
         "TTFT median error, %": r.ttft_median, "TTFT P90 error, %": r.ttft_p90,
         "TTFT in 80 % interval, %": r.ttft_within_80}
        for r in rows
    ]  # fmt: skip
    return pd.DataFrame(table)


def speeds(score: Any) -> pd.DataFrame:
    """Errors of predicted tokens per second by quantity and group, percent."""
    rows = [
        {"Quantity": r.quantity, "Group": r.group, "Rows": r.rows, "Median error, %": r.median,
         "P90 error, %": r.p90}
        for r in score.rows
    ]  # fmt: skip
    return pd.DataFrame(rows)


def points(measured: Sequence[Mapping[str, str]], predicted: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """Measured beside predicted milliseconds, one row per quantity; refused and unmeasured rows are left out."""
    rows = [
        {"Case": " ".join(was[k] for k in ("model", "gpu", "system", "engine") if was.get(k)),
         "Quantity": quantity.upper(), "Measured, ms": float(was[f"{quantity}_ms"]),
         "Predicted, ms": float(said[f"{quantity}_ms"]), "Low, ms": float(said[f"{quantity}_low"]),
         "High, ms": float(said[f"{quantity}_high"]), "Basis": said["basis"]}
        for was, said in zip(measured, predicted, strict=True)
        for quantity in ("ttft", "tpot")
        if said.get(f"{quantity}_ms") and _is_number(was.get(f"{quantity}_ms"))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _is_number(text: str | None) -> bool:
    try:
        return text is not None and float(text) > 0
    except ValueError:
        return False
