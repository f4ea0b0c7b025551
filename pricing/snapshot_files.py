"""Snapshots in a folder: one sub-folder each, moved into place in one step.

    STORE/snapshots/ID/{offers.parquet, held.parquet, meta.json}    complete, never changed again
    STORE/incoming/ID/                                              being written; rubbish when nobody writes
    STORE/decisions.jsonl                                           the user's word on held rows, added to

Everything is written and flushed to disk under `incoming`, then the folder is renamed: a crash leaves either
no snapshot or a whole one. A power cut as well, since the parent folder is flushed after the rename.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planner.pricing.errors import PriceError
from planner.pricing.quarantine import Decision, Held, decision_line, read_decisions
from planner.pricing.snapshot import ProviderState, Snapshot, SnapshotInfo
from planner.pricing.snapshot_columns import HELD, TEXTS, from_table, to_table
from planner.pricing.snapshot_lock import locked

if TYPE_CHECKING:
    import pyarrow as pa

LAYOUT = 1
"""Version of the files; a reader refuses a newer one by name."""


class FileStore:
    """A folder of snapshots; made when first written to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.location = str(root)

    @property
    def snapshots(self) -> Path:
        """Where complete snapshots lie."""
        return self.root / "snapshots"

    def append(self, snapshot: Snapshot) -> str:
        """Add a snapshot in one step; `PriceError` where the folder cannot be written."""
        incoming, name = self.root / "incoming", snapshot.id
        try:
            for folder in (incoming, self.snapshots):
                folder.mkdir(parents=True, exist_ok=True)
            with locked(self.root / "lock"):
                _clear(incoming)  # whatever lies here belongs to a writer that died
                if not (self.snapshots / name).exists():
                    _write(incoming / name, snapshot)
                    os.rename(incoming / name, self.snapshots / name)
                    _flush_folder(self.snapshots)
        except OSError as error:
            raise PriceError(f"{self.location}: cannot be written: {error.strerror or error}") from error
        return name

    def infos(self) -> tuple[SnapshotInfo, ...]:
        """Every snapshot, oldest first; none where nothing was ever written."""
        with suppress(FileNotFoundError):
            return tuple(_info(folder) for folder in sorted(self.snapshots.iterdir()) if folder.is_dir())
        return ()

    def read(self, id: str, providers: Iterable[str] | None = None) -> Snapshot:
        """One snapshot; `providers` narrows rows and held rows."""
        folder = self.snapshots / id
        info = _info(folder)
        wanted = None if providers is None else sorted(set(providers))
        offers = from_table(_table(folder / "offers.parquet", wanted))
        rows = _table(folder / "held.parquet", wanted).select(list(HELD)).to_pylist()
        return Snapshot(info.taken_at, info.states, offers, tuple(Held(**row) for row in rows))

    def decisions(self) -> tuple[Decision, ...]:
        """Decisions on held rows; a last line that a crash cut short is not counted."""
        path = self.root / "decisions.jsonl"
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ()
        return read_decisions(text[: text.rfind("\n") + 1], where=str(path))

    def decide(self, decision: Decision) -> None:
        """Add one line, flushed; what a crash left of an unfinished one is cut off first."""
        self.root.mkdir(parents=True, exist_ok=True)
        with locked(self.root / "lock"), (self.root / "decisions.jsonl").open("a+b") as handle:
            handle.seek(0)
            handle.truncate(handle.read().rfind(b"\n") + 1)
            handle.write(decision_line(decision).encode())
            handle.flush()
            os.fsync(handle.fileno())


def _write(folder: Path, snapshot: Snapshot) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir()
    held = pa.table({c: pa.array([getattr(r, c) for r in snapshot.held], pa.string()) for c in HELD})
    meta = {
        "layout": LAYOUT,
        "id": snapshot.id,
        "taken_at": snapshot.taken_at,
        "states": [asdict(state) for state in snapshot.states],
    }
    pq.write_table(
        to_table(snapshot.taken_at, snapshot.offers), folder / "offers.parquet", compression="zstd"
    )
    pq.write_table(held, folder / "held.parquet", compression="zstd")
    (folder / "meta.json").write_text(json.dumps(meta, sort_keys=True, indent=1), encoding="utf-8")
    for path in folder.iterdir():
        with path.open("rb+") as handle:
            os.fsync(handle.fileno())
    _flush_folder(folder)


def _flush_folder(folder: Path) -> None:
    """Make names in a folder last; Windows has no such call and needs none."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _clear(incoming: Path) -> None:
    for left in incoming.iterdir():
        shutil.rmtree(left, ignore_errors=True)


def _info(folder: Path) -> SnapshotInfo:
    try:
        meta: dict[str, Any] = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        if meta["layout"] > LAYOUT:
            raise PriceError(f"{folder}: layout {meta['layout']} is newer than this planner (upgrade it)")
        states = tuple(ProviderState(**state) for state in meta["states"])
        return SnapshotInfo(meta["id"], meta["taken_at"], states)
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, PriceError):
            raise
        raise PriceError(f"{folder}: not a snapshot: {error} (remove the folder)") from error


def _table(path: Path, providers: list[str] | None) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        filters = None if providers is None else [("provider", "in", providers)]
        if providers == []:
            return pq.read_table(path).slice(0, 0)
        return pq.read_table(path, filters=filters, use_threads=False, read_dictionary=TEXTS)
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise PriceError(f"{path}: cannot be read: {reason} (remove the snapshot's folder)") from error
