"""A plan on the purchaser's desk: one content, written as HTML, PDF, XLSX or Markdown.

    plan + inputs -> tco, options, sensitivity -> sections of blocks -> html (-> pdf) | markdown
                                               -> workbook with live formulas

Every figure comes from the plan or from an input that is listed with its source; nothing is computed in a template.
"""

from __future__ import annotations

from planner.report.content import Report, report_of
from planner.report.inputs import Input, inputs_of
from planner.report.writers import FORMATS, write

__all__ = ["FORMATS", "Input", "Report", "inputs_of", "report_of", "write"]
