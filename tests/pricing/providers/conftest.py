"""A real HTTP server on 127.0.0.1 that serves the samples, and the faults that are put in its way."""

from __future__ import annotations

import gzip
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from planner.pricing.providers.registry import PROVIDERS, Fetcher, FetchResult, Limits, refresh


def _load(name: str) -> ModuleType:
    """A module beside this one (test folders are no packages)."""
    spec = importlib.util.spec_from_file_location(f"provider_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


samples = _load("samples")
TODAY = date.fromisoformat(samples.TODAY)


@dataclass
class Answer:
    """What the server sends; `send` replaces the plain way of sending."""

    body: bytes = b"{}"
    content_type: str = "application/json"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    zipped: bool = False
    send: Callable[[BaseHTTPRequestHandler, Answer], None] | None = None


@dataclass
class Asked:
    """One request as the server saw it."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


App = Callable[[Asked], Answer]


class LocalServer:
    """Runs until the test session ends; each test gives it another `app`."""

    def __init__(self) -> None:
        self.app: App = lambda asked: Answer(status=404)
        self.seen: list[Asked] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                path, _, query = self.path.partition("?")
                length = int(self.headers.get("Content-Length", 0))
                asked = Asked(self.command, path, query, dict(self.headers), self.rfile.read(length))
                if self.command == "HEAD":  # only ever asked for the time
                    self.send_response(200)
                    self.end_headers()
                    return
                outer.seen.append(asked)
                reply = outer.app(asked)
                with suppress(BrokenPipeError, ConnectionResetError):  # the client has seen enough
                    (reply.send or send)(self, reply)

            do_GET = do_POST = do_HEAD = answer  # noqa: N815 - names of the standard library

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.block_on_close = False
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


def send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    body = gzip.compress(answer.body) if answer.zipped else answer.body
    handler.send_response(answer.status)
    handler.send_header("Content-Type", answer.content_type)
    handler.send_header("Content-Length", str(len(body)))
    if answer.zipped:
        handler.send_header("Content-Encoding", "gzip")
    for name, value in answer.headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture(scope="session")
def local() -> Iterator[LocalServer]:
    server = LocalServer()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def server(local: LocalServer) -> LocalServer:
    local.seen = []
    return local


def serving(case: Any, documents: Any = None) -> App:
    """The documents of a case, by path."""
    held = case.fresh() if documents is None else documents

    def app(asked: Asked) -> Answer:
        if asked.path not in held:
            return Answer(status=404)
        content_type, body = samples.render(case.kinds[asked.path], held[asked.path])
        if case.provider == "azure" and "Reservation" in asked.query:
            content_type, body = samples.render("json", {"Items": [], "NextPageLink": None})
        return Answer(body, content_type)

    return app


@dataclass
class Asking:
    """Asks providers of the local server; `slept` is what the client waited, in seconds, without waiting."""

    server: LocalServer
    slept: list[float] = field(default_factory=list)

    def results(
        self, cases: list[Any], *, limits: Limits | None = None, etags: Any = None, progress: Any = None
    ) -> tuple[FetchResult, ...]:
        env = {name: value for case in cases for name, value in case.env.items()}
        with Fetcher(
            transport=httpx.HTTPTransport(verify=False), endpoints=dict.fromkeys(PROVIDERS, self.server.url),
            limits=limits or Limits(), sleep=self.slept.append,
        ) as fetcher:  # fmt: skip
            return refresh(
                [PROVIDERS[case.provider] for case in cases], fetcher=fetcher, env=env, today=TODAY, etags=etags,
                on_progress=progress or (lambda event: None),
            )  # fmt: skip

    def result(self, case: Any, app: App | None = None, **options: Any) -> FetchResult:
        self.server.app = app or serving(case)
        return self.results([case], **options)[0]


@pytest.fixture
def asking(server: LocalServer) -> Asking:
    return Asking(server)


@pytest.fixture(scope="session")
def kit() -> Any:
    """What tests need of this module and the samples, which they cannot import."""
    return type("Kit", (), {
        "Answer": Answer, "serving": staticmethod(serving), "send": staticmethod(send), "samples": samples,
        "cases": samples.CASES, "today": TODAY,
    })  # fmt: skip


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        left_out = getattr(metafunc.function, "left_out", ())
        cases = {name: case for name, case in samples.CASES.items() if name not in left_out}
        metafunc.parametrize("case", cases.values(), ids=cases.keys())
