"""The tables of docs/kernels.md, from the definitions and from what the compiler said.

`python -P -m planner.kernels.pages docs/kernels.md` puts the present ones into the page.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from planner.kernels.compile import Compiled
from planner.kernels.compiled import load_compiled
from planner.kernels.loading import variants
from planner.kernels.manifests import TARGETS
from planner.kernels.reference import load_ops


def ops_table() -> str:
    """Every op: axes, what it computes, tolerances."""
    lines = ["| op | axes | computes | tolerance fp32 / fp16 / bf16 |", "| --- | --- | --- | --- |"]
    for op in load_ops().values():
        allowed = " / ".join(f"{op.norm[d]:g}" if d in op.norm else "-" for d in ("fp32", "fp16", "bf16"))
        lines.append(
            f"| `{op.name}` | {', '.join(op.axes)} | {op.summary.replace('|', chr(92) + '|')} | {allowed} |"
        )
    return "\n".join(lines) + "\n"


def compiled_table(rows: Iterable[Compiled]) -> str:
    """Registers and KiB of shared memory of each kernel on each target, in the first dtype of its variant."""
    first = {variant.name: variant.dtypes[0] for variant in variants()}
    by: dict[tuple[str, str], dict[str, Compiled]] = {}
    for row in rows:
        if row.dtype == first[row.variant]:
            by.setdefault((row.variant, row.kernel), {})[row.target] = row
    lines = [f"| variant | kernel | {' | '.join(TARGETS)} |", "| --- | --- |" + " ---: |" * len(TARGETS)]
    for (variant, kernel), found in sorted(by.items()):
        lines.append(f"| `{variant}` | {kernel} | {' | '.join(_cell(found.get(t)) for t in TARGETS)} |")
    return "\n".join(lines) + "\n"


def _cell(row: Compiled | None) -> str:
    if row is None:
        return "none"
    spilled = f" spills {row.spill_bytes}" if row.spill_bytes else ""
    return f"{row.registers} / {row.shared_bytes / 1024:.0f}{spilled}"


def updated(page: str) -> str:
    """The page with both tables as they are now; each stands between its name and `end` in comments."""
    for name, table in (("ops", ops_table()), ("compiled", compiled_table(load_compiled()))):
        before, _, rest = page.partition(f"<!-- {name} -->\n")
        _, _, after = rest.partition("<!-- end -->")
        page = f"{before}<!-- {name} -->\n{table}<!-- end -->{after}"
    return page


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")
