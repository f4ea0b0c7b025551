"""Snapshots in PostgreSQL, for a team that shares one store: the same rows, columns and questions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from planner.pricing.errors import MissingPartError, PriceError
from planner.pricing.quarantine import Decision, Held
from planner.pricing.snapshot import ProviderState, Snapshot, SnapshotInfo, parse_time
from planner.pricing.snapshot_columns import HELD, ROW, from_columns, kind_of, row_cells

if TYPE_CHECKING:
    import psycopg

SCHEMES = ("postgresql", "postgres")
SCHEMA = "planner_prices"
TYPES = {"text": "text", "real": "double precision", "whole": "integer"}
TABLES = (
    f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}",
    f"CREATE TABLE IF NOT EXISTS {SCHEMA}.snapshots (id text PRIMARY KEY, taken_at text NOT NULL, "
    "states text NOT NULL)",
    f"CREATE TABLE IF NOT EXISTS {SCHEMA}.offers (snapshot text NOT NULL REFERENCES {SCHEMA}.snapshots, "
    f"{', '.join(f'{name} {TYPES[kind_of(name)]}' for name in ROW)})",
    f"CREATE INDEX IF NOT EXISTS offers_gpu ON {SCHEMA}.offers (gpu, term)",
    f"CREATE INDEX IF NOT EXISTS offers_snapshot ON {SCHEMA}.offers (snapshot, provider)",
    f"CREATE TABLE IF NOT EXISTS {SCHEMA}.held (snapshot text NOT NULL REFERENCES {SCHEMA}.snapshots, "
    f"{', '.join(f'{name} text' for name in HELD)})",
    f"CREATE TABLE IF NOT EXISTS {SCHEMA}.decisions (n bigserial PRIMARY KEY, id text, verdict text, "
    "because text, decided_at text)",
)
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(4921640057)"
"""Two first writers would otherwise both create the tables, and one would fail."""


class PostgresStore:
    """A database of snapshots; the tables are made when first written to.

    Rows of one snapshot arrive in one transaction, so a writer that dies leaves nothing.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        self.location = f"{parts.scheme}://{parts.hostname or 'local'}{parts.path}"
        """Without user and password: this is what messages show."""

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """A connection that sees the tables unqualified; commits when the block ends well."""
        try:
            import psycopg
        except ModuleNotFoundError as error:
            raise MissingPartError(
                'PostgreSQL needs psycopg: pip install "openclaw-planner[store]"'
            ) from error
        try:
            with psycopg.connect(self.url, connect_timeout=10) as connection:
                connection.execute(f"SET search_path TO {SCHEMA}")
                yield connection
        except psycopg.OperationalError as error:
            raise MissingPartError(
                f"{self.location}: no connection ({type(error).__name__}; check the URL and that it runs)"
            ) from None  # the driver's text may repeat the URL with its password
        except psycopg.errors.UndefinedTable as error:
            raise PriceError(f"{self.location}: no snapshot (fetch one: planner prices refresh)") from error
        except psycopg.Error as error:
            said = error.diag.message_primary or "the URL is not understood"
            raise PriceError(f"{self.location}: {type(error).__name__}: {said}") from None

    def append(self, snapshot: Snapshot) -> str:
        """Add a snapshot in one transaction."""
        parse_time(snapshot.taken_at)
        states = json.dumps([asdict(state) for state in snapshot.states], sort_keys=True)
        with self.connection() as connection, connection.cursor() as cursor:
            cursor.execute(ONE_AT_A_TIME)
            for statement in TABLES:
                cursor.execute(statement)
            cursor.execute(
                "INSERT INTO snapshots VALUES (%s, %s, %s) ON CONFLICT (id) DO NOTHING",
                (snapshot.id, snapshot.taken_at, states),
            )
            if cursor.rowcount:
                _copy(cursor, "offers", ROW, snapshot.id, _rows(snapshot))
                held = ([getattr(row, column) for column in HELD] for row in snapshot.held)
                _copy(cursor, "held", HELD, snapshot.id, held)
        return snapshot.id

    def infos(self) -> tuple[SnapshotInfo, ...]:
        """Every snapshot, oldest first."""
        with self.connection() as connection:
            if connection.execute("SELECT to_regclass('snapshots')").fetchone() == (None,):
                return ()
            rows = connection.execute("SELECT id, taken_at, states FROM snapshots ORDER BY id").fetchall()
        return tuple(SnapshotInfo(id, taken_at, _states(text)) for id, taken_at, text in rows)

    def read(self, id: str, providers: Iterable[str] | None = None) -> Snapshot:
        """One snapshot, or what some providers brought of it."""
        info = next((info for info in self.infos() if info.id == id), None)
        if info is None:
            raise PriceError(f"{self.location}: {id!r} is no snapshot (list them: planner prices snapshots)")
        narrowed = "" if providers is None else " AND provider = ANY(%s)"
        given: tuple[Any, ...] = (id,) if providers is None else (id, sorted(set(providers)))
        with self.connection() as connection:
            rows, held = (
                connection.execute(
                    f"SELECT {', '.join(names)} FROM {table} WHERE snapshot = %s{narrowed} ORDER BY ctid",
                    given,
                ).fetchall()
                for table, names in (("offers", ROW), ("held", HELD))
            )
        columns = list(zip(*rows, strict=True)) or [()] * len(ROW)
        offers = from_columns(dict(zip(ROW, columns, strict=True)))
        return Snapshot(info.taken_at, info.states, offers, tuple(Held(*row) for row in held))

    def decisions(self) -> tuple[Decision, ...]:
        """Decisions on held rows, oldest first."""
        with self.connection() as connection:
            if connection.execute("SELECT to_regclass('decisions')").fetchone() == (None,):
                return ()
            found = connection.execute("SELECT id, verdict, because, decided_at FROM decisions ORDER BY n")
            return tuple(Decision(*row) for row in found)

    def decide(self, decision: Decision) -> None:
        """Add a decision."""
        with self.connection() as connection:
            connection.execute(
                "INSERT INTO decisions (id, verdict, because, decided_at) VALUES (%s, %s, %s, %s)",
                (decision.id, decision.verdict, decision.because, decision.decided_at),
            )


def _states(text: str) -> tuple[ProviderState, ...]:
    return tuple(ProviderState(**state) for state in json.loads(text))


def _rows(snapshot: Snapshot) -> Iterator[tuple[Any, ...]]:
    for provider in sorted(snapshot.offers):
        for offer in snapshot.offers[provider]:
            yield row_cells(provider, snapshot.taken_at, offer)


def _copy(
    cursor: psycopg.Cursor[Any], table: str, names: tuple[str, ...], id: str, rows: Iterable[Iterable[Any]]
) -> None:
    with cursor.copy(f"COPY {table} (snapshot, {', '.join(names)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row((id, *row))
