"""Questions small enough to be decided and analysed in a blink, on the shipped data."""

from datetime import date

import pytest

import planner
from planner.analysis.session import ask
from planner.inputs import loads

SMALL = """
[workloads.chat]
model = "llama-3.1-8b"
requests_per_s = 30
input_tokens = 512
output_tokens = 128
ttft_ms = 800
tpot_ms = 40
weight_precisions = ["bf16", "fp8"]

[constraints]
gpus = ["h100_sxm", "l40s", "a100_sxm", "l4"]
terms = ["on_demand"]
zones = ["us"]
marketplace = false
"""
DAY = date(2026, 11, 22)


@pytest.fixture(scope="session")
def catalog():
    return planner.load_catalog()


@pytest.fixture(scope="session")
def profiles():
    return planner.load_profiles()


@pytest.fixture(scope="session")
def session(catalog, profiles):
    return ask(loads(SMALL), catalog, profiles, as_of=DAY)
