"""Integrity of the machine table, and how much it agrees with the shipped prices."""

from __future__ import annotations

import pytest

from planner.pricing.catalog import load_catalog
from planner.pricing.providers.gcp import BUILDS
from planner.pricing.providers.machines import machine_of, machines_of, packaged
from planner.profiles.gpus import load_gpus

ROWS = packaged("machines.csv")


def test_every_machine_is_listed_once_with_a_reason_and_a_known_gpu() -> None:
    keys = [(row["seller"], row["instance"]) for row in ROWS]
    assert len(set(keys)) == len(keys)
    assert keys == sorted(keys)
    assert all(row["reason"] for row in ROWS)
    assert {row["gpu"] for row in ROWS} <= set(load_gpus())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['seller']}:{row['instance']}")
def test_a_machine_has_the_memory_of_its_gpus_or_of_its_share(row: dict[str, str]) -> None:
    count, memory = float(row["gpu_count"]), float(row["gpu_memory_gib"])
    assert 0 < count <= 16
    assert load_gpus()[row["gpu"]].has_memory(memory / min(count, 1))


def test_the_table_agrees_with_every_shipped_price() -> None:
    disagree = [
        offer.label
        for offer in load_catalog().offers
        if offer.seller in {"aws", "azure"}
        and (machine := machine_of(offer.seller, offer.instance))
        and (machine.keys[0] != offer.gpu or machine.gpu_count != offer.gpu_count)
    ]
    assert disagree == []


def test_every_google_machine_says_what_it_is_built_from() -> None:
    assert {name.rpartition("-")[0] for name in machines_of("gcp")} == set(BUILDS)
    assert all(machine.vcpus and machine.host_memory_gib for machine in machines_of("gcp").values())
