"""AWS bulk price list of EC2: no key, a CSV of up to several GB, read line by line and never held.

Nobody downloads that by accident: `PLANNER_AWS_REGIONS` names the regions, each a far smaller list, or says
`all`. On demand, capacity blocks, and reserved (standard class) with each payment option, whose rows
`aws_reserved` joins. Number and kind of GPU come from `data/machines.csv`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping

from planner.pricing.providers import aws_reserved
from planner.pricing.providers.aws_reserved import Part, paired
from planner.pricing.providers.errors import FetchError, RefusedError, ShapeError
from planner.pricing.providers.machines import machine_of
from planner.pricing.providers.records import Item, Listing, Provider
from planner.pricing.providers.session import Session
from planner.pricing.providers.shape import Row, columns, read_rows

HOST = "https://pricing.us-east-1.amazonaws.com"
ROOT = f"{HOST}/offers/v1.0/aws/AmazonEC2/current"
REGIONS = "PLANNER_AWS_REGIONS"
ALL = "all"
PREAMBLE = 20
"""The header stands below five lines of disclaimer; further down than this it is not the header."""
ONLY: Mapping[str, tuple[str, ...]] = {
    "Tenancy": ("Shared",), "Operating System": ("Linux",), "Pre Installed S/W": ("", "NA"),
}  # fmt: skip
COLUMNS = ("SKU", "OfferTermCode", "TermType", "Unit", "PricePerUnit", "Currency", "Instance Type", "Region Code",
           "GPU", "vCPU", "Memory", "CapacityStatus", "MarketOption", "EffectiveDate", "LeaseContractLength",
           "PurchaseOption", "OfferingClass", *ONLY)  # fmt: skip
MARKETS = {"OnDemand": "on_demand", "CapacityBlock": "capacity_block"}
"""Both have TermType OnDemand; read as one, the block would look like a cheap on-demand price."""
GPU_FAMILIES = ('"g', '"p')
"""How the quoted name of an instance with an accelerator starts: a test on the raw line, before parsing."""


def fetch(session: Session, env: Mapping[str, str]) -> Iterator[Item]:
    """The list of each region asked for, or the one of all regions."""
    regions = regions_of(env)
    urls = {region: f"{ROOT}/{region}/index.csv" for region in regions} or {ALL: f"{ROOT}/index.csv"}
    for region, url in urls.items():
        session.next_page()
        rows = table(session.lines(url, conditional=len(urls) == 1))
        try:
            yield from paired(read_rows("aws", rows, _read))
        except RefusedError as error:
            raise FetchError(
                f"aws: HTTP {error.status} for the list of region {region!r} ({REGIONS})"
            ) from error


def regions_of(env: Mapping[str, str]) -> list[str]:
    """The regions that the user named; none when it is all of them.

    >>> regions_of({"PLANNER_AWS_REGIONS": "us-east-1, eu-west-1"}), regions_of({"PLANNER_AWS_REGIONS": "all"})
    (['us-east-1', 'eu-west-1'], [])
    """
    named = [region.strip() for region in env.get(REGIONS, "").split(",") if region.strip()]
    return [] if ALL in named else named


def table(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """Rows below the disclaimer that may be of an instance with a GPU; raises `ShapeError` for lost columns."""
    places: dict[str, int] | None = None
    for number, line in enumerate(lines):
        if places is None or line.startswith('"SKU"'):  # the header again: the stream started over
            cells = _cells(line)
            if cells[:1] == ["SKU"] or number >= PREAMBLE:
                places = columns(cells, COLUMNS, provider="aws")
        elif any(family in line for family in GPU_FAMILIES):
            cells = _cells(line)
            yield {name: cells[at] for name, at in places.items() if at < len(cells)}
    if places is None:
        raise ShapeError("aws.SKU: no header line in the answer")


def _cells(line: str) -> list[str]:
    return next(csv.reader([line]), [])


def _read(row: Row) -> Iterator[Listing | Part]:
    if any(row.text(name) not in wanted for name, wanted in ONLY.items()):
        return
    term, payment = _term(row)
    instance, gpus = row.text("Instance Type"), row.text("GPU")
    known = machine_of("aws", instance)
    if not term or (known is None and gpus in ("", "NA", "0")):
        return
    listing = Listing(
        seller="aws", instance=instance, gpu=None if known else f"aws {instance}", gpu_count=gpus.replace("NA", ""),
        region=row.text("Region Code"), term=term, price=row.text("PricePerUnit"), currency=row.text("Currency"),
        payment=payment, vcpus=row.text("vCPU"),
        host_memory_gib=row.text("Memory").removesuffix(" GiB").replace(",", ""),
        stated_on=row.text("EffectiveDate"), source="pricing.us-east-1.amazonaws.com AmazonEC2",
    )  # fmt: skip
    if payment:
        yield Part(row.text("SKU"), row.text("OfferTermCode"), row.text("Unit"), listing)
    else:
        yield listing


def _term(row: Row) -> tuple[str, str]:
    """Term and payment option of a row; no term for a kind of price that is not ours (convertible)."""
    kind, unit = row.text("TermType"), row.text("Unit")
    if kind == "OnDemand" and unit == aws_reserved.RATE and row.text("CapacityStatus") == "Used":
        return MARKETS.get(row.text("MarketOption"), ""), ""
    standard = row.text("OfferingClass") == aws_reserved.OFFERED
    if kind == "Reserved" and standard and unit in (aws_reserved.RATE, aws_reserved.FEE):
        payment = aws_reserved.PAYMENTS.get(row.text("PurchaseOption"), "")
        return aws_reserved.TERMS.get(row.text("LeaseContractLength"), "") if payment else "", payment
    return "", ""


PROVIDER = Provider(
    name="aws",
    needs=(REGIONS,),
    documents=(
        "dstackai/gpuhunt src/gpuhunt/providers/aws.py (columns and filters)",
        "AWS price list index: offers/v1.0/aws/AmazonEC2/current (general knowledge: regional lists, reserved "
        "quotes in two rows, capacity blocks)",
    ),
    fetch=fetch,
    hint="regions like us-east-1,eu-west-1; `all` reads several GB",
)
