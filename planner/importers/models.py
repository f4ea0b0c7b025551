"""Re-table the published architecture facts into `planner/data/models.csv`.

    python -P -m planner.importers.models DATA_DIR

reads `DATA_DIR/profiles/models.csv` (31 shapes out of NVIDIA aiconfigurator, Apache-2.0), adds the few
facts that table states only in words, and renames its formats to ours. Rows of other sources already in
`models.csv` are kept.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from planner.modelshape import MODEL_FIELDS

SOURCE = "NVIDIA aiconfigurator 095f58a, model configs (Apache-2.0)"
AS_OF = "2026-11-22"
TARGET = Path(__file__).resolve().parents[1] / "data" / "models.csv"

WEIGHT_QUANT = {
    "fp8_block128x128": "fp8_block",
    "compressed-tensors:pack-quantized": "int4",
    "mxfp4": "mxfp4",
    "none": "none",
}
FAMILY = {
    "llama": "llama",
    "llama4_text": "llama4",
    "qwen3": "qwen3",
    "qwen3_moe": "qwen3_moe",
    "qwen3_5_text": "qwen3_5",
    "qwen3_5_moe_text": "qwen3_5",
    "deepseek_v3": "deepseek",
    "deepseek_v32": "deepseek",
    "kimi_k2": "kimi",
    "gpt_oss": "gpt_oss",
    "minimax_m2": "minimax",
    "glm_moe_dsa": "glm",
    "mixtral": "mixtral",
    "gemma4_text": "gemma",
    "mimo": "mimo",
}
# Stated in the source's note column only, or in the published config.json of the model.
FACTS: dict[str, dict[str, object]] = {
    "meta-llama/Llama-4-Maverick-17B-128E-Instruct": {"moe_layer_interval": 2},
    "google/gemma-4-26B-A4B": {
        "dense_ffn_beside_experts": 1,
        "global_head_dim": 512,
        "global_num_kv_heads": 2,
    },
}
GATED_ATTENTION = frozenset({"qwen3_5_text", "qwen3_5_moe_text"})


def convert(row: dict[str, str]) -> dict[str, object]:
    """One row of the source in our columns."""
    ours: dict[str, object] = {name: row.get(name, "") for name in MODEL_FIELDS}
    ours |= {
        "name": row["model"],
        "family": FAMILY[row["model_type"]],
        "weight_quant": WEIGHT_QUANT[row["weight_quant"]],
        "attention_gate": int(row["model_type"] in GATED_ATTENTION),
        "moe_layer_interval": 1,
        "dense_ffn_beside_experts": 0,
        "gated_ffn": 1,
        "source": SOURCE,
        "as_of": AS_OF,
        "notes": row["params_note"],
    }
    ours |= FACTS.get(row["model"], {})
    return {name: "" if value in ("0", "") else value for name, value in ours.items()}


def main(arguments: list[str]) -> int:
    """Rewrite `models.csv` from the data folder named on the command line."""
    if len(arguments) != 1:
        print("usage: python -P -m planner.importers.models DATA_DIR", file=sys.stderr)
        return 2
    with (Path(arguments[0]) / "profiles" / "models.csv").open(encoding="utf-8", newline="") as stream:
        rows = [convert(row) for row in csv.DictReader(stream)]
    imported = {row["name"] for row in rows}
    if TARGET.exists():
        with TARGET.open(encoding="utf-8", newline="") as stream:
            rows += [dict(row) for row in csv.DictReader(stream) if row["name"] not in imported]
    with TARGET.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, MODEL_FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{TARGET.name}: {len(rows)} shapes, {len(imported)} of them imported")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
