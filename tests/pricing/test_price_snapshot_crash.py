"""Writers that die or collide: nothing is lost, nothing is half there, two writers end with the union."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from planner.pricing.catalog import load_catalog
from planner.pricing.snapshot import SHIPPED, current
from planner.pricing.snapshot_files import FileStore

WRITER = """
import json, os, random, signal, sys, time
from dataclasses import replace
from pathlib import Path

from planner.pricing.catalog import load_catalog
from planner.pricing.snapshot import ProviderState, Snapshot
from planner.pricing.snapshot_files import FileStore
from planner.pricing.snapshot_refresh import keep

OFFERS = load_catalog().offers


def snapshot(provider, number, rows):
    offers = tuple(
        replace(OFFERS[i % len(OFFERS)], instance=f"{provider} {number} {i}", as_of="2026-10-01")
        for i in range(rows)
    )
    states = (ProviderState(provider, "ok", offers=rows),)
    return Snapshot(f"2026-10-01T00:00:00.{number:06d}Z", states, {provider: offers})
"""

CRASHES = """
def write_for_ever(root, trial, pipe):
    for number in range(10_000):
        id = FileStore(root).append(snapshot("p", 10_000 * trial % 900_000 + number, 300))
        os.write(pipe, (id + "\\n").encode())


def die_at(root, trial, pipe, step):
    flush, seen = os.fsync, 0

    def counted(handle):
        nonlocal seen
        seen += 1
        if seen == step:
            os.kill(os.getpid(), signal.SIGKILL)
        flush(handle)

    os.fsync = counted
    write_for_ever(root, trial, pipe)


root, choice = Path(sys.argv[1]), random.Random(7)
store = FileStore(root)
store.append(snapshot("p", 999_999, 300))  # warm: the first write imports pyarrow
start = time.perf_counter()
store.append(snapshot("p", 999_998, 300))
one = time.perf_counter() - start
promised, moments = set(), 0
for trial in range(1, 63):
    receive, send = os.pipe()
    child = os.fork()
    if not child:
        if trial <= 12:
            die_at(root, trial, send, trial)
        write_for_ever(root, trial, send)
    os.close(send)
    if trial > 12:
        time.sleep(choice.uniform(0, 2.5 * one))
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    moments += 1
    with os.fdopen(receive) as pipe:
        promised |= set(pipe.read().split())
    # every complete name is a whole snapshot, and every promised one is there
    found = {info.id for info in store.infos()}
    assert promised <= found, promised - found
    assert all(folder.name in found for folder in store.snapshots.iterdir())
for id in found:
    kept = store.read(id)
    assert kept.id == id and len(kept.offers["p"]) == 300
id = store.append(snapshot("q", 999_997, 10))
print(json.dumps({"moments": moments, "kept": len(found), "left": len(list((root / "incoming").iterdir()))}))
"""

TOGETHER = """
root, provider = Path(sys.argv[1]), sys.argv[2]
mine = snapshot(provider, 1, 10_000)
print("ready", flush=True)
sys.stdin.readline()
keep(FileStore(root), mine, shipped=load_catalog())
"""


def started(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-c", WRITER + code, *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="forks its victims")
def test_a_writer_killed_at_any_moment_loses_nothing_and_leaves_no_half_snapshot(tmp_path: Path) -> None:
    """Twelve deaths between two flushes, one at each, and fifty at random moments of a write."""
    writer = started(CRASHES, str(tmp_path / "store"))
    said, complaint = writer.communicate(timeout=120)
    assert writer.returncode == 0, complaint
    result = json.loads(said)
    assert result["moments"] == 62
    assert result["left"] == 0
    assert result["kept"] > 2


def test_two_refreshes_of_ten_thousand_rows_at_once_end_with_the_union(tmp_path: Path) -> None:
    root = tmp_path / "store"
    writers = [started(TOGETHER, str(root), name) for name in ("left", "right")]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        _, complaint = writer.communicate(timeout=60)
        assert writer.returncode == 0, complaint
    found = dict(current(FileStore(root)).offers)
    assert len(found.pop(SHIPPED)) == len(load_catalog().offers)
    assert {name: len(rows) for name, rows in found.items()} == {"left": 10_000, "right": 10_000}
    assert len({offer.key for rows in found.values() for offer in rows}) == 20_000
