"""Loading, narrowing, dating and digesting the catalogue; files of the user's own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.pricing.catalog import Catalog, gated, load_catalog, newest
from planner.pricing.errors import PriceError
from planner.pricing.offer import COLUMNS, Offer

SHIPPED = load_catalog()
HEADER = "seller,instance,gpu,gpu_count,term,usd_per_hour"


def written(tmp_path: Path, text: str, name: str = "mine.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_catalogue_is_one_value() -> None:
    assert load_catalog() is SHIPPED
    assert len(SHIPPED.offers) > 1700
    assert SHIPPED.as_of == "2026-08-22"
    assert len(SHIPPED.digest) == 64


def test_a_filter_keeps_what_is_inside_every_limit() -> None:
    found = SHIPPED.filter(gpus=["h100_sxm"], zones=["eu"], terms=["on_demand"]).offers
    assert found
    assert {(o.gpu, o.zone, o.term) for o in found} == {("h100_sxm", "eu", "on_demand")}


def test_an_unknown_country_never_satisfies_residency() -> None:
    everywhere = {offer.zone for offer in SHIPPED.offers if offer.zone}
    inside = SHIPPED.filter(zones=everywhere).offers
    assert all(offer.country for offer in inside)
    assert len(inside) < len(SHIPPED.offers)


def test_regions_are_globs_over_the_spelling_of_the_seller() -> None:
    found = SHIPPED.filter(regions=["us-*", "eastus*"], sellers=["aws", "azure"]).offers
    assert {o.region for o in found} == {
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
        "eastus",
        "eastus2",
    }


def test_an_empty_limit_keeps_nothing_and_none_keeps_all() -> None:
    assert SHIPPED.filter(terms=[]).offers == ()
    assert SHIPPED.filter().offers == SHIPPED.offers


@given(st.sets(st.sampled_from(sorted({o.gpu for o in SHIPPED.offers})), max_size=5))
def test_a_wider_filter_never_loses_offers(gpus: set[str]) -> None:
    narrow = set(SHIPPED.filter(gpus=gpus).offers)
    assert narrow <= set(SHIPPED.filter(gpus=gpus | {"h100_sxm"}).offers)


def test_age_is_counted_from_the_given_day_and_unknown_stays_unknown() -> None:
    aged = SHIPPED.aged(date(2026, 8, 23))
    ages = {offer.as_of: offer.age_days for offer in aged.offers}
    assert ages["2026-08-22"] == 1
    assert ages[None] is None


def test_a_price_from_the_future_has_age_zero() -> None:
    assert all((offer.age_days or 0) >= 0 for offer in SHIPPED.aged(date(2020, 1, 1)).offers)


def test_the_digest_ignores_order_and_age_but_not_a_price() -> None:
    shuffled = Catalog(tuple(reversed(SHIPPED.offers)))
    assert shuffled.digest == SHIPPED.digest == SHIPPED.aged(date(2026, 11, 1)).digest
    first = SHIPPED.offers[0]
    dearer = Catalog((replace(first, usd_per_hour=first.usd_per_hour + 0.01), *SHIPPED.offers[1:]))
    assert dearer.digest != SHIPPED.digest


def test_the_newest_row_of_a_key_wins_and_undated_loses() -> None:
    offer = SHIPPED.offers[0]
    old, new = replace(offer, as_of="2026-01-01", usd_per_hour=1.0), replace(offer, as_of="2026-02-01")
    undated = replace(offer, as_of=None, usd_per_hour=9.0)
    assert newest([new, old, undated]) == (new,)
    assert newest([undated, old]) == (old,)


def test_gates_leave_out_and_count() -> None:
    good = next(o for o in SHIPPED.offers if o.term == "spot" and o.gpu == "h100_sxm")
    cheap = replace(good, instance="gift", usd_per_hour=0.01, usd_per_gpu_hour=0.01)
    sane = replace(
        good, term="on_demand", usd_per_hour=good.usd_per_hour / 2, usd_per_gpu_hour=good.usd_per_gpu_hour / 2
    )
    catalog = gated([good, cheap, sane])
    assert catalog.offers == (sane,)
    assert {found.reason: found.count for found in catalog.left_out} == {
        "price_out_of_band": 1,
        "spot_above_on_demand": 1,
    }


def test_a_file_with_the_needed_columns_is_enough(tmp_path: Path) -> None:
    path = written(tmp_path, f"{HEADER},region\naws,p9.metal,H100 SXM 80GB,8,committed_1y,16,eu-west-3\n")
    (offer,) = load_catalog(path).offers
    assert (offer.gpu, offer.gpu_name_as_listed, offer.usd_per_gpu_hour) == ("h100_sxm", "H100 SXM 80GB", 2)
    assert (offer.country, offer.zone, offer.commitment_months) == ("FR", "eu", 12)
    assert (offer.licence, offer.as_of) == ("the user's own", None)


def test_an_ambiguous_gpu_of_the_user_is_flagged(tmp_path: Path) -> None:
    path = written(tmp_path, f"{HEADER}\nme,box,A100,1,on_demand,1\n")
    (offer,) = load_catalog(path).offers
    assert offer.gpu == "a100_pcie_40gb"
    assert offer.ambiguous_gpus == ("a100_pcie_40gb", "a100_sxm_40gb", "a100_pcie", "a100_sxm")


def test_json_reads_like_csv(tmp_path: Path) -> None:
    row = {
        "seller": "me", "instance": "box", "gpu": "rtx_4090", "gpu_count": 2, "term": "spot",
        "usd_per_hour": 0.5, "flags": ["a", "b"], "vcpus": None,
    }  # fmt: skip
    (offer,) = load_catalog(written(tmp_path, json.dumps([row]), "mine.json")).offers
    assert (offer.usd_per_gpu_hour, offer.flags, offer.vcpus) == (0.25, ("a", "b"), None)


def test_the_shipped_file_is_its_own_format(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "pricing" / "data" / "offers.csv"
    again = load_catalog(written(tmp_path, shipped.read_text(encoding="utf-8")))
    assert again.offers == SHIPPED.offers
    assert again.digest == SHIPPED.digest


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "", "column 'seller' is missing"),
        ("a.csv", HEADER + "\n", "no offers in it"),
        ("a.csv", "s" + HEADER, "column 'sseller' is not known (did you mean seller?)"),
        ("a.csv", "seller,instance,gpu,gpu_count,term\nx,y,t4,1,spot\n", "column 'usd_per_hour' is missing"),
        ("a.csv", HEADER + "\nx,y,t4,1,spot\n", "line 2: 5 cells, the header has 6"),
        ("a.csv", HEADER + "\nx,y,t4,1,spot,cheap\n", "line 2: usd_per_hour: 'cheap' is not a number"),
        ("a.csv", HEADER + "\nx,y,rtx_4009,1,spot,1\n", "line 2: gpu: 'rtx_4009' is not known (did you mean"),
        ("a.csv", HEADER + "\nx,y,t4,none,spot,1\n", "line 2: gpu_count: 'none' is not a number"),
        ("a.csv", HEADER + "\nx,y,t4,1,monthly,1\n", "line 2: term: 'monthly' is not one of"),
        ("a.json", "{", "not JSON"),
        ("a.json", "{}", "must be a list of objects"),
        ("a.json", "[]", "no offers in it"),
        ("a.json", '[{"seller": "x"}]', "offer 1: column 'instance' is missing"),
        ("a.txt", "x", "'.txt' cannot be read (give .csv or .json)"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    path = written(tmp_path, text, name)
    with pytest.raises(PriceError) as caught:
        load_catalog(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PriceError, match="cannot be read"):
        load_catalog(tmp_path / "none.csv")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00\x00\x81")
    with pytest.raises(PriceError, match="cannot be read"):
        load_catalog(tmp_path / "b.csv")


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    from planner.pricing.catalog import parse_offer, read_csv

    try:
        records = read_csv(text, "x.csv")
        offers = [parse_offer(record, where=where) for where, record in records]
    except PriceError:
        return
    assert all(isinstance(offer, Offer) for offer in offers)


def test_importing_prices_is_light() -> None:
    code = (
        "import sys; from planner.pricing.catalog import load_catalog; load_catalog(); "
        "print([m for m in ('pandas', 'httpx', 'duckdb', 'pyarrow', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_columns_are_those_of_the_shipped_file() -> None:
    shipped = Path(__file__).parents[2] / "pricing" / "data" / "offers.csv"
    with shipped.open(encoding="utf-8") as handle:
        assert tuple(next(handle).strip().split(",")) == COLUMNS
