"""Snapshots are added whole, read back equal, and laid together provider by provider; both stores alike."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from planner.pricing.catalog import load_catalog
from planner.pricing.errors import MissingPartError, PriceError
from planner.pricing.offer import Offer
from planner.pricing.quarantine import Decision, Held
from planner.pricing.snapshot import (
    SHIPPED,
    ProviderState,
    Snapshot,
    Store,
    catalog_of,
    current,
    parse_time,
    resolve_id,
    shipped_snapshot,
)
from planner.pricing.snapshot_files import FileStore
from planner.pricing.snapshot_lock import locked
from planner.pricing.snapshot_postgres import ONE_AT_A_TIME, SSL_MODES, PostgresStore, target_of
from planner.pricing.snapshot_refresh import etags, keep
from planner.pricing.stores import open_store

MakeOffer = Callable[..., Offer]
MakeSnapshot = Callable[..., Snapshot]


def test_the_whole_shipped_catalogue_survives_a_store(store: Store) -> None:
    shipped = load_catalog()
    id = store.append(shipped_snapshot(shipped))
    assert store.read(id) == shipped_snapshot(shipped)
    assert catalog_of(current(store)).digest == shipped.digest


def test_every_field_held_rows_and_states_are_read_back(
    store: Store, make_offer: MakeOffer, make_snapshot: MakeSnapshot
) -> None:
    offer = make_offer(
        flags=("marketplace", "payment:all_upfront"), term="committed_1y", upfront_usd=17520.0,
        commitment_months=12, interruption_per_hour=0.02, availability=3.0, region=None, instance='a"b,\tc\\ü',
    )  # fmt: skip
    states = (ProviderState("acme", "ok", "fine", 'W/"1"', 1, 1), ProviderState("gcp", "skipped", "no key"))
    held = (Held("acme", "price_out_of_band", "acme one", "0.001 $", json.dumps({"seller": "é"})),)
    snapshot = Snapshot("2026-10-01T08:00:00.000001Z", states, {"acme": (offer,)}, held)
    assert store.read(store.append(snapshot)) == snapshot


def test_a_snapshot_added_twice_is_there_once(store: Store, make_snapshot: MakeSnapshot) -> None:
    snapshot = make_snapshot("2026-10-01", acme=())
    assert store.append(snapshot) == store.append(snapshot)
    assert len(store.infos()) == 1


def test_a_provider_that_fails_keeps_its_last_good_rows_with_their_date(
    store: Store, make_offer: MakeOffer, make_snapshot: MakeSnapshot
) -> None:
    store.append(make_snapshot("2026-10-01", acme=(make_offer(),), other=(make_offer(seller="o"),)))
    store.append(
        make_snapshot("2026-10-08", {"acme": "failed"}, other=(make_offer(seller="o", as_of="2026-10-08"),))
    )
    found = current(store)
    assert found.offers["acme"][0].as_of == "2026-10-01"
    assert found.offers["other"][0].as_of == "2026-10-08"
    assert {state.provider: state.status for state in found.states} == {"acme": "failed", "other": "ok"}


def test_what_a_provider_no_longer_lists_is_gone(
    store: Store, make_offer: MakeOffer, make_snapshot: MakeSnapshot
) -> None:
    store.append(make_snapshot("2026-10-01", acme=(make_offer(), make_offer(instance="two"))))
    store.append(make_snapshot("2026-10-02", acme=(make_offer(as_of="2026-10-02"),)))
    assert [offer.instance for offer in catalog_of(current(store)).offers] == ["one"]


def test_the_store_of_a_day_is_what_was_known_then(
    store: Store, make_offer: MakeOffer, make_snapshot: MakeSnapshot
) -> None:
    first = store.append(make_snapshot("2026-10-01", acme=(make_offer(),)))
    store.append(make_snapshot("2026-10-05", acme=(make_offer(usd_per_hour=9.0, as_of="2026-10-05"),)))
    for until in ("2026-10-01", "2026-10-04", first):
        assert current(store, until=until).offers["acme"][0].usd_per_hour == 2.0
    with pytest.raises(PriceError, match="no snapshot until 2026-09-30"):
        current(store, until="2026-09-30")


def test_shipped_rows_stand_in_only_for_places_nobody_fetched(
    store: Store, make_offer: MakeOffer, make_snapshot: MakeSnapshot
) -> None:
    vast = make_offer(seller="vast", term="on_demand", flags=("marketplace",))
    aws = make_offer(seller="aws", region="us-east-1")
    keep(store, make_snapshot("2026-10-01", vast=(vast,), aws=(aws,)), shipped=load_catalog())
    catalog = catalog_of(current(store))
    on_demand = catalog.filter(terms=["on_demand"])
    assert [o for o in on_demand.filter(sellers=["vast"]).offers if "marketplace" in o.flags] == [vast]
    assert on_demand.filter(sellers=["aws"], regions=["us-east-1"]).offers == (aws,)
    assert on_demand.filter(sellers=["aws"], regions=["us-west-2"]).offers
    assert catalog.filter(sellers=["vast"], terms=["spot"]).offers


def test_an_archive_adds_nothing_where_the_seller_itself_was_asked(
    store: Store, make_offer: MakeOffer, make_snapshot: MakeSnapshot
) -> None:
    live = make_offer(region="a")
    archived = [make_offer(region=region, instance="old", as_of=None) for region in "ab"]
    store.append(make_snapshot("2026-10-01", acme=(live,), archive=tuple(archived)))
    assert catalog_of(current(store)).offers == (archived[1], live)


def test_a_contract_wins_over_a_newer_list_price_and_hides_nothing_else(
    store: Store, make_offer: MakeOffer, make_snapshot: MakeSnapshot
) -> None:
    mine = make_offer(usd_per_hour=1.5, flags=("contract",))
    listed = [make_offer(instance=name, as_of="2026-10-02") for name in ("one", "two")]
    store.append(make_snapshot("2026-10-01", contract=(mine,)))
    store.append(make_snapshot("2026-10-02", acme=tuple(listed)))
    assert catalog_of(current(store)).offers == (mine, listed[1])
    store.append(make_snapshot("2026-10-03", contract=(make_offer(as_of="2026-10-03"),)))
    assert [offer.instance for offer in catalog_of(current(store)).offers] == ["one", "two"]


def test_the_shipped_prices_come_first_and_once(store: Store, make_snapshot: MakeSnapshot) -> None:
    for day in ("2026-10-01", "2026-10-02"):
        keep(store, make_snapshot(day, acme=()), shipped=load_catalog())
    assert [info.states[0].provider for info in store.infos()] == [SHIPPED, "acme", "acme"]


def test_a_tag_is_handed_back_only_for_the_rows_it_came_with(store: Store) -> None:
    def add(day: int, state: ProviderState) -> None:
        store.append(Snapshot(f"2026-10-0{day}T00:00:00.000000Z", (state,), {}))

    add(1, ProviderState("acme", "ok", etag="first"))
    add(2, ProviderState("acme", "failed"))
    assert etags(store) == {"acme": "first"}
    add(3, ProviderState("acme", "unchanged"))
    assert etags(store) == {"acme": "first"}
    add(4, ProviderState("acme", "ok"))
    assert etags(store) == {}


def test_capacity_blocks_are_kept_but_never_planned_on(
    store: Store, make_offer: MakeOffer, make_snapshot: MakeSnapshot
) -> None:
    block = make_offer(term="capacity_block", instance="block")
    store.append(make_snapshot("2026-10-01", acme=(make_offer(), block)))
    catalog = catalog_of(current(store))
    assert [offer.instance for offer in catalog.offers] == ["one"]
    assert [(row.reason, row.count) for row in catalog.left_out] == [("capacity_block", 1)]
    assert block in current(store).offers["acme"]


def test_payment_options_of_one_commitment_are_offers_of_their_own(make_offer: MakeOffer) -> None:
    options = [
        make_offer(term="committed_1y", flags=(f"payment:{p}",)) for p in ("no_upfront", "all_upfront")
    ]
    assert options[0].key != options[1].key


def test_decisions_are_kept_in_order(store: Store, make_snapshot: MakeSnapshot) -> None:
    store.append(make_snapshot("2026-10-01", acme=()))
    said = [Decision("abc", verdict, "I asked", "2026-10-02T00:00:00Z") for verdict in ("accept", "revoke")]
    for decision in said:
        store.decide(decision)
    assert list(store.decisions()) == said


def test_an_empty_store_says_how_to_fill_it(store: Store) -> None:
    assert store.infos() == ()
    assert store.decisions() == ()
    with pytest.raises(PriceError, match="planner prices refresh"):
        current(store)


def test_an_id_may_be_shortened_while_it_is_clear(store: Store, make_snapshot: MakeSnapshot) -> None:
    ids = [store.append(make_snapshot(day, acme=())) for day in ("2026-10-01", "2026-10-02")]
    assert resolve_id(store.infos(), ids[0][:10]).id == ids[0]
    for wanted in ("2026", "1999", ""):
        with pytest.raises(PriceError, match="the latest: "):
            resolve_id(store.infos(), wanted)


def test_a_line_cut_short_by_a_crash_is_not_a_decision(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    first = Decision("abc", "accept", "x", "2026-10-02T00:00:00Z")
    store.decide(first)
    with (tmp_path / "decisions.jsonl").open("a") as file:
        file.write('{"id": "hal')
    assert store.decisions() == (first,)
    store.decide(first)
    assert store.decisions() == (first, first)


def test_rubbish_of_a_dead_writer_is_swept_by_the_next(tmp_path: Path, make_snapshot: MakeSnapshot) -> None:
    left = tmp_path / "incoming" / "half"
    left.mkdir(parents=True)
    (left / "offers.parquet").write_bytes(b"PAR1")
    store = FileStore(tmp_path)
    assert store.infos() == ()
    store.append(make_snapshot("2026-10-01", acme=()))
    assert not left.exists()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "meta.json").write_text("{"), "not a snapshot"),
        (lambda folder: (folder / "meta.json").unlink(), "not a snapshot"),
        (lambda folder: (folder / "offers.parquet").write_bytes(b"no"), "cannot be read"),
        (lambda folder: (folder / "meta.json").write_text('{"layout": 99}'), "newer than this planner"),
    ],
)
def test_a_spoiled_snapshot_is_named(
    tmp_path: Path, make_snapshot: MakeSnapshot, spoil: Callable[[Path], object], message: str
) -> None:
    store = FileStore(tmp_path)
    id = store.append(make_snapshot("2026-10-01", acme=()))
    spoil(store.snapshots / id)
    with pytest.raises(PriceError, match=message) as caught:
        store.read(id)
    assert id in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_lock_that_is_held_is_waited_for_and_then_named(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "lock"),
        pytest.raises(PriceError, match="another process"),
        locked(tmp_path / "lock", wait_s=0.05),
    ):
        pass
    with locked(tmp_path / "lock", wait_s=0):
        pass


def test_a_lock_file_left_behind_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("12345")
    with locked(tmp_path / "lock", wait_s=0):
        pass


def test_a_place_that_is_no_store_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(PriceError, match="is a file"):
        open_store(file)
    with pytest.raises(PriceError, match="mysql:// is not known"):
        open_store("mysql://db/prices")


def test_a_database_out_of_reach_is_a_missing_part_and_keeps_its_password(tmp_path: Path) -> None:
    pytest.importorskip("pg8000")
    store = open_store(f"postgresql://me:hunter2@/none?host={tmp_path}")
    with pytest.raises(MissingPartError, match="no connection") as caught:
        store.infos()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://[bad/prices", "store: not a URL"),
        ("postgresql://me:hunter2@db/prices?no_such=1", "the URL is not understood: unknown parameter"),
        ("postgresql://me:hunter2@db/prices?sslmode=perhaps", "unknown sslmode"),
        ("postgresql://me:hunter2@db/prices?sslmode=verify-full&sslrootcert=/no/file", "sslrootcert"),
        ("postgresql://me:hunter2@db/prices?connect_timeout=soon", "connect_timeout is no whole number"),
        ("postgresql://me:#hunter2@db/prices", "%-encoding"),
        ("postgresql://me:?hunter2@db/prices", "unknown parameter"),
        ("postgresql://me:5/hunter2@db/prices", "%-encoding"),
        ("postgresql://me:hunter2@db:many/prices", "port is no whole number"),
    ],
)
def test_a_url_that_is_none_is_refused_and_keeps_its_password(url: str, message: str) -> None:
    pytest.importorskip("pg8000")
    with pytest.raises(PriceError, match=message) as caught:
        open_store(url).infos()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "host", "port", "user", "password", "database"),
    [
        ("postgresql://me:a%2Fb@db.example:6000/prices", "db.example", 6000, "me", "a/b", "prices"),
        ("postgresql://me@[::1]:6000/prices", "::1", 6000, "me", "", "prices"),
        ("postgresql://me@[::1]", "::1", 5432, "me", "", None),
        ("postgresql://me@/prices?host=/run/Pg&port=6000", "/run/Pg", 6000, "me", "", "prices"),
        ("postgres://%2Frun%2FPg/prices?user=me&password=b", "/run/Pg", 5432, "me", "b", "prices"),
    ],
)
def test_a_url_names_host_port_user_password_and_database(
    url: str, host: str, port: int, user: str, password: str, database: str | None
) -> None:
    found = target_of(url)
    assert (found.host, found.port, found.user) == (host, port, user)
    assert (found.password, found.database) == (password, database)


def test_a_certificate_is_checked_where_the_url_asks() -> None:
    found = {mode: target_of(f"postgresql://me@db?sslmode={mode}").tls for mode in SSL_MODES}
    assert (found["disable"], found["prefer"], found["require"]) == (False, None, True)
    full, authority = found["verify-full"], found["verify-ca"]
    assert isinstance(full, ssl.SSLContext) and full.check_hostname
    assert isinstance(authority, ssl.SSLContext) and not authority.check_hostname
    assert full.verify_mode == authority.verify_mode == ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    "text", ["a\tb\nc\r", "\\N", "\\.", "null", "'; --", '{x,"y"}', "é 漢", "", "$1 :id %s"]
)
def test_any_text_survives_a_store(
    store: Store, make_offer: MakeOffer, make_snapshot: MakeSnapshot, text: str
) -> None:
    snapshot = make_snapshot("2026-10-01", acme=(make_offer(instance=text),))
    held = (Held("acme", text, text, text, text),)
    kept = Snapshot(snapshot.taken_at, snapshot.states, snapshot.offers, held)
    assert store.read(store.append(kept)) == kept


def test_a_snapshot_the_database_refuses_leaves_nothing_behind(
    postgres_url: str, make_offer: MakeOffer, make_snapshot: MakeSnapshot
) -> None:
    store = open_store(postgres_url)
    with pytest.raises(PriceError, match="invalid byte sequence"):
        store.append(make_snapshot("2026-10-01", acme=(make_offer(), make_offer(instance="a\0b"))))
    assert store.infos() == ()


def test_a_writer_that_takes_too_long_is_named(
    postgres_url: str, make_snapshot: MakeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("planner.pricing.snapshot_postgres.WAIT_S", 1)
    store = PostgresStore(postgres_url)
    with store.connection() as connection:
        connection.run(ONE_AT_A_TIME)
        with pytest.raises(PriceError, match="another process has been writing for 1 s"):
            store.append(make_snapshot("2026-10-01", acme=()))


def test_a_server_of_another_kind_is_no_connection() -> None:
    pytest.importorskip("pg8000")
    with socket.create_server(("localhost", 0)) as server:
        answer = threading.Thread(target=_answer_and_hang_up, args=(server,))
        answer.start()
        with pytest.raises(MissingPartError, match="no connection") as caught:
            open_store(f"postgresql://me:hunter2@localhost:{server.getsockname()[1]}/x").infos()
        answer.join()
    assert "hunter2" not in str(caught.value)


def _answer_and_hang_up(server: socket.socket) -> None:
    link, _ = server.accept()
    with link:
        link.recv(100)
        link.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_a_database_that_may_not_be_written_is_named(postgres_url: str, make_snapshot: MakeSnapshot) -> None:
    store = open_store(f"{postgres_url}&options=-cdefault_transaction_read_only%3Don")
    with pytest.raises(PriceError, match="cannot execute CREATE SCHEMA in a read-only transaction"):
        store.append(make_snapshot("2026-10-01", acme=()))


@pytest.mark.parametrize("text", ["", "2026-10-01", "2026-10-01T08:00:00Z", "soon"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(PriceError, match="is not a time"):
        parse_time(text)
