"""Nebius: the public price page, without a key; the official API answers one preset at a time over gRPC.

The page is made for people: each GPU is followed by its preemptible and its on-demand price per GPU-hour.
Fragile by nature, so anything but two prices in that order is an error, never half a reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from itertools import zip_longest

from planner.pricing.providers.errors import ShapeError
from planner.pricing.providers.records import Item, Listing, Provider
from planner.pricing.providers.session import Session
from planner.pricing.providers.shape import Row, read_rows

URL = "https://nebius.com/prices"
NAME = re.compile(r"\bHGX ([A-Z]{1,3}\d{3,4})\b|\b(RTX PRO \d{4})\b|\b(L\d{1,2}S?)\b(?: with (AMD|Intel))?")
FORM = {"H100": "H100 SXM", "H200": "H200 SXM"}
"""The HGX boards of Hopper are SXM; the newer ones come in no other form."""
WINDOW = 90
"""Characters after a name within which its two prices stand."""
PRICE = re.compile(r"([$€£¥])\s?(-?\d(?:[\d.,]*\d)?)")
"""Commas are kept, and end in the quarantine: `1,234` must not be read as 1."""
CURRENCIES = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY"}
TERMS = (("spot", "spot"), ("on_demand", "on-demand"))


class _Text(HTMLParser):
    """Visible text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style") and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def fetch(session: Session, env: Mapping[str, str]) -> Iterator[Item]:
    """Both prices of every GPU on the page."""
    session.next_page()
    page = _Text()
    page.feed(session.text(URL, "html", conditional=True))
    text = " ".join(" ".join(page.parts).split())
    rows = list(_rows(text))
    if not rows:
        raise ShapeError("nebius.prices: the page names no GPU")
    yield from read_rows("nebius", rows, _read)


def _rows(text: str) -> Iterator[Mapping[str, object]]:
    """Each GPU named on the page with the prices of the first mention that has two, else of any mention."""
    names = list(NAME.finditer(text))
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for match, after in zip_longest(names, names[1:]):
        name = match[1] or match[2] or match[3], match[4] or ""
        end = min(match.end() + WINDOW, after.start() if after else len(text))
        prices = PRICE.findall(text[match.end() : end])
        if len(found.get(name, ())) != 2:
            found[name] = prices or found.get(name, [])
    priced = {gpu for (gpu, _), prices in found.items() if prices}
    for (gpu, host), prices in found.items():
        if prices or gpu not in priced:  # a mention in the menu beside the row with the prices
            yield {"gpu": gpu, "host": host, "prices": prices}


def _read(row: Row) -> Iterator[Listing]:
    name, prices = FORM.get(row.text("gpu"), row.text("gpu")), row.items("prices")
    machine = f"1x {name} {row.text('host')}".strip()
    if len(prices) != 2:
        raise ShapeError(f"nebius.prices: {name} is followed by {len(prices)} prices, not two")
    if _usable(prices[0][1]) > _usable(prices[1][1]) > 0:
        raise ShapeError(f"nebius.prices: {name}: the first is no preemptible price, it is above the second")
    for (term, label), (symbol, price) in zip(TERMS, prices, strict=True):
        yield Listing(
            seller="nebius", instance=f"{machine} ({label})", gpu=name, gpu_count=1, region="EU / US", term=term,
            price=price, currency=CURRENCIES[symbol], source="nebius.com/prices",
        )  # fmt: skip


def _usable(text: str) -> float:
    """The figure, or 0 for text that `judge` will refuse."""
    try:
        return float(text)
    except ValueError:
        return 0.0


PROVIDER = Provider(
    name="nebius",
    needs=(),
    documents=(
        "hemgo-lexsi/gpu-price-dashboard scripts/fetch_prices.py (order of the two prices on the page)",
    ),
    fetch=fetch,
)
