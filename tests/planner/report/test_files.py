"""The files of a report: a workbook that recalculates, a PDF a screen reader can follow, nothing half-written."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from planner.cli import app
from planner.plan import Plan
from planner.report import Report, inputs_of, report_of, write
from planner.report.sensitivity import monthly
from planner.report.tco import YEARS

FORMULA_SHEETS = {"Orders", "Cost", "Sensitivity"}


def report(plan: Plan, **given: float) -> Report:
    inputs = inputs_of(given, discount_rate=0.08, discount_source="assumption: a firm")
    return report_of(plan, inputs, digest="d" * 64)


def opened(data: bytes, *, values: bool = False) -> Any:
    openpyxl = pytest.importorskip("openpyxl")
    return openpyxl.load_workbook(BytesIO(data), data_only=values)


def named(book: Any, name: str) -> Any:
    """The cell of a defined name."""
    ((sheet, place),) = book.defined_names[name].destinations
    return book[sheet][place.replace("$", "")]


@pytest.fixture
def xlsx(plan: Plan) -> bytes:
    pytest.importorskip("xlsxwriter")
    return write(report(plan), "xlsx")


def recalculated(data: bytes, folder: Path) -> Any:
    """The workbook as LibreOffice saves it after computing every formula anew."""
    if shutil.which("soffice") is None:
        pytest.skip("needs LibreOffice (libreoffice-calc)")
    (folder / "in.xlsx").write_bytes(data)
    profile = f"-env:UserInstallation=file://{folder}/profile"
    command = [
        "soffice",
        profile,
        "--headless",
        "--convert-to",
        "xlsx:Calc MS Excel 2007 XML",
        "--outdir",
        "out",
        "in.xlsx",
    ]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=180)
    return opened((folder / "out" / "in.xlsx").read_bytes(), values=True)


def test_the_stored_values_are_the_totals_of_the_plan(plan: Plan, xlsx: bytes) -> None:
    book, cost = opened(xlsx, values=True), report(plan).cost
    assert named(book, "usd_per_month").value == pytest.approx(monthly(plan))
    for i, n in enumerate(YEARS):
        assert named(book, f"total_{n}y").value == pytest.approx(cost.totals[i])
        assert named(book, f"present_value_{n}y").value == pytest.approx(cost.present_values[i])


def test_changed_assumptions_recompute_every_total_and_no_cell_is_an_error(
    plan: Plan, xlsx: bytes, tmp_path: Path
) -> None:
    given = {"discount_rate": 0.12, "price_change_per_year": -0.15, "staff_usd_per_month": 4000.0,
             "migration_usd_once": 900.0, "disposal_usd_once": -250.0, "fx_rate": 0.9}  # fmt: skip
    book = opened(xlsx)
    for name, value in given.items():
        named(book, name).value = value
    changed = BytesIO()
    book.save(changed)
    now, cost = recalculated(changed.getvalue(), tmp_path), report(plan, **given).cost
    for i, n in enumerate(YEARS):
        assert named(now, f"total_{n}y").value == pytest.approx(cost.totals[i], rel=1e-9)
        assert named(now, f"present_value_{n}y").value == pytest.approx(cost.present_values[i], rel=1e-9)
    errors = [c for sheet in now for row in sheet for c in row if c.data_type == "e"]
    assert not errors


def test_an_untouched_workbook_recalculates_to_what_was_stored(xlsx: bytes, tmp_path: Path) -> None:
    before, now = opened(xlsx, values=True), recalculated(xlsx, tmp_path)
    formulas = opened(xlsx)
    compared = 0
    for sheet in formulas:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    compared += 1
                    stored, computed = (book[sheet.title][cell.coordinate].value for book in (before, now))
                    assert computed == pytest.approx(stored, rel=1e-9), (
                        f"{sheet.title}!{cell.coordinate} {cell.value}"
                    )
    assert compared > 20


def test_a_name_from_outside_is_never_a_formula_or_a_link(nasty: Plan, tmp_path: Path) -> None:
    pytest.importorskip("xlsxwriter")
    data = write(report(nasty), "xlsx")
    ours = ("=I", "=SUM(", "=SUMIFS(", "=fx_rate", "=usd_per_month", "=D")
    for sheet in opened(data):
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    assert sheet.title in FORMULA_SHEETS
                    assert cell.value.startswith(ours) or cell.value[1:].endswith(
                        ("_usd_per_month", "_usd_once")
                    )
    names = zipfile.ZipFile(BytesIO(data)).namelist()
    assert not [n for n in names if "externalLink" in n or "hyperlink" in n or "vba" in n]
    now = recalculated(data, tmp_path)
    assert not [c for sheet in now for row in sheet for c in row if c.data_type == "e"]


def test_a_plan_without_placements_still_makes_a_workbook(plan: Plan) -> None:
    pytest.importorskip("xlsxwriter")
    book = opened(write(report(replace(plan, placements=(), usd_per_month=0.0)), "xlsx"), values=True)
    assert named(book, "total_5y").value == 0


@pytest.fixture
def pdf(plan: Plan) -> Any:
    try:
        import weasyprint  # noqa: F401
    except ImportError:
        pytest.skip("needs weasyprint")
    except OSError:
        pytest.skip("needs Pango (libpango-1.0-0 libpangoft2-1.0-0)")
    pypdf = pytest.importorskip("pypdf")
    return pypdf.PdfReader(BytesIO(write(report(plan), "pdf")))


def test_the_pdf_is_tagged_titled_and_has_a_language_and_bookmarks(pdf: Any) -> None:
    root = pdf.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert str(root["/Lang"]) == "en"
    assert pdf.metadata.title.startswith("GPU procurement report")
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert b"pdfuaid" in root["/Metadata"].get_data()
    assert [item["/Title"] for item in pdf.outline[1] if not isinstance(item, list)][:2] == [
        "Decision",
        "What is needed",
    ]


def test_every_figure_in_the_pdf_has_its_words(pdf: Any) -> None:
    found = []

    def walk(node: Any) -> None:
        node = node.get_object()
        if not hasattr(node, "get"):
            return
        if node.get("/S") == "/Figure":
            found.append(node.get("/Alt"))
        kids = node.get("/K", [])
        for kid in kids if isinstance(kids, list) else [kids]:
            walk(kid) if hasattr(kid, "get_object") else None

    walk(pdf.trailer["/Root"]["/StructTreeRoot"])
    assert len(found) == 2
    assert all(found)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["report", *arguments], prog_name="planner")


@pytest.fixture
def folder(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.json").write_text(plan.to_json())
    return tmp_path


@pytest.mark.parametrize("name", ["report.html", "report.md"])
def test_the_command_writes_what_the_ending_says(folder: Path, name: str) -> None:
    done = run("plan.json", "-o", name, "--assume", "discount_rate=0.1")
    assert done.exit_code == 0, done.output
    assert "10%" in Path(name).read_text()


def test_the_lock_is_named_where_one_is_given(folder: Path) -> None:
    Path("planner.lock").write_text("anything\n")
    text = run("plan.json", "--format", "markdown", "--lock", "planner.lock").stdout
    assert f"| Digest of the lock or plan | {sha256(b'anything' + bytes([10])).hexdigest()} |" in text


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("plan.json", "-o", "nowhere/report.html"), 5, "nowhere/report.html: cannot write"),
        (("plan.json", "--format", "xlsx"), 5, "-o report.xlsx"),
        (("missing.json", "-o", "report.html"), 5, "missing.json: cannot read"),
        (("plan.json", "--assume", "staff_usd=1", "-o", "report.html"), 5, "did you mean"),
        (("plan.json", "--assume", "fx_rate", "-o", "report.html"), 5, "no number"),
        (("cut.json", "-o", "report.html"), 5, "it may be cut off"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    folder: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    text = Path("plan.json").read_text()
    Path("cut.json").write_text(text[: len(text) // 2])
    done = run(*arguments)
    assert (done.exit_code, len(done.stderr.splitlines())) == (code, 1)
    assert said in done.stderr
    assert sorted(p.name for p in folder.iterdir()) == ["cut.json", "plan.json"]


def test_analyse_fills_the_analyses_from_the_plans_own_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = CliRunner().invoke(
        app, ["recommend", "--example", "eu-only", "-o", "plan.json"], prog_name="planner"
    )
    assert made.exit_code == 0, made.output
    bare, full = (
        run("plan.json", "--format", "markdown"),
        run("plan.json", "--format", "markdown", "--analyse"),
    )
    assert full.exit_code == 0, full.output
    assert "planner lock-in" in bare.stdout
    assert "planner lock-in" not in full.stdout
    assert "### What lock-in, and avoiding it, costs" in full.stdout
    Path("plan.json").write_text(
        re.sub(r'"prices": "[0-9a-f]{8}', '"prices": "00000000', Path("plan.json").read_text())
    )
    moved = run("plan.json", "--format", "markdown", "--analyse")
    assert (moved.exit_code, len(moved.stderr.splitlines())) == (5, 1)
