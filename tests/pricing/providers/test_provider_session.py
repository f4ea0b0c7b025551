"""What holds for all providers together: secrets, entity tags, waiting, isolation, order, progress."""

from __future__ import annotations

import gzip
import time
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from planner.pricing.providers.answers import parse_token, retry_after
from planner.pricing.providers.records import Listing
from planner.pricing.providers.registry import PROVIDERS, Fetcher, Limits, Provider, refresh
from planner.pricing.providers.session import Session
from planner.pricing.providers.sigv4 import Credentials, signed_headers

KEYS = {p.name: [n for n in p.needs if not n.startswith("PLANNER_")] for p in PROVIDERS.values()}
"""Variables that hold a secret; ours hold settings."""


def test_registry_has_every_provider_of_the_issue_with_its_documents() -> None:
    assert set(PROVIDERS) == {
        "aws", "aws_spot", "azure", "gcp", "runpod", "vast", "lambda", "nebius", "oci", "verda", "vultr",
        "digitalocean", "shadeform", "skypilot", "gpuhunt", "contract",
    }  # fmt: skip
    assert all(provider.documents for provider in PROVIDERS.values())


def test_providers_without_their_keys_are_skipped_and_say_which(asking: Any, kit: Any) -> None:
    keyed = [case for case in kit.cases.values() if PROVIDERS[case.provider].needs]
    bare = [kit.samples.Case(**{**vars(case), "env": {}}) for case in keyed]
    results = asking.results(bare)
    assert {result.status for result in results} == {"skipped"}
    for case, result in zip(bare, results, strict=True):
        provider = PROVIDERS[case.provider]
        assert result.message.startswith(f"{case.provider}: needs {', '.join(provider.needs)}")
        assert provider.hint in result.message
    assert asking.server.seen == []


def test_a_key_never_appears_in_results(case: Any, asking: Any, kit: Any) -> None:
    """Even when the server sends it back in every field and in its error."""
    secrets = [case.env[name] for name in KEYS[case.provider]]
    echo = " ".join(secrets) or "nothing"
    documents = case.fresh()
    kit.samples.put(case.rows(documents)[1], case.gpu, f"{echo} H100")
    for app in (
        kit.serving(case, documents),
        lambda asked: kit.Answer(echo.encode(), "text/html"),
        lambda asked: kit.Answer(echo.encode(), echo.replace("\n", " ")),
        lambda asked: kit.Answer(f'{{"errors": "{echo}"}}'.encode()),
    ):
        result = asking.result(case, app)
        assert not [secret for secret in secrets if secret in repr(result)]


def test_keys_travel_in_headers_and_not_in_addresses(case: Any, asking: Any) -> None:
    asking.result(case)
    secrets = [case.env[name] for name in KEYS[case.provider] if "KEY_ID" not in name]
    assert not [a for a in asking.server.seen for secret in secrets if secret in f"{a.path}?{a.query}"]


def test_an_unchanged_document_is_said_to_be_unchanged(asking: Any, kit: Any) -> None:
    """For each provider that asks conditionally: the tag comes back, and 304 means unchanged."""
    conditional = 0
    for case in kit.cases.values():
        serve = kit.serving(case)

        def tagged(asked: Any, serve: Any = serve) -> Any:
            if asked.headers.get("If-None-Match") == '"v1"':
                return kit.Answer(b"", status=304)
            answer = serve(asked)
            answer.headers["ETag"] = '"v1"'
            return answer

        first = asking.result(case, tagged)
        assert first.status == "ok"
        again = asking.result(case, tagged, etags={case.provider: first.etag or ""})
        assert again.status in {"ok", "unchanged"}
        conditional += again.status == "unchanged"
        assert again.etag == first.etag
        assert (again.offers == ()) == (again.status == "unchanged")
    assert (
        conditional == 6
    )  # aws, verda, nebius, contract, skypilot, gpuhunt: documents; the others are queries


def test_one_changed_document_of_many_brings_all_of_them(asking: Any, kit: Any) -> None:
    case = kit.cases["skypilot"]
    serve = kit.serving(case)
    changed = "v8/hyperstack"

    def app(asked: Any, *, second: bool) -> Any:
        if second and changed not in asked.path and "If-None-Match" in asked.headers:
            return kit.Answer(b"", status=304)
        answer = serve(asked)
        answer.headers["ETag"] = f'"{second}"'
        return answer

    first = asking.result(case, lambda asked: app(asked, second=False))
    again = asking.result(case, lambda asked: app(asked, second=True), etags={"skypilot": first.etag})
    assert (again.status, again.offers) == ("ok", first.offers)


@pytest.mark.parametrize("token", [None, "", "{", "[]", "7", '{"a": 1}', '"x"'])
def test_a_foreign_tag_is_as_good_as_none(token: str | None) -> None:
    assert parse_token(token) == {}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("12", 12.0),
        ("Sat, 22 Aug 2026 10:00:30 GMT", 30.0),
        ("Sat, 22 Aug 2026 09:00:00 GMT", 0.0),
        ("-5", None),
        ("soon", None),
        ("٣", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_by_the_servers_clock(value: str, seconds: float | None) -> None:
    headers = {"retry-after": value, "date": "Sat, 22 Aug 2026 10:00:00 GMT"}
    assert retry_after(headers) == seconds


def test_backoff_doubles_and_ends(asking: Any, kit: Any) -> None:
    result = asking.result(kit.cases["runpod"], lambda asked: kit.Answer(b"", status=500))
    assert asking.slept == [1.0, 2.0, 4.0]
    assert result.message == "runpod: HTTP 500 (4 attempts)"


def test_a_wait_past_the_deadline_is_not_begun(asking: Any, kit: Any) -> None:
    app = lambda asked: kit.Answer(b"", status=429, headers={"Retry-After": "60"})  # noqa: E731
    result = asking.result(kit.cases["runpod"], app, limits=Limits(deadline_s=30))
    assert asking.slept == []
    assert "past the deadline" in result.message


def test_dripped_headers_are_left_behind_at_the_deadline(asking: Any, kit: Any) -> None:
    """No timeout of one read ever fires: only the deadline of the whole refresh ends it."""

    def send(handler: Any, answer: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(400):
            time.sleep(0.02)
            handler.wfile.write(b"X-%d: y\r\n" % number)
            handler.wfile.flush()

    serve = kit.serving(kit.cases["verda"])
    asking.server.app = lambda asked: kit.Answer(send=send) if asked.path == "/graphql" else serve(asked)
    slow, good = asking.results([kit.cases["runpod"], kit.cases["verda"]], limits=Limits(deadline_s=0.2))
    assert slow.message == "runpod: not finished by the deadline"
    assert (good.status, len(good.offers)) == ("ok", 2)


def test_a_gzip_bomb_is_cut_off_while_it_unpacks(asking: Any, kit: Any) -> None:
    def send(handler: Any, answer: Any) -> None:
        handler.send_response(200)
        for name, value in (("Content-Type", "application/json"), ("Content-Encoding", "gzip")):
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(gzip.compress(b" " * (64 << 20)))

    result = asking.result(
        kit.cases["verda"], lambda asked: kit.Answer(send=send), limits=Limits(max_bytes=1 << 20)
    )
    assert result.message == "verda: answer is larger than 1048576 bytes"


def test_gzip_answers_are_asked_for_and_read(case: Any, asking: Any, kit: Any) -> None:
    serve = kit.serving(case)

    def app(asked: Any) -> Any:
        answer = serve(asked)
        answer.zipped = True
        return answer

    assert len(asking.result(case, app).offers) == case.offers
    assert all(asked.headers["Accept-Encoding"] == "gzip" for asked in asking.server.seen)


def test_a_server_that_is_not_there_fails_every_provider_by_name(asking: Any, kit: Any) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refused, and nobody else can take the port
        asking.server = type("Nowhere", (), {"url": f"http://127.0.0.1:{taken.getsockname()[1]}"})
        results = asking.results(list(kit.cases.values()), limits=Limits(attempts=2))
    assert {result.status for result in results} == {"failed"}
    assert [r.message for r in results if not r.message.startswith(f"{r.provider}:")] == []
    assert [r.message for r in results if "Connect" not in r.message] == []


def test_failures_hide_nobody_and_results_keep_the_order_asked(asking: Any, kit: Any) -> None:
    cases = [kit.cases[name] for name in ("vast", "runpod", "verda", "shadeform", "oci")]
    serve = {case.provider: kit.serving(case) for case in cases}
    paths = {path: case.provider for case in cases for path in case.documents}
    down = {"runpod": 500, "shadeform": 403}

    def app(asked: Any) -> Any:
        provider = paths[asked.path]
        return kit.Answer(status=down[provider]) if provider in down else serve[provider](asked)

    asking.server.app = app
    results = asking.results(cases)
    assert [(r.provider, r.status) for r in results] == [
        ("vast", "ok"), ("runpod", "failed"), ("verda", "ok"), ("shadeform", "failed"), ("oci", "ok"),
    ]  # fmt: skip


def test_a_bug_in_one_provider_is_its_failure_alone(asking: Any, kit: Any) -> None:
    def broken(session: Session, env: Any) -> Any:
        yield Listing(seller="x", instance="x", gpu="L4", gpu_count=1, price="1")
        raise KeyError("boom\nboom")

    asking.server.app = kit.serving(kit.cases["verda"])
    with Fetcher(endpoints={"verda": asking.server.url}) as fetcher:
        bad, good = refresh(
            [Provider("broken", (), ("none",), broken), PROVIDERS["verda"]],
            fetcher=fetcher,
            env={},
            today=kit.today,
        )
    assert (bad.status, bad.offers) == ("failed", ())
    assert bad.message.startswith("broken: unexpected KeyError")
    assert "\n" not in bad.message
    assert good.status == "ok"


def test_offers_made_elsewhere_pass_the_same_gates(asking: Any, kit: Any) -> None:
    from dataclasses import replace

    good = asking.result(kit.cases["verda"]).offers[0]
    rows = [
        replace(good, as_of=None), replace(good, instance="dear", usd_per_hour=1e6, usd_per_gpu_hour=1e6),
        replace(good, instance="nan", usd_per_hour=float("nan")), replace(good, instance="zero", usd_per_gpu_hour=0.0),
        replace(good, instance="late", as_of="2026-12-01"), replace(good, instance="when", as_of="yesterday"),
        replace(good, instance="who", gpu="z9000"), replace(good, instance="yen", currency="JPY"),
        replace(good, instance="term", term="rental"),
    ]  # fmt: skip
    with Fetcher() as fetcher:
        (result,) = refresh(
            [Provider("mine", (), ("none",), lambda session, env: iter(rows))],
            fetcher=fetcher,
            env={},
            today=kit.today,
        )
    assert [offer.as_of for offer in result.offers] == ["2026-08-22"]
    assert sorted(row.reason.split(":")[0] for row in result.quarantined) == [
        "bad_date", "future_dated", "price_not_positive", "price_not_positive", "price_out_of_band",
        "unknown_currency", "unknown_gpu", "unknown_term",
    ]  # fmt: skip
    assert all(row.offer is not None for row in result.quarantined)


def test_an_empty_catalogue_is_a_failure_and_not_an_empty_success(asking: Any, kit: Any) -> None:
    answer = kit.Answer(b'{"offers": []}')
    message = asking.result(kit.cases["vast"], lambda asked: answer).message
    assert message == "vast: the answer holds no GPU offer (its shape may have changed)"


def test_progress_is_told_in_the_callers_thread_up_to_the_last(asking: Any, kit: Any) -> None:
    import threading

    told: list[Any] = []
    threads = set()

    def on_progress(event: Any) -> None:
        told.append(event)
        threads.add(threading.current_thread())

    cases = [kit.cases["verda"], kit.cases["oci"]]
    serve = {path: kit.serving(case) for case in cases for path in case.documents}
    asking.server.app = lambda asked: serve[asked.path](asked)
    asking.results(cases, progress=on_progress)
    assert threads == {threading.current_thread()}
    assert [e.finished for e in told if e.status] == [1, 2]
    assert {e.pages for e in told if e.provider == "oci" and e.status is None} == {1, 2}
    assert {e.total for e in told} == {2}


def test_endpoints_keep_path_and_query(asking: Any, kit: Any) -> None:
    asking.result(kit.cases["shadeform"])
    (asked,) = asking.server.seen
    assert (asked.path, asked.query) == ("/v1/instances/types", "available=true")
    assert asked.headers["X-API-KEY"] == "SECRET-shade"


def test_signature_is_the_one_of_the_published_example() -> None:
    """The `get-vanilla` case of the AWS Signature Version 4 test suite."""
    headers = signed_headers(
        Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), host="example.amazonaws.com",
        region="us-east-1", service="service", query="", at=datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
    )  # fmt: skip
    assert headers["authorization"].endswith(
        "SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    )


def test_fetching_asks_for_no_address_of_its_own_accord() -> None:
    """Nothing is requested when no provider is asked."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise AssertionError(request.url)

    with Fetcher(transport=httpx.MockTransport(refuse)) as fetcher:
        assert refresh([], fetcher=fetcher, env={}, today=date(2026, 8, 22)) == ()
