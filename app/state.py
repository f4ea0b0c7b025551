"""The question on screen as one frozen value, and the URL that spells it.

What came in as a file (a scenario, lengths out of a log, own prices) never enters the URL: it can hold names of
customers or contract prices. The link then carries only a mark that something is missing from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from planner import api
from planner.app.fields import field_of
from planner.errors import InputError

if TYPE_CHECKING:
    from planner.plan import Plan
    from planner.pricing.catalog import Catalog
    from planner.scenario import Scenario

EXAMPLE, KEPT, PRICES = "example", "with_upload", "prices"
FIRST = "chat-70b"


@dataclass(frozen=True)
class Question:
    """What is asked: a base, and what was changed of it.

    `changes` are values by key of `app.fields`, `local` values of the scenario by dotted path that came from
    files or tables and stay in this session, as do the uploaded `scenario`, `catalog` and `baseline`.
    """

    example: str = FIRST
    changes: Mapping[str, Any] = field(default_factory=dict)
    local: Mapping[str, Any] = field(default_factory=dict)
    scenario: Scenario | None = None
    scenario_name: str = ""
    catalog: Catalog | None = None
    catalog_name: str = ""
    baseline: Plan | None = None
    baseline_name: str = ""

    def base(self) -> Scenario:
        """The scenario before any change."""
        return self.scenario if self.scenario is not None else api.load_example(self.example)

    def changed(self, key: str, value: Any) -> Question:
        """Copy with one change; one that says what the base says anyway is none."""
        changes = {k: v for k, v in self.changes.items() if k != key}
        if value != current(Question(self.example, scenario=self.scenario), key):
            changes[key] = value
        return replace(self, changes=changes)

    def with_local(self, values: Mapping[str, Any]) -> Question:
        """Copy with values that stay out of the URL; None takes one away."""
        merged = {**self.local, **values}
        return replace(self, local={k: v for k, v in merged.items() if v is not None})

    @property
    def private(self) -> str:
        """Mark of what a link cannot carry, empty where it carries everything."""
        parts = [
            self.scenario.text if self.scenario else "",
            json.dumps(self.local, sort_keys=True, default=str) if self.local else "",
            self.catalog.digest if self.catalog else "",
            self.baseline.to_json() if self.baseline else "",
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8] if any(parts) else ""


def current(question: Question, key: str) -> Any:
    """Value in force of a key: the change, else what the base says (None: no limit)."""
    if key in question.changes:
        return question.changes[key]
    if key == "price":
        return 0.0
    base = question.base()
    place, dot, name = key.partition(".")
    if not dot:
        return _plain(getattr(base.constraints, key))
    workload = list(base.workloads.values())[int(place[1:])]
    if name == "curve":
        return "as given" if len(workload.demand.periods) > 1 else "constant"
    return _plain(workload.demand.peak_requests_per_s if name == "rate" else getattr(workload, name))


def _plain(value: Any) -> Any:
    """A field of a record as a widget holds it: lists for tuples, the mean for lengths."""
    return list(value) if isinstance(value, tuple) else getattr(value, "mean", value)


def values_of(question: Question, own_prices: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Everything changed of the base, as values by dotted path; `own_prices` are rows for `price`."""
    base = question.base()
    document, names = base.document(), list(base.workloads)
    values: dict[str, Any] = dict(question.local)
    for key, value in question.changes.items():
        place, dot, name = key.partition(".")
        if not dot and key != "price":
            values[f"constraints.{key}"] = value
        elif dot and name not in ("rate", "curve"):
            values[f"workloads.{names[int(place[1:])]}.{name}"] = value
    for i, name in enumerate(names):
        demand = _demand(question, i, document["workloads"][name] | _local_of(question, name))
        values |= {f"workloads.{name}.{k}": v for k, v in demand.items()}
    if rows := [*own_prices]:
        values["prices"] = [*values.get("prices", document.get("prices") or []), *rows]
    return values


def scenario_of(question: Question, own_prices: Iterable[Mapping[str, Any]] = ()) -> Scenario:
    """The scenario asked about; raises ScenarioError."""
    values = values_of(question, own_prices)
    return api.change_scenario(question.base(), values) if values else question.base()


def _local_of(question: Question, name: str) -> dict[str, Any]:
    prefix = f"workloads.{name}."
    return {k.removeprefix(prefix): v for k, v in question.local.items() if k.startswith(prefix)}


def _demand(question: Question, i: int, table: Mapping[str, Any]) -> dict[str, Any]:
    """What peak rate and curve set in a workload, in the form its demand already has."""
    curve, peak = question.changes.get(f"w{i}.curve"), question.changes.get(f"w{i}.rate")
    if curve is not None:
        peak = peak or current(question, f"w{i}.rate")
        return {"demand": {"preset": curve, "peak_requests_per_s": float(peak)}}
    if peak is None:
        return {}
    key = next((k for k in ("periods", "demand") if k in table), "requests_per_s")
    if key == "requests_per_s":
        return {key: float(peak)}
    highest = max(period["requests_per_s"] for period in table[key])
    scaled = [{**p, "requests_per_s": p["requests_per_s"] * peak / highest} for p in table[key]]
    return {key: scaled}


def repriced(question: Question, baseline: Plan | None) -> list[dict[str, Any]]:
    """The baseline's offers as own prices, changed by `price` percent; owned hardware has no seller to ask."""
    percent = question.changes.get("price")
    if not percent or baseline is None:
        return []
    offers = {p.offer for p in baseline.placements if p.term not in ("owned", "api")}
    rows = []
    for offer in sorted(offers, key=lambda o: (o.seller, o.instance, o.region or "", o.term)):
        row = {"seller": offer.seller, "instance": offer.instance, "region": offer.region, "term": offer.term,
               "usd_per_hour": offer.usd_per_hour * (1 + percent / 100)}  # fmt: skip
        rows.append({k: v for k, v in row.items() if v is not None})
    return rows


def to_query(question: Question) -> dict[str, str]:
    """The URL's parameters; nothing for the first example as it is."""
    query = {} if question.example == FIRST and question.scenario is None else {EXAMPLE: question.example}
    if question.scenario is not None:
        query = {}
    if question.private:
        query[KEPT] = question.private
    return query | {key: field_of(key).written(value) for key, value in sorted(question.changes.items())}


def from_query(query: Mapping[str, str], here: Question) -> tuple[Question, tuple[str, ...]]:
    """The question of a URL, and what of it could not be taken over, in words.

    Uploads of this session (`here`) stay if the URL is marked with them.
    """
    said: list[str] = []
    kept = query.get(KEPT, "")
    question = replace(here, changes={}) if kept and kept == here.private else Question()
    if kept and kept != here.private:
        said.append(
            "This link was made with a file that is not part of it. Upload that file and it applies again."
        )
    if (name := query.get(EXAMPLE)) is not None and question.scenario is None:
        if name in api.example_names():
            question = replace(question, example=name)
        else:
            said.append(f"The link names an example that is not shipped: {name[:40]!r}.")
    count = len(question.base().workloads)
    for key, text in query.items():
        if key in (EXAMPLE, KEPT):
            continue
        try:
            value = field_of(key).read(text)
            if "." in key and int(key.partition(".")[0][1:]) >= count:
                raise KeyError(key)
        except (KeyError, ValueError):
            said.append(f"The link sets {key[:40]!r} to {text[:40]!r}, which is not understood.")
            continue
        question = question.changed(key, value)
    try:
        scenario_of(question)
    except InputError as error:
        said.append(f"The changes in the link do not fit together: {error}")
        question = replace(question, changes={})
    return question, tuple(said)


def settings(question: Question, scenario: Scenario) -> list[str]:
    """`--set` options that turn the example into `scenario`, one per change; nothing for an upload."""
    if question.scenario is not None:
        return []
    base, now = question.base().document(), scenario.document()
    return [f"{path}={_toml(value)}" for path, value in _differences(base, now) if value is not None]


def _differences(old: Any, new: Any, path: str = "") -> list[tuple[str, Any]]:
    """Dotted paths at which `new` differs, with its value; tables are entered, lists taken whole."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for key in new:
            if old.get(key) != new[key]:
                found += _differences(old.get(key), new[key], f"{path}.{key}" if path else key)
        return found
    return [(path, new)]


def _toml(value: Any) -> str:
    """A value as TOML writes it.

    >>> _toml([{"seller": "aws", "usd_per_hour": 3.5}]), _toml(True)
    ('[{seller = "aws", usd_per_hour = 3.5}]', 'true')
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)
