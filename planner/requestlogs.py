"""Demand out of what servers and monitors write: request logs, and saved Prometheus ranges.

Pure functions of the text, like `traffic`. A `FieldError` names the line or the series.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from planner.demand import Demand
from planner.errors import did_you_mean
from planner.fields import FieldError
from planner.traffic import demand_of_csv, demand_of_series, seconds_of

BIN_S = 300
"""Requests of a log are counted by five minutes: shorter bursts are the queue's to carry, not the fleet's."""
TIMES = ("timestamp", "created", "created_at", "arrival_time", "arrived_at", "time", "ts")
"""Keys under which request logs keep the moment a request came, the first found counts."""
_VLLM = re.compile(r"\b(\d{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2})\b.*\bReceived request\b")


def demand_of_text(text: str) -> Demand:
    """Load-duration curve of any traffic file: CSV, a saved Prometheus range, JSON lines, a vLLM log.

    >>> log = "\\n".join(f'{{"created": {t}}}' for t in (0, 1, 2, 700))
    >>> [round(p.requests_per_s, 4) for p in demand_of_text(log).periods]
    [0.01, 0.0033, 0.0]
    """
    start = text.lstrip()[:1]
    if start == "{":
        return _of_json(text)
    if start == "[":
        raise FieldError(
            "a JSON list", field="line 1", hint="one object per line, or the whole Prometheus answer"
        )
    moments = [*_vllm_moments(text)]
    return _of_moments(moments) if moments else demand_of_csv(text)


def _of_json(text: str) -> Demand:
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return _of_moments([*_json_moments(text)])
    if isinstance(whole, dict) and "data" in whole:
        return demand_of_prometheus(whole)
    return _of_moments([*_json_moments(text)])


def demand_of_prometheus(answer: Mapping[str, Any]) -> Demand:
    """Demand of the answer to `query_range`: series of requests per second, added up.

    >>> values = [[0, "1"], [60, "3"], [120, "1"]]
    >>> data = {"resultType": "matrix", "result": [{"metric": {}, "values": values}]}
    >>> demand_of_prometheus({"status": "success", "data": data}).peak_requests_per_s
    3.0
    """
    data = answer.get("data")
    kind = data.get("resultType") if isinstance(data, Mapping) else None
    if not isinstance(data, Mapping) or kind != "matrix":
        raise FieldError(
            f"{kind!r} is not a range", field="data.resultType", hint="save the answer of query_range"
        )
    rates: dict[float, float] = {}
    for i, series in enumerate(data.get("result") or ()):
        for j, pair in enumerate(series.get("values") or () if isinstance(series, Mapping) else ()):
            where = f"data.result[{i}].values[{j}]"
            try:
                moment, value = float(pair[0]), float(pair[1])
            except (TypeError, ValueError, IndexError):
                raise FieldError('expected [seconds, "value"]', field=where) from None
            value = 0.0 if math.isnan(value) else value  # a rate over no requests
            if not 0 <= value < math.inf:
                raise FieldError(f"{value:g} is not a rate", field=where, hint="use rate(...) of a counter")
            rates[moment] = rates.get(moment, 0.0) + value
    if not rates:
        raise FieldError("no series with values", field="data.result")
    return demand_of_series(
        [(n, t, v) for n, (t, v) in enumerate(sorted(rates.items()), start=1)], counts=False
    )


def _json_moments(text: str) -> Iterator[tuple[int, float]]:
    for at, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise FieldError(f"not JSON: {error}", field=f"line {at}") from None
        if not isinstance(record, dict):
            raise FieldError("expected an object per line", field=f"line {at}")
        key = next((k for k in TIMES if k in record), None)
        if key is None:
            hint = next(filter(None, (did_you_mean(str(k), TIMES) for k in record)), None)
            raise FieldError(
                "no time of the request", field=f"line {at}", hint=hint or f"one of {', '.join(TIMES)}"
            )
        yield at, seconds_of(str(record[key]), f"line {at}, {key}")


def _vllm_moments(text: str) -> Iterator[tuple[int, float]]:
    """Its log has no year: a month that steps back starts the next one."""
    year, last = 2000, 0
    for at, line in enumerate(text.splitlines(), start=1):
        if (found := _VLLM.search(line)) is None:
            continue
        month, day, hour, minute, second = map(int, found.groups())
        year, last = year + (month < last), month
        try:
            yield at, datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
        except ValueError:
            raise FieldError(f"{found.group(0)[:14]!r} is not a time", field=f"line {at}") from None


def _of_moments(moments: list[tuple[int, float]]) -> Demand:
    """Counts by `BIN_S`, quiet bins included."""
    if not moments:
        raise FieldError("no requests in the file", field="line 1")
    first = min(moment for _, moment in moments)
    bins = Counter(int((moment - first) // BIN_S) for _, moment in moments)
    if len(bins) < 2 or max(bins) > 4_000_000:
        raise FieldError("the requests must span ten minutes to forty years", field=f"line {moments[-1][0]}")
    return demand_of_series([(1, n * BIN_S, bins[n]) for n in range(max(bins) + 1)], counts=True)
