"""Prices as tables: offers, the spread between sellers, owning against renting, history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd

from planner.app.tables import gpu_name
from planner.render.words import UNKNOWN, place, term

if TYPE_CHECKING:
    from planner.plan import Offer


def offers(found: Iterable[Offer]) -> pd.DataFrame:
    """Offers, one row each."""
    rows = [
        {"GPU": gpu_name(o.gpu), "Seller": o.seller, "Instance": o.instance, "GPUs": o.gpu_count, "Where": place(o),
         "Term": term(o.term), "$/GPU-hour": o.usd_per_gpu_hour, "$/hour": o.usd_per_hour,
         "As of": o.as_of or UNKNOWN, "Source": o.source}
        for o in found
    ]  # fmt: skip
    columns = [
        "GPU",
        "Seller",
        "Instance",
        "GPUs",
        "Where",
        "Term",
        "$/GPU-hour",
        "$/hour",
        "As of",
        "Source",
    ]
    return pd.DataFrame(rows, columns=columns)


def cheapest_by_seller(table: pd.DataFrame) -> pd.DataFrame:
    """The cheapest offer of each GPU, seller and term: the spread between sellers."""
    best = table.sort_values("$/GPU-hour", kind="stable").groupby(["GPU", "Seller", "Term"], sort=False)
    return best.head(1).reset_index(drop=True)


def owning(curve: Any) -> pd.DataFrame:
    """A useful hour of owned hardware over utilisation, with its range, and renting it."""
    rows = [
        {"Utilisation, %": 100 * p.utilisation, "Owning, $/useful hour": p.usd_per_useful_hour, "Low": p.low,
         "High": p.high, "Renting, $/hour": p.rent_usd_per_hour, "Cheaper": p.cheaper}
        for p in curve.points
    ]  # fmt: skip
    return pd.DataFrame(rows)


def history(points: Iterable[Any]) -> pd.DataFrame:
    """Daily low, median and high of a GPU's stored prices by term."""
    rows = [
        {"Day": p.day, "Term": term(p.term), "Low, $/GPU-hour": p.low_usd_per_gpu_hour,
         "Median, $/GPU-hour": p.median_usd_per_gpu_hour, "High, $/GPU-hour": p.high_usd_per_gpu_hour,
         "Offers": p.offers, "Sellers": p.sellers}
        for p in points
    ]  # fmt: skip
    return pd.DataFrame(rows)
