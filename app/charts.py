"""Charts as pure functions of the tables: data in, an Altair chart out, nothing fetched.

Colours are Okabe and Ito's, told apart by any eye and readable on light and dark ground; what a colour says is also
said by a place, a shape or a word. Units stand on the axes.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

BLUE, ORANGE, GREEN, SKY, RED, PURPLE, GREY = (
    "#3A8FCB", "#E69F00", "#12A07B", "#56B4E9", "#D55E00", "#CC79A7", "#8A8F98",
)  # fmt: skip
BASIS_COLOURS = {
    "measured": GREEN, "interpolated": BLUE, "calibrated": SKY, "transferred": ORANGE, "roofline": RED,
    "quoted": PURPLE,
}  # fmt: skip
"""One colour per basis, the same on every chart."""
BASES = alt.Scale(domain=[*BASIS_COLOURS], range=[*BASIS_COLOURS.values()])
CATEGORIES = [BLUE, ORANGE, GREEN, RED, PURPLE, SKY, "#B8A300", GREY]
ROW = 34
AXIS, LEGEND = 58, 58
"""Pixels that the axis and a legend below it take of a chart's height."""
BELOW = alt.Legend(orient="bottom", title=None)
PAIR = alt.Color("Quantity:N", scale=alt.Scale(range=[BLUE, ORANGE]), legend=BELOW)
Chart = Any


def _text(chart: Chart, **encoding: Any) -> Chart:
    return chart.mark_text(align="left", dx=5, color=GREY, fontSize=12).encode(**encoding)


def options(table: pd.DataFrame) -> Chart:
    """The plan's cost beside its alternatives, USD per month; the plan is the bar that is named so."""
    data = table.assign(
        label=[
            f"${usd:,.0f}" + (" recommended" if best else f"  +{delta:.0f} %")
            for usd, best, delta in zip(
                table["$/month"], table["Recommended"], table["Against the plan, %"], strict=True
            )
        ]
    )
    base = alt.Chart(data).encode(
        y=alt.Y("Short:N", sort=None, title=None, axis=alt.Axis(labelLimit=190, labelOverlap=False)),
        x=alt.X("$/month:Q", title="USD per month", scale=alt.Scale(domain=[0, 1.6 * data["$/month"].max()])),
        tooltip=["Choice", alt.Tooltip("$/month", format=",.0f"), "Why"],
    )
    colour = alt.condition("datum.Recommended", alt.value(BLUE), alt.value(GREY))
    return (base.mark_bar(height=16).encode(color=colour) + _text(base, text="label:N")).properties(
        height=ROW * len(data) + AXIS
    )


def latency(table: pd.DataFrame) -> Chart:
    """Predicted latency of one kind with its 80 % interval against the limit, ms."""
    base = alt.Chart(table).encode(
        y=alt.Y("Placement:N", title=None, axis=alt.Axis(labelLimit=200, labelOverlap=False)),
        color=alt.Color("Basis:N", scale=BASES, legend=None),
        tooltip=["Placement", "Statistic", "Predicted", "Low (80 %)", "High (80 %)", "Limit", "Basis"],
    )
    title = f"{table['Kind'].iloc[0]}: 80 % interval; dashed: your limit"
    interval = base.mark_rule(strokeWidth=4, opacity=0.55).encode(
        x=alt.X("Low (80 %):Q", title=title, scale=alt.Scale(zero=True)), x2="High (80 %):Q"
    )
    value = base.mark_point(filled=True, size=90, opacity=1).encode(x="Predicted:Q")
    word = base.mark_text(dy=-12, fontSize=11).encode(x="Predicted:Q", text="Basis:N")
    limit = alt.Chart(table).mark_rule(strokeDash=[5, 3], color=RED, strokeWidth=2).encode(x="max(Limit):Q")
    return (interval + value + word + limit).properties(height=46 * table["Placement"].nunique() + AXIS)


def demand(table: pd.DataFrame) -> Chart:
    """Load-duration curves: requests per second against hours of the month."""
    ends = pd.concat(
        [table.rename(columns={"From hour": "Hour"}), table.rename(columns={"To hour": "Hour"})]
    ).sort_values(["Workload", "Hour", "Requests/s"], ascending=[True, True, False])
    return (
        alt.Chart(ends)
        .mark_line(strokeWidth=2.5)
        .encode(
            x=alt.X("Hour:Q", title="hours of the month, busiest first", scale=alt.Scale(domain=[0, 730])),
            y=alt.Y("Requests/s:Q", title="requests per second", scale=alt.Scale(zero=True)),
            color=alt.Color("Workload:N", scale=alt.Scale(range=CATEGORIES)),
            strokeDash=alt.StrokeDash("Workload:N"),
            tooltip=["Workload", alt.Tooltip("Hour", format=".0f"), "Requests/s"],
        )
        .properties(height=220)
    )


def rejected(table: pd.DataFrame, most: int = 12) -> Chart:
    """How many options were left out, by reason."""
    base = alt.Chart(table.head(most)).encode(
        y=alt.Y("Reason:N", sort=None, title=None, axis=alt.Axis(labelLimit=320, labelOverlap=False)),
        x=alt.X("Options:Q", title="options left out (log scale)", scale=alt.Scale(type="symlog")),
        tooltip=["Reason", "Options", "For example"],
    )
    bars = base.mark_bar(height=14, color=BLUE)
    return (bars + _text(base, text=alt.Text("Options:Q", format=","))).properties(
        height=26 * min(most, len(table)) + AXIS
    )


def evidence(table: pd.DataFrame) -> Chart:
    """What share of the dollars rests on which basis."""
    base = alt.Chart(table).encode(
        y=alt.Y("Subject:N", title=None),
        x=alt.X("Share of dollars, %:Q", stack="zero", title="share of dollars, %", scale=alt.Scale(domain=[0, 100])),
        color=alt.Color(
            "Basis:N", scale=BASES,
            legend=alt.Legend(orient="bottom", columns=6, title=None),
        ),
                tooltip=["Subject", "Basis", alt.Tooltip("Share of dollars, %", format=".0f"), "Detail"],
    )  # fmt: skip
    return base.mark_bar(height=22, stroke="white", strokeWidth=1).properties(
        height=ROW * table["Subject"].nunique() + AXIS + 1.5 * LEGEND
    )


def ops(table: pd.DataFrame) -> Chart:
    """Share of step time by op and kernel, one panel per placement; the legend says whose source is open."""
    data = table.assign(Part=table["Op"] + " · " + table["Kernel"] + " (" + table["Source"] + ")")
    top = data.groupby("Part")["Share of time, %"].max().nlargest(7).index
    data = data.assign(Part=data["Part"].where(data["Part"].isin(top), "everything else"))
    summed = data.groupby(["Placement", "Phase", "Part"], as_index=False, sort=False)[
        "Share of time, %"
    ].sum()
    order = [*top, "everything else"]
    panels = [
        alt.Chart(part, title=str(name))
        .mark_bar(height=24, stroke="white", strokeWidth=1)
        .encode(
            y=alt.Y("Phase:N", title=None, sort=["prefill", "decode"]),
            x=alt.X("Share of time, %:Q", title="share of step time, %", scale=alt.Scale(domain=[0, 100])),
            color=alt.Color(
                "Part:N", sort=order, scale=alt.Scale(domain=order, range=CATEGORIES),
                legend=alt.Legend(orient="bottom", columns=2, title=None, labelLimit=360),
            ),
            tooltip=["Placement", "Phase", "Part", alt.Tooltip("Share of time, %", format=".1f")],
        )
        .properties(height=80)
        for name, part in summed.groupby("Placement", sort=False)
    ]  # fmt: skip
    return alt.vconcat(*panels)


def spread(table: pd.DataFrame, most: int = 14) -> Chart:
    """What sellers ask for the same GPU, USD per GPU-hour; one mark per seller and term."""
    shown = table.groupby("GPU")["Seller"].nunique().nlargest(most).index
    data = table[table["GPU"].isin(shown)]
    middle = data.groupby("GPU")["$/GPU-hour"].median().sort_values()
    return (
        alt.Chart(data)
        .mark_point(filled=True, size=55, opacity=0.75)
        .encode(
            y=alt.Y("GPU:N", sort=[*middle.index], title=None),
            x=alt.X("$/GPU-hour:Q", scale=alt.Scale(type="log"),
                    title="cheapest of each seller, USD per GPU-hour (log scale)"),
            color=alt.Color("Term:N", scale=alt.Scale(range=CATEGORIES), legend=BELOW),
            shape=alt.Shape("Term:N"),
            tooltip=["GPU", "Seller", "Instance", "Where", "Term", "$/GPU-hour", "As of"],
        )
        .properties(height=28 * len(middle) + AXIS + LEGEND)
    )  # fmt: skip


def owning(table: pd.DataFrame) -> Chart:
    """Owning against renting over utilisation, USD per useful hour, with the range of the assumptions."""
    base = alt.Chart(table).encode(x=alt.X("Utilisation, %:Q", title="hours in use, %"))
    band = base.mark_area(opacity=0.25, color=BLUE).encode(
        y=alt.Y("Low:Q", title="USD per useful hour"), y2="High:Q"
    )
    line = base.mark_line(color=BLUE, point=True).encode(
        y="Owning, $/useful hour:Q",
        tooltip=["Utilisation, %", "Owning, $/useful hour", "Low", "High", "Cheaper"],
    )
    rent = base.mark_line(color=RED, strokeDash=[6, 3]).encode(y="Renting, $/hour:Q")
    last = table.tail(1)
    names = [
        alt.Chart(last).mark_text(align="right", dy=-10, color=BLUE).encode(
            x="Utilisation, %:Q", y="Owning, $/useful hour:Q", text=alt.value("owning")),
        alt.Chart(last).mark_text(align="right", dy=-10, color=RED).encode(
            x="Utilisation, %:Q", y="Renting, $/hour:Q", text=alt.value("renting, median offer")),
    ]  # fmt: skip
    return alt.layer(band, line, rent, *names).properties(height=300)


def history(table: pd.DataFrame) -> Chart:
    """Stored prices by day: median with low and high, USD per GPU-hour."""
    base = alt.Chart(table).encode(
        x=alt.X("Day:T", title=None),
        color=alt.Color("Term:N", scale=alt.Scale(range=CATEGORIES), legend=BELOW),
    )
    band = base.mark_area(opacity=0.2).encode(
        y=alt.Y("Low, $/GPU-hour:Q", title="USD per GPU-hour"), y2="High, $/GPU-hour:Q"
    )
    line = base.mark_line(point=True).encode(
        y="Median, $/GPU-hour:Q", strokeDash="Term:N", tooltip=["Day", "Term", "Median, $/GPU-hour", "Offers"]
    )
    return (band + line).properties(height=280)


def coverage(table: pd.DataFrame) -> Chart:
    """How often measurements fell into the 80 % interval, by group; the line is the promise."""
    data = table.melt(
        id_vars=["Group", "Measurements"], value_vars=["TPOT in 80 % interval, %", "TTFT in 80 % interval, %"],
        var_name="Quantity", value_name="Inside, %",
    )  # fmt: skip
    data["Quantity"] = data["Quantity"].str.partition(" ")[0]
    points = alt.Chart(data).mark_point(filled=True, size=80).encode(
        y=alt.Y("Group:N", sort=None, title=None, axis=alt.Axis(labelLimit=300, labelOverlap=False)),
        x=alt.X("Inside, %:Q", title="measurements inside the 80 % interval, %", scale=alt.Scale(domain=[0, 100])),
        color=PAIR,
        shape="Quantity:N", tooltip=["Group", "Quantity", "Inside, %", "Measurements"],
    )  # fmt: skip
    line = alt.Chart(pd.DataFrame({"x": [80]})).mark_rule(strokeDash=[5, 3], color=GREY).encode(x="x:Q")
    return (line + points).properties(height=26 * data["Group"].nunique() + AXIS + LEGEND)


def errors(table: pd.DataFrame) -> Chart:
    """Median and 90th percentile of the error by what the prediction had not seen, in percent."""
    parts = [
        table.assign(Quantity=q, Median=table[f"{q} median error, %"], P90=table[f"{q} P90 error, %"])
        for q in ("TPOT", "TTFT")
    ]
    data = pd.concat(parts)
    base = alt.Chart(data).encode(
        y=alt.Y("Figures:N", sort=None, title=None, axis=alt.Axis(labelLimit=320, labelOverlap=False)),
        color=PAIR,
        yOffset="Quantity:N", tooltip=["Figures", "Quantity", "Median", "P90", "Measurements"],
    )  # fmt: skip
    bars = base.mark_bar(height=9, opacity=0.45).encode(
        x=alt.X("P90:Q", title="error of the prediction, %: mark = median, bar = 90th percentile")
    )
    marks = base.mark_point(filled=True, size=80, opacity=1).encode(x="Median:Q", shape="Quantity:N")
    return (bars + marks).properties(height=44 * data["Figures"].nunique() + AXIS + LEGEND)


def against(table: pd.DataFrame) -> Chart:
    """Predicted against measured milliseconds, both axes logarithmic; on the line the prediction is right."""
    low = max(1e-3, float(table[["Measured, ms", "Predicted, ms"]].min().min()) / 1.3)
    high = float(table[["Measured, ms", "Predicted, ms"]].max().max()) * 1.3
    scale = alt.Scale(type="log", domain=[low, high])
    base = alt.Chart(table).encode(
        x=alt.X("Measured, ms:Q", scale=scale, title="measured, ms (log scale)"),
        color=PAIR,
    )  # fmt: skip
    bars = base.mark_rule(opacity=0.25).encode(
        y=alt.Y("Low, ms:Q", scale=scale, title="predicted, ms, with 80 % interval (log scale)"),
        y2="High, ms:Q",
    )
    points = base.mark_point(filled=True, size=35, opacity=0.8).encode(
        y=alt.Y("Predicted, ms:Q", scale=scale), shape="Quantity:N",
        tooltip=["Case", "Quantity", "Measured, ms", "Predicted, ms", "Low, ms", "High, ms", "Basis"],
    )  # fmt: skip
    line = (
        alt.Chart(pd.DataFrame({"x": [low, high]}))
        .mark_line(color=GREY, strokeDash=[4, 3])
        .encode(x="x:Q", y="x:Q")
    )
    return (bars + points + line).properties(height=420)


def sweep(table: pd.DataFrame, unit: str) -> Chart:
    """Cheapest cost over one changed figure; the hardware chosen is named where it changes."""
    base = alt.Chart(table).encode(x=alt.X("Value:Q", title=unit, scale=alt.Scale(zero=False)))
    line = base.mark_line(color=GREY, strokeWidth=1.5).encode(y=alt.Y("$/month:Q", title="USD per month"))
    points = base.mark_point(filled=True, size=110, opacity=1).encode(
        y="$/month:Q", shape=alt.Shape("Hardware:N", legend=None),
        color=alt.Color("Hardware:N", scale=alt.Scale(range=CATEGORIES),
                        legend=alt.Legend(orient="bottom", title=None, labelLimit=400, columns=2)),
        tooltip=["Value", "$/month", "Hardware"],
    )  # fmt: skip
    return (line + points).properties(height=280)


def values(table: pd.DataFrame, *, unit: str = "USD per month") -> Chart:
    """Named amounts with their range: kernel values, costs of openness, distances to a flip."""
    base = alt.Chart(table).encode(
        y=alt.Y("Name:N", sort=None, title=None, axis=alt.Axis(labelLimit=300, labelOverlap=False)),
        color=alt.Color(
            "Kind:N", scale=alt.Scale(range=CATEGORIES), legend=BELOW if table["Kind"].nunique() > 1 else None
        ),
        tooltip=list(table.columns),
    )
    bars = base.mark_bar(height=14).encode(x=alt.X("Value:Q", title=unit))
    layers = bars
    if {"Low", "High"} <= set(table.columns) and table["Low"].notna().any():
        layers = bars + base.mark_rule(color=GREY, strokeWidth=2).encode(
            x="Low:Q", x2="High:Q", color=alt.value(GREY)
        )
    return layers.properties(height=28 * table["Name"].nunique() + AXIS + LEGEND)


def roofline(table: pd.DataFrame, peaks: pd.DataFrame) -> Chart:
    """Each op on the roofline of the chosen GPU: TFLOP/s against FLOP per byte, both logarithmic."""
    roof = alt.Chart(peaks).mark_line(color=GREY, strokeWidth=2).encode(
        x=alt.X("FLOP/byte:Q", scale=alt.Scale(type="log"), title="arithmetic intensity, FLOP per byte (log scale)"),
        y=alt.Y("TFLOP/s:Q", scale=alt.Scale(type="log"), title="TFLOP/s (log scale)"),
        strokeDash=alt.StrokeDash("Roof:N", legend=None), detail="Roof:N",
    )  # fmt: skip
    points = alt.Chart(table).mark_point(filled=True, opacity=0.9).encode(
        x="FLOP/byte:Q", y="TFLOP/s:Q",
        size=alt.Size("Share of time, %:Q", legend=None, scale=alt.Scale(range=[40, 500])),
        shape=alt.Shape("Phase:N", legend=BELOW),
        color=alt.Color("Phase:N", scale=alt.Scale(range=[BLUE, ORANGE])),
        tooltip=list(table.columns),
    )  # fmt: skip
    # Matrix products of one phase lie on top of each other: one label for what is closer than a hand's breadth.
    x, y = (4 * np.log10(table["FLOP/byte"])).round(), (2 * np.log10(table["TFLOP/s"])).round()
    labels = table.groupby([table["Phase"], x, y], as_index=False, sort=False).agg(
        {"Op": ", ".join, "FLOP/byte": "max", "TFLOP/s": "mean"}
    )
    text = alt.Chart(labels).mark_text(dy=20, align="center", color=GREY, fontSize=11)
    named = text.encode(x="FLOP/byte:Q", y="TFLOP/s:Q", text="Op:N")
    return alt.layer(roof, points, named).properties(height=360)
