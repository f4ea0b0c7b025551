"""Walks over many pages: all of them, none twice, never for ever, and nowhere else."""

from __future__ import annotations

import copy
from typing import Any
from urllib.parse import parse_qs

import pytest

from planner.pricing.providers.registry import Limits


def azure_pages(asked: Any, kit: Any, document: Any, *, link: Any = None) -> Any:
    """One item per page; the link carries the filter, as the true one does."""
    if "Reservation" in asked.query:
        return {"Items": [], "NextPageLink": None}
    skip = int(parse_qs(asked.query).get("$skip", ["0"])[0])
    more = skip + 1 < len(document["Items"])
    following = f"https://prices.azure.com:443/api/retail/prices?$filter=Consumption&$skip={skip + 1}"
    return {
        "Items": document["Items"][skip : skip + 1],
        "NextPageLink": (link or following) if more else None,
    }


def gcp_pages(asked: Any, kit: Any, document: Any) -> Any:
    at = int(parse_qs(asked.query).get("pageToken", ["0"])[0])
    more = at + 1 < len(document["skus"])
    return {"skus": document["skus"][at : at + 1], "nextPageToken": str(at + 1) if more else ""}


def digitalocean_pages(asked: Any, kit: Any, document: Any) -> Any:
    page = int(parse_qs(asked.query)["page"][0])
    return {"sizes": document["sizes"][page - 1 : page], "meta": {"total": len(document["sizes"])}}


def vultr_pages(asked: Any, kit: Any, document: Any) -> Any:
    name = "plans" if "plans" in document else "plans_metal"
    cursor = parse_qs(asked.query).get("cursor", [""])[0]
    at = len(cursor)
    following = "x" * (at + 1) if at + 1 < len(document[name]) else ""
    return {name: document[name][at : at + 1], "meta": {"total": 2, "links": {"next": following, "prev": ""}}}


def aws_spot_pages(asked: Any, kit: Any, document: Any) -> Any:
    at = int(parse_qs(asked.query).get("NextToken", ["0"])[0])
    more = at + 1 < len(document["items"])
    return {"items": document["items"][at : at + 1], "next": str(at + 1) if more else ""}


PAGES = {
    "azure": azure_pages, "gcp": gcp_pages, "digitalocean": digitalocean_pages, "vultr": vultr_pages,
    "aws_spot": aws_spot_pages,
}  # fmt: skip


def paged(case: Any, kit: Any, documents: Any, **options: Any) -> Any:
    def app(asked: Any) -> Any:
        page = PAGES[case.provider](asked, kit, documents[asked.path], **options)
        content_type, body = kit.samples.render(case.kinds[asked.path], page)
        return kit.Answer(body, content_type)

    return app


@pytest.mark.parametrize("provider", PAGES)
def test_every_page_is_read_once(provider: str, asking: Any, kit: Any) -> None:
    case = kit.cases[provider]
    whole = asking.result(case)
    asking.server.seen.clear()
    by_page = asking.result(case, paged(case, kit, case.fresh()))
    assert by_page.offers == whole.offers
    queries = [(asked.path, asked.query) for asked in asking.server.seen]
    assert len(set(queries)) == len(queries)


@pytest.mark.parametrize("provider", PAGES)
def test_a_walk_without_an_end_is_cut_off_and_brings_nothing(provider: str, asking: Any, kit: Any) -> None:
    case = kit.cases[provider]
    documents = case.fresh()
    for document in documents.values():
        for name in ("Items", "skus", "sizes", "plans", "items"):
            if name in document:
                document[name] = copy.deepcopy(document[name]) * 40
    result = asking.result(case, paged(case, kit, documents), limits=Limits(max_pages=5))
    assert result.status == "failed"
    assert result.message == f"{provider}: more than 5 pages"
    assert result.offers == ()


def test_a_next_page_on_another_host_is_not_followed(asking: Any, kit: Any) -> None:
    case = kit.cases["azure"]
    app = paged(case, kit, case.fresh(), link="https://collector.example.com/steal?x=1")
    result = asking.result(case, app)
    assert result.message.startswith("azure.NextPageLink: leads to collector.example.com")
    assert len(asking.server.seen) == 1


@pytest.mark.parametrize(
    "token",
    [7, "", [], True, "https://[broken", "\ud800", "a b&c=d#e", "x" * 10_000],
    ids=lambda token: repr(token)[:20],
)
@pytest.mark.parametrize(
    ("provider", "where"),
    [
        ("azure", ("/api/retail/prices", "NextPageLink")),
        ("gcp", ("/v1/services/6F81-5844-456A/skus", "nextPageToken")),
        ("vultr", ("/v2/plans", "meta", "links", "next")),
    ],
)
def test_a_strange_token_of_the_next_page_ends_or_fails_the_walk(
    provider: str, where: Any, token: Any, asking: Any, kit: Any
) -> None:
    case = kit.cases[provider]
    documents = case.fresh()
    kit.samples.put(documents, where, token)
    result = asking.result(case, kit.serving(case, documents), limits=Limits(max_pages=5))
    assert result.status in {"ok", "failed"}
    assert "unexpected" not in result.message


@pytest.mark.parametrize(
    ("provider", "path", "field"),
    [
        ("azure", "/api/retail/prices", "Items"),
        ("azure", "/api/retail/prices", "NextPageLink"),
        ("gcp", "/v1/services/6F81-5844-456A/skus", "skus"),
        ("digitalocean", "/v2/sizes", "sizes"),
        ("digitalocean", "/v2/sizes", "meta"),
        ("vultr", "/v2/plans", "plans"),
        ("vultr", "/v2/plans", "meta"),
        ("runpod", "/graphql", "data"),
        ("vast", "/api/v0/bundles/", "offers"),
        ("lambda", "/api/v1/instance-types", "data"),
        ("shadeform", "/v1/instances/types", "instance_types"),
    ],
)
def test_a_renamed_envelope_is_named(provider: str, path: str, field: str, asking: Any, kit: Any) -> None:
    case = kit.cases[provider]
    documents = case.fresh()
    documents[path][f"{field}2"] = documents[path].pop(field)
    result = asking.result(case, kit.serving(case, documents))
    assert result.status == "failed"
    assert result.message == f"{provider}.{field}: is missing (there is '{field}2')"


def test_a_walk_that_ends_short_of_the_stated_total_fails(asking: Any, kit: Any) -> None:
    case = kit.cases["digitalocean"]
    documents = case.fresh()

    def app(asked: Any) -> Any:
        page = digitalocean_pages(asked, kit, documents["/v2/sizes"])
        page["meta"] = {"total": 9}
        content_type, body = kit.samples.render("json", page)
        return kit.Answer(body, content_type)

    assert asking.result(case, app).message == "digitalocean.sizes: the walk ends at 3 of 9"


def test_a_cursor_that_leads_back_fails(asking: Any, kit: Any) -> None:
    case = kit.cases["vultr"]
    documents = case.fresh()
    documents["/v2/plans"]["meta"]["links"]["next"] = "again"
    result = asking.result(case, kit.serving(case, documents))
    assert result.message == "vultr.next: the page after this one is this one"
