"""What moved, came and went, and which of it looks like a mistake."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.pricing.catalog import load_catalog
from planner.pricing.compare import compare_prices
from planner.pricing.offer import Offer

MakeOffer = Callable[..., Offer]
PRICES = st.dictionaries(st.sampled_from("abcdef"), st.floats(0.05, 50), max_size=6)


def test_nothing_changed_is_an_empty_difference() -> None:
    offers = load_catalog().offers
    diff = compare_prices(offers, offers)
    assert (diff.changes, diff.unchanged) == ((), len(offers))


def test_moved_new_and_gone_are_told_apart_with_percent(make_offer: MakeOffer) -> None:
    old = [make_offer(instance="a"), make_offer(instance="b")]
    new = [make_offer(instance="a", usd_per_hour=2.5), make_offer(instance="c")]
    diff = compare_prices(old, new)
    assert {(c.instance, c.change, c.percent) for c in diff.changes} == {
        ("a", "moved", 25.0), ("b", "gone", None), ("c", "new", None),
    }  # fmt: skip
    assert (diff.count("moved"), diff.unchanged, diff.suspicious) == (1, 0, 0)


@pytest.mark.parametrize(
    ("price", "suspicious"),
    [
        (2.02, ""),
        (3.9, ""),
        (4.1, "more than doubled"),
        (0.9, "less than half"),
        (16.0, "changed by exactly 8x"),
        (0.25, "changed by exactly 8x"),
        (4.0, "changed by exactly 2x"),
    ],
)
def test_a_step_that_smells_is_named(make_offer: MakeOffer, price: float, suspicious: str) -> None:
    (change,) = compare_prices([make_offer()], [make_offer(usd_per_hour=price)]).changes
    assert change.suspicious.startswith(suspicious)
    assert bool(change.suspicious) == bool(suspicious)


def test_a_new_offer_far_from_its_peers_is_suspicious(make_offer: MakeOffer) -> None:
    peers = [make_offer(instance=f"p{n}") for n in range(4)]
    diff = compare_prices(peers, [*peers, make_offer(instance="x", usd_per_hour=0.3)])
    assert [c.suspicious for c in diff.changes] == ["0.15 times the median of this GPU and term"]


def test_the_odd_ones_come_first_then_the_largest(make_offer: MakeOffer) -> None:
    old = [make_offer(instance=name) for name in "abc"]
    new = [make_offer(instance=n, usd_per_hour=p) for n, p in zip("abc", (2.1, 3.0, 16.0), strict=True)]
    assert [c.instance for c in compare_prices(old, new).changes] == ["c", "b", "a"]


def test_a_new_date_alone_is_no_change(make_offer: MakeOffer) -> None:
    diff = compare_prices([make_offer()], [make_offer(as_of="2026-11-01")])
    assert (diff.changes, diff.unchanged) == ((), 1)


@given(PRICES, PRICES)
def test_every_key_is_counted_once_and_the_reverse_mirrors(
    make_offer: MakeOffer, old: dict[str, float], new: dict[str, float]
) -> None:
    before, after = (
        [make_offer(instance=name, usd_per_hour=price) for name, price in side.items()] for side in (old, new)
    )
    diff, back = compare_prices(before, after), compare_prices(after, before)
    assert len(diff.changes) + diff.unchanged == len(old.keys() | new.keys())
    assert diff.count("new") == back.count("gone") == len(new.keys() - old.keys())
