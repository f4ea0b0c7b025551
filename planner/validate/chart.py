"""Predicted against measured, by engine, as a picture: one panel per engine and quantity, both axes logarithmic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from planner.errors import InputError, MissingExtra
from planner.files import write_atomically

HINT = "charts need the report extra: pip install 'openclaw-planner[report]'"
INSIDE, OUTSIDE = "inside the 80 % interval", "outside"
LEAST_POINTS = 10  # of an engine that has panels of its own, where several have fewer
PNG_SCALE = 2.0  # pixels per point, for screens that show text sharply


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement beside its prediction, both in `quantity`'s unit, which its name carries."""

    engine: str
    quantity: str
    measured: float
    predicted: float
    inside: bool


def check_chart(path: Path) -> None:
    """InputError for an ending that is no picture's, MissingExtra where the drawing library is not installed.

    Asked before anything is predicted, so that nobody waits for a picture that cannot be drawn.
    """
    if path.suffix.lower() not in WRITERS:
        raise InputError(f"chart: {path.suffix or 'no ending'!r} is not drawn", path=path,
                         hint=f"end the name in {' or '.join(WRITERS)}")  # fmt: skip
    _library()


def write_chart(path: Path, points: Sequence[Point], *, title: str) -> None:
    """Draw the points and replace `path` in one step; raises what `check_chart` raises."""
    check_chart(path)
    if not points:
        raise InputError("chart: no row has both a prediction and a measurement", path=path)
    write_atomically(path, WRITERS[path.suffix.lower()](chart_of(points, title=title)))


def chart_of(points: Sequence[Point], *, title: str) -> Mapping[str, Any]:
    """Vega-Lite specification; equal values lie on the grey line, engines with few points share a panel."""
    few = {e for e, n in Counter(p.engine for p in points).items() if n < LEAST_POINTS}
    if len(few) > 1:
        points = [replace(p, engine="others") if p.engine in few else p for p in points]

    def axis(name: str) -> dict[str, Any]:
        return {"field": name, "type": "quantitative", "scale": {"type": "log", "nice": False},
                "axis": {"tickCount": 4, "labelOverlap": True}}  # fmt: skip

    dots = {
        "transform": [{"filter": "datum.inside !== 'equal'"}],
        "mark": {"type": "point", "filled": True, "size": 12, "opacity": 0.5},
        "encoding": {"color": {
            "field": "inside", "type": "nominal", "title": None,
            "scale": {"domain": [INSIDE, OUTSIDE], "range": ["#2b6cb0", "#d9480f"]}, "legend": {"orient": "top"},
        }},
    }  # fmt: skip
    equal = {
        "transform": [{"filter": "datum.inside === 'equal'"}],
        "mark": {"type": "line", "color": "#888888", "strokeWidth": 1},
    }
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": {"text": title, "anchor": "start"},
        "background": "white",
        "data": {"values": [*_values(points), *_diagonals(points)]},
        "facet": {
            "row": {"field": "quantity", "type": "nominal", "title": None, "sort": None},
            "column": {"field": "engine", "type": "nominal", "title": None},
        },
        "spec": {
            "width": 220, "height": 220, "layer": [equal, dots],
            "encoding": {"x": axis("measured"), "y": axis("predicted")},
        },
        "resolve": {"scale": {"x": "independent", "y": "independent"}},
    }  # fmt: skip


def _values(points: Iterable[Point]) -> Iterator[dict[str, Any]]:
    for p in points:
        yield {"engine": p.engine, "quantity": p.quantity, "inside": INSIDE if p.inside else OUTSIDE,
               "measured": float(f"{p.measured:.5g}"), "predicted": float(f"{p.predicted:.5g}")}  # fmt: skip


def _diagonals(points: Iterable[Point]) -> Iterator[dict[str, Any]]:
    """Two ends of the line of equal values in every panel."""
    ends: dict[tuple[str, str], tuple[float, float]] = {}
    for p in points:
        low, high = ends.get((p.engine, p.quantity), (p.measured, p.measured))
        ends[p.engine, p.quantity] = min(low, p.measured, p.predicted), max(high, p.measured, p.predicted)
    for (engine, quantity), both in ends.items():
        for value in both:
            yield {
                "engine": engine,
                "quantity": quantity,
                "inside": "equal",
                "measured": value,
                "predicted": value,
            }


def _library() -> Any:
    try:
        import vl_convert
    except ImportError:
        raise MissingExtra(HINT) from None
    return vl_convert


def _svg(chart: Mapping[str, Any]) -> str:
    return str(_library().vegalite_to_svg(dict(chart)))


def _png(chart: Mapping[str, Any]) -> bytes:
    return bytes(_library().vegalite_to_png(dict(chart), scale=PNG_SCALE))


WRITERS: Mapping[str, Callable[[Mapping[str, Any]], str | bytes]] = {".svg": _svg, ".png": _png}
"""Ending of the file to what draws it."""
