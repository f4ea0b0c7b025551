"""Rebuild the shipped op tables: `python -P -m planner.profiles.importers.optables DATA_DIR [--out DIR]`.

DATA_DIR holds `profiles/*.parquet` and `profiles_extra/aiter_tuned.parquet`; nothing else is read.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

from planner.kernels.registry import resolve_variant
from planner.profiles.importers.aiter import aiter_blocks
from planner.profiles.importers.prepare import LeftOut, Prepared, prepare
from planner.profiles.importers.quality import Quality
from planner.profiles.importers.tables import TABLES
from planner.profiles.importers.write import write_left_out, write_store

SOURCE = "NVIDIA aiconfigurator, commit 095f58a51c4ca8e61b66ec108d86f223f8d559ce"
LICENCE = "Apache-2.0"


def _named(block: Prepared) -> Prepared:
    header = block.header
    variant = resolve_variant(
        header["engine"],
        header["op"],
        header["kernel_source"],
        dtype=header["dtype"],
        system=header["system"],
    )
    header["variant"] = variant.name
    return block


def build(data: Path, left_out: LeftOut) -> list[Prepared]:
    """Every block that ships, in the order of the table registry."""
    folder = data / "profiles"
    quality = Quality.load(folder)
    blocks = []
    for table in TABLES:
        for block in prepare(table, folder, quality, left_out):
            # The source does not date its measurements; the engine version does, roughly.
            block.header.update(source=SOURCE, as_of=None, licence=LICENCE)
            blocks.append(_named(block))
    blocks += [_named(b) for b in aiter_blocks(data / "profiles_extra" / "aiter_tuned.parquet", left_out)]
    return blocks


def summary(blocks: list[Prepared]) -> str:
    """Rows in and kept, largest thinning error, per op."""
    rows: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0, 0.0])
    for block in blocks:
        h = block.header
        line = rows[f"{h['op']} ({h['value']})"]
        line[0] += 1
        line[1] += h["rows_source"]
        line[2] += h["rows_kept"]
        line[3] = max(line[3], h["thinning_error"])
    text = [f"{'op':44}{'blocks':>8}{'rows':>11}{'kept':>11}{'max error':>11}"]
    text += [f"{op:44}{n:8}{rows:11}{kept:11}{error:11.5f}" for op, (n, rows, kept, error) in rows.items()]
    return "\n".join(text)


def main(argv: list[str] | None = None) -> None:
    """Command line of the importer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "data")
    options = parser.parse_args(argv)
    left_out = LeftOut()
    blocks = build(options.data, left_out)
    digest = write_store(options.out, blocks)
    write_left_out(options.out / "left_out.csv", left_out)
    print(summary(blocks))
    print(f"digest {digest}")


if __name__ == "__main__":
    main()
