"""One SQL, two stores, the same history."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from planner.pricing.catalog import load_catalog
from planner.pricing.errors import PriceError
from planner.pricing.history import PricePoint, price_history, query
from planner.pricing.offer import Offer
from planner.pricing.snapshot import Snapshot, Store, shipped_snapshot

pytest.importorskip("duckdb")
MakeOffer = Callable[..., Offer]
MakeSnapshot = Callable[..., Snapshot]


def at(day: str, *prices: float, make: MakeOffer) -> tuple[Offer, ...]:
    return tuple(
        make(instance=f"i{n}", seller=f"s{n % 2}", usd_per_hour=price, as_of=day)
        for n, price in enumerate(prices)
    )


def test_a_day_has_its_low_median_and_high(
    store: Store, make_offer: MakeOffer, make_snapshot: MakeSnapshot
) -> None:
    for day, prices in (("2026-10-01", (2.0, 3.0, 7.0)), ("2026-10-02", (1.0, 4.0))):
        store.append(make_snapshot(day, acme=at(day, *prices, make=make_offer)))
    assert price_history(store, gpus=["h100_sxm"]) == (
        PricePoint("2026-10-01", "h100_sxm", "on_demand", 3, 2, 2.0, 3.0, 7.0),
        PricePoint("2026-10-02", "h100_sxm", "on_demand", 2, 2, 1.0, 2.5, 4.0),
    )


def test_of_two_refreshes_on_one_day_the_last_word_counts(
    store: Store, make_offer: MakeOffer, make_snapshot: MakeSnapshot
) -> None:
    for hour, price in ((8, 2.0), (9, 3.0)):
        snapshot = make_snapshot("2026-10-01", acme=at("2026-10-01", price, make=make_offer))
        store.append(Snapshot(f"2026-10-01T{hour:02}:00:00.000000Z", snapshot.states, snapshot.offers))
    (point,) = price_history(store, gpus=["h100_sxm"])
    assert (point.offers, point.low_usd_per_gpu_hour) == (1, 3.0)


def test_an_offer_seen_by_two_providers_or_in_another_zone_counts_once(
    store: Store, make_offer: MakeOffer, make_snapshot: MakeSnapshot
) -> None:
    zones = [(make_offer(flags=(f"zone:{zone}",)),) for zone in "ab"]
    store.append(make_snapshot("2026-10-01", acme=zones[0], broker=zones[1]))
    assert [point.offers for point in price_history(store, gpus=["h100_sxm"])] == [1]


def test_each_payment_option_of_a_commitment_counts(
    store: Store, make_offer: MakeOffer, make_snapshot: MakeSnapshot
) -> None:
    options = [
        make_offer(term="committed_1y", flags=(f"payment:{p}",)) for p in ("no_upfront", "all_upfront")
    ]
    store.append(make_snapshot("2026-10-01", acme=tuple(options)))
    assert [point.offers for point in price_history(store, gpus=["h100_sxm"])] == [2]


def test_a_day_a_provider_failed_has_no_invented_price(
    store: Store, make_offer: MakeOffer, make_snapshot: MakeSnapshot
) -> None:
    store.append(make_snapshot("2026-10-01", acme=at("2026-10-01", 2.0, make=make_offer)))
    store.append(make_snapshot("2026-10-02", {"acme": "failed"}))
    assert [point.day for point in price_history(store, gpus=["h100_sxm"])] == ["2026-10-01"]


def test_an_undated_row_counts_for_the_day_it_was_fetched(
    store: Store, make_offer: MakeOffer, make_snapshot: MakeSnapshot
) -> None:
    store.append(make_snapshot("2026-10-03", acme=(make_offer(as_of=None),)))
    assert [point.day for point in price_history(store, gpus=["h100_sxm"])] == ["2026-10-03"]


def test_filters_narrow_by_gpu_term_seller_and_day(
    store: Store, make_offer: MakeOffer, make_snapshot: MakeSnapshot
) -> None:
    rows = (*at("2026-10-01", 2.0, 3.0, make=make_offer), make_offer(term="spot", usd_per_hour=1.0))
    store.append(make_snapshot("2026-10-01", acme=rows))
    store.append(make_snapshot("2026-10-02", acme=at("2026-10-02", 4.0, make=make_offer)))
    gpus = ["h100_sxm"]
    assert price_history(store, gpus=["rtx_4090"]) == ()
    assert price_history(store, gpus=[]) == ()
    assert {p.term for p in price_history(store, gpus=gpus, terms=["spot"])} == {"spot"}
    assert [p.offers for p in price_history(store, gpus=gpus, terms=["on_demand"], sellers=["s1"])] == [1]
    assert [p.day for p in price_history(store, gpus=gpus, since="2026-10-02")] == ["2026-10-02"]


def test_names_are_values_and_never_sql(store: Store, make_snapshot: MakeSnapshot) -> None:
    store.append(make_snapshot("2026-10-01", acme=()))
    assert price_history(store, gpus=["x'; DROP TABLE offers; --"], terms=["'"]) == ()
    assert list(query(store, "SELECT count(*) FROM offers")) == [(0,)]


def test_both_stores_tell_the_same_history_of_the_shipped_prices(store: Store) -> None:
    store.append(shipped_snapshot(load_catalog()))
    points = price_history(store, gpus=["h100_sxm", "a100_sxm"])
    offers = [o for o in load_catalog().offers if o.gpu in ("h100_sxm", "a100_sxm")]
    assert sum(point.offers for point in points) == len(offers)
    assert min(p.low_usd_per_gpu_hour for p in points) == min(o.usd_per_gpu_hour for o in offers)
    assert list(points) == sorted(points, key=lambda p: (p.gpu, p.term, p.day))


def test_an_empty_store_has_no_history(store: Store) -> None:
    with pytest.raises(PriceError, match="planner prices refresh"):
        price_history(store, gpus=["h100_sxm"])


@pytest.mark.parametrize(
    ("library", "call", "hint"),
    [
        ("duckdb", "prices history h100_sxm --store {store}", "price history needs DuckDB"),
        ("pg8000", "prices snapshots --store postgresql://db/prices", "PostgreSQL needs pg8000"),
        ("genai_prices", "prices tokens", "token prices need genai-prices"),
    ],
)
def test_without_the_extra_the_answer_is_one_line_and_eight(
    tmp_path: Path, library: str, call: str, hint: str, make_snapshot: MakeSnapshot
) -> None:
    """In a child whose import of the library fails, as where it is not installed."""
    from planner.pricing.snapshot_files import FileStore

    FileStore(tmp_path / "s").append(make_snapshot("2026-10-01", acme=()))
    code = (
        f"import sys; sys.modules[{library!r}] = None; from planner.cli import main; "
        f"sys.argv = ['planner', *{call.format(store=tmp_path / 's').split()!r}]; main()"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (8, "")
    assert done.stderr == f'planner: {hint}: pip install "openclaw-planner[store]"\n'
