"""How prices moved: one SQL for both stores. DuckDB reads the Parquet files where they lie."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from planner.pricing.errors import MissingPartError, PriceError
from planner.pricing.snapshot import Store
from planner.pricing.snapshot_files import FileStore
from planner.pricing.snapshot_postgres import PostgresStore

HISTORY_SQL = """
WITH dated AS (
    SELECT seller, instance, region, gpu, term, payment, usd_per_gpu_hour, provider, taken_at,
           COALESCE(as_of, substr(taken_at, 1, 10)) AS day
    FROM offers
    WHERE {filters}
), last_of_day AS (
    SELECT *, row_number() OVER (
        PARTITION BY seller, instance, region, gpu, term, payment, day ORDER BY taken_at DESC, provider
    ) AS n
    FROM dated
)
SELECT day, gpu, term, count(*), count(DISTINCT seller), min(usd_per_gpu_hour),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY usd_per_gpu_hour), max(usd_per_gpu_hour)
FROM last_of_day
WHERE n = 1
GROUP BY day, gpu, term
ORDER BY gpu, term, day
"""
"""The last word of each day on each offer. Only what a source said counts: a provider that failed adds
nothing to that day, its older rows are not repeated."""


@dataclass(frozen=True, slots=True)
class PricePoint:
    """Prices of one GPU and term on one day, USD per GPU-hour over the offers seen."""

    day: str
    gpu: str
    term: str
    offers: int
    sellers: int
    low_usd_per_gpu_hour: float
    median_usd_per_gpu_hour: float
    high_usd_per_gpu_hour: float


def price_history(
    store: Store,
    *,
    gpus: Collection[str],
    terms: Collection[str] | None = None,
    sellers: Collection[str] | None = None,
    since: str | None = None,
) -> tuple[PricePoint, ...]:
    """Daily prices of some GPUs (keys) by GPU, term and day.

    Raises `MissingPartError` without the `store` extra, and `PriceError` where nothing was ever stored.
    """
    if not store.infos():
        raise PriceError(f"{store.location}: no snapshot (fetch one: planner prices refresh)")
    filters: list[str] = []
    values: list[Any] = []
    for column, wanted in (("gpu", gpus), ("term", terms), ("seller", sellers)):
        if wanted is not None:
            marks = ", ".join(f"${len(values) + n}" for n in range(1, len(wanted) + 1))
            filters.append(f"{column} IN ({marks})" if wanted else "FALSE")
            values += sorted(wanted)
    if since is not None:
        values.append(since)
        filters.append(f"COALESCE(as_of, substr(taken_at, 1, 10)) >= ${len(values)}")
    sql = HISTORY_SQL.format(filters=" AND ".join(filters))  # column names and marks only
    return tuple(PricePoint(*row) for row in query(store, sql, values))


def query(store: Store, sql: str, values: Sequence[Any] = ()) -> Iterable[tuple[Any, ...]]:
    """Rows of a SELECT over the table `offers` (columns of `snapshot_columns.ROW`), marks `$1` and so on.

    Read-only, on either store; raises `MissingPartError` without the extra.
    """
    if isinstance(store, PostgresStore):
        return _postgres(store, sql, values)
    if isinstance(store, FileStore):
        return _duckdb(store, sql, values)
    raise TypeError(f"{type(store).__name__} has no SQL")


def _duckdb(store: FileStore, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    try:
        import duckdb
    except ModuleNotFoundError as error:
        raise MissingPartError('price history needs DuckDB: pip install "openclaw-planner[store]"') from error
    with duckdb.connect() as connection:
        files = [str(store.snapshots / info.id / "offers.parquet") for info in store.infos()]
        connection.read_parquet(files, union_by_name=True).create_view("offers")
        return connection.execute(sql, list(values)).fetchall()


def _postgres(store: PostgresStore, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with store.connection() as connection:
        connection.run("SET TRANSACTION READ ONLY")
        found = connection.execute_unnamed(sql, list(values))  # `run` would want names instead of `$1`
        return [tuple(row) for row in found.rows]
