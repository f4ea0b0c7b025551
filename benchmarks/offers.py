"""100,000 offers: loading them from a store and filtering them, beside gpuhunt's query over the same rows.

`python -P benchmarks/offers.py [--rows 100000] [--gpuhunt PYTHON | --install]`. PYTHON is an interpreter that has
gpuhunt; `--install` makes one in a throw-away environment. Without either, only our side runs. CPU seconds of one
process, best of `--repeat`; the goal is a second for loading and filtering together.

The two do not do the same work: ours reads 26 columns and returns records with source, date and flags, newest per
offer and gated again; gpuhunt's reads 14 from CSV and checks no price. The rows are the shipped ones, repeated under
other instance names with prices moved by up to 5 %, so no result here is a statement about the market.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from planner.pricing.catalog import Catalog, load_catalog
from planner.pricing.offer import Offer
from planner.pricing.snapshot import ProviderState, Snapshot, catalog_of, current
from planner.pricing.snapshot_files import FileStore
from planner.profiles.gpus import load_gpus

GPU, TERM = "h100_sxm", "on_demand"
COLUMNS = ("instance_name", "location", "price", "cpu", "memory", "gpu_count", "gpu_name", "gpu_memory", "spot",
           "disk_size", "gpu_vendor", "flags", "cpu_arch", "provider_data")  # fmt: skip
"""Of a gpuhunt catalogue file, version 2."""

THEIRS = """
import json, os, sys, time
folder, name, repeat = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.environ["GPUHUNT_CATALOG_DIR"] = folder
from gpuhunt import Catalog
from gpuhunt._internal import storage

def best(work):
    times = []
    for _ in range(repeat):
        start = time.process_time()
        found = work()
        times.append(time.process_time() - start)
    return min(times), len(found)

catalog = Catalog(balance_resources=False, auto_reload=False)
both, found = best(lambda: catalog.query(provider="aws", gpu_name=name, spot=False))
load, rows = best(lambda: list(storage.load(open(os.path.join(folder, "aws.csv")), provider="aws")))
from gpuhunt._internal.catalog import ProviderCatalog
del os.environ["GPUHUNT_CATALOG_DIR"]
items = list(storage.load(open(os.path.join(folder, "aws.csv")), provider="aws"))
catalog.catalog["aws"], catalog.loaded_at = ProviderCatalog(version="0", items=items), 1.0
only, again = best(lambda: catalog.query(provider="aws", gpu_name=name, spot=False))
assert again == found
print(json.dumps({"load_s": load, "load_and_filter_s": both, "filter_s": only, "rows": rows, "found": found}))
"""


def many(count: int) -> tuple[Offer, ...]:
    """`count` valid offers with keys of their own."""
    shipped, choice = load_catalog().offers, random.Random(1)
    factors = [choice.uniform(1.0, 1.05) for _ in range(count // len(shipped) + 1)]
    found = []
    for n in range(count):
        offer, factor = shipped[n % len(shipped)], factors[n // len(shipped)]
        found.append(
            replace(
                offer,
                instance=f"{offer.instance} #{n // len(shipped)}",
                usd_per_hour=round(offer.usd_per_hour * factor, 6),
                usd_per_gpu_hour=round(offer.usd_per_hour * factor, 6) / offer.gpu_count,
            )
        )
    return tuple(found)


def best(work: Callable[[], object], repeat: int) -> float:
    """CPU seconds of the least disturbed run."""
    times = []
    for _ in range(repeat):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def ours(offers: tuple[Offer, ...], folder: Path, repeat: int) -> dict[str, float]:
    """Load from a store as `--prices store` does, then filter and rank as `prices show` does."""
    store = FileStore(folder)
    states = (ProviderState("bench", "ok", offers=len(offers)),)
    id = store.append(Snapshot("2026-10-01T00:00:00.000000Z", states, {"bench": offers}))
    catalog = catalog_of(current(store))

    def filtered(known: Catalog) -> list[Offer]:
        return sorted(known.filter(gpus=[GPU], terms=[TERM]).offers, key=lambda offer: offer.usd_per_gpu_hour)

    return {
        "read_s": best(lambda: store.read(id), repeat),
        "read_and_filter_s": best(lambda: filtered(Catalog(store.read(id).offers["bench"])), repeat),
        "load_s": best(lambda: catalog_of(current(store)), repeat),
        "load_and_filter_s": best(lambda: filtered(catalog_of(current(store))), repeat),
        "filter_s": best(lambda: filtered(catalog), repeat),
        "rows": len(catalog.offers),
        "found": len(filtered(catalog)),
    }


def theirs(offers: tuple[Offer, ...], folder: Path, python: str, repeat: int) -> dict[str, float]:
    """gpuhunt's load and query over the same rows, written in its own format."""
    names = {key: gpu.name for key, gpu in load_gpus().items()}
    with (folder / "aws.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for o in offers:
            writer.writerow(
                (o.instance, o.region or "anywhere", o.usd_per_hour, int(o.vcpus or 0), o.host_memory_gib or 0,
                 max(int(o.gpu_count), 1), names[o.gpu], o.gpu_memory_gib or load_gpus()[o.gpu].memory_gib,
                 o.term == "spot", "", "", " ".join(o.flags), "x86", "{}")
            )  # fmt: skip
    command = [python, "-c", THEIRS, str(folder), names[GPU], str(repeat)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"gpuhunt did not run: {done.stderr.strip().splitlines()[-1]}")
    result: dict[str, float] = json.loads(done.stdout)
    return result


def installed(folder: Path) -> str:
    """An interpreter with gpuhunt, in an environment that goes with `folder`."""
    venv.create(folder / "venv", with_pip=True)
    python = str(folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    done = subprocess.run([python, "-m", "pip", "install", "-q", "gpuhunt"], check=False)
    if done.returncode:
        raise SystemExit("gpuhunt could not be installed; its side was not run")
    return python


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--gpuhunt", metavar="PYTHON")
    parser.add_argument("--install", action="store_true")
    options = parser.parse_args()
    offers = many(options.rows)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _show("ours", ours(offers, folder / "store", options.repeat))
        python = options.gpuhunt or (installed(folder) if options.install else None)
        if python:
            _show("gpuhunt", theirs(offers, folder, python, options.repeat))
        else:
            print("gpuhunt: not run (--gpuhunt PYTHON or --install)")


def _show(who: str, figures: dict[str, float]) -> None:
    for name, value in figures.items():
        print(f"{who:8} {name:20} {value:,.3f}" if name.endswith("_s") else f"{who:8} {name:20} {value:,}")


if __name__ == "__main__":
    main()
