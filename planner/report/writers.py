"""A report as bytes: HTML, PDF, XLSX, Markdown. Libraries of the `report` extra load when their format is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from planner.errors import InputError, MissingExtra, did_you_mean
from planner.render.document import Block, Bullets, Facts, Grid, Paragraph
from planner.render.markdown import escape, markdown
from planner.render.text import clean
from planner.report.content import Chart, Report

if TYPE_CHECKING:
    from markupsafe import Markup

TEMPLATE = "report.html.j2"
LONGEST_WORD = 20


def write(report: Report, format: str) -> bytes:
    """The report in one of `FORMATS`; MissingExtra with the one line that installs what is missing."""
    try:
        writer = FORMATS[format]
    except KeyError:
        hint = did_you_mean(format, FORMATS) or f"one of {', '.join(FORMATS)}"
        raise InputError(f"format: {format!r} is no report format", hint=hint) from None
    return writer(report)


def _markdown(report: Report) -> bytes:
    parts = [f"# {escape(report.title)}\n"]
    for section in report.sections:
        blocks: list[Block] = [block for block in section.blocks if not isinstance(block, Chart)]
        parts.append(f"## {escape(section.title)}\n\n{markdown(tuple(b for b in blocks if _full(b)))}")
    return "\n".join(parts).encode()


def _full(block: Block) -> bool:
    match block:
        case Bullets(items=content) | Facts(rows=content) | Grid(rows=content):
            return bool(content)
        case Paragraph(text=text):
            return bool(text)
        case _:
            return True


def html(report: Report) -> str:
    """One file with everything inside: no script, no request to anywhere; prints as it reads."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("planner.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.tests["full"] = lambda block: isinstance(block, Chart) or _full(block)
    environment.filters["kind"] = lambda block: type(block).__name__.lower()
    environment.filters["clean"] = clean
    environment.filters["bars"] = bars
    environment.filters["soft"] = soft
    environment.filters["anchor"] = lambda title: "".join(c if c.isalnum() else "-" for c in title.lower())
    return environment.get_template(TEMPLATE).render(report=report)


def soft(text: str) -> Markup:
    """Escaped text whose longest words may break after a sign, so that a source fits a narrow column.

    >>> soft("<b> a-long-word-with-a/slash-in-it")
    Markup('&lt;b&gt; a-<wbr>long-<wbr>word-<wbr>with-<wbr>a/<wbr>slash-<wbr>in-<wbr>it')
    """
    from markupsafe import Markup, escape

    def word(raw: str) -> Markup:
        if len(raw) <= LONGEST_WORD:
            return escape(raw)
        return Markup("<wbr>").join(escape(piece) for piece in re.split(r"(?<=[/@:_.-])", raw) if piece)

    return Markup(" ").join(word(raw) for raw in text.split(" "))


def _pdf(report: Report) -> bytes:
    try:
        from weasyprint import HTML
    except ImportError as error:
        raise MissingExtra('PDF needs weasyprint: pip install "openclaw-planner[report]"') from error
    except OSError as error:
        packages = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
        raise MissingExtra(f"PDF needs the Pango library of the system: apt install {packages}") from error
    made: bytes = HTML(string=html(report), url_fetcher=_no_fetch).write_pdf(pdf_variant="pdf/ua-1")
    return made


def _no_fetch(url: str, *args: object, **kwargs: object) -> dict[str, object]:
    raise ValueError(f"a report asks for nothing from outside: {url}")


def _xlsx(report: Report) -> bytes:
    try:
        from planner.report.workbook import workbook
    except ImportError as error:
        raise MissingExtra('XLSX needs xlsxwriter: pip install "openclaw-planner[report]"') from error
    return workbook(report)


FORMATS: Mapping[str, Callable[[Report], bytes]] = {
    "html": lambda report: html(report).encode(),
    "pdf": _pdf,
    "xlsx": _xlsx,
    "markdown": _markdown,
}
"""Format name to writer."""

WIDTH, ROW, LABEL, TEXT = 720.0, 26.0, 300.0, 150.0
"""Of a chart, in its own units: the whole, one bar, and the space for names and figures."""


def bars(chart: Chart) -> list[dict[str, float | str]]:
    """Where each bar of a chart stands: x, width, y and where its text begins; names are cut, the table has them."""
    ends = [x for bar in chart.bars for x in (bar.low, bar.high)]
    least, most = min(ends, default=0.0), max(ends, default=1.0)
    spread = chart.bars and all(bar.low > 0 for bar in chart.bars)
    origin = least - 0.1 * (most - least) if spread else 0.0
    scale = (WIDTH - LABEL - TEXT) / ((most - origin) or 1.0)
    rows: list[dict[str, float | str]] = []
    for i, bar in enumerate(chart.bars):
        x = LABEL + scale * (bar.low - origin)
        width = max(scale * (bar.high - bar.low), 1.0)
        label = bar.label if len(bar.label) <= 40 else f"{bar.label[:39]}…"
        rows.append({"x": round(x, 1), "width": round(width, 1), "y": round(ROW * i + 4, 1), "label": label,
                     "text": bar.text, "end": round(x + width + 6, 1)})  # fmt: skip
    if chart.mark is not None and rows:
        rows[0]["mark"] = round(LABEL + scale * (chart.mark - origin), 1)
    return rows
