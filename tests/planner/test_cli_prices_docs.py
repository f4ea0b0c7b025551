"""Every command line of docs/prices.md parses, and every name in it exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

import planner
from planner.cli import app
from planner.pricing.assumptions import ASSUMPTIONS
from planner.pricing.gates import USD_PER_GPU_HOUR
from planner.pricing.offer import PAYMENTS, TERMS
from planner.render.prices import OLD_DAYS

PAGE = (Path(__file__).parents[2] / "docs" / "prices.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ planner (.+)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_on_the_page_is_one_the_program_takes(line: str) -> None:
    command = get_command(app)
    arguments = shlex.split(line, comments=True)
    for _ in range(2):
        command = command.commands[arguments.pop(0)]
    with command.make_context(command.name, arguments):
        pass


def test_the_page_shows_every_command_of_the_group() -> None:
    shown = {shlex.split(line)[1] for line in COMMANDS}
    assert shown == set(get_command(app).commands["prices"].commands)


def test_the_page_names_every_term_payment_and_limit() -> None:
    assert all(f"`{term}`" in PAGE for term in TERMS)
    assert all(f"`payment:{payment}`" in PAGE for payment in PAYMENTS)
    low, high = USD_PER_GPU_HOUR
    assert f"outside {low:g} to {high:g} $" in PAGE
    assert f"{OLD_DAYS} days" in PAGE


def test_the_functions_on_the_page_are_public() -> None:
    names = re.findall(r"`(?:planner\.)?(\w+)`", PAGE[PAGE.index("From Python:") :])
    assert len(names) > 8
    assert set(names) <= set(planner.__all__)


def test_figures_assumed_on_the_page_have_a_name_we_take() -> None:
    names = set(re.findall(r"--assume ([a-z_]+)=", PAGE))
    assert names <= {*ASSUMPTIONS, "load_w", "residual_usd"}
