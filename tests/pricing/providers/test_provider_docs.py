"""The page about the providers says what the registry says."""

from __future__ import annotations

from pathlib import Path

from planner.pricing.providers.registry import PROVIDERS

PAGE = (Path(__file__).parents[3] / "docs" / "price-providers.md").read_text(encoding="utf-8")


def test_the_page_lists_every_provider_with_its_needs_and_documents() -> None:
    first, _, second = PAGE.partition("## Where each shape came from")
    for provider in PROVIDERS.values():
        (row,) = (line for line in first.splitlines() if line.startswith(f"| `{provider.name}` |"))
        assert all(f"`{name}`" in row for name in provider.needs), provider.name
        assert f"| `{provider.name}` | {'; '.join(provider.documents)} |" in second


def test_the_page_says_that_nothing_was_tried_live() -> None:
    assert "None of these providers was tried against the live service" in PAGE
