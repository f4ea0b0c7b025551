"""What a reader does with the dashboard, done in Chromium on the installed package."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from planner.app.main import PAGES

pytestmark = pytest.mark.slow
DATA = Path(__file__).parents[1] / "data"
PHONE = {"width": 390, "height": 844}
Read = Callable[..., Any]
SCENARIO = """
[workloads.mine]
model = "llama-3.1-8b"
requests_per_s = 4
input_tokens = 500
output_tokens = 200
ttft_ms = 1000
tpot_ms = 50
[constraints]
zones = ["eu"]
"""
PRICES = "seller,instance,gpu,gpu_count,term,usd_per_hour,country\nacme,box,h100_sxm,8,on_demand,4,DE\n"


def _cli(*words: str, cwd: Path) -> bytes:
    run = [sys.executable, "-P", "-m", "planner", *words]
    return subprocess.run(run, cwd=cwd, capture_output=True, check=True).stdout


def _dollars(text: str) -> float:
    return float(text.strip("$").replace(",", ""))


def _upload(reader: Any, label: str, path: Path) -> None:
    uploader = reader.page.get_by_test_id("stFileUploader").filter(has_text=label)
    uploader.locator("input[type=file]").set_input_files(path)
    reader.page.wait_for_timeout(400)
    reader.settled()


def _save(reader: Any, name: str) -> bytes:
    with reader.page.expect_download() as download:
        reader.page.get_by_test_id("stMain").get_by_role("button", name=name, exact=True).first.click()
    return Path(download.value.path()).read_bytes()


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_from_its_link(read: Read, page: str) -> None:
    reader = read().open(f"?page={page}" if page != "answer" else "")
    expect(reader.page.get_by_test_id("stMain")).to_be_visible()
    if page in ("why", "kernels", "accuracy"):
        expect(
            reader.page.locator(
                "[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg"
            ).first
        ).to_be_visible()
    reader.picture(page)


def test_the_answer_fits_one_screen_without_scrolling(read: Read) -> None:
    reader = read().open()
    main = reader.page.get_by_test_id("stMain")
    assert main.evaluate("e => e.scrollHeight <= e.clientHeight")
    assert "a month" in main.get_by_role("heading", level=2).first.inner_text()
    for label in (
        "Cost per month",
        "Per million tokens",
        "Chance limits are met",
        "On measured data",
        "Age of prices",
    ):
        assert reader.metric(label)
    expect(main.get_by_text("if speeds come out as predicted")).to_be_visible()
    reader.picture("answer-screen", whole=False)


def test_a_slider_moves_the_answer_and_a_link_shares_it(read: Read) -> None:
    reader = read().open()
    before = _dollars(reader.metric("Cost per month"))
    slider = reader.page.get_by_role("slider", name="Requests per second")
    slider.focus()
    for _ in range(3):
        slider.press("ArrowRight")
    reader.page.wait_for_url("**/?w0.rate=**")
    reader.settled()
    after = reader.metric("Cost per month")
    assert _dollars(after) > before
    friend = read().open(reader.query())
    assert friend.metric("Cost per month") == after
    reader.page.go_back()
    reader.page.wait_for_timeout(300)
    reader.settled()
    expect(reader.page.get_by_role("slider", name="Requests per second")).not_to_have_attribute(
        "aria-valuetext", "25"
    )
    reader.page.reload()
    reader.settled()


def test_a_workload_is_filled_in_and_applied(read: Read) -> None:
    reader = read().open("?page=what-if")
    reader.page.get_by_role("spinbutton", name="Output tokens, mean").fill("128")
    reader.page.get_by_role("spinbutton", name="Input tokens, mean").fill("2048")
    reader.page.get_by_role("button", name="Apply").first.click()
    reader.page.wait_for_url("**w0.output_tokens=128**")
    reader.settled()
    assert "w0.input_tokens=2048" in reader.query()
    expect(reader.page.get_by_role("button", name="Take all changes back").first).to_be_visible()


def test_a_cell_of_the_price_table_is_edited_and_planned_with(read: Read) -> None:
    reader = read().open("?page=prices")
    reader.page.get_by_role("tab", name="Your own prices").click()
    editor = reader.page.locator("[data-testid=stDataFrame]:visible").first
    grid = editor.locator(".dvn-scroller")
    box = grid.bounding_box()
    grid.dblclick(position={"x": box["width"] * 0.62, "y": 52})
    reader.page.keyboard.press("Control+A")
    reader.page.keyboard.type("0.55")
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_timeout(500)
    reader.settled()
    reader.page.get_by_role("button", name="Plan with these prices").click()
    expect(reader.page.get_by_text("Your prices are in force.")).to_be_visible()
    reader.settled()
    assert "with_upload=" in reader.query()
    assert "0.55" not in reader.query()
    reader.turn_to("Answer")
    expect(reader.page.get_by_text("baseline $").first).to_be_visible()


def test_good_and_bad_uploads(read: Read, tmp_path: Path) -> None:
    files = {"good.toml": SCENARIO, "bad.toml": SCENARIO.replace("llama-3.1-8b", "/etc/passwd.json"),
             "prices.csv": PRICES, "bad.csv": "seller,gpu\n",
             "log.csv": "hours_per_month,requests_per_s\n100,6\n630,1\n",
             "bad.jsonl": '{"text": "hello"}\n', "bad.json": "{"}  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    reader = read().open("?page=what-if")
    reader.page.get_by_role("tab", name="Your files").click()
    for label, bad, said in (
        ("Scenario", "bad.toml", "an upload may name none"),
        ("Price list", "bad.csv", "column 'instance' is missing"),
        ("Request log", "bad.jsonl", "line 1"),
        ("Baseline", "bad.json", "not JSON"),
        ("Model config", "bad.json", "not JSON"),
    ):
        _upload(reader, label, tmp_path / bad)
        expect(reader.page.get_by_text(said).first).to_be_visible()
    reader.picture("bad-uploads")
    assert "with_upload" not in reader.query()
    _upload(reader, "Scenario", tmp_path / "good.toml")
    expect(reader.page.get_by_role("combobox", name="Scenario")).to_have_value("upload: good.toml")
    _upload(reader, "Request log", tmp_path / "log.csv")
    _upload(reader, "Price list", tmp_path / "prices.csv")
    plan = tmp_path / "plan.json"
    plan.write_bytes(_cli("recommend", "--example", "chat-70b", "--format", "json", cwd=tmp_path))
    _upload(reader, "Baseline", plan)
    reader.turn_to("Answer")
    expect(reader.page.get_by_text("mine").first).to_be_visible()
    friend = read().open(reader.query())
    expect(friend.page.get_by_text("not part of it").first).to_be_visible()
    expect(friend.page.get_by_role("combobox", name="Scenario")).to_have_value("chat-70b")


def test_every_download_holds_the_bytes_of_the_command_on_screen(read: Read, tmp_path: Path) -> None:
    reader = read().open("?w0.rate=20&zones=eu,us&page=report")
    program, *words = shlex.split(reader.page.get_by_test_id("stCode").inner_text())
    assert program == "planner"
    words = words[: words.index("--format")]
    for kind, label in (("json", "plan.json"), ("markdown", "Markdown"), ("table", "Text")):
        assert _save(reader, label) == _cli(*words, "--format", kind, cwd=tmp_path), kind
    (tmp_path / "plan.json").write_bytes(_save(reader, "plan.json"))
    for kind in ("HTML", "XLSX"):
        reader.page.get_by_role("button", name=f"Make {kind}").click()
        path = tmp_path / f"report.{kind.lower()}"
        _cli("report", "plan.json", "-o", path.name, cwd=tmp_path)
        assert _save(reader, f"Report as {kind}") == path.read_bytes(), kind
    (tmp_path / "scenario.json").write_bytes(_save(reader, "Scenario as JSON"))
    from_file = _cli("recommend", "scenario.json", "--as-of", words[-1], "--format", "json", cwd=tmp_path)
    assert _save(reader, "plan.json") == from_file
    reader.turn_to("Prices")
    assert _save(reader, "Offers as CSV") == _cli(
        "prices", "show", "--format", "csv", "--as-of", words[-1], cwd=tmp_path
    )


def test_charts_are_saved_with_their_table(read: Read) -> None:
    reader = read().open("?page=why")
    reader.page.get_by_text("Table and files").first.click()
    assert b"Choice" in _save(reader, "Table as CSV")
    if reader.page.get_by_role("button", name="Chart as SVG").count():
        assert _save(reader, "Chart as SVG").startswith(b"<svg")
        assert _save(reader, "Chart as PNG").startswith(b"\x89PNG")


def test_a_dead_end_offers_the_way_out_in_one_click(read: Read) -> None:
    reader = read().open("?w0.tpot_ms=1")
    expect(reader.page.get_by_text("Nothing satisfies these limits.")).to_be_visible()
    reader.picture("infeasible")
    reader.page.get_by_role("button", name="a month").first.click()
    reader.page.wait_for_timeout(300)
    reader.settled()
    assert _dollars(reader.metric("Cost per month")) > 0


def test_the_keyboard_alone_moves_a_slider_and_turns_the_page(read: Read) -> None:
    reader = read().open()
    name = "document.activeElement.getAttribute('aria-label') || document.activeElement.innerText || ''"
    seen: list[str] = []
    while "Requests per second, peak" not in seen:
        reader.page.keyboard.press("Tab")
        seen.append(reader.page.evaluate(name))
        assert len(seen) < 40, f"no slider within reach of the Tab key: {seen}"
    reader.page.keyboard.press("ArrowRight")
    reader.page.wait_for_url("**w0.rate=**")
    reader.settled()
    while "Why" not in reader.page.evaluate(name):
        reader.page.keyboard.press("Shift+Tab")
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_url("**page=why**")


@pytest.mark.parametrize(("scheme", "size"), [("dark", None), ("light", PHONE), ("dark", PHONE)])
def test_dark_and_phone(read: Read, scheme: str, size: dict[str, int] | None) -> None:
    reader = read(scheme=scheme, **({"size": size} if size else {})).open("?w0.rate=20")
    background = reader.page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")
    width = reader.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert width <= (size or {"width": 1280})["width"]
    reader.picture(f"answer-{scheme}-{'phone' if size else 'desktop'}")
    reader.open("?page=kernels").picture(f"kernels-{scheme}-{'phone' if size else 'desktop'}")


def test_the_server_listens_on_this_machine_only(server: str) -> None:
    port = int(server.rpartition(":")[2])
    listening = [
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        if Path(table).exists()
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
    ]
    assert listening == [f"0100007F:{port:04X}"]
