"""A decoder layer run whole, beside the sum of its ops from our traces: does the sum hold?

    python -P benchmarks/cpu_decoder.py [LAYERS]

fp32, one core, CPU time; weights of LAYERS layers of the Llama-3.2-1B shape, random. Prints both and the ratio.
"""

from __future__ import annotations

import os
import statistics
import sys
import time

os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import torch
from torch.nn import functional

from planner.estimate.traced import step_parts
from planner.models import resolve_model
from planner.profiles.traced import traced
from planner.profiles.tracefile import shipped_traces

HIDDEN, WIDTH, HEADS, KV, DIM = 2048, 8192, 32, 8, 64
CONTEXT, PROMPT, TIMES = 1024, 64, 15


def layer_weights() -> dict[str, torch.Tensor]:
    shapes = {"qkv": ((HEADS + 2 * KV) * DIM, HIDDEN), "out": (HIDDEN, HEADS * DIM), "up": (2 * WIDTH, HIDDEN),
              "down": (HIDDEN, WIDTH), "norm1": (HIDDEN,), "norm2": (HIDDEN,)}  # fmt: skip
    return {name: torch.randn(shape) / 50 for name, shape in shapes.items()}


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    low, high = x.chunk(2, dim=-1)
    return torch.cat([low * cos - high * sin, high * cos + low * sin], dim=-1)


def layer(
    x: torch.Tensor, w: dict[str, torch.Tensor], cache: torch.Tensor | None, angles: torch.Tensor
) -> torch.Tensor:
    tokens = len(x)
    q, k, v = functional.linear(functional.rms_norm(x, (HIDDEN,), w["norm1"]), w["qkv"]).split(
        [HEADS * DIM, KV * DIM, KV * DIM], dim=-1
    )
    cos, sin = angles.cos()[:tokens, None], angles.sin()[:tokens, None]
    q, k = (rotate(t.view(tokens, -1, DIM), cos, sin) for t in (q, k))
    v = v.reshape(tokens, KV, DIM)
    if cache is not None:
        cache[:, CONTEXT - 1] = torch.stack([k[0], v[0]])
        keys, values = cache[0], cache[1]
    else:
        keys, values = k, v
    o = functional.scaled_dot_product_attention(
        q.transpose(0, 1)[None], keys.transpose(0, 1)[None], values.transpose(0, 1)[None], is_causal=cache is None,
        enable_gqa=True,
    )  # fmt: skip
    x = x + functional.linear(o[0].transpose(0, 1).reshape(tokens, -1), w["out"])
    gate, up = functional.linear(functional.rms_norm(x, (HIDDEN,), w["norm2"]), w["up"]).chunk(2, dim=-1)
    return x + functional.linear(functional.silu(gate) * up, w["down"])


def timed(tokens: int, layers: int, *, decode: bool) -> float:
    weights = [layer_weights() for _ in range(layers)]
    caches = [torch.randn(2, CONTEXT, KV, DIM) if decode else None for _ in range(layers)]
    angles = torch.randn(max(tokens, 1), DIM // 2)
    seconds = []
    for _ in range(TIMES):
        x = torch.randn(tokens, HIDDEN)
        start = time.process_time()
        for w, cache in zip(weights, caches, strict=True):
            x = layer(x, w, cache, angles)
        seconds.append((time.process_time() - start) / layers)
    return statistics.median(seconds[2:])


def main(layers: int) -> None:
    torch.set_num_threads(1)
    rows = shipped_traces()
    device = rows[0].device.device_key
    known = traced(rows, device=device, engine="torch", dtype="fp32")
    model = resolve_model("llama-3.2-1b")
    with torch.inference_mode():
        for phase, tokens, context in (("decode", 1, CONTEXT), ("prefill", PROMPT, PROMPT)):
            parts = step_parts(model, known, tokens=tokens, context=context, phase=phase)  # type: ignore[arg-type]
            logits = known.gemm(n=model.vocab_size, k=model.hidden_size, m=1.0).seconds[0]
            ours = (sum(p.seconds for p in parts) - logits) / model.num_layers
            whole = timed(tokens, layers, decode=phase == "decode")
            print(
                f"{phase}: measured {1e3 * whole:.2f} ms a layer, "
                f"sum of traces {1e3 * ours:.2f} ms, ratio {ours / whole:.2f}"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4)
