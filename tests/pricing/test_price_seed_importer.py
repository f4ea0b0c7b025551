"""The importer: one offer per priced term, identities by reviewed rules, every refusal listed."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from planner.pricing.importers import seed

ROW = {
    "provider": "aws", "instance_type": "p5.48xlarge", "gpu": "H100", "gpu_count": "8",
    "gpu_memory_gib": "80", "vcpus": "192", "memory_gib": "2048", "region": "us-east-1",
    "price_on_demand_usd_h": "55", "price_spot_usd_h": "20", "source_repo": "skypilot-org/skypilot-catalog",
    "source_path": "aws/vms.csv", "source_commit": "0123456789abcdef",
}  # fmt: skip

GERMAN_KWH = {
    "region": "Germany", "sector": "residential", "usd_per_kwh": "0.4", "source_value": "0.35",
    "source_unit": "EUR/kWh", "year": "2024-H2", "source": "s",
}  # fmt: skip
GERMAN_GRID = {
    "key": "DEU", "name": "Germany", "kind": "country", "gco2_per_kwh": "380", "year": "2023", "source": "s",
}  # fmt: skip
CHEAP = {"instance_type": "g6f.2xlarge", "price_on_demand_usd_h": "0.5", "price_spot_usd_h": "0.2"}


def row(**changes: str) -> dict[str, str]:
    return {**ROW, **changes}


def test_each_priced_term_becomes_an_offer() -> None:
    offers, refused = seed.collect([row()], {})
    assert [(o.term, o.usd_per_hour, o.usd_per_gpu_hour) for o in offers] == [
        ("on_demand", 55.0, 6.875),
        ("spot", 20.0, 2.5),
    ]
    assert refused == []
    assert {o.gpu for o in offers} == {"h100_sxm"}
    assert offers[0].source == "skypilot-org/skypilot-catalog@0123456789ab:aws/vms.csv"


def test_a_date_comes_from_the_list_of_sources_or_stays_unknown() -> None:
    dates = {("skypilot-org/skypilot-catalog", "aws/vms.csv"): "2026-07-01"}
    assert {o.as_of for o in seed.collect([row()], dates)[0]} == {"2026-07-01"}
    assert {o.as_of for o in seed.collect([row()], {})[0]} == {None}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"price_on_demand_usd_h": "", "price_spot_usd_h": ""}, "missing_price"),
        ({"gpu": "Voodoo 2", "provider": "x"}, "unknown_gpu"),
        ({"price_on_demand_usd_h": "", "price_spot_usd_h": "0.1"}, "price_out_of_band"),
        ({"gpu_memory_gib": "24", "price_spot_usd_h": ""}, "memory_contradicts_gpu"),
    ],
)
def test_a_bad_row_is_listed_with_its_reason(changes: dict[str, str], reason: str) -> None:
    offers, refused = seed.collect([row(**changes)], {})
    assert offers == []
    assert [found.reason for found in refused] == [reason]


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"provider": "vast", "instance_type": "8x-H100_SXM-1"}, "marketplace"),
        ({"provider": "shadeform"}, "broker"),
        ({"provider": "dataoorts"}, "least_checkable"),
        ({"provider": "seeweb", "region": ""}, "no_stock_when_fetched"),
        ({"provider": "oci"}, "presence_unverified"),
        ({"price_spot_usd_h": "55"}, "spot_equals_on_demand"),
        ({"region": "moon-1"}, "country_unknown"),
        ({"provider": "nobody"}, "ambiguous_gpu:h100_pcie|h100_sxm"),
        (
            {"gpu": "L4", "gpu_count": "0.25", "gpu_memory_gib": "5.59", **CHEAP},
            "fractional_gpu",
        ),
    ],
)
def test_what_a_reader_should_know_is_flagged(changes: dict[str, str], flag: str) -> None:
    offers, _ = seed.collect([row(**changes)], {})
    assert flag in offers[0].flags


def test_the_invented_host_of_vast_machines_is_dropped() -> None:
    offers, _ = seed.collect([row(provider="vast", instance_type="8x-H100_SXM-32-65536")], {})
    assert (offers[0].vcpus, offers[0].host_memory_gib) == (None, None)


def test_a_newer_row_wins_and_keeps_host_figures_only_the_older_has() -> None:
    dates = {("new", "p"): "2026-07-20"}
    newer = row(
        source_repo="new",
        source_path="p",
        vcpus="",
        memory_gib="",
        price_on_demand_usd_h="50",
        price_spot_usd_h="",
    )
    candidates, _ = seed.collect([row(price_spot_usd_h=""), newer], dates)
    kept, refused = seed.settle(candidates)
    assert [(o.usd_per_hour, o.vcpus, o.as_of) for o in kept] == [(50.0, 192.0, "2026-07-20")]
    assert [(r.reason, r.detail) for r in refused] == [("superseded", "55 $/h; kept 50 as of 2026-07-20")]


def test_spot_above_on_demand_is_refused_after_both_terms_are_known() -> None:
    kept, refused = seed.settle(seed.collect([row(price_spot_usd_h="60")], {})[0])
    assert [o.term for o in kept] == ["on_demand"]
    assert [r.reason for r in refused] == ["spot_above_on_demand"]


def test_reviewed_instance_rules_name_known_gpus_and_reasons() -> None:
    from planner.profiles.gpus import load_gpus

    for rule in seed.packaged("instance_gpus.csv"):
        assert set(rule["gpu"].split()) <= set(load_gpus())
        assert rule["reason"]


def test_running_it_writes_the_tables_and_running_it_again_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "in" / "pricing", tmp_path / "out"
    folder.mkdir(parents=True)
    out.mkdir()
    tables = {
        "cloud_offers.csv": [row(), row(price_on_demand_usd_h="", price_spot_usd_h="", region="us-west-2")],
        "sources.csv": [{"source_repo": "r", "source_path": "p", "as_of": ""}],
        "electricity.csv": [GERMAN_KWH],
        "grid_carbon.csv": [GERMAN_GRID],
    }  # fmt: skip
    for name, rows in tables.items():
        with (folder / name).open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    first = written_by(folder.parent, out)
    assert first == written_by(folder.parent, out)
    assert first["offers.csv"].count("\n") == 3
    assert "missing_price" in first["left_out.csv"]
    assert "Germany,DE,residential,0.4,0.35,EUR/kWh,2024-12-31,s" in first["electricity.csv"]
    assert "left out, missing_price: 1" in capsys.readouterr().out


def written_by(data_dir: Path, out: Path) -> dict[str, str]:
    assert seed.main([str(data_dir), "--out", str(out)]) == 0
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(out.iterdir())}
