"""AWS spot prices in force, per region, with credentials: the EC2 query API, signed here.

The cheapest zone of a region is kept and flagged, with the spread over the zones: one can be a third of all the
others. A region the account has not enabled is quarantined by name and does not stop the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree

from planner.pricing.gates import USD_PER_GPU_HOUR
from planner.pricing.providers.aws import regions_of
from planner.pricing.providers.errors import FetchError, RefusedError, ShapeError
from planner.pricing.providers.machines import machine_of, machines_of
from planner.pricing.providers.records import Item, Listing, Provider, Quarantined
from planner.pricing.providers.session import Session
from planner.pricing.providers.shape import Row, read_rows
from planner.pricing.providers.sigv4 import Credentials, canonical_query, signed_headers
from planner.pricing.terms import zone_spread

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
DEFAULT_REGIONS = (
    "us-east-1", "us-east-2", "us-west-2", "ca-central-1", "eu-west-1", "eu-west-2", "eu-central-1", "eu-north-1",
    "ap-south-1", "ap-northeast-1", "ap-southeast-1", "ap-southeast-2", "sa-east-1",
)  # fmt: skip
PRODUCT = "Linux/UNIX"
Zones = dict[str, tuple[float, Listing]]
"""Price and listing by the flag that names the zone."""


def fetch(session: Session, env: Mapping[str, str]) -> Iterator[Item]:
    """The cheapest zone of every GPU instance, region by region."""
    credentials = Credentials(env[KEYS[0]], env[KEYS[1]], token=env.get("AWS_SESSION_TOKEN", ""))
    regions = regions_of(env) or DEFAULT_REGIONS
    refused: RefusedError | None = None
    answered = False
    for region in regions:
        try:
            yield from _cheapest(
                read_rows("aws_spot", _history(session, credentials, region), _reader(region))
            )
            answered = True
        except RefusedError as error:
            refused = error
            yield Quarantined(f"aws_spot {region}", f"region_refused: HTTP {error.status}")
    if refused and not answered:
        raise FetchError(f"aws_spot: every region refused, the last with HTTP {refused.status}") from refused


def _history(session: Session, credentials: Credentials, region: str) -> Iterator[dict[str, str | None]]:
    """Items of every page, as name -> text."""
    host = f"ec2.{region}.amazonaws.com"
    at = _server_time(session, host)
    token = ""
    while True:
        session.next_page()
        params = _query(at, token)
        headers = signed_headers(credentials, host=host, region=region, service="ec2", query=params, at=at)
        tree = _parse(session.text(f"https://{host}/?{params}", "xml", headers=headers))
        found = tree.find("spotPriceHistorySet")
        if found is None:
            raise ShapeError("aws_spot.spotPriceHistorySet: is missing")
        yield from ({child.tag: child.text for child in item} for item in found)
        token = (tree.findtext("nextToken") or "").strip()
        if not token:
            return


def _server_time(session: Session, host: str) -> datetime:
    """The server's own clock: a signature is refused when it is five minutes off."""
    stated = session.server_date(f"https://{host}/ping")
    try:
        return parsedate_to_datetime(stated)
    except (ValueError, TypeError, IndexError) as error:
        raise ShapeError("aws_spot.Date: the server states no time to sign with") from error


def _query(at: datetime, token: str) -> str:
    """With the start set to now the answer holds the prices in force."""
    return canonical_query({
        "Action": "DescribeSpotPriceHistory", "Version": "2016-11-15", "ProductDescription.1": PRODUCT,
        "StartTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "MaxResults": "1000",
        **({"NextToken": token} if token else {}),
        **{f"InstanceType.{n}": name for n, name in enumerate(sorted(machines_of("aws")), start=1)},
    })  # fmt: skip


def _parse(text: str) -> ElementTree.Element:
    """The document without name spaces; one with a DOCTYPE is refused (entities can blow up)."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ShapeError("aws_spot.document: has a DOCTYPE")
    try:
        tree = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ShapeError("aws_spot.document: is not XML") from error
    for node in tree.iter():
        node.tag = node.tag.rpartition("}")[2]
    return tree


def _reader(region: str) -> Callable[[Row], Iterator[Listing]]:
    def read(row: Row) -> Iterator[Listing]:
        instance, zone = row.text("instanceType"), row.text("availabilityZone")
        price, product = row.value("spotPrice"), row.text("productDescription")
        if product == PRODUCT and machine_of("aws", instance):
            yield Listing(
                seller="aws", instance=instance, gpu=None, gpu_count=None, region=region, term="spot",
                price=price, stated_on=row.text("timestamp"), source="EC2 DescribeSpotPriceHistory",
                flags=("cheapest_zone", "zone:" + "".join(zone.split())[:40]),
            )  # fmt: skip

    return read


def _cheapest(listings: Iterator[Listing | Quarantined]) -> Iterator[Item]:
    """One listing per instance: the cheapest sound zone, with the spread over its zones where there are several.

    Unreadable and absurd prices pass on, to be quarantined; they take part in no spread.
    """
    instances: dict[str, Zones] = {}
    for item in listings:
        price = _price(item) if isinstance(item, Listing) else None
        if not isinstance(item, Listing) or price is None:
            yield item
            continue
        zones = instances.setdefault(str(item.instance), {})
        zone = item.flags[-1]
        if zone not in zones or price < zones[zone][0]:
            zones[zone] = price, item
    for zones in instances.values():
        spread = zone_spread({zone: price for zone, (price, _) in zones.items()})
        _, cheapest = min(zones.values(), key=lambda pair: pair[0])
        yield replace(cheapest, flags=(*cheapest.flags, *((spread.flag,) if spread else ())))


def _price(listing: Listing) -> float | None:
    """USD per hour; None for what `judge` will refuse, and for an instance whose number of GPUs is unknown."""
    machine = machine_of("aws", str(listing.instance))
    low, high = USD_PER_GPU_HOUR
    try:
        price = float(str(listing.price))
    except ValueError:
        return None
    gpus = machine.gpu_count if machine else None
    return price if gpus and low <= price / gpus <= high else None


PROVIDER = Provider(
    name="aws_spot",
    needs=KEYS,
    documents=(
        "EC2 API reference, DescribeSpotPriceHistory; Signature Version 4 (general knowledge)",
        "dstackai/gpuhunt src/gpuhunt/providers/aws.py (cheapest zone, regions not enabled)",
    ),
    fetch=fetch,
)
