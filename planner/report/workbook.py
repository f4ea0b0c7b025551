"""The report as a workbook whose totals follow its assumption cells: formulas with their values stored beside them.

Sheets: Decision, Assumptions (named cells, blue), Orders (units and prices, blue), Cost (by year, from those), then
the sections of the report as tables. Text is always written as text: a name that begins with `=` computes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from io import BytesIO
from typing import Any

import xlsxwriter

from planner.render.document import Block, Bullets, Facts, Grid, Heading, Paragraph
from planner.render.text import clean
from planner.render.words import place, term
from planner.report.content import SHOWN_SWINGS, Chart, Report
from planner.report.sensitivity import SWING, swings
from planner.report.tco import MIDDLE, MONTHS, YEARS, CostRow, row_of

Cell = tuple[str, Any, str]  # formula or value, and the format's name
LINE = 15  # points of one line of text
NARROW, WIDE = 11, 46  # characters of a column
FIRST = 3  # row (from 0) of the first record on a sheet
OWN = ("Assumptions", "What to order", "Total cost of ownership")
"""Sections that have sheets of their own; the others become tables as they are."""
SHORT = {
    "What is needed": "Needed", "Options considered": "Options", "What would change the answer": "Sensitivity",
    "Kernels and lock-in": "Kernels", "How sure we are": "Evidence", "Where the prices are from": "Prices",
    "Request for quotation": "RFQ", "Ruled out": "Ruled out",
}  # fmt: skip


_MONEY, _FIGURE, _SHARE = '#,##0.00;-#,##0.00;"–"', "#,##0.####", "0.0%"
_YOURS = {"font_color": "#0000FF", "bg_color": "#FFFBE6"}
LOOKS: dict[str, dict[str, Any]] = {
    "title": {"bold": True, "font_size": 14},
    "head": {"bold": True, "bg_color": "#DDE6F0", "text_wrap": True, "valign": "top", "border": 1},
    "text": {"text_wrap": True, "valign": "top"},
    "bold": {"bold": True, "text_wrap": True},
    "money": {"num_format": _MONEY, "valign": "top"},
    "number": {"num_format": _FIGURE, "valign": "top"},
    "total": {"num_format": _MONEY, "bold": True, "top": 1},
    "input_money": {"num_format": _MONEY, **_YOURS},
    "input_share": {"num_format": _SHARE, **_YOURS},
    "input_number": {"num_format": _FIGURE, **_YOURS},
}


def workbook(report: Report) -> bytes:
    """Bytes of the .xlsx file; the same report gives the same bytes."""
    return _Book(report).made()


class _Book:
    def __init__(self, report: Report) -> None:
        self.report = report
        self.buffer = BytesIO()
        as_text = dict.fromkeys(("strings_to_formulas", "strings_to_urls", "strings_to_numbers"), False)
        options = {"in_memory": True, **as_text}
        self.file = xlsxwriter.Workbook(self.buffer, options)
        day = date.fromisoformat(report.plan.as_of)
        self.file.set_properties({"title": report.title, "created": datetime(day.year, day.month, day.day)})
        self.look = {name: self.file.add_format(look) for name, look in LOOKS.items()}

    def made(self) -> bytes:
        # Sheets in reading order; xlsxwriter writes any of them whenever it likes.
        names = ("Decision", "Assumptions", "Orders", "Cost")
        sheets = {name: self.file.add_worksheet(name) for name in names}
        self.assumptions(sheets["Assumptions"])
        self.orders(sheets["Orders"])
        self.cost(sheets["Cost"])
        for section in self.report.sections:
            if section.title not in OWN:
                name = SHORT.get(section.title, section.title)
                sheet = sheets.get(name) or self.file.add_worksheet(name)
                row = self.section(sheet, section.title, section.blocks)
                if name == "Sensitivity":
                    self.tornado(sheet, row)
        self.file.close()
        return self.buffer.getvalue()

    def head(self, sheet: Any, title: str, note: str, columns: tuple[tuple[str, int], ...]) -> None:
        self.text(sheet, 0, 0, title, "title")
        self.text(sheet, 1, 0, note, "")
        sheet.set_row(FIRST - 1, 2 * LINE)
        for i, (name, width) in enumerate(columns):
            self.text(sheet, FIRST - 1, i, name, "head")
            sheet.set_column(i, i, width)
        sheet.freeze_panes(FIRST, 0)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(FIRST - 1)

    def text(self, sheet: Any, row: int, column: int, text: str, look: str = "text") -> None:
        sheet.write_string(row, column, clean(text)[:32_767], self.look.get(look))

    def assumptions(self, sheet: Any) -> None:
        columns = (("Input", 52), ("Value", 24), ("Unit", 16), ("Name", 26), ("Source", 60))
        note = "Blue cells are yours to change: every total follows. An empty one counts as nothing."
        self.head(sheet, "Assumptions", note, columns)
        units = {
            "share": "share",
            "usd_per_month": "USD a month",
            "usd_once": "USD, once",
            "per_usd": "per USD",
        }
        looks = {"share": "input_share", "per_usd": "input_number"}
        row = FIRST
        for i in self.report.inputs:
            self.text(sheet, row, 0, i.words)
            look = self.look[looks.get(i.unit, "input_money")]
            sheet.write_blank(row, 1, None, look) if i.value is None else sheet.write_number(
                row, 1, i.value, look
            )
            self.text(sheet, row, 2, units[i.unit])
            self.text(sheet, row, 3, i.name)
            self.text(sheet, row, 4, i.source)
            self.file.define_name(i.name, f"=Assumptions!$B${row + 1}")
            row += 1
        row += 1
        for column, name in enumerate(("Assumption of the plan", "Value", "As of", "", "Source")):
            self.text(sheet, row, column, name, "head")
        for a in self.report.plan.assumptions:
            row += 1
            self.text(sheet, row, 0, a.name)
            if isinstance(a.value, float | int) and not isinstance(a.value, bool):
                sheet.write_number(row, 1, a.value, self.look["number"])
            else:
                self.text(sheet, row, 1, "" if a.value is None else str(a.value))
            self.text(sheet, row, 2, a.as_of or "undated")
            self.text(sheet, row, 4, a.source)
            sheet.set_row(
                row, LINE * max(_lines(str(a.value), columns[1][1]), _lines(a.source, columns[4][1]))
            )

    def orders(self, sheet: Any) -> None:
        columns = (
            ("Cost row", 26), ("For", 18), ("Seller", 18), ("Item", 40), ("GPUs each", 10), ("GPU", 20), ("Where", 24),
            ("Term", 18), ("Units", 8), ("USD/hour each", 14), ("Hours/month", 12), ("USD/month", 16),
        )  # fmt: skip
        note = "USD/month = units x price x hours. A hosted API is priced by the token; its month stands as planned."
        self.head(sheet, "What to order", note, columns)
        row = FIRST
        for p in self.report.plan.placements:
            texts = (row_of(p), p.workload, p.offer.seller, p.offer.instance)
            for column, text in enumerate(texts):
                self.text(sheet, row, column, text)
            sheet.write_number(row, 4, p.offer.gpu_count if p.gpu else 0, self.look["number"])
            self.text(sheet, row, 5, p.gpu or "")
            self.text(sheet, row, 6, place(p.offer) if p.term not in ("api", "owned") else "")
            self.text(sheet, row, 7, term(p.term))
            if p.term == "api":
                sheet.write_number(row, 11, p.usd_per_month, self.look["input_money"])
            else:
                sheet.write_number(row, 8, p.units, self.look["input_number"])
                # The price that gives the plan's dollars: six digits are stored of each.
                hourly = p.usd_per_month / (p.units * p.hours_per_month)
                sheet.write_number(row, 9, hourly, self.look["input_number"])
                sheet.write_number(row, 10, p.hours_per_month, self.look["input_number"])
                n = row + 1
                sheet.write_formula(row, 11, f"=I{n}*J{n}*K{n}", self.look["money"], p.usd_per_month)
            row += 1
        self.last_order = max(row, FIRST + 1)  # 1-based number of the last row, also of an empty plan
        self.text(sheet, row, 0, "Total", "bold")
        total = sum(p.usd_per_month for p in self.report.plan.placements)
        sheet.write_formula(row, 11, f"=SUM(L{FIRST + 1}:L{self.last_order})", self.look["total"], total)
        self.file.define_name("usd_per_month", f"=Orders!$L${row + 1}")

    def range(self, letter: str) -> str:
        """All orders of one column."""
        return f"Orders!${letter}${FIRST + 1}:${letter}${self.last_order}"

    def cost(self, sheet: Any) -> None:
        report = self.report
        most = max(YEARS)
        years = tuple((f"Year {y}", 15) for y in range(1, most + 1))
        columns = (("Cost", 34), ("A month, USD", 15), ("Once, USD", 14), *years)
        note = (
            f"In {report.currency}, at fx_rate. Rents and APIs change by price_change_per_year; recurring costs are "
            "paid in the middle of the year."
        )
        self.head(sheet, "Total cost of ownership", note, columns)
        value = {i.name: i.value or 0.0 for i in report.inputs}
        names = {i.row: i.name for i in report.inputs if i.row}
        row = FIRST
        for cost in report.cost.rows:
            self.text(sheet, row, 0, cost.name)
            source = names.get(cost.name) or f"SUMIFS({self.range('L')},{self.range('A')},$A{row + 1})"
            sheet.write_formula(row, 2 if cost.once else 1, f"={source}", self.look["money"], cost.usd or 0.0)
            if not cost.once:
                growth = "*(1+price_change_per_year)^{}" if cost.floats else ""
                g = value["price_change_per_year"] if cost.floats else 0.0
                for y in range(most):
                    cached = value["fx_rate"] * MONTHS * (cost.usd or 0.0) * (1 + g) ** y
                    formula = f"=fx_rate*{MONTHS}*$B{row + 1}{growth.format(y)}"
                    sheet.write_formula(row, 3 + y, formula, self.look["money"], cached)
            row += 1
        self.totals(sheet, row, report.cost.rows)

    def totals(self, sheet: Any, row: int, rows: tuple[CostRow, ...]) -> None:
        """Sum of each year, then the totals over 1, 3 and 5 years; once-costs at the start or at the end."""
        report, first, last = self.report, FIRST + 1, row
        value = {i.name: i.value or 0.0 for i in report.inputs}
        fx, g = value["fx_rate"], value["price_change_per_year"]
        self.text(sheet, row, 0, "Recurring, all rows", "bold")
        column = "DEFGH"
        for y, letter in enumerate(column):
            cached = sum(
                fx * MONTHS * (r.usd or 0.0) * (1 + (g if r.floats else 0.0)) ** y for r in rows if not r.once
            )
            sheet.write_formula(
                row, 3 + y, f"=SUM({letter}{first}:{letter}{last})", self.look["total"], cached
            )
        yearly = row + 1
        start = "+".join(f"$C{FIRST + 1 + i}" for i, r in enumerate(rows) if r.once and not r.at_end) or "0"
        end = "+".join(f"$C{FIRST + 1 + i}" for i, r in enumerate(rows) if r.once and r.at_end) or "0"
        row += 2
        for i, name in enumerate(("Total over", "Undiscounted", "Present value")):
            self.text(sheet, row, i, f"{name}, {report.currency}" if i else name, "head")
        for n, total, present in zip(YEARS, report.cost.totals, report.cost.present_values, strict=True):
            row += 1
            self.text(sheet, row, 0, f"{n} year{'s' if n > 1 else ''}", "bold")
            span = f"D{yearly}:{column[n - 1]}{yearly}"
            sheet.write_formula(row, 1, f"=SUM({span})+fx_rate*({start}+{end})", self.look["total"], total)
            parts = "+".join(f"{column[y]}{yearly}/(1+discount_rate)^{y + MIDDLE}" for y in range(n))
            formula = f"={parts}+fx_rate*({start})+fx_rate*({end})/(1+discount_rate)^{n}"
            sheet.write_formula(row, 2, formula, self.look["total"], present)
            self.file.define_name(f"total_{n}y", f"=Cost!$B${row + 1}")
            self.file.define_name(f"present_value_{n}y", f"=Cost!$C${row + 1}")
        chart = self.file.add_chart({"type": "column"})
        chart.add_series({
            "name": "Recurring cost by year", "categories": f"=Cost!$D${FIRST}:$H${FIRST}",
            "values": f"=Cost!$D${yearly}:$H${yearly}",
        })  # fmt: skip
        chart.set_title({"name": f"Recurring cost by year, {report.currency}"})
        chart.set_legend({"none": True})
        options = {"description": "Recurring cost by year; the figures stand in the row Recurring, all rows"}
        sheet.insert_chart(row + 2, 0, chart, options)

    def section(self, sheet: Any, title: str, blocks: tuple[Block | Chart, ...]) -> int:
        """The blocks of a section below each other; the first row that is free."""
        self.text(sheet, 0, 0, title, "title")
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        widths = _widths(blocks)
        for i, width in enumerate(widths):
            sheet.set_column(i, i, width)
        row = 2
        for block in blocks:
            for cells in _cells(block):
                if len(cells) == 1:  # running text goes over the whole page
                    self.wide(sheet, row, *cells[0], widths)
                else:
                    for i, (text, look) in enumerate(cells):
                        self.text(sheet, row, i, text, look)
                    sheet.set_row(
                        row, LINE * max(_lines(t, w) for (t, _), w in zip(cells, widths, strict=False))
                    )
                row += 1
            row += 1
        return row

    def wide(self, sheet: Any, row: int, text: str, look: str, widths: Sequence[int]) -> None:
        """One text over all columns."""
        sheet.merge_range(row, 0, row, len(widths) - 1, "", self.look[look])
        self.text(sheet, row, 0, text, look)
        sheet.set_row(row, LINE * _lines(text, sum(widths)))

    def tornado(self, sheet: Any, row: int) -> None:
        """Live twin of the tornado: how much of the month hangs on each price, from the Orders sheet."""
        for i, name in enumerate(("Live, from the Orders sheet", "20% lower", "20% higher")):
            self.text(sheet, row, i, name, "head")
        for n, s in enumerate(swings(self.report.plan)[:SHOWN_SWINGS], start=row + 1):
            self.text(sheet, n, 0, s.what)
            seller = s.what.rpartition(" from ")[2].replace('"', '""')
            gpu = s.what.removeprefix("price of ").rpartition(" from ")[0].replace('"', '""')
            orders = self.range("L")
            where = f'{self.range("C")},"{_literal(seller)}",{self.range("F")},"{_literal(gpu)}"'
            for i, (sign, cached) in enumerate((("-", s.low), ("+", s.high)), start=1):
                formula = f"=usd_per_month{sign}{SWING}*SUMIFS({orders},{where})"
                sheet.write_formula(n, i, formula, self.look["money"], cached)


def _widths(blocks: Sequence[Block | Chart]) -> list[int]:
    """Characters of each column: what its cells want, within limits; two at least."""
    rows = [cells for block in blocks for cells in _cells(block) if len(cells) > 1]
    count = max(map(len, rows), default=2)
    columns = [[text for row in rows if i < len(row) for text in row[i][0].split("\n")] for i in range(count)]
    return [min(max(max(map(len, column), default=0) + 2, NARROW), WIDE) for column in columns]


def _lines(text: str, width: int) -> int:
    """Lines a text takes in a column; a little more than it needs is better than less."""
    return sum(max(1, -(-len(line) * 11 // (10 * width))) for line in text.split("\n"))


def _literal(text: str) -> str:
    """A criterion that means itself: `~` before wildcards, nothing that could act as an operator."""
    cleaned = "".join(f"~{c}" if c in "*?~" else c for c in clean(text))
    return f"={cleaned}"


def _cells(block: Block | Chart) -> Iterator[tuple[tuple[str, str], ...]]:
    match block:
        case Heading(text=text):
            yield ((text, "bold"),)
        case Paragraph(text=text, strong=strong):
            yield ((text, "bold" if strong else "text"),)
        case Bullets(items=items):
            yield from (((item, "text"),) for item in items)
        case Facts(rows=rows):
            yield from (((a, "text"), (b, "text")) for a, b in rows)
        case Grid(columns=columns, rows=rows):
            yield tuple((c.title, "head") for c in columns)
            yield from (tuple((cell, "text") for cell in row) for row in rows)
        case Chart(title=title):
            yield ((f"{title}: see the table", "text"),)
