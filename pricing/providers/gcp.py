"""Google Cloud: the Billing Catalog has no machine types, only parts; a machine is the sum of its parts.

vCPUs x core + GiB x RAM + GPUs x GPU + fixed local SSD. A4 is sold as whole slices, with nothing to add. A
machine one of whose parts has no price in a region is no offer there: the VM part alone is a tenth of the
price. Reserved, sole-tenant, custom, premium and calendar or flex-start kinds are dropped by their words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from planner.pricing.money import HOURS_PER_MONTH
from planner.pricing.providers.errors import ShapeError
from planner.pricing.providers.machines import Machine, machines_of
from planner.pricing.providers.records import Item, Listing, Provider, Quarantined
from planner.pricing.providers.session import Session
from planner.pricing.providers.shape import Row, read_rows, shown

KEY = "GOOGLE_API_KEY"
URL = "https://cloudbilling.googleapis.com/v1/services/6F81-5844-456A/skus"
PAGE_SIZE = 5000
TERMS = {"OnDemand": "on_demand", "Preemptible": "spot"}
OTHER_KINDS = re.compile(
    r"sole tenancy|reserved|premium|custom|suspended|commitment|dws|calendar|flex|defined duration|vws", re.I
)
PART = re.compile(
    r"^(?:spot preemptible |preemptible )?(?:"
    r"(?P<family>a2|a3|a3plus|a3ultra|g2|g4) instance (?P<kind>core|ram) |"
    r"nvidia (?P<gpu>.+?) gpu (?:running|attached) |"
    r"(?:nvidia )?(?P<slice>b200) \(1 gpu slice\)|"
    r"(?P<ssd>ssd backed local storage))", re.I,
)  # fmt: skip
Part = tuple[str, str]
Prices = dict[tuple[Part, str, str], "PartPrice"]
"""By part, region and term."""


@dataclass(frozen=True, slots=True)
class PartPrice:
    """What one unit of a part costs in some regions: per hour, local SSD per GiB-month."""

    part: Part
    term: str
    regions: tuple[str, ...]
    amount: Decimal
    currency: str
    description: str


@dataclass(frozen=True, slots=True)
class Build:
    """What a family of machines is billed by."""

    family: str
    gpu: tuple[str, ...]
    """Descriptions of its GPU; regions differ."""
    ssd_gib_per_gpu: int = 0


BUILDS: Mapping[str, Build] = {
    "a2-highgpu": Build("a2", ("tesla a100",)),
    "a2-megagpu": Build("a2", ("tesla a100",)),
    "a2-ultragpu": Build("a2", ("tesla a100 80gb",), ssd_gib_per_gpu=375),
    "a3-highgpu": Build("a3", ("h100 80gb",), ssd_gib_per_gpu=750),
    "a3-megagpu": Build(
        "a3plus", ("h100 80gb mega", "h100 mega 80gb", "h100 80gb plus"), ssd_gib_per_gpu=750
    ),
    "a3-ultragpu": Build("a3ultra", ("h200 141gb",), ssd_gib_per_gpu=1500),
    "a4-highgpu": Build("", ("b200",)),
    "g2-standard": Build("g2", ("l4",)),
    "g4-standard": Build("g4", ("rtx 6000 96gb", "rtx pro 6000 96gb", "rtx pro 6000")),
}


def fetch(session: Session, env: Mapping[str, str]) -> Iterator[Item]:
    """Part prices first, then every machine in every region that has all its parts."""
    prices: Prices = {}
    for item in read_rows("gcp", _walk(session, env[KEY]), _part_price):
        if isinstance(item, Quarantined):
            yield item
        else:
            yield from _book(item, prices)
    if not prices:
        raise ShapeError("gcp.description: no SKU of a GPU machine was recognised")
    for instance, machine in machines_of("gcp").items():
        build = BUILDS.get(instance.rpartition("-")[0])
        if build:
            yield from _machine(instance, machine, build, prices)


def _walk(session: Session, key: str) -> Iterator[Any]:
    token = ""
    while True:
        session.next_page()
        params = {"pageSize": str(PAGE_SIZE), **({"pageToken": token} if token else {})}
        page = Row(session.json(URL, params=params, headers={"X-Goog-Api-Key": key}), "gcp")
        skus = page.items("skus")
        yield from skus
        token = page.maybe("nextPageToken") or ""
        if not isinstance(token, str) or (not token and len(skus) >= PAGE_SIZE):
            raise ShapeError("gcp.nextPageToken: is missing after a full page")
        if not token:
            return


def _part_price(row: Row) -> Iterator[PartPrice | Quarantined]:
    """The price of one SKU, or nothing where it is no part of a GPU machine or another kind of price."""
    description, category = row.text("description"), row.row("category")
    term = TERMS.get(category.text("usageType"))
    match = PART.match(description)
    if term is None or match is None or OTHER_KINDS.search(description):
        return
    rate = row.first("pricingInfo").row("pricingExpression").first("tieredRates").row("unitPrice")
    regions = tuple(str(region) for region in row.items("serviceRegions"))
    amount = _amount(rate)
    if amount is None or amount <= 0:
        yield Quarantined(shown(description), f"price_not_positive: {amount}")
    else:
        yield PartPrice(_part(match), term, regions, amount, rate.text("currencyCode"), description)


def _book(price: PartPrice, prices: Prices) -> Iterator[Quarantined]:
    """Enter a price for its regions; two different ones for the same part there leave neither."""
    for region in price.regions:
        known = prices.setdefault((price.part, region, price.term), price)
        if known.amount != price.amount:
            reason = f"conflicting_prices: {known.amount} and {price.amount} in {region}"
            prices[price.part, region, price.term] = replace(price, amount=Decimal("NaN"))
            yield Quarantined(shown(f"{known.description}; {price.description}"), reason)


def _part(match: re.Match[str]) -> Part:
    found = match.groupdict()
    if found["family"]:
        return found["kind"].lower(), found["family"].lower()
    if found["ssd"]:
        return "ssd", ""
    return "gpu", (found["gpu"] or found["slice"]).lower()


def _amount(rate: Row) -> Decimal | None:
    """Units (text) and nanos (billionths); either may be left out when it is zero."""
    units, nanos = rate.some("units"), rate.some("nanos")
    try:
        amount = Decimal(int(units or 0)) + Decimal(int(nanos or 0)) / 10**9
    except (ValueError, TypeError, OverflowError):
        return None
    return amount if abs(amount) < 10**9 else None


def _machine(instance: str, machine: Machine, build: Build, prices: Prices) -> Iterator[Item]:
    gpus, vcpus, ram = machine.gpu_count or 0, machine.vcpus or 0, machine.host_memory_gib or 0
    names = {("gpu", name) for name in build.gpu}
    places = sorted({(region, term) for part, region, term in prices if part in names})
    for region, term in places:
        gpu = next(
            (("gpu", n) for n in build.gpu if (("gpu", n), region, term) in prices), ("gpu", build.gpu[0])
        )
        needed: dict[Part, Decimal] = {gpu: Decimal(repr(gpus))}
        if build.family:
            needed[("core", build.family)] = Decimal(repr(vcpus))
            needed[("ram", build.family)] = Decimal(repr(ram))
        if build.ssd_gib_per_gpu:
            needed[("ssd", "")] = Decimal(repr(gpus)) * build.ssd_gib_per_gpu / HOURS_PER_MONTH
        usable = {part for part in needed if (p := prices.get((part, region, term))) and p.amount.is_finite()}
        missing = [" ".join(part).strip() for part in needed if part not in usable]
        if missing:
            yield Quarantined(f"gcp {instance} {region} {term}", f"part_without_price: {', '.join(missing)}")
            continue
        found = {part: prices[part, region, term] for part in needed}
        currencies = {price.currency for price in found.values()}
        yield Listing(
            seller="gcp", instance=instance, gpu=None, gpu_count=None, region=region, term=term,
            price=sum((found[part].amount * amount for part, amount in needed.items()), Decimal(0)),
            currency=currencies.pop() if len(currencies) == 1 else " and ".join(sorted(currencies)),
            source="cloudbilling.googleapis.com Compute Engine",
        )  # fmt: skip


PROVIDER = Provider(
    name="gcp",
    needs=(KEY,),
    documents=(
        "Cloud Billing Catalog API, services.skus.list (general knowledge of field names)",
        "dstackai/gpuhunt src/gpuhunt/providers/gcp.py (description patterns, local SSD, exclusions)",
        "skypilot-org/skypilot sky/catalog/data_fetchers/fetch_gcp.py (H100 Mega/Plus, H200, B200 slice)",
    ),
    fetch=fetch,
)
