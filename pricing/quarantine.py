"""Rows that failed a gate: why, what they said, and the user's dated decision to take one all the same.

`screen` is the last door before a snapshot: whatever a provider let through is judged again here, against
the day of the refresh, so that no store ever holds a price from the future or one that is not a number.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta

from planner.pricing.catalog import parse_offer
from planner.pricing.errors import PriceError
from planner.pricing.gates import failed_gate, spot_above_on_demand
from planner.pricing.money import load_rates
from planner.pricing.offer import COLUMNS, TERMS, Offer, write_cell
from planner.profiles.gpus import load_gpus

ACCEPTED = "accepted_from_quarantine"
TOLERATED = timedelta(days=1)
"""A seller ahead of the reader's time zone dates a price tomorrow; anything later is a wrong date."""


@dataclass(frozen=True, slots=True)
class Held:
    """One row kept out, with everything needed to judge it by eye."""

    provider: str
    reason: str
    label: str
    """Seller, instance, region and term, as far as they were readable."""
    detail: str
    row: str = "{}"
    """The row as JSON text in the columns of an offer; `{}` where it never became one."""

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits over provider, reason and row: a changed price is a new question."""
        text = "\n".join((self.provider, self.reason, self.label, self.row))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def offer(self) -> Offer:
        """The row as an offer; raises `PriceError` where it cannot be one (a price that is no number)."""
        cells = json.loads(self.row)
        if not cells:
            raise PriceError(f"quarantine {self.id}: {self.label}: {self.detail} (it never became an offer)")
        return parse_offer(cells, where=f"quarantine {self.id}")


@dataclass(frozen=True, slots=True)
class Decision:
    """A user's word on one held row: `accept` or `revoke`; the last one counts."""

    id: str
    verdict: str
    because: str
    decided_at: str


def not_a_price(offer: Offer, today: date) -> str:
    """Prices and counts that are no positive finite number, and parts that do not multiply."""
    for name in ("usd_per_hour", "usd_per_gpu_hour", "gpu_count"):
        value = getattr(offer, name)
        if isinstance(value, bool) or not isinstance(value, float | int):
            return f"{name} {value!r} is not a number"
        if not (math.isfinite(value) and value > 0):
            return f"{name} {value!r} is not above 0"
    product = offer.usd_per_gpu_hour * offer.gpu_count
    if not math.isclose(product, offer.usd_per_hour, rel_tol=1e-3):
        return f"{offer.gpu_count:g} x {offer.usd_per_gpu_hour:g} is not {offer.usd_per_hour:g} $/h"
    return ""


def unknown_gpu(offer: Offer, today: date) -> str:
    """A key that `profiles.gpus` does not have."""
    return "" if offer.gpu in load_gpus() else f"{offer.gpu!r} is not in the GPU table"


def unknown_currency(offer: Offer, today: date) -> str:
    """A currency without a rate."""
    return "" if offer.currency in load_rates() else f"{offer.currency!r} has no rate"


def unknown_term(offer: Offer, today: date) -> str:
    """A term outside the vocabulary."""
    return "" if offer.term in TERMS else f"{offer.term!r} is not a term"


def future_dated(offer: Offer, today: date) -> str:
    """A date later than tomorrow, or text that is no date."""
    if offer.as_of is None:
        return ""
    try:
        late = date.fromisoformat(offer.as_of) > today + TOLERATED
    except ValueError:
        return f"{offer.as_of!r} is not a date"
    return f"dated {offer.as_of}, after {today}" if late else ""


def failed_sanity(offer: Offer, today: date) -> str:
    """The gates every import passes (`gates.GATES`), named in the detail."""
    found = failed_gate(offer)
    return f"{found[0]}: {found[1]}" if found else ""


DOORS: Mapping[str, Callable[[Offer, date], str]] = {
    "not_a_price": not_a_price,
    "unknown_gpu": unknown_gpu,
    "unknown_currency": unknown_currency,
    "unknown_term": unknown_term,
    "future_dated": future_dated,
    "failed_sanity": failed_sanity,
}
"""Judged in this order: the later ones may rely on what the earlier ones proved."""


def screen(
    provider: str, offers: Iterable[Offer], *, today: date
) -> tuple[tuple[Offer, ...], tuple[Held, ...]]:
    """The offers fit to be stored, and the others with the reason."""
    passed, held = [], []
    for offer in offers:
        reason, detail = next(((n, d) for n, door in DOORS.items() if (d := door(offer, today))), ("", ""))
        if reason == "failed_sanity":
            reason, _, detail = detail.partition(": ")
        if reason:
            held.append(Held(provider, reason, offer.label, detail, as_row(offer)))
        else:
            passed.append(offer)
    dear = spot_above_on_demand(passed)
    held += [
        Held(provider, "spot_above_on_demand", offer.label, dear[offer.key], as_row(offer))
        for offer in passed
        if offer.key in dear
    ]
    return tuple(offer for offer in passed if offer.key not in dear), tuple(held)


def as_row(offer: Offer) -> str:
    """The row of a held offer: its cells as sorted JSON."""
    return json.dumps({column: write_cell(getattr(offer, column)) for column in COLUMNS}, sort_keys=True)


def accepted_ids(decisions: Iterable[Decision]) -> frozenset[str]:
    """Ids of held rows whose last decision is to take them."""
    verdicts = {decision.id: decision.verdict for decision in decisions}
    return frozenset(id for id, verdict in verdicts.items() if verdict == "accept")


def accepted(held: Iterable[Held], decisions: Iterable[Decision]) -> tuple[Offer, ...]:
    """The held rows the user has taken, flagged so that every page can say so."""
    ids = accepted_ids(decisions)
    offers = [row.offer() for row in {row.id: row for row in held if row.id in ids}.values()]
    return tuple(replace(offer, flags=(*offer.flags, ACCEPTED)) for offer in offers)


def decide(
    held: Iterable[Held], wanted: str, *, verdict: str, because: str, decided_at: str
) -> tuple[Held, Decision]:
    """The row whose id begins with `wanted` and the decision on it.

    Raises `PriceError` for no or several such rows, a missing reason, and a row that cannot be an offer.
    """
    if verdict not in ("accept", "revoke"):
        raise PriceError(f"verdict: {verdict!r} is not accept or revoke")
    if not because.strip():
        raise PriceError("because: is empty (say why, for whoever reads the plan later)")
    found = {row.id: row for row in held if wanted and row.id.startswith(wanted)}
    if len(found) != 1:
        what = f"fits {len(found)} rows, give more digits" if found else "is no held row"
        raise PriceError(f"quarantine: {wanted!r} {what} (list them: planner prices quarantine)")
    (row,) = found.values()
    if verdict == "accept":
        row.offer()
    return row, Decision(row.id, verdict, " ".join(because.split()), decided_at)


def decision_line(decision: Decision) -> str:
    """One JSON line of the decisions file."""
    return json.dumps(asdict(decision), sort_keys=True) + "\n"


def read_decisions(text: str, *, where: str) -> tuple[Decision, ...]:
    """Decisions of a file of JSON lines; raises `PriceError` with the line that is none."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            found.append(Decision(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise PriceError(f"{where}: line {number}: not a decision: {error} (delete the line)") from error
    return tuple(found)
