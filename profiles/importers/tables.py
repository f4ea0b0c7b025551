"""What each source table becomes: op name, axes, curve axis, detail. The registry the importer walks through.

Source column names are on the right of each mapping, ours on the left. One `Table` row yields one op (or
several, where the source has a column `op`), one unit, one value column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

DTYPES: Mapping[str, str] = {
    "bfloat16": "bf16",
    "half": "bf16",  # NCCL moves 16-bit elements; which kind does not change the time
    "float16": "fp16",
    "fp8": "fp8",
    "fp8_block": "fp8_block",
    "nvfp4": "nvfp4",
    "int4_wo": "int4",
    "int8_wo": "int8_wo",
    "int8": "int8",
    "sq": "int8",  # SmoothQuant
    "w4a16_mxfp4": "w4a16_mxfp4",
    "w4a8_mxfp4_mxfp8": "w4a8_mxfp4",
}


@dataclass(frozen=True, slots=True)
class Table:
    """How one Parquet file of the source maps to blocks."""

    file: str
    op: str
    """Our op; `{op}` and `{phase}` are filled from the source's columns through `names`."""
    axes: Mapping[str, str]
    x: tuple[str, str]
    dtype: str | None = None
    kv_dtype: str | None = None
    detail: Mapping[str, str] = field(default_factory=dict)
    value: str = "latency_ms"
    unit: float = 1e-3
    """Seconds (or watts) per unit of `value`."""
    names: Mapping[str, str] = field(default_factory=dict)
    where: tuple[str, str] | None = None
    """Only rows whose column has this value."""
    quantity: str = "seconds"


_HEADS = {
    "num_heads": "num_heads", "num_kv_heads": "num_kv_heads", "head_dim": "head_dim", "window": "window_size",
    "batch": "batch_size",
}  # fmt: skip
_EXPERTS = {
    "hidden": "hidden_size", "inter": "inter_size", "experts": "num_experts", "topk": "topk",
    "tp": "moe_tp_size", "ep": "moe_ep_size",
}  # fmt: skip
_GDN = {
    "k_heads": "num_k_heads", "k_dim": "head_k_dim", "v_heads": "num_v_heads", "v_dim": "head_v_dim",
    "hidden": "d_model", "conv": "d_conv",
}  # fmt: skip
_MAMBA = {
    "heads": "nheads", "head_dim": "head_dim", "state": "d_state", "groups": "n_groups", "hidden": "d_model",
    "conv": "d_conv", "chunk": "chunk_size",
}  # fmt: skip
_GPUS = {"num_gpus": "num_gpus"}
_MESSAGE = ("elements", "message_elements")
_MLA = {"num_heads": "num_heads", "batch": "batch_size"}
_DEEPEP = {"nodes": "node_num", "hidden": "hidden_size", "topk": "num_topk", "experts": "num_experts"}
_BY_DISTRIBUTION = {"distribution": "distribution"}
_BY_SCOPE = {"scope": "scope", "gemm_dtype": "gemm_dtype"}
_BY_MODEL = {"model": "model", "gemm_dtype": "gemm_type"}
_LIMIT = {"power_limit_w": "power_limit_w"}


def _power(file: str, op: str, axes: Mapping[str, str], x: tuple[str, str], **more: object) -> Table:
    detail = {**_LIMIT, **more.pop("detail", {})}  # type: ignore[dict-item]
    watts = Table(file, op, axes, x, value="power_w", unit=1.0, quantity="watts", detail=detail)
    return replace(watts, **more)  # type: ignore[arg-type]


def _latent(
    file: str, op: str, axes: Mapping[str, str], x: tuple[str, str], *, detail: Mapping[str, str],
    names: Mapping[str, str] | None = None,
) -> Table:  # fmt: skip
    return Table(file, op, axes, x, "mla_dtype", "kv_cache_dtype", detail, names=names or {})


TABLES: tuple[Table, ...] = (
    Table("gemm", "gemm", {"n": "n", "k": "k"}, ("m", "m"), dtype="dtype"),
    Table("context_attention", "attention_prefill", _HEADS, ("seq_len", "seq_len"),
          dtype="attn_dtype", kv_dtype="kv_cache_dtype"),
    Table("generation_attention", "attention_decode", _HEADS, ("kv_len", "kv_len"),
          dtype="attn_dtype", kv_dtype="kv_cache_dtype"),
    Table("moe", "moe", _EXPERTS, ("tokens", "num_tokens"), dtype="dtype", detail=_BY_DISTRIBUTION),
    Table("allreduce", "all_reduce", _GPUS, _MESSAGE, dtype="dtype"),
    Table("nccl", "{op}", _GPUS, _MESSAGE, dtype="dtype", names={"alltoall": "all_to_all"}),
    _latent("mla_context", "mla_prefill", _MLA, ("seq_len", "seq_len"), detail=_BY_SCOPE),
    _latent("mla_generation", "mla_decode", _MLA, ("kv_len", "kv_len"), detail=_BY_SCOPE),
    Table("mla_bmm", "{op}", {"num_heads": "num_heads"}, ("tokens", "num_tokens"), dtype="dtype",
          names={"mla_gen_pre": "mla_bmm_pre", "mla_gen_post": "mla_bmm_post"}),
    Table("quantize", "quantize_{op}", {"k": "k"}, ("m", "m"), dtype="dtype"),
    Table("linear_attention_gdn", "gdn_prefill", {**_GDN, "batch": "batch_size"}, ("seq_len", "seq_len"),
          where=("phase", "context")),
    Table("linear_attention_gdn", "gdn_decode", _GDN, ("batch", "batch_size"), where=("phase", "generation")),
    Table("linear_attention_mamba2", "mamba2_prefill", {**_MAMBA, "batch": "batch_size"},
          ("seq_len", "seq_len"), where=("phase", "context")),
    Table("linear_attention_mamba2", "mamba2_decode", _MAMBA, ("batch", "batch_size"),
          where=("phase", "generation")),
    _latent("dsa_context_module", "{op}",
          {"num_heads": "num_heads", "prefix": "prefix_tokens", "batch": "batch_size"},
          ("new_tokens", "new_tokens"), detail=_BY_MODEL, names={"dsa_context_module": "dsa_prefill",
                                   "dsa_context_module_skip_indexer": "dsa_prefill_skip_indexer"}),
    _latent("dsa_generation_module", "{op}", _MLA, ("kv_len", "kv_len"), detail=_BY_MODEL,
          names={"dsa_generation_module": "dsa_decode",
                 "dsa_generation_module_skip_indexer": "dsa_decode_skip_indexer"}),
    Table("encoder_attention", "encoder_attention",
          {"num_heads": "num_heads", "head_dim": "head_dim", "batch": "batch_size"},
          ("seq_len", "new_tokens"), dtype="attn_dtype"),
    *(Table("deepep_low_latency", f"deepep_low_latency_{way}", _DEEPEP, ("tokens", "num_token"),
            value=f"{way}_avg_t_us", unit=1e-6) for way in ("dispatch", "combine")),
    *(Table("deepep_normal", f"deepep_{way}", {**_DEEPEP, "sms": f"{way}_sms"}, ("tokens", "num_token"),
            value=f"{way}_transmit_us", unit=1e-6) for way in ("dispatch", "combine")),
    Table("nvlink_alltoall", "moe_{op}", {"hidden": "hidden_size", "topk": "topk", "experts": "num_experts",
                                          "ep": "moe_ep_size"}, ("tokens", "num_tokens"), dtype="moe_dtype"),
    Table("wideep_moe_context", "wideep_moe_prefill", _EXPERTS, ("tokens", "num_tokens"), dtype="moe_dtype",
          detail=_BY_DISTRIBUTION),
    Table("wideep_moe_generation", "wideep_moe_decode", _EXPERTS, ("tokens", "num_tokens"), dtype="moe_dtype",
          detail=_BY_DISTRIBUTION),
    Table("wideep_moe_trtllm", "{op}", {**_EXPERTS, "slots": "num_slots"}, ("tokens", "num_tokens"),
          dtype="moe_dtype", detail=_BY_DISTRIBUTION),
    _latent("wideep_mla_context", "wideep_mla_prefill", _MLA, ("seq_len", "new_tokens"),
          detail=_BY_MODEL),
    _latent("wideep_mla_generation", "wideep_mla_decode", _MLA, ("kv_len", "kv_len"),
          detail=_BY_MODEL),
    _power("power_gemm", "gemm", {"n": "n", "k": "k"}, ("m", "m"), dtype="dtype"),
    _power("power_moe", "moe", _EXPERTS, ("tokens", "num_tokens"), dtype="dtype", detail=_BY_DISTRIBUTION),
    _power("power_context_attention", "attention_prefill", _HEADS, ("seq_len", "seq_len"),
           dtype="attn_dtype", kv_dtype="kv_cache_dtype"),
    _power("power_generation_attention", "attention_decode", _HEADS, ("kv_len", "kv_len"),
           kv_dtype="kv_cache_dtype"),
)  # fmt: skip
"""Every table that ships, in the order of the index."""
