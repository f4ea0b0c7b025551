"""Our Triton kernels in the interpreter: right as they are, and wrong as soon as one thing in them is broken."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from planner.kernels import manifest, variants
from planner.kernels.correctness import INTERPRETER_DTYPES

OURS = [v.name for v in variants() if v.role == "ours"]


@dataclass(frozen=True)
class Break:
    """One thing wrong in one function of a variant's source."""

    what: str
    function: str
    old: str
    new: str


BREAKS = {
    "triton_rmsnorm": Break("mean over the block, not the row", "_rmsnorm", "/ width + eps", "/ BLOCK + eps"),
    "triton_rmsnorm_rows": Break(
        "last rows skipped", "rmsnorm_rows", "(ceil_div(tokens, rows),)", "(max(1, tokens // rows),)"
    ),
    "triton_rmsnorm_loop": Break(
        "only the last piece counts", "_rmsnorm_loop", "square += v * v", "square = v * v"
    ),
    "triton_add_rmsnorm": Break(
        "residual subtracted", "_add_rmsnorm", "v += tl.load(residual", "v -= tl.load(residual"
    ),
    "triton_layernorm": Break("no bias", "_layernorm", "centred * scale * w + b", "centred * scale * w"),
    "triton_softmax": Break("no mask", "_softmax", 'other=-float("inf")', "other=0.0"),
    "triton_softmax_online": Break("sum not rescaled", "_running", "total * tl.exp(top - higher)", "total"),
    "triton_cross_entropy": Break("maximum forgotten", "_cross_entropy", "(top - at_goal)", "-at_goal"),
    "triton_cross_entropy_train": Break(
        "target off by one", "_cross_entropy", "cols == goal", "cols == goal + 1"
    ),
    "triton_swiglu": Break("no gate", "_swiglu", "g * sigmoid * u", "sigmoid * u"),
    "triton_rope": Break(
        "rotated the other way", "_rotate", "second * cos + first * sin", "second * cos - first * sin"
    ),
    "triton_gemm_tiled": Break(
        "last rows of tiles lost", "_tile", "tl.minimum(rows - first, GROUP)", "GROUP"
    ),
    "triton_gemm_wide": Break(
        "only the last piece of k", "_product", "tl.dot(a, b, acc,", "tl.dot(a, b, acc * 0,"
    ),
    "triton_gemm_few_rows": Break(
        "tail of k skipped", "_product", "range(k_from, k_to, BK)", "range(k_from, k_to - BK + 1, BK)"
    ),
    "triton_gemm_splitk": Break("first split forgotten", "_add_splits", "range(SPLITS)", "range(1, SPLITS)"),
    "triton_gemm_persistent": Break(
        "tiles stepped over", "_gemm_persistent", "tiles, programs)", "tiles, programs + 1)"
    ),
    "triton_gemm_fp8": Break(
        "one scale for all columns", "_gemm_fp8", "w_scale + cols", "w_scale + cols * 0"
    ),
    "triton_gemm_w4a16": Break(
        "wrong zero", "_w4a16_product", "(both >> 4).to(tl.int8) - 8", "(both >> 4).to(tl.int8) - 7"
    ),
    "triton_gemm_w4a16_splitk": Break(
        "scale of the first group", "_w4a16_product", "start // group", "k_from // group"
    ),
    "triton_attention_prefill": Break(
        "no causal mask", "_prefill", "seen = seen & (cols[None, :] <= rows[:, None])", "seen = seen"
    ),
    "triton_attention_full": Break(
        "one key too many", "_prefill", "seen = (cols < length)", "seen = (cols < length + 1)"
    ),
    "triton_attention_decode": Break(
        "splits not weighted", "_combine", "weight * tl.load(stats", "tl.load(stats"
    ),
    "triton_attention_decode_whole": Break(
        "first slot of each page", "_decode", "tokens % page", "tokens % page * 0"
    ),
    "triton_moe": Break("one share for all", "_down", "tl.load(share + slots,", "tl.load(share + slots * 0,"),
    "triton_quantize_fp8": Break(
        "cut off, not rounded", "_quantize", "bits + 0x7FFFF + ((bits >> 20) & 1)", "bits"
    ),
    "triton_dequantize_int4": Break(
        "halves swapped", "_dequantize", "(cols % 2 * 4)", "((cols + 1) % 2 * 4)"
    ),
    "triton_copy": Break("tail skipped", "copy", "ceil_div(x.numel(), block)", "max(1, x.numel() // block)"),
    "triton_triad": Break("no factor", "_triad", "factor * second", "second"),
    "triton_launch": Break("one launch too many", "one_addition_per_launch", "[y] * (n - 1)", "[y] * n"),
}


def _broken(source: str, fault: Break) -> str:
    """The source with the fault in its function, and nowhere else."""
    start = source.index(f"def {fault.function}(")
    end = min((at for at in (source.find("\n\n\n", start),) if at > 0), default=len(source))
    body = source[start:end]
    assert fault.old in body, f"{fault.function} has no {fault.old!r}"
    return source[:start] + body.replace(fault.old, fault.new, 1) + source[end:]


def _write_broken(folder: Path, name: str, fault: Break) -> None:
    variant = manifest(name)
    (folder / f"{name}.py").write_text(
        _broken((variant.folder / variant.file).read_text("utf-8"), fault), "utf-8"
    )
    lists = {n: list(getattr(variant, n)) for n in ("dtypes", "backends", "layouts", "needs")}
    texts = {
        n: getattr(variant, n) for n in ("op", "version", "language", "arrays", "licence", "author", "role")
    }
    config = ", ".join(f"{key} = {value}" for key, value in variant.config.items())
    lines = [f'schema = "planner.kernel/1"\nname = "broken_{name}"\nconfig = {{ {config} }}']
    lines += [f'entry = "{name}.py:{variant.entry.partition(":")[2]}"']
    lines += [f"{key} = {value!r}" for key, value in (texts | lists).items()]
    (folder / f"{name}.toml").write_text("\n".join(lines), "utf-8")


@pytest.fixture(scope="module")
def right(interpret):
    return interpret(*OURS, "--dtypes", ",".join(INTERPRETER_DTYPES))


@pytest.fixture(scope="module")
def broken(interpret, tmp_path_factory):
    folder = tmp_path_factory.mktemp("broken")
    for name, fault in BREAKS.items():
        _write_broken(folder, name, fault)
    return interpret(
        *(f"broken_{name}" for name in BREAKS), "--folder", str(folder), "--dtypes", "fp32", "--until-wrong"
    )


@pytest.mark.parametrize("name", OURS)
def test_a_kernel_gives_the_fp64_answer(right, name):
    verdict = right[name]
    assert verdict["cases"] >= 12 and not verdict["faults"], verdict["reason"] or verdict["faults"][:3]


@pytest.mark.parametrize("name", OURS)
def test_a_broken_copy_of_a_kernel_is_caught(broken, name):
    verdict = broken[f"broken_{name}"]
    (fault, *_) = verdict["faults"]
    assert "norm-wise error" in fault["why"], (BREAKS[name].what, verdict)
