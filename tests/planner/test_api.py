"""The public names, called as a program would."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

import planner
from planner import api


def test_every_public_function_is_public_in_the_package() -> None:
    assert set(api.__all__) <= set(planner.__all__)


def test_prices_of_an_ambiguous_gpu_are_those_of_every_member() -> None:
    keys = {offer.gpu for offer in api.prices(gpu="H100", as_of=date(2026, 9, 1))}
    assert {"h100_sxm", "h100_pcie"} <= keys


def test_prices_are_in_a_total_order() -> None:
    day = date(2026, 9, 1)
    assert api.prices(as_of=day) == api.prices(as_of=day)


def test_the_bare_core_sizes_a_fleet() -> None:
    fleet = api.size_fleet({"a": 3.0}, {"a": {"g": 2.0}}, {"g": 1.5}, splitting="continuous")
    assert dict(fleet.counts) == {"g": 2}
    assert fleet.cost == 3.0


def test_kernels_are_by_op_then_name() -> None:
    found = api.kernels()
    assert list(found) == sorted(found, key=lambda v: (v.op, v.name))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: api.prices(sellers=["runpd"]), "seller: 'runpd' is not known (did you mean runpod?)"),
        (lambda: api.prices(zones=["eur"]), "zone: 'eur' is not known (did you mean eu?)"),
        (lambda: api.kernels(op="gem"), "op: 'gem' is not known (did you mean gemm?)"),
        (lambda: api.profile_blocks(op="gem"), "op: 'gem' is not known (did you mean gemm?)"),
    ],
)
def test_a_filter_that_names_nothing_is_answered_with_the_nearest(
    call: Callable[[], object], message: str
) -> None:
    with pytest.raises(planner.InputError) as caught:
        call()
    assert str(caught.value) == message


def test_a_term_no_offer_has_today_is_no_error() -> None:
    assert api.prices(terms=["api"]) == ()


def test_profiles_are_found_by_any_spelling_of_the_gpu() -> None:
    assert api.profile_blocks("H100 SXM") == api.profile_blocks("h100_sxm") != ()
