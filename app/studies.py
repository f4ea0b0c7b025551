"""Analyses as named values for one kind of chart, and as sentences. Records or the JSON of a stored plan alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from planner.render import render

COLUMNS = ["Name", "Kind", "Value", "Low", "High"]


def data_of(record: Any) -> dict[str, Any]:
    """Plain data of a record, or the data itself."""
    found = record if isinstance(record, dict) else json.loads(render(record, "json"))
    return found if isinstance(found, dict) else {"rows": found}


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(
        [{c: row.get(c) for c in COLUMNS} | row for row in rows if row.get("Value") is not None]
    )


def flips(record: Any) -> pd.DataFrame:
    """How far each quantity is from turning the plan, nearest first; what does not turn it is in the table only."""
    rows = [
        {"Name": f"{f['subject']} ({f['quantity']})", "Kind": "leaves the plan" if f["state"] == "in" else "enters",
         "Value": f["change_percent"], "Now": f["now"], "Flips at": f["flips_at"], "Unit": f["unit"]}
        for f in data_of(record)["flips"]
    ]  # fmt: skip
    found = _table(rows)
    return found.reindex(found["Value"].abs().sort_values().index).head(14) if len(found) else found


def worth(record: Any) -> pd.DataFrame:
    """Dollars a month each kernel choice is worth, with its interval."""
    rows = []
    for w in data_of(record)["worth"]:
        usd = w["usd_per_month"] or {}
        against = f" against {w['against']}" if w["against"] else ""
        rows.append({"Name": f"{w['workload']}: {w['subject']}{against}", "Kind": f"{w['kind']} value",
                     "Value": usd.get("value"), "Low": usd.get("low"), "High": usd.get("high"),
                     "Basis": usd.get("basis")})  # fmt: skip
    return _table(rows)


def restricted(record: Any) -> pd.DataFrame:
    """What each restriction adds to the cost."""
    data = data_of(record)
    kinds = {"portability": "avoiding lock-in", "lock_in": "being locked in"}
    rows = [
        {"Name": r["restriction"], "Kind": words, "Value": r["extra_usd_per_month"], "Ratio": r["ratio"]}
        for key, words in kinds.items()
        for r in data[key]
    ]
    return _table(rows)


def routes(record: Any) -> pd.DataFrame:
    """Cost of the same demand by kind of seller."""
    rows = [
        {"Name": r["route"], "Kind": f"price {r['price_basis']}", "Value": r["usd_per_month"],
         "Low": r["low_usd_per_month"], "High": r["high_usd_per_month"], "Hardware": r["hardware"]}
        for r in data_of(record)["routes"]
    ]  # fmt: skip
    return _table(rows)


def frontier(record: Any) -> pd.DataFrame:
    """Cheapest cost at each setting of each axis."""
    rows = [
        {"Name": f"{p['axis']} {p['value']:.4g} {p['unit']}", "Kind": p["axis"], "Value": p["usd_per_month"],
         "Hardware": p["hardware"]}
        for p in data_of(record)["points"]
    ]  # fmt: skip
    return _table(rows)


def sentences(record: Any) -> Iterator[str]:
    """What an analysis says in words: its claim, its rule, its notes."""
    data = data_of(record)
    for key in ("claim", "summary", "rule"):
        if isinstance(said := data.get(key), str) and said:
            yield said[:1].upper() + said[1:] + ("" if said.endswith(".") else ".")


def nearest(record: Any, most: int = 3) -> list[str]:
    """The nearest flips in words, one per quantity and subject.

    >>> flip = {"subject": "gh200", "state": "in", "now": 12.0, "flips_at": 11.5, "unit": "requests/s"}
    >>> nearest({"flips": [flip | {"quantity": "demand", "change_percent": -4.1},
    ...                    flip | {"quantity": "price", "change_percent": 16.5}]})
    ['demand -4 %: other hardware than gh200', 'price of gh200 +16 %: leaves the plan']
    """
    found = []
    for row in flips(record).head(most).to_dict("records"):
        subject, quantity = str(row["Name"]).removesuffix(")").rsplit(" (", 1)
        change = f"{row['Value']:+.0f} %"
        found.append(f"demand {change}: other hardware than {subject}" if quantity == "demand"
                     else f"{quantity} of {subject} {change}: {row['Kind']}")  # fmt: skip
    return found
