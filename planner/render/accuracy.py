"""Predictions beside measurements, as a reader sees them."""

from __future__ import annotations

from typing import Any

from planner.render.listing import Listing, Shown


def speeds_page(score: Any) -> Listing:
    """Errors of predicted tokens per second, by quantity and device."""
    columns = (
        Shown("Quantity", lambda r: r.quantity),
        Shown("Group", lambda r: r.group),
        Shown("Rows", lambda r: f"{r.rows:,}", right=True),
        Shown("Error % median / mean / P90", lambda r: _three(r.median, r.mean, r.p90), right=True),
        Shown("Bias %", lambda r: f"{r.bias:+.1f}", right=True),
        Shown("in 80 %", lambda r: f"{r.within_80:.0f}", right=True),
    )
    notes = [
        f"{score.rows_in_file:,} rows, {score.answered_share:.1f} % answered",
        *(f"figures: {name}" for name in dict.fromkeys(r.figures for r in score.rows)),
        *(f"refused: {reason} ({count})" for reason, count in list(score.refused.items())[:5]),
    ]
    return Listing("Predicted against measured", score.rows, columns, tuple(notes))


def accuracy_page(score: Any) -> Listing:
    """Errors by group: median / mean / 90th percentile of the absolute percentage error."""
    if not hasattr(score, "decisions"):
        return speeds_page(score)
    columns = (
        Shown("Figures", lambda r: r.figures),
        Shown("Group", lambda r: r.group),
        Shown("Rows", lambda r: f"{r.rows:,}", right=True),
        Shown("TPOT error %", lambda r: _three(r.tpot_median, r.tpot_mean, r.tpot_p90), right=True),
        Shown("in 80/95 %", lambda r: f"{r.tpot_within_80:.0f}/{r.tpot_within_95:.0f}", right=True),
        Shown("TTFT error %", lambda r: _three(r.ttft_median, r.ttft_mean, r.ttft_p90), right=True),
        Shown("in 80/95 %", lambda r: f"{r.ttft_within_80:.0f}/{r.ttft_within_95:.0f}", right=True),
    )
    a = score.answered
    notes = [
        f"{a.rows:,} rows, {a.counted:,} aggregated: {a.counted_share:.1f} % answered, "
        f"{a.sane_share:.1f} % of the {a.sane:,} sane ones; {a.distinct:,} distinct measurements",
        "errors are median / mean / 90th percentile",
        *(f"refused: {reason} ({count})" for reason, count in list(a.refused.items())[:5]),
        *(_decision(d) for d in score.decisions),
    ]
    return Listing("Predicted against measured", score.rows, columns, tuple(notes))


def calibrated_page(own: Any) -> Listing:
    """What a user's points changed."""
    columns = (
        Shown("Engine", lambda p: p.engine),
        Shown("Batch", lambda p: f"{p.axes[0]:g}", right=True),
        Shown("TPOT ms measured", lambda p: f"{p.tpot_ms:.4g}", right=True),
        Shown("before", lambda p: f"{p.tpot_before_ms:.4g}", right=True),
        Shown("after", lambda p: _known(p.tpot_after_ms), right=True),
        Shown("TTFT ms measured", lambda p: f"{p.ttft_ms:.4g}", right=True),
        Shown("before", lambda p: f"{p.ttft_before_ms:.4g}", right=True),
        Shown("after", lambda p: _known(p.ttft_after_ms), right=True),
    )
    notes = [f"not used: {reason} ({count})" for reason, count in own.refused.items()]
    return Listing(f"Calibrated on {len(own.points)} points", tuple(own.points), columns, tuple(notes))


def _decision(row: Any) -> str:
    d = row.decisions
    return (f"choices under {d.tpot_limit_ms:g} ms TPOT ({row.figures}): regret {d.regret:.1f} %, "
            f"{d.breaks} of {d.n} break the limit")  # fmt: skip


def _three(median: float, mean: float, p90: float) -> str:
    return f"{median:.1f} / {mean:.1f} / {p90:.1f}"


def _known(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
