"""Stores to test against: a folder, and a PostgreSQL server of our own where one is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from planner.pricing.catalog import load_catalog
from planner.pricing.offer import Offer
from planner.pricing.snapshot import ProviderState, Snapshot, Store
from planner.pricing.snapshot_files import FileStore
from planner.pricing.snapshot_postgres import SCHEMA, PostgresStore

OFFERS = load_catalog().offers
H100 = next(o for o in OFFERS if o.gpu == "h100_sxm" and o.term == "on_demand")


@pytest.fixture(scope="session")
def make_offer() -> Callable[..., Offer]:
    """A valid H100 offer with some fields replaced; the price per GPU follows."""

    def make(**changes: Any) -> Offer:
        plain = {"seller": "acme", "instance": "one", "gpu_count": 1.0, "gpu_memory_gib": 80.0, "flags": ()}
        offer = replace(H100, as_of="2026-10-01", usd_per_hour=2.0, usd_per_gpu_hour=2.0, **plain)
        offer = replace(offer, **changes)
        if "usd_per_hour" in changes and "usd_per_gpu_hour" not in changes:
            offer = replace(offer, usd_per_gpu_hour=offer.usd_per_hour / offer.gpu_count)
        return offer

    return make


@pytest.fixture(scope="session")
def make_snapshot() -> Callable[..., Snapshot]:
    """A snapshot of a day from offers by provider; `bad` maps other providers to what befell them."""

    def make(day: str, bad: dict[str, str] | None = None, **offers: tuple[Offer, ...]) -> Snapshot:
        states = [ProviderState(name, "ok", offers=len(rows)) for name, rows in offers.items()]
        states += [ProviderState(name, status) for name, status in (bad or {}).items()]
        return Snapshot(f"{day}T08:00:00.000000Z", tuple(states), offers)

    return make


def _server_program(name: str) -> str | None:
    """A PostgreSQL server program; Debian keeps them off the PATH, by version."""
    kept = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(kept[-1]) if kept else None)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A server of our own on a socket, gone afterwards; skips where PostgreSQL or pg8000 is not installed."""
    pytest.importorskip("pg8000")
    initdb, control = _server_program("initdb"), _server_program("pg_ctl")
    if not (initdb and control):
        pytest.skip("no PostgreSQL server programs here")
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # short: a socket's path has 107 bytes
    who: dict[str, Any] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        who = {"user": "nobody", "extra_groups": []}
        shutil.chown(folder, "nobody")
    data = str(folder / "data")
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "cwd": folder, **who}
    subprocess.run([initdb, "-D", data, "-A", "trust", "-U", "planner", "-N"], check=True, **quiet)
    start = [control, "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start"]
    subprocess.run(start, check=True, **quiet)
    try:
        yield f"postgresql://planner@/postgres?host={folder}"
    finally:
        subprocess.run([control, "-D", data, "-m", "immediate", "stop"], check=True, **quiet)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["folder", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind."""
    if request.param == "folder":
        yield FileStore(tmp_path / "prices")
        return
    found = PostgresStore(request.getfixturevalue("postgres_url"))
    yield found
    with found.connection() as connection:
        connection.run(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
