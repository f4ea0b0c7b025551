"""The lock: which data, versions and question a committed plan was made from, by digest.

`planner lock` writes it beside the plan; `--locked` refuses to answer when anything in it has moved, and
otherwise gives the stored plan back, to the byte. Digests of what is installed are handed in.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from math import isclose

from planner.canonical import from_data
from planner.errors import DataError, LockMismatch
from planner.plan import Plan

LOCK_SCHEMA = "planner.lock/1"
PROGRAM = "openclaw-planner"
HEADER = """\
# Written by `planner lock`; commit it with the plan it names. `planner recommend --locked` answers with that plan,
# and refuses (exit 6) when anything below is no longer so. `planner lock` writes both again.
"""
_REMEDY = "`planner lock` accepts what is there now"


@dataclass(frozen=True, slots=True)
class Lock:
    """sha256 of the question, the plan and the data behind it, and the versions that made it.

    `prices` names where the offers came from: "shipped", a file, or a day of the store.
    """

    schema: str
    as_of: str
    plan: str
    plan_sha256: str
    scenario_sha256: str
    prices: str
    data: Mapping[str, str]
    versions: Mapping[str, str]

    def to_toml(self) -> str:
        """The lock file; the same lock gives the same bytes."""
        plain = [f for f in fields(self) if f.name not in ("data", "versions")]
        lines = [f"{f.name} = {json.dumps(getattr(self, f.name), ensure_ascii=False)}" for f in plain]
        for table in ("data", "versions"):
            lines += ["", f"[{table}]"]
            lines += [f"{json.dumps(k)} = {json.dumps(v)}" for k, v in sorted(getattr(self, table).items())]
        return HEADER + "\n".join(lines) + "\n"


def lock(plan: Plan, *, plan_name: str, prices: str = "shipped") -> Lock:
    """The lock of a plan that is stored as `plan_name`, relative to the lock."""
    return Lock(
        schema=LOCK_SCHEMA,
        as_of=plan.as_of,
        plan=plan_name,
        plan_sha256=sha256(plan.to_json()),
        scenario_sha256=plan.question.digest,
        prices=prices,
        data=data_of(plan),
        versions=dict(plan.versions),
    )


def data_of(plan: Plan) -> dict[str, str]:
    """Digests of the data of a plan by name; what is not known is left out."""
    named = {f.name: getattr(plan.digests, f.name) for f in fields(plan.digests)}
    return {name: digest for name, digest in named.items() if digest}


def parse_lock(text: str, *, installed: str) -> Lock:
    """Lock of its text; DataError where it cannot be read, a newer one told apart from a broken one.

    `installed` is the version of this program, named in the message about a newer lock.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"not TOML: {error}", hint="`planner lock` writes it again") from error
    schema = table.get("schema")
    if schema != LOCK_SCHEMA:
        made_by = table.get("versions", {}).get(PROGRAM, "another version")
        raise DataError(
            f"schema: {schema!r} is not {LOCK_SCHEMA!r}: made by {PROGRAM} {made_by}, this is {installed}",
            hint="install that version, or write the lock again with `planner lock`",
        )
    found: Lock = from_data(Lock, table)
    return found


def verify(
    found: Lock, *, scenario_sha256: str, data: Mapping[str, str | None], versions: Mapping[str, str]
) -> None:
    """Nothing, or LockMismatch naming everything that moved."""
    moved = [
        *_moved("scenario", found.scenario_sha256, scenario_sha256),
        *(text for name in found.data for text in _moved(name, found.data[name], data.get(name))),
        *(
            f"{name} {found.versions[name]} -> {versions.get(name, 'not installed')}"
            for name in sorted(found.versions)
            if versions.get(name) != found.versions[name]
        ),
    ]
    if moved:
        raise LockMismatch(f"the lock does not match: {'; '.join(moved)} ({_REMEDY})")


def verify_plan(found: Lock, text: str, plan: Plan) -> None:
    """The stored plan is the one locked, and its figures hold together; else LockMismatch.

    Dollars of the placements are units times price times hours, and they add up to the total.
    """
    wrong = [*_moved("plan", found.plan_sha256, sha256(text)), *_inconsistent(plan)]
    if wrong:
        raise LockMismatch(f"the lock does not match: {'; '.join(wrong)} ({_REMEDY})")


def verify_same(found: Lock, again: Plan) -> None:
    """The plan made again is the one locked, to the byte; else LockMismatch."""
    if wrong := [*_moved("the plan made again", found.plan_sha256, sha256(again.to_json()))]:
        raise LockMismatch(f"the lock does not match: {'; '.join(wrong)} ({_REMEDY})")


def _inconsistent(plan: Plan) -> Iterator[str]:
    for i, p in enumerate(plan.placements):
        due = p.units * p.offer.usd_per_hour * p.hours_per_month
        if p.term != "api" and not isclose(p.usd_per_month, due, rel_tol=1e-4):
            yield f"placements[{i}].usd_per_month {p.usd_per_month:g}, recomputed {due:g}"
    total = sum(p.usd_per_month for p in plan.placements)
    if plan.usd_per_month is not None and not isclose(plan.usd_per_month, total, rel_tol=1e-4):
        yield f"usd_per_month {plan.usd_per_month:g}, its placements cost {total:g}"


def _moved(name: str, before: str, now: str | None) -> Iterator[str]:
    if now != before:
        yield f"{name} {before[:12]} -> {now[:12] if now else 'not there'}"


def sha256(text: str) -> str:
    """Hex digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()
