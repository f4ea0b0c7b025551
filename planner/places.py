"""Countries and residency zones as a scenario may spell them."""

from __future__ import annotations

from planner.fields import FieldError, one_of
from planner.pricing.regions import load_countries


def zone_name(text: str) -> str:
    """Residency zone: eu, eea, uk, or a country's own code; raises FieldError.

    >>> zone_name("EU")
    'eu'
    """
    return one_of(text, {c.zone for c in load_countries().values()}, "zone")


def country_code(text: str) -> str:
    """Two-letter code of a country with offers; raises FieldError that translates other spellings.

    >>> country_code("de")
    'DE'
    """
    code = text.strip().upper()
    countries = load_countries()
    if code in countries:
        return code
    said = text.strip().casefold()
    meant = [c.country for c in countries.values() if said in (c.iso3.casefold(), c.name.casefold(), c.zone)]
    hint = f"write {meant[0]}" if len(meant) == 1 else "two letters, e.g. DE"
    raise FieldError(f"unknown country {text[:40]!r}", hint=hint)
