"""Which store a location names: a folder, or the URL of a PostgreSQL database."""

from __future__ import annotations

from pathlib import Path

from planner.pricing.errors import PriceError
from planner.pricing.snapshot import Store
from planner.pricing.snapshot_files import FileStore
from planner.pricing.snapshot_postgres import SCHEMES, PostgresStore


def open_store(location: str | Path) -> Store:
    """The store at a location; nothing is made or connected yet.

    >>> open_store("postgresql://me:secret@db.example/prices").location
    'postgresql://db.example/prices'
    """
    text = str(location)
    scheme, found, _ = text.partition("://")
    if found:
        if scheme not in SCHEMES:
            raise PriceError(f"store: {scheme}:// is not known (give a folder or postgresql://...)")
        try:
            return PostgresStore(text)
        except ValueError as error:
            raise PriceError(f"store: not a URL: {error} (like postgresql://host/database)") from None
    path = Path(text).expanduser()
    if path.exists() and not path.is_dir():
        raise PriceError(f"store: {path} is a file (give a folder or postgresql://...)")
    return FileStore(path)
