"""A real server from the installed package and a real browser, one of each per run; a fresh context per test.

Screenshots go to `$PLANNER_SCREENSHOTS` (CI keeps them) or to a temporary folder.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--metrics-recording-only",
    "--disable-features=OptimizationHints,MediaRouter,Translate",
]  # fmt: skip
"""No sandbox: CI runs as root in a container, whose /dev/shm is small. The rest keeps Chromium off the network."""
PATIENCE_MS = 60_000  # CI shares its cores
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}

pytest.importorskip("streamlit", reason="needs the `app` extra: pip install 'openclaw-planner[app]'")
playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
playwright.expect.set_options(timeout=PATIENCE_MS)


def _chromium() -> str:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-headless-shell")
    if path is None:
        pytest.skip("needs chromium: apt-get install chromium")
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Address of `planner dashboard`, started far from the clone."""
    port, address = _free_port(), ""
    command = [sys.executable, "-P", "-m", "planner", "dashboard", "--no-browser", "--port", str(port)]
    with subprocess.Popen(command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        address = f"http://127.0.0.1:{port}"
        try:
            _wait(address, process)
            yield address
        finally:
            process.terminate()
            process.wait(20)


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(240):
        assert process.poll() is None, "the server stopped"
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2) as answer:
                if answer.read() == b"ok":
                    return
        except OSError:
            time.sleep(0.25)
    pytest.fail("the server does not answer")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    path = _chromium()
    with playwright.sync_playwright() as p:
        found = p.chromium.launch(executable_path=path, headless=True, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the screenshots."""
    named = os.environ.get("PLANNER_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@dataclass
class Reader:
    """Someone at the screen: a page in a fresh context, and everything it did that it should not."""

    page: Page
    server: str
    pictures: Path
    complaints: list[str] = field(default_factory=list)

    def open(self, query: str = "") -> Reader:
        """Open a link and wait for its page."""
        self.page.goto(f"{self.server}/{query}")
        return self.settled()

    def settled(self) -> Reader:
        """Wait until the script has run."""
        app = self.page.get_by_test_id("stApp")
        playwright.expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=PATIENCE_MS)
        playwright.expect(self.page.locator("[data-stale=true]")).to_have_count(0, timeout=PATIENCE_MS)
        playwright.expect(self.page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=PATIENCE_MS)
        assert self.page.get_by_test_id("stException").count() == 0
        return self

    def metric(self, label: str) -> str:
        """Value of a metric by its label."""
        box = self.page.get_by_test_id("stMetric").filter(has_text=label).first
        return str(box.get_by_test_id("stMetricValue").inner_text())

    def turn_to(self, title: str) -> Reader:
        """Turn to a page by its button."""
        self.page.get_by_test_id("stSidebar").get_by_role("button", name=title, exact=True).click()
        self.page.wait_for_timeout(150)
        return self.settled()

    def picture(self, name: str, *, whole: bool = True) -> None:
        """Keep a screenshot, by default of the whole page."""
        size = self.page.viewport_size or DESKTOP
        self.page.wait_for_timeout(600)  # charts fade in
        if whole:
            height = self.page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
            self.page.set_viewport_size({"width": size["width"], "height": max(int(height), size["height"])})
            self.page.wait_for_timeout(400)
        self.page.screenshot(path=self.pictures / f"{name}.png")
        self.page.set_viewport_size(size)

    def query(self) -> str:
        """What the address bar holds after the path."""
        return re.sub(r"^[^?]*", "", self.page.url)


@pytest.fixture
def read(browser: Browser, server: str, pictures: Path) -> Iterator[Any]:
    """Makes readers; every one must end without console error, page error or request to another origin."""
    contexts, readers = [], []

    def make(*, size: dict[str, int] = DESKTOP, scheme: str = "light") -> Reader:
        context = browser.new_context(
            viewport=size, color_scheme=scheme, reduced_motion="reduce", accept_downloads=True
        )  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        reader = Reader(page, server, pictures)
        own = (server, server.replace("http:", "ws:"), "data:", "blob:", "about:")
        page.on(
            "console", lambda m: reader.complaints.append(f"console: {m.text}") if m.type == "error" else None
        )
        page.on("pageerror", lambda e: reader.complaints.append(f"page: {e}"))
        page.on(
            "request",
            lambda r: reader.complaints.append(f"request: {r.url}") if not r.url.startswith(own) else None,
        )
        contexts.append(context)
        readers.append(reader)
        return reader

    yield make
    complaints = [c for reader in readers for c in reader.complaints]
    for context in contexts:
        context.close()
    assert complaints == []
