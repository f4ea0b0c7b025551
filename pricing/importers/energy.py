"""Re-table electricity prices and grid carbon of a data folder; called by `importers.seed`."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from planner.pricing.regions import load_countries

ELECTRICITY = ("place", "country", "sector", "usd_per_kwh", "listed", "unit", "as_of", "source")
CARBON = ("key", "name", "country", "grams_co2_per_kwh", "as_of", "source")
NAMES = {country.name: code for code, country in load_countries().items()}


def period_end(text: str) -> str:
    """Last day of a year or half-year.

    >>> period_end("2023"), period_end("2024-H1"), period_end("")
    ('2023-12-31', '2024-06-30', '')
    """
    if not text:
        return ""
    year, _, half = text.partition("-")
    return f"{year}-06-30" if half == "H1" else f"{year}-12-31"


def import_electricity(folder: Path, out: Path) -> int:
    """Rows written to electricity.csv; a US state keeps its name and gets country US."""
    rows = []
    for row in _read(folder / "electricity.csv"):
        place = row["region"]
        country = "US" if place.startswith("US") else NAMES.get(place, "")
        figures = (row["sector"], row["usd_per_kwh"], row["source_value"], row["source_unit"])
        rows.append((place, country, *figures, period_end(row["year"]), row["source"]))
    return _write(out / "electricity.csv", ELECTRICITY, rows)


def import_carbon(folder: Path, out: Path) -> int:
    """Rows written to carbon.csv: countries by ISO alpha-3 code, cloud regions as `seller:region`."""
    by_iso3 = {country.iso3: code for code, country in load_countries().items()}
    rows = []
    for row in _read(folder / "grid_carbon.csv"):
        changed = re.search(r"last changed (\d{4}-\d{2}-\d{2})", row["source"])
        as_of = period_end(row["year"]) or (changed[1] if changed else "")
        country = by_iso3.get(row["key"], "") if row["kind"] == "country" else ""
        rows.append((row["key"], row["name"], country, row["gco2_per_kwh"], as_of, row["source"]))
    return _write(out / "carbon.csv", CARBON, rows)


def _read(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as handle:
        yield from csv.DictReader(handle)


def _write(path: Path, columns: Iterable[str], rows: Sequence[tuple[str, ...]]) -> int:
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(tuple(columns))
        writer.writerows(rows)
    return len(rows)
