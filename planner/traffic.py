"""Read traffic logs: rates over time as CSV, request lengths as JSON lines.

Pure functions of the text; `inputs` opens the files. A `FieldError` names the line and the column.
"""

from __future__ import annotations

import csv
import io
import json
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median

from planner.demand import MAX_REQUESTS_PER_S, Demand, Period
from planner.errors import did_you_mean
from planner.fields import FieldError, number
from planner.lengths import MAX_TOKENS, Lengths
from planner.pricing.money import HOURS_PER_MONTH

# Where a long log is cut into periods, as shares of its time from the busiest moment down. The first period
# is short and stands at its highest rate, so the peak survives; the others stand at their means.
_CUTS = (0.01, 0.05, 0.10, 0.20, 0.35, 0.50, 0.70, 0.85, 1.0)
_MAX_COUNT = 1e12
_PERIODS = ("hours_per_month", "requests_per_s")
_SERIES = (("timestamp", "requests"), ("timestamp", "requests_per_s"))


def demand_of_csv(text: str) -> Demand:
    """Load-duration curve of a CSV: `hours_per_month,requests_per_s`, or one line per interval with
    `timestamp` (ISO 8601 or epoch seconds) and `requests` (a count) or `requests_per_s`.

    >>> demand_of_csv("hours_per_month,requests_per_s\\n200,9\\n530,1\\n").peak_requests_per_s
    9.0
    """
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        header = [cell.strip().casefold() for cell in next(reader, [])]
        columns = _columns(header)
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise FieldError(f"not CSV: {error}", field=f"line {reader.line_num}") from None
    x, y = columns
    values = [(line, _cell(row, header, x, line), _cell(row, header, y, line)) for line, row in rows]
    if not values:
        raise FieldError("no lines under the header", field="line 2")
    if columns == _PERIODS:
        return Demand.of([Period(_positive_hours(line, hours), rate) for line, hours, rate in values])
    return demand_of_series(values, counts=columns[1] == "requests")


def _columns(header: Sequence[str]) -> tuple[str, str]:
    for columns in (_PERIODS, *_SERIES):
        if all(name in header for name in columns):
            return columns
    known = ("timestamp", "requests", "requests_per_s", "hours_per_month")
    hints = " ".join(did_you_mean(name, known, n=1) for name in header if name not in known).strip()
    raise FieldError(
        f"expected the columns hours_per_month,requests_per_s or timestamp,requests"
        f"{'; ' + hints if hints else ''}",
        field="line 1",
    )


def _cell(row: Sequence[str], header: Sequence[str], name: str, line: int) -> float:
    at, where = header.index(name), f"line {line}, {name}"
    text = row[at].strip() if at < len(row) else ""
    if not text:
        raise FieldError("missing", field=where)
    if name == "timestamp":
        return seconds_of(text, where)
    try:
        value = float(text)
    except ValueError:
        raise FieldError(f"{text[:40]!r} is not a number", field=where) from None
    return number(
        value, where, most=MAX_REQUESTS_PER_S if name == "requests_per_s" else _MAX_COUNT, zero=True
    )


def _positive_hours(line: int, hours: float) -> float:
    return number(hours, f"line {line}, hours_per_month", most=HOURS_PER_MONTH)


def seconds_of(text: str, where: str) -> float:
    """Epoch seconds of a time as text: a number, or ISO 8601; raises FieldError."""
    try:
        return number(float(text), where, most=1e11, zero=True)
    except FieldError:
        raise
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise FieldError(
            f"{text[:40]!r} is not a time (2026-10-01T09:00:00Z or epoch seconds)", field=where
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def demand_of_series(samples: Sequence[tuple[int, float, float]], *, counts: bool) -> Demand:
    """Demand of (line, time, value) samples; each lasts until the next, the last as long as the median."""
    ordered = sorted(samples, key=lambda s: s[1])
    if len(ordered) < 2:
        raise FieldError("at least two timestamps are needed to know how long they last", field="line 2")
    steps = [(b[1] - a[1], b[0]) for a, b in pairwise(ordered)]
    if twice := next((line for step, line in steps if step <= 0), None):
        raise FieldError("this timestamp occurs twice", field=f"line {twice}, timestamp")
    seconds = [step for step, _ in steps]
    seconds.append(median(seconds))
    rates = [(value / s if counts else value, s) for (_, _, value), s in zip(ordered, seconds, strict=True)]
    if too_many := next(
        (o[0] for o, r in zip(ordered, rates, strict=True) if r[0] > MAX_REQUESTS_PER_S), None
    ):
        raise FieldError(f"more than {MAX_REQUESTS_PER_S:g} requests/s", field=f"line {too_many}, requests")
    return Demand.of(_duration_curve(rates))


def _duration_curve(rates: Sequence[tuple[float, float]]) -> list[Period]:
    """(rate, seconds) samples as a few periods scaled to one month."""
    total = sum(seconds for _, seconds in rates)
    groups: dict[int, list[tuple[float, float]]] = {}
    elapsed = 0.0
    for rate, seconds in sorted(rates, reverse=True):
        groups.setdefault(bisect_right(_CUTS, elapsed / total), []).append((rate, seconds))
        elapsed += seconds
    periods = []
    for i, group in groups.items():
        seconds = sum(s for _, s in group)
        rate = group[0][0] if i == 0 else sum(r * s for r, s in group) / seconds
        periods.append(Period(seconds / total * HOURS_PER_MONTH, rate))
    return periods


def lengths_of_jsonl(text: str, *, field: str) -> Lengths:
    """Token lengths out of JSON lines, one request per line, under the key `field`.

    >>> lengths_of_jsonl('{"input_tokens": 10}\\n{"input_tokens": 30}\\n', field="input_tokens").mean
    20.0
    """
    tokens = []
    for at, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise FieldError(f"not JSON: {error}", field=f"line {at}") from None
        if not isinstance(record, dict):
            raise FieldError("expected an object per line", field=f"line {at}")
        if field not in record:
            hint = did_you_mean(field, map(str, record)) or "every line needs it"
            raise FieldError(f"missing, {hint}", field=f"line {at}, {field}")
        tokens.append(number(record[field], f"line {at}, {field}", most=MAX_TOKENS, zero=True))
    used = [max(1.0, t) for t in tokens]  # an empty prompt or answer still costs one token
    if not used:
        raise FieldError("no requests in the file", field="line 1")
    return Lengths.observed(used)
