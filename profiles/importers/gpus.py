"""Refill the figures of the GPU table: `python -P -m planner.profiles.importers.gpus DATA_DIR`.

The table is reviewed by hand for what a GPU *is* (architecture, form factor, engines, whose utilisation it
borrows); its figures come from the sources named in `figures_from`, strongest first:

    cited:COLUMNS    typed in by hand, from what `cited_from` says
    specs:SYSTEM     profiles/specs.csv
    owned:GPU        pricing/owned_hardware.csv
    peak:DEVICE@K    measured/achieved_peak.csv: the listed bandwidth, and as the matrix rate K times the
                     listed vector rate (2 GeForce, 4 professional, 8 Quadro Turing; 0: bandwidth only)

What is still empty after that is derived only where a rule holds over the whole architecture (`_derive`).
"""

from __future__ import annotations

import argparse
import csv
import re
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path

Row = dict[str, str]
FIGURES = (
    "memory_gib", "memory_gb_per_s", "bf16_tflops", "fp16_tflops", "fp8_tflops", "int8_tops", "fp4_tflops",
    "tdp_w", "link_gb_per_s", "launch_usd", "launch_date",
)  # fmt: skip
BF16_AS_FAST_AS_FP16 = frozenset({
    "ampere", "ada", "hopper", "blackwell", "blackwell_gb20x", "cdna2", "cdna3", "cdna4", "rdna3", "rdna3.5",
    "rdna4", "xe2",
})  # fmt: skip
GB_PER_S_PER_LANE = {"3.0": 1.0, "4.0": 2.0, "5.0": 4.0}  # one way, before encoding, as specs.csv counts it
PCIE_OF_ARCHITECTURE = {
    "maxwell": "3.0", "pascal": "3.0", "volta": "3.0", "turing": "3.0", "ampere": "4.0", "ada": "4.0",
    "hopper": "5.0", "blackwell_gb20x": "5.0",
}  # fmt: skip


def from_specs(row: Row, _argument: str, _architecture: str) -> Row:
    """Figures of one profiles/specs.csv row; a rack's reach is its GPUs per rack."""
    repo = "ai-dynamo/aiconfigurator@095f58a51c4c aic-core/src/aiconfigurator_core/systems"
    return {
        "memory_gib": row["mem_capacity_gib"], "memory_gb_per_s": row["mem_bw_gb_s"],
        "bf16_tflops": row["bf16_dense_tflops"], "fp16_tflops": row["bf16_dense_tflops"],
        "fp8_tflops": row["fp8_dense_tflops"], "int8_tops": row["int8_dense_tops"],
        "fp4_tflops": row["fp4_dense_tflops"], "tdp_w": row["power_w"],
        "link_gb_per_s": row["intra_node_bw_gb_s"],
        "source": f"{repo}/{row['system']}.yaml (Apache-2.0)",
    }  # fmt: skip


def from_owned(row: Row, _argument: str, architecture: str) -> Row:
    """Figures of one pricing/owned_hardware.csv row; bf16 only where it runs as fast as fp16."""
    return {
        "memory_gib": row["memory_gib"], "memory_gb_per_s": row["memory_bandwidth_gb_s"],
        "bf16_tflops": row["fp16_dense_tflops"] if architecture in BF16_AS_FAST_AS_FP16 else "",
        "fp16_tflops": row["fp16_dense_tflops"], "fp8_tflops": row["fp8_dense_tflops"], "tdp_w": row["tdp_w"],
        "link_gb_per_s": link_of(row["interconnect"]), "launch_usd": row["launch_msrp_usd"],
        "launch_date": row["launch_date"], "source": row["source"],
    }  # fmt: skip


def from_peak(row: Row, argument: str, architecture: str) -> Row:
    """Datasheet bandwidth, and the matrix rate as `argument` times the listed vector rate."""
    found: Row = {
        "memory_gb_per_s": row["mem_bw_datasheet"],
        "source": f"listed bandwidth: {row['source']} ({row['device_as_reported']})",
    }
    if float(argument):
        rate = f"{float(argument) * float(row['datasheet_tflops']):.1f}"
        found["fp16_tflops"] = rate
        found["bf16_tflops"] = rate if architecture in BF16_AS_FAST_AS_FP16 else ""
        found["source"] += (
            f"; fp16 derived = {argument} x its listed vector rate of {row['datasheet_tflops']}"
        )
    return found


def link_of(interconnect: str) -> str:
    """GB/s one way out of the interconnect column, empty when it names no figure.

    >>> link_of("NVLink, 450 GB/s one way"), link_of("PCIe 4.0 x16"), link_of("Infinity Fabric")
    ('450', '32', '')
    """
    if stated := re.search(r"([\d.]+) GB/s one way", interconnect):
        return stated[1]
    if bus := re.search(r"PCIe (\d\.0) x(\d+)", interconnect):
        return f"{GB_PER_S_PER_LANE[bus[1]] * int(bus[2]):g}"
    return ""


SOURCES: dict[str, tuple[str, str, Callable[[Row, str, str], Row]]] = {
    "specs": ("profiles/specs.csv", "system", from_specs),
    "owned": ("pricing/owned_hardware.csv", "gpu", from_owned),
    "peak": ("measured/achieved_peak.csv", "device_as_reported", from_peak),
}


def _index(data_dir: Path) -> dict[str, dict[str, Row]]:
    tables: dict[str, dict[str, Row]] = {}
    for kind, (path, column, _) in SOURCES.items():
        with (data_dir / path).open(newline="", encoding="utf-8") as handle:
            found = list(csv.DictReader(handle))
        if kind == "peak":  # the other rows of this file are measurements, not data sheets
            found = [r for r in found if r["mem_bw_datasheet"] and r["datasheet_tflops"]]
        tables[kind] = {r[column]: r for r in found}
    return tables


def refill(row: Row, tables: Mapping[str, Mapping[str, Row]]) -> Row:
    """The row with every figure that is not cited taken afresh from its sources, or derived."""
    parts = [p.partition(":")[::2] for p in row["figures_from"].split("; ") if p]
    cited = {c for kind, text in parts if kind == "cited" for c in text.split(",")}
    filled = {**row, **{c: "" for c in FIGURES if c not in cited}}
    sources = []
    for kind, text in parts:
        if kind == "cited":
            sources.append(f"{', '.join(sorted(cited))}: {row['cited_from']}")
            continue
        name, _, argument = text.rpartition("@") if kind == "peak" else (text, "", "")
        found = SOURCES[kind][2](tables[kind][name], argument, row["architecture"])
        filled.update({c: v for c, v in found.items() if c in FIGURES and v and not filled[c]})
        sources.append(found["source"])
    return _derive(filled, sources)


def _derive(row: Row, sources: list[str]) -> Row:
    """Fill what follows from the architecture; each rule holds for every card of it that is listed."""
    arch, fp16, consumer = row["architecture"], row["fp16_tflops"], row["segment"] == "consumer"

    def fill(column: str, value: float, why: str) -> None:
        if not row[column]:
            row[column] = f"{value:g}"
            sources.append(f"{column} derived = {why}")

    if fp16 and arch in ("ada", "blackwell_gb20x"):  # RTX 6000 Ada, L40S and RTX PRO 6000: twice fp16
        fill("fp8_tflops", round(2 * float(fp16), 1), "2 x fp16")
    if fp16 and arch == "blackwell_gb20x":  # 4 on the full-rate parts; GeForce halves only its 16-bit rate
        factor = 8 if consumer else 4
        fill("fp4_tflops", round(factor * float(fp16), 1), f"{factor} x fp16")
    if fp16 and arch in ("ampere", "ada", "blackwell_gb20x"):
        factor = 4 if consumer else 2
        fill("int8_tops", round(factor * float(fp16), 1), f"{factor} x fp16")
    if row["link_kind"] == "pcie" and arch in PCIE_OF_ARCHITECTURE:
        generation = PCIE_OF_ARCHITECTURE[arch]
        fill("link_gb_per_s", 16 * GB_PER_S_PER_LANE[generation], f"PCIe {generation} x16")
    row["source"] = "; ".join(sources) or "name only: no figure sourced"
    return row


def main(argv: list[str] | None = None) -> int:
    """Rewrite the table in place (or to `--out`) and print what changed."""
    parser = argparse.ArgumentParser(
        prog="planner.profiles.importers.gpus", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("data_dir", type=Path, help="folder with profiles/, pricing/ and measured/")
    table = Path(str(files("planner.profiles") / "data" / "gpus.csv"))
    parser.add_argument("--out", type=Path, default=table)
    options = parser.parse_args(argv)
    with table.open(newline="", encoding="utf-8") as handle:
        reader = csv.DictReader(handle)
        columns, before = list(reader.fieldnames or ()), list(reader)
    tables = _index(options.data_dir)
    after = [refill(dict(row), tables) for row in before]
    with options.out.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(after)
    changed = [new["key"] for old, new in zip(before, after, strict=True) if old != new]
    complete = sum(bool(r["memory_gb_per_s"] and r["fp16_tflops"]) for r in after)
    print(f"{len(after)} GPUs, {complete} with bandwidth and 16-bit rate; changed: {changed or None}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
