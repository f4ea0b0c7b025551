"""Snapshots in PostgreSQL, for a team that shares one store: the same rows, columns and questions."""

from __future__ import annotations

import getpass
import json
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from planner.pricing.errors import MissingPartError, PriceError
from planner.pricing.quarantine import Decision, Held
from planner.pricing.snapshot import ProviderState, Snapshot, SnapshotInfo, parse_time
from planner.pricing.snapshot_columns import HELD, ROW, from_columns, kind_of, row_cells

if TYPE_CHECKING:
    from pg8000.native import Connection

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
CONNECT_S, WAIT_S, SILENT_S = 10.0, 60, 120.0
"""Until the server takes the call, unless the URL says `connect_timeout`; until the other writer is done, as in
a folder; and until a server that says nothing counts as gone."""
NO_CALL = ("08", "28", "3D", "53", "57", "58")
"""Classes of SQLSTATE that are no fault of the call: link, login, database, resources, operator, system
(PostgreSQL manual, appendix A)."""
SOCKETS = Path("/var/run/postgresql")
"""Where the server's packages put the socket; asked when the URL names no host."""
PARAMETERS = frozenset(
    {"host", "port", "user", "password", "dbname", "options", "sslmode", "sslrootcert", "application_name",
     "connect_timeout"}
)  # fmt: skip
"""Of the parameters libpq reads from a URL, those that are read here."""
STARTUP = frozenset({"options", "application_name"})
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
COPIED_AT_ONCE = 500
ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
"""Text format of COPY; a missing value is `\\N`, which no escaped text can be."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL asks for; `host` is a name, an address, or the folder of a socket."""

    host: str
    port: int
    user: str
    password: str
    database: str | None
    startup: dict[str, str]
    tls: ssl.SSLContext | bool | None
    connect_s: float


class PostgresStore:
    """A database of snapshots; the tables are made when first written to.

    Rows of one snapshot arrive in one transaction, so a writer that dies leaves nothing.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        path = "" if "@" in parts.path else parts.path  # an unescaped slash in a password ends up here
        self.location = f"{parts.scheme}://{parts.hostname or 'local'}{path}"
        """Without user and password: this is what messages show."""

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection that sees the tables unqualified; one transaction, kept when the block ends well."""
        try:
            from pg8000.native import Error
        except ModuleNotFoundError as error:
            raise MissingPartError(
                'PostgreSQL needs pg8000: pip install "openclaw-planner[store]"'
            ) from error
        connection = self._connect()
        try:
            connection.run("BEGIN")
            connection.run(f"SET search_path TO {SCHEMA}")
            connection.run(f"SET lock_timeout TO '{WAIT_S}s'")
            yield connection
            connection.run("COMMIT")
        except (Error, OSError) as error:
            raise self._named(error) from None
        finally:
            with suppress(Error, OSError):  # a transaction still open ends with its connection
                connection.close()

    def _connect(self) -> Connection:
        from pg8000.native import Connection

        try:
            target = target_of(self.url)
        except ValueError as error:
            raise PriceError(f"{self.location}: the URL is not understood: {error}") from None
        link = None
        try:
            link = _call(target)
            return Connection(
                target.user, host=target.host, database=target.database, password=target.password,
                sock=link, ssl_context=target.tls, startup_params=target.startup,
            )  # fmt: skip
        except Exception as error:  # whatever answers need not be PostgreSQL
            if link is not None:
                link.close()
            raise self._named(error) from None

    def _named(self, error: Exception) -> PriceError | MissingPartError:
        """The error in one line; what the driver says may repeat the password, what the server says does not."""
        said = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
        state, text = said.get("C", ""), " ".join(said.get("M", "").split())
        if state == "42P01":
            return PriceError(f"{self.location}: no snapshot (fetch one: planner prices refresh)")
        if state == "55P03":
            return PriceError(
                f"{self.location}: another process has been writing for {WAIT_S} s (wait for it, or end it)"
            )
        if state and not state.startswith(NO_CALL):
            return PriceError(f"{self.location}: {state}: {text}")
        why = text or type(error).__name__
        return MissingPartError(f"{self.location}: no connection ({why}; check the URL and that it runs)")

    def append(self, snapshot: Snapshot) -> str:
        """Add a snapshot in one transaction."""
        parse_time(snapshot.taken_at)
        states = json.dumps([asdict(state) for state in snapshot.states], sort_keys=True)
        with self.connection() as connection:
            for statement in (ONE_AT_A_TIME, *TABLES):
                connection.run(statement)
            connection.run(
                "INSERT INTO snapshots VALUES (:id, :taken_at, :states) ON CONFLICT (id) DO NOTHING",
                id=snapshot.id,
                taken_at=snapshot.taken_at,
                states=states,
            )
            if connection.row_count:
                _copy(connection, "offers", ROW, snapshot.id, _rows(snapshot))
                held = ([getattr(row, column) for column in HELD] for row in snapshot.held)
                _copy(connection, "held", HELD, snapshot.id, held)
        return snapshot.id

    def infos(self) -> tuple[SnapshotInfo, ...]:
        """Every snapshot, oldest first."""
        with self.connection() as connection:
            if not _has(connection, "snapshots"):
                return ()
            rows = connection.run("SELECT id, taken_at, states FROM snapshots ORDER BY id")
        return tuple(SnapshotInfo(id, taken_at, _states(text)) for id, taken_at, text in rows)

    def read(self, id: str, providers: Iterable[str] | None = None) -> Snapshot:
        """One snapshot, or what some providers brought of it."""
        info = next((info for info in self.infos() if info.id == id), None)
        if info is None:
            raise PriceError(f"{self.location}: {id!r} is no snapshot (list them: planner prices snapshots)")
        given = {f"p{n}": name for n, name in enumerate(sorted(set(providers or ())))}
        among = f"provider IN ({', '.join(f':{mark}' for mark in given)})" if given else "FALSE"
        narrowed = "" if providers is None else f" AND {among}"
        with self.connection() as connection:
            rows, held = (
                connection.run(
                    f"SELECT {', '.join(names)} FROM {table} WHERE snapshot = :id{narrowed} ORDER BY ctid",
                    id=id,
                    **given,
                )
                for table, names in (("offers", ROW), ("held", HELD))
            )
        columns = list(zip(*rows, strict=True)) or [()] * len(ROW)
        offers = from_columns(dict(zip(ROW, columns, strict=True)))
        return Snapshot(info.taken_at, info.states, offers, tuple(Held(*row) for row in held))

    def decisions(self) -> tuple[Decision, ...]:
        """Decisions on held rows, oldest first."""
        with self.connection() as connection:
            if not _has(connection, "decisions"):
                return ()
            found = connection.run("SELECT id, verdict, because, decided_at FROM decisions ORDER BY n")
            return tuple(Decision(*row) for row in found)

    def decide(self, decision: Decision) -> None:
        """Add a decision."""
        with self.connection() as connection:
            connection.run(
                "INSERT INTO decisions (id, verdict, because, decided_at) "
                "VALUES (:id, :verdict, :because, :decided_at)",
                **asdict(decision),
            )


def _states(text: str) -> tuple[ProviderState, ...]:
    return tuple(ProviderState(**state) for state in json.loads(text))


def _rows(snapshot: Snapshot) -> Iterator[tuple[Any, ...]]:
    for provider in sorted(snapshot.offers):
        for offer in snapshot.offers[provider]:
            yield row_cells(provider, snapshot.taken_at, offer)


def _has(connection: Connection, table: str) -> bool:
    return bool(connection.run("SELECT to_regclass(:name)", name=table) != [[None]])


def _copy(
    connection: Connection, table: str, names: tuple[str, ...], id: str, rows: Iterable[Iterable[Any]]
) -> None:
    lines = (copy_line((id, *row)) for row in rows)
    blocks = iter(lambda: "".join(islice(lines, COPIED_AT_ONCE)), "")
    connection.run(f"COPY {table} (snapshot, {', '.join(names)}) FROM STDIN", stream=blocks)


def copy_line(cells: Iterable[Any]) -> str:
    r"""One row in the text format of COPY.

    >>> copy_line(["a\tb", None, 1.5, "\\N"])
    'a\\tb\t\\N\t1.5\t\\\\N\n'
    """
    return "\t".join(r"\N" if cell is None else str(cell).translate(ESCAPES) for cell in cells) + "\n"


def target_of(url: str) -> Target:
    """Read a `postgresql://` URL as libpq does: a parameter outdoes the part of the same meaning.

    One host only; unlike libpq, nothing is taken from `PG*` variables or a password file.
    Raises `ValueError` in words that repeat nothing of the URL, which holds a password.

    >>> target_of("postgresql://me:s%40cret@db.example:5433/prices?sslmode=disable").password
    's@cret'
    >>> target_of("postgresql://me@/prices?host=/tmp/pg").host
    '/tmp/pg'
    """
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    if given.keys() - PARAMETERS:
        raise ValueError(f"unknown parameter (known: {', '.join(sorted(PARAMETERS))})")
    if "@" in parts.path or parts.fragment:
        raise ValueError("an @ behind the host, or a # (special characters need %-encoding)")
    named = parts.netloc.rpartition("@")[2]
    host = (parts.hostname or "") if named.startswith("[") else unquote(named.partition(":")[0])
    host = given.get("host") or host or (str(SOCKETS) if SOCKETS.is_dir() else "localhost")
    startup = {name: text for name, text in given.items() if name in STARTUP}
    return Target(
        host=host,
        port=_whole("port", given.get("port") or _port(named)),
        user=given.get("user") or unquote(parts.username or "") or _who(),
        password=given.get("password") or unquote(parts.password or ""),
        database=given.get("dbname") or unquote(parts.path[1:]) or None,
        startup={"client_encoding": "UTF8", **startup},
        tls=False if host.startswith("/") else _tls(given.get("sslmode", "prefer"), given.get("sslrootcert")),
        connect_s=_whole("connect_timeout", given.get("connect_timeout") or "0") or CONNECT_S,
    )


def _port(named: str) -> str:
    return named.rpartition("]")[2].partition(":")[2] or "5432"


def _whole(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise ValueError(f"{name} is no whole number below 65536 (special characters need %-encoding)")
    return int(text)


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise ValueError("no user (postgresql://USER@host/database)") from None


def _tls(mode: str, authorities: str | None) -> ssl.SSLContext | bool | None:
    """What the driver calls these modes; None is TLS where the server has it, without a look at who it is."""
    if mode not in SSL_MODES:
        raise ValueError(f"unknown sslmode (known: {', '.join(SSL_MODES)})")
    if not mode.startswith("verify") and not (mode == "require" and authorities):
        return {"disable": False, "require": True}.get(mode)
    try:
        context = ssl.create_default_context(cafile=authorities)
    except OSError:
        raise ValueError("sslrootcert cannot be read (give a file of certificates in PEM)") from None
    context.check_hostname = mode == "verify-full"
    return context


def _call(target: Target) -> socket.socket:
    """A socket to the server. Raises `OSError`."""
    if not target.host.startswith("/"):
        link = socket.create_connection((target.host, target.port), target.connect_s)
        link.settimeout(SILENT_S)
        return link
    link = socket.socket(socket.AF_UNIX)
    try:
        link.settimeout(SILENT_S)
        link.connect(f"{target.host}/.s.PGSQL.{target.port}")
    except OSError:
        link.close()
        raise
    return link
