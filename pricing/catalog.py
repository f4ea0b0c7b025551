"""Every offer known, as one frozen value: load, narrow, override with own prices, date, digest.

The shipped table is `data/offers.csv`, already gated (`data/left_out.csv` lists what is not in it). A file of
the user's own has the same columns; `REQUIRED` ones must be there, the rest is filled in where it can be
derived.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path

from planner.pricing.errors import PriceError
from planner.pricing.gates import LeftOut, failed_gate, spot_above_on_demand, summarise
from planner.pricing.offer import COLUMNS, COMMITMENT_MONTHS, Key, Offer, parse_cell, to_row, write_cell
from planner.pricing.regions import country_of, zone_of
from planner.profiles.errors import ProfileError
from planner.profiles.gpus import load_gpus, resolve_gpu

REQUIRED = ("seller", "instance", "gpu", "gpu_count", "term", "usd_per_hour")
Record = dict[str, str]


@dataclass(frozen=True)
class Catalog:
    """Offers, newest per key, in the order of their keys; `left_out` counts what the gates kept away."""

    offers: tuple[Offer, ...]
    left_out: tuple[LeftOut, ...] = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the rows as text; age and order do not enter, so a lock survives a new day."""
        lines = sorted("\t".join(to_row(replace(o, age_days=None) if o.age_days else o)) for o in self.offers)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @cached_property
    def as_of(self) -> str | None:
        """Date of the newest dated offer."""
        return max((offer.as_of for offer in self.offers if offer.as_of), default=None)

    def filter(
        self,
        *,
        gpus: Collection[str] | None = None,
        sellers: Collection[str] | None = None,
        regions: Collection[str] | None = None,
        countries: Collection[str] | None = None,
        zones: Collection[str] | None = None,
        terms: Collection[str] | None = None,
    ) -> Catalog:
        """The offers inside every limit given; `regions` are globs over the seller's spelling.

        An offer of unknown country or zone is never inside a residency limit.
        """

        def inside(offer: Offer) -> bool:
            return (
                (gpus is None or offer.gpu in gpus)
                and (sellers is None or offer.seller in sellers)
                and (terms is None or offer.term in terms)
                and (countries is None or offer.country in countries)
                and (zones is None or offer.zone in zones)
                and (regions is None or any(fnmatchcase(offer.region or "", glob) for glob in regions))
            )

        return replace(self, offers=tuple(offer for offer in self.offers if inside(offer)))

    def with_offers(self, offers: Iterable[Offer]) -> Catalog:
        """These offers added; one of the same key replaces the older row."""
        return replace(self, offers=newest((*self.offers, *offers), later_wins=True))

    def with_own_prices(self, rows: Iterable[object]) -> Catalog:
        """The user's own prices on top (`own_prices.own_offers` says how they are matched)."""
        from planner.pricing.own_prices import own_offers

        return self.with_offers(own_offers(self.offers, rows))

    def aged(self, today: date) -> Catalog:
        """The same offers with `age_days` filled in where they are dated."""

        def age(offer: Offer) -> Offer:
            days = (today - date.fromisoformat(offer.as_of)).days if offer.as_of else None
            return replace(offer, age_days=None if days is None else max(days, 0))

        return replace(self, offers=tuple(map(age, self.offers)))


def newest(offers: Iterable[Offer], *, later_wins: bool = False) -> tuple[Offer, ...]:
    """One offer per key: the newest dated; undated loses to dated; `later_wins` ignores the dates."""
    best: dict[Key, Offer] = {}
    for offer in offers:
        known = best.get(offer.key)
        if known is None or later_wins or (offer.as_of or "") > (known.as_of or ""):
            best[offer.key] = offer
    return tuple(best[key] for key in sorted(best))


def load_catalog(path: str | Path | None = None) -> Catalog:
    """The shipped catalogue, or a CSV or JSON file of the user's own.

    Raises `PriceError`, one line with file, row, column, value and remedy, at the first bad cell, and for a
    file without offers. Rows that fail a sanity gate are left out and counted.
    """
    if path is None:
        return _shipped()
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig") if path.suffix.lower() in READERS else ""
    except (OSError, UnicodeDecodeError) as error:
        raise PriceError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
    return read_catalog(text, str(path))


def read_catalog(text: str, name: str) -> Catalog:
    """The catalogue of a text; the ending of `name` says whether it is CSV or JSON. Raises as `load_catalog`."""
    suffix = Path(name).suffix.lower()
    if suffix not in READERS:
        raise PriceError(f"{name}: {suffix or 'no ending'!r} cannot be read (give .csv or .json)")
    return gated(parse_offer(record, where=where) for where, record in READERS[suffix](text, name))


def gated(offers: Iterable[Offer]) -> Catalog:
    """A catalogue of the offers that pass every gate, newest per key, with the others counted."""
    failed: list[tuple[str, str]] = []
    passed = []
    for offer in offers:
        if found := failed_gate(offer):
            failed.append((found[0], f"{offer.label}: {found[1]}"))
        else:
            passed.append(offer)
    kept = newest(passed)
    dear = spot_above_on_demand(kept)
    failed += [("spot_above_on_demand", f"{' '.join(filter(None, key))}: {why}") for key, why in dear.items()]
    sound = tuple(offer for offer in kept if offer.key not in dear) if dear else kept
    return Catalog(sound, summarise(failed))


@cache
def _shipped() -> Catalog:
    data = files("planner.pricing") / "data"
    records = read_csv((data / "offers.csv").read_text(encoding="utf-8"), "offers.csv")
    offers = tuple(parse_offer(record, where=where) for where, record in records)
    left_out = csv.DictReader((data / "left_out.csv").read_text(encoding="utf-8").splitlines())
    return Catalog(offers, summarise((row["reason"], f"{row['label']}: {row['detail']}") for row in left_out))


def parse_offer(record: Mapping[str, str], *, where: str) -> Offer:
    """An offer from text cells; GPU key, country, zone and price per GPU are derived where absent."""
    cells = {**dict.fromkeys(COLUMNS, ""), **record}
    gpu = cells["gpu"]
    if gpu and gpu not in load_gpus():
        cells.update(_identify(cells, where=where))
    cells["gpu_name_as_listed"] = cells["gpu_name_as_listed"] or gpu
    for column, default in (("source", where), ("licence", "the user's own"), ("currency", "USD")):
        cells[column] = cells[column] or default
    if not cells["usd_per_gpu_hour"]:
        price, count = (parse_cell(c, cells[c], where=where) for c in ("usd_per_hour", "gpu_count"))
        cells["usd_per_gpu_hour"] = repr(price / count)
    values = {column: parse_cell(column, cells[column], where=where) for column in COLUMNS}
    if values["country"] is None:
        values["country"] = country_of(values["seller"], values["region"])
    values["zone"] = values["zone"] or zone_of(values["country"])
    if values["commitment_months"] is None:
        values["commitment_months"] = COMMITMENT_MONTHS.get(values["term"])
    return Offer(**values)


def _identify(cells: Mapping[str, str], *, where: str) -> Record:
    """Key of a GPU given by another spelling; the flag says when it may be one of several."""
    memory = parse_cell("gpu_memory_gib", cells["gpu_memory_gib"], where=where)
    try:
        match = resolve_gpu(cells["gpu"], memory_gib=memory)
    except ProfileError as error:
        raise PriceError(f"{where}: {error}") from error
    flags = (
        f"{cells['flags']} ambiguous_gpu:{'|'.join(match.keys)}".strip()
        if match.ambiguous
        else cells["flags"]
    )
    return {"gpu": match.key, "flags": flags}


def _check_columns(columns: Collection[str], *, where: str) -> None:
    for column in columns:
        if column not in COLUMNS:
            close = get_close_matches(column, COLUMNS, n=1)
            hint = f"did you mean {close[0]}?" if close else f"the columns are {', '.join(COLUMNS)}"
            raise PriceError(f"{where}: column {column!r} is not known ({hint})")
    if missing := [column for column in REQUIRED if column not in columns]:
        raise PriceError(f"{where}: column {missing[0]!r} is missing (needed: {', '.join(REQUIRED)})")


def read_csv(text: str, name: str) -> list[tuple[str, Record]]:
    """Records of a CSV table with the place of each, for messages."""
    reader = csv.reader(text.splitlines())
    header = next(reader, [])
    _check_columns(header, where=name)
    records = []
    for cells in reader:
        where = f"{name}: line {reader.line_num}"
        if len(cells) != len(header):
            raise PriceError(
                f"{where}: {len(cells)} cells, the header has {len(header)} (quote cells with commas)"
            )
        records.append((where, dict(zip(header, cells, strict=True))))
    return _not_empty(records, name)


def read_json(text: str, name: str) -> list[tuple[str, Record]]:
    """Records of a JSON list of objects."""
    try:
        rows = json.loads(text)
    except ValueError as error:
        raise PriceError(f"{name}: not JSON: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise PriceError(f"{name}: must be a list of objects, one per offer")
    records = []
    for number, row in enumerate(rows, start=1):
        where = f"{name}: offer {number}"
        _check_columns(row.keys(), where=where)
        cells = {c: tuple(v) if isinstance(v, list) else v for c, v in row.items()}
        records.append((where, {column: write_cell(value) for column, value in cells.items()}))
    return _not_empty(records, name)


def _not_empty(records: list[tuple[str, Record]], name: str) -> list[tuple[str, Record]]:
    if not records:
        raise PriceError(f"{name}: no offers in it (one row per offer and term, below a header)")
    return records


READERS: Mapping[str, Callable[[str, str], list[tuple[str, Record]]]] = {".csv": read_csv, ".json": read_json}
