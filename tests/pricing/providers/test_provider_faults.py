"""Every provider meets every fault of the network: it recovers, or says which provider and why."""

from __future__ import annotations

import gzip
import time
from typing import Any

import pytest

from planner.pricing.providers.registry import Limits


def once(fault: Any) -> Any:
    """The fault for the first request, the true answer from then on."""
    return lambda app, number, asked: fault(app(asked)) if number == 0 else app(asked)


def always(fault: Any) -> Any:
    return lambda app, number, asked: fault(app(asked))


def status(code: int, **headers: str) -> Any:
    def fault(answer: Any) -> Any:
        answer.status, answer.body = code, b"busy"
        answer.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
        return answer

    return fault


def raw(*, headers: dict[str, str], body: Any) -> Any:
    """A body sent as it is, whatever the headers claim."""

    def fault(answer: Any) -> Any:
        def send(handler: Any, reply: Any) -> None:
            handler.send_response(200)
            handler.send_header("Content-Type", reply.content_type)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.end_headers()
            for part in body(reply.body):
                handler.wfile.write(part)
                handler.wfile.flush()

        answer.send = send
        return answer

    return fault


def half_a_gzip(body: bytes) -> list[bytes]:
    packed = gzip.compress(body)
    return [packed[: len(packed) // 2]]


def drip(body: bytes) -> Any:
    for number in range(100):
        time.sleep(0.02)
        yield body[number : number + 1]


def silence(body: bytes) -> Any:
    time.sleep(0.3)
    yield body


def wrong_type(answer: Any) -> Any:
    answer.content_type = "image/png"
    return answer


HALF_A_GZIP = raw(headers={"Content-Encoding": "gzip"}, body=half_a_gzip)
HALF_A_BODY = raw(headers={"Content-Length": "100000"}, body=lambda body: [body[:20]])
NOISE = raw(
    headers={"Content-Encoding": "gzip"}, body=lambda body: [b"\x1f\x8b\x08\x00 this is no gzip stream"]
)
SILENCE = raw(headers={}, body=silence)
DRIP = raw(headers={"Content-Length": "100000"}, body=drip)

PASSING = {
    "429_then_200": once(status(429, Retry_After="7")),
    "500_then_200": once(status(500)),
    "503_then_200": once(status(503)),
    "truncated_gzip_then_200": once(HALF_A_GZIP),
    "broken_gzip_then_200": once(NOISE),
    "connection_cut_then_200": once(HALF_A_BODY),
}
LASTING = {
    "429_for_ever": (always(status(429)), "HTTP 429"),
    "429_for_an_hour": (always(status(429, Retry_After="3600")), "HTTP 429, to be tried again in 3600 s"),
    "500_for_ever": (always(status(500)), "HTTP 500"),
    "401": (always(status(401)), "HTTP 401"),
    "404": (always(status(404)), "HTTP 404"),
    "moved": (always(status(301, Location="https://elsewhere.example.com/")), "HTTP 301"),
    "truncated_gzip": (always(HALF_A_GZIP), "gzip stream"),
    "broken_gzip": (always(NOISE), "gzip stream"),
    "connection_cut": (always(HALF_A_BODY), "connection failed"),
    "slow_drip": (always(DRIP), "deadline"),
    "silence": (always(SILENCE), "connection failed: ReadTimeout (2 attempts)"),
    "wrong_content_type": (always(wrong_type), "content type 'image/png'"),
    "unasked_encoding": (
        always(raw(headers={"Content-Encoding": "br"}, body=lambda b: [b])),
        "encoding 'br'",
    ),
    "empty_body": (always(raw(headers={}, body=lambda body: [])), ""),
    "not_text": (always(raw(headers={}, body=lambda body: [b"\xff\xfe\x00\x01" * 50])), ""),
    "too_large": (
        always(raw(headers={}, body=lambda body: [b" " * 40_000] * 30)),
        "larger than 1000000 bytes",
    ),
}
PATIENT = Limits(max_bytes=1_000_000, max_stream_bytes=1_000_000)
IMPATIENT = Limits(read_s=0.05, attempts=2)
HASTY = Limits(deadline_s=0.15, max_bytes=1_000_000)

LIMITS = {"slow_drip": HASTY, "silence": IMPATIENT}


def faulty(app: Any, fault: Any) -> Any:
    count = -1

    def answer(asked: Any) -> Any:
        nonlocal count
        count += 1
        return fault(app, count, asked)

    return answer


def test_each_provider_reads_its_documented_answer(case: Any, asking: Any) -> None:
    result = asking.result(case)
    assert (result.status, len(result.offers), result.message) == (
        "ok",
        case.offers,
        f"{case.provider}: {case.offers} offers",
    )
    assert asking.slept == []


@pytest.mark.parametrize("fault", PASSING)
def test_a_passing_fault_is_waited_out(case: Any, fault: str, asking: Any, kit: Any) -> None:
    result = asking.result(case, faulty(kit.serving(case), PASSING[fault]), limits=PATIENT)
    assert (result.status, len(result.offers)) == ("ok", case.offers), result.message
    assert asking.slept == [7.0 if fault.startswith("429") else 1.0]


@pytest.mark.parametrize("fault", LASTING)
def test_a_lasting_fault_fails_with_its_name_and_no_offers(
    case: Any, fault: str, asking: Any, kit: Any
) -> None:
    meet, says = LASTING[fault]
    app = faulty(kit.serving(case), meet)
    result = asking.result(case, app, limits=LIMITS.get(fault, PATIENT))
    assert result.status == "failed"
    assert result.offers == ()
    assert result.message.startswith((f"{case.provider}:", f"{case.provider}."))
    assert says in result.message
    assert "\n" not in result.message
