"""Build the shipped price tables from a data folder: `python -P -m planner.pricing.importers.seed DATA_DIR`.

Reads `pricing/*.csv` there; writes offers.csv (one row per term, newest per key), left_out.csv (every row
that is not in it, with the reason), electricity.csv and carbon.csv. Running it again on the same folder
changes nothing.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path

from planner.pricing.catalog import newest
from planner.pricing.gates import failed_gate, spot_above_on_demand
from planner.pricing.importers.energy import import_carbon, import_electricity
from planner.pricing.offer import COLUMNS, Key, Offer, to_row
from planner.pricing.regions import country_of, zone_of
from planner.profiles.errors import ProfileError
from planner.profiles.gpus import load_gpus, resolve_gpu

Row = Mapping[str, str]
MARKETPLACES = frozenset({"vast", "lium", "akash", "salad", "simplepod"})
BROKERS = frozenset({"primeintellect", "shadeform", "spheron"})
LEAST_CHECKABLE = frozenset({"dataoorts", "akash"})
"""Of tardellirs/gpu-pricing, collected by hand: examples rather than truth."""
LICENCES = {
    "aws/karpenter-provider-aws": "Apache-2.0",
    "Azure/karpenter-provider-azure": "Apache-2.0",
    "tardellirs/gpu-pricing": "MIT",
}
PUBLIC_FACT = "facts of a public price list"
"""The SkyPilot catalog and hemgo-lexsi/gpu-price-dashboard state no licence: only figures are taken."""
TERM_COLUMNS = {"on_demand": "price_on_demand_usd_h", "spot": "price_spot_usd_h"}


@dataclass(frozen=True, slots=True)
class Refused:
    """A source row, or one term of it, that is not shipped."""

    reason: str
    label: str
    detail: str
    source: str


def read(path: Path) -> list[dict[str, str]]:
    """Rows of one CSV file."""
    with path.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def packaged(name: str) -> list[dict[str, str]]:
    """Rows of one reviewed table of this package."""
    text = (files("planner.pricing") / "data" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@dataclass(frozen=True, slots=True)
class Identity:
    """What a source row rents: GPU key, number of them, and flags about the doubt left."""

    gpu: str
    count: float
    flags: tuple[str, ...] = ()


def identify(row: Row, rules: Iterable[Row]) -> Identity:
    """What the reviewed instance rules say of a row, else what its spelling says."""
    count = float(row["gpu_count"])
    memory = float(row["gpu_memory_gib"]) / min(count, 1.0) if row["gpu_memory_gib"] else None
    for rule in rules:
        if rule["seller"] == row["provider"] and fnmatchcase(row["instance_type"], rule["instance"]):
            keys = rule["gpu"].split()
            fitting = [key for key in keys if memory is None or load_gpus()[key].has_memory(memory)]
            stated = float(rule["count"] or count)
            return Identity((fitting or keys)[0], stated, () if stated == count else ("count_from_name",))
    match = resolve_gpu(row["gpu"], memory_gib=memory)
    return Identity(match.key, count, (f"ambiguous_gpu:{'|'.join(match.keys)}",) if match.ambiguous else ())


FLAGS: Mapping[str, Callable[[Row, str], bool]] = {
    "marketplace": lambda row, _: row["provider"] in MARKETPLACES or "(community)" in row["instance_type"],
    "broker": lambda row, _: row["provider"] in BROKERS,
    "least_checkable": lambda row, _: row["provider"] in LEAST_CHECKABLE,
    "fractional_gpu": lambda row, _: float(row["gpu_count"]) % 1 > 0,
    "country_unknown": lambda row, _: country_of(row["provider"], row["region"]) is None,
    # the source names no currency and the seller bills in Europe
    "currency_unverified": lambda row, _: row["provider"] == "seeweb",
    "no_stock_when_fetched": lambda row, _: row["provider"] == "seeweb" and not row["region"],
    # every shape is listed in every region
    "presence_unverified": lambda row, _: row["provider"] == "oci",
    # one zone of a region can be a third of all the others
    "cheapest_zone": lambda row, term: row["provider"] == "aws" and term == "spot",
    "spot_equals_on_demand": lambda row, _: row["price_spot_usd_h"] == row["price_on_demand_usd_h"],
}
"""What a reader should know before trusting a row, by term."""


def offers_of(row: Row, rented: Identity, *, as_of: str | None) -> Iterator[Offer]:
    """One offer per priced term of a source row."""
    seller, count = row["provider"], rented.count
    country = country_of(seller, row["region"] or None)
    # the SkyPilot list of vast writes 32 vCPU and 64 GiB for every machine
    invented_host = seller == "vast" and row["source_repo"].startswith("skypilot")
    vcpus, host = ("", "") if invented_host else (row["vcpus"], row["memory_gib"])
    for term, column in TERM_COLUMNS.items():
        if not row[column]:
            continue
        price = float(row[column])
        yield Offer(
            seller=seller, instance=row["instance_type"], gpu=rented.gpu, gpu_name_as_listed=row["gpu"],
            gpu_count=count, gpu_memory_gib=float(row["gpu_memory_gib"]) if row["gpu_memory_gib"] else None,
            vcpus=float(vcpus) if vcpus else None, host_memory_gib=float(host) if host else None,
            region=row["region"] or None, country=country, zone=zone_of(country), term=term,
            usd_per_hour=price, usd_per_gpu_hour=round(price / count, 6), currency="USD",
            upfront_usd=None, commitment_months=None, interruption_per_hour=None,
            availability=1.0 if seller in MARKETPLACES else None,
            source=f"{row['source_repo']}@{row['source_commit'][:12]}:{row['source_path']}", as_of=as_of,
            age_days=None, licence=LICENCES.get(row["source_repo"], PUBLIC_FACT),
            flags=(*rented.flags, *(name for name, holds in FLAGS.items() if holds(row, term))),
        )  # fmt: skip


def collect(rows: Iterable[Row], dates: Mapping[tuple[str, str], str]) -> tuple[list[Offer], list[Refused]]:
    """Offers that pass the gates of one row, and what was refused before they could be compared."""
    rules = packaged("instance_gpus.csv")
    offers: list[Offer] = []
    refused: list[Refused] = []
    for row in rows:
        label = f"{row['provider']} {row['instance_type']} {row['region'] or '(no region)'}"
        source = f"{row['source_repo']}:{row['source_path']}"
        if not any(row[column] for column in TERM_COLUMNS.values()):
            refused.append(Refused("missing_price", label, "neither an on-demand nor a spot price", source))
            continue
        try:
            rented = identify(row, rules)
        except ProfileError as error:
            refused.append(Refused("unknown_gpu", label, str(error), source))
            continue
        as_of = dates.get((row["source_repo"], row["source_path"])) or None
        for offer in offers_of(row, rented, as_of=as_of):
            if found := failed_gate(offer):
                refused.append(Refused(found[0], offer.label, found[1], offer.source))
            else:
                offers.append(offer)
    return offers, refused


def settle(offers: Iterable[Offer]) -> tuple[list[Offer], list[Refused]]:
    """Newest per key, with host figures that only an older row has; then the gate across terms."""
    by_key: dict[Key, list[Offer]] = {}
    for offer in offers:
        by_key.setdefault(offer.key, []).append(offer)
    kept: dict[Key, Offer] = {}
    refused = []
    for key, rows in by_key.items():
        (best,) = newest(rows)
        for older in (row for row in rows if row is not best):
            detail = f"{older.usd_per_hour:g} $/h; kept {best.usd_per_hour:g} as of {best.as_of or 'no date'}"
            refused.append(Refused("superseded", older.label, detail, older.source))
        kept[key] = replace(
            best,
            vcpus=_first(rows, best, "vcpus"),
            host_memory_gib=_first(rows, best, "host_memory_gib"),
            gpu_memory_gib=_first(rows, best, "gpu_memory_gib"),
        )
    dear = spot_above_on_demand(kept.values())
    refused += [
        Refused("spot_above_on_demand", kept[k].label, why, kept[k].source) for k, why in dear.items()
    ]
    return [offer for key, offer in sorted(kept.items()) if key not in dear], refused


def _first(rows: Iterable[Offer], best: Offer, name: str) -> float | None:
    """The newest row's figure, or any that an older row of the same offer has."""
    found = (getattr(row, name) for row in (best, *rows))
    return next((value for value in found if value is not None), None)


def main(argv: list[str] | None = None) -> int:
    """Write the tables and print how many rows went in, came out, and stayed away for what reason."""
    parser = argparse.ArgumentParser(
        prog="planner.pricing.importers.seed", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("data_dir", type=Path, help="folder with a pricing/ folder of CSV files")
    parser.add_argument("--out", type=Path, default=Path(str(files("planner.pricing") / "data")))
    options = parser.parse_args(argv)
    folder = options.data_dir / "pricing"
    rows = read(folder / "cloud_offers.csv")
    dates = {(r["source_repo"], r["source_path"]): r["as_of"] for r in read(folder / "sources.csv")}
    candidates, refused = collect(rows, dates)
    offers, late = settle(candidates)
    refused += late
    write(options.out / "offers.csv", COLUMNS, map(to_row, offers))
    ordered = sorted(refused, key=lambda r: (r.reason, r.label, r.detail))
    write(options.out / "left_out.csv", ("reason", "label", "detail", "source"),
          ((r.reason, r.label, r.detail, r.source) for r in ordered))  # fmt: skip
    energy = import_electricity(folder, options.out), import_carbon(folder, options.out)
    print(
        f"{len(rows)} source rows -> {len(offers)} offers; {energy[0]} electricity, {energy[1]} carbon rows"
    )
    for reason in sorted({r.reason for r in refused}):
        print(f"  left out, {reason}: {sum(r.reason == reason for r in refused)}")
    return 0


def write(path: Path, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """One CSV table with a header and plain line ends."""
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(tuple(columns))
        writer.writerows(rows)


if __name__ == "__main__":
    raise SystemExit(main())
