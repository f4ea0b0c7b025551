"""What publishers call things in `config.json`, and the defaults they leave unsaid."""

from __future__ import annotations

from collections.abc import Mapping

SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "hidden_size": ("hidden_size", "n_embd", "d_model", "dim"),
    "num_layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    "num_heads": ("num_attention_heads", "n_head", "n_heads", "num_heads"),
    "num_kv_heads": ("num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num"),
    "ffn_intermediate_size": (
        "intermediate_size_mlp",
        "intermediate_size",
        "n_inner",
        "ffn_dim",
        "ffn_hidden_size",
        "d_ff",
    ),
    "vocab_size": ("vocab_size", "padded_vocab_size"),
    "max_context": ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "n_ctx"),
    "num_experts": ("num_local_experts", "n_routed_experts", "num_experts", "moe_num_experts"),
    "experts_per_token": (
        "num_experts_per_tok",
        "num_experts_per_token",
        "experts_per_token",
        "top_k_experts",
        "moe_k",
        "moe_top_k",
    ),
    "moe_intermediate_size": ("moe_intermediate_size", "expert_ffn_hidden_size"),
    "num_shared_experts": ("n_shared_experts", "num_shared_experts"),
    "shared_expert_intermediate_size": ("shared_expert_intermediate_size",),
    "first_dense_layers": ("first_k_dense_replace",),
    "moe_layer_interval": ("interleave_moe_layer_step", "decoder_sparse_step", "moe_layer_freq"),
    "mtp_layers": ("num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_modules"),
    "sliding_window": ("sliding_window", "sliding_window_size"),
    "global_num_kv_heads": ("num_global_key_value_heads",),
}
SAME_NAME = (
    "head_dim", "q_lora_rank", "kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim",
    "index_n_heads", "index_head_dim", "index_topk", "global_head_dim", "linear_num_key_heads",
    "linear_key_head_dim", "linear_num_value_heads", "linear_value_head_dim",
)  # fmt: skip
REQUIRED = ("hidden_size", "num_layers", "num_heads", "vocab_size")

# Designs before SwiGLU: two feed-forward matrices, four times the hidden size unless stated.
UNGATED = frozenset(
    {"gpt2", "gptj", "gpt_neo", "gpt_neox", "gpt_bigcode", "opt", "mpt", "falcon", "bloom", "phi"}
    | {"RefinedWeb", "RefinedWebModel", "codegen", "starcoder2"}
)  # fmt: skip
TIED_BY_DEFAULT = frozenset(
    {"gpt2", "gpt_neo", "gpt_bigcode", "opt", "mpt", "falcon", "RefinedWeb", "RefinedWebModel", "bloom"}
    | {"starcoder2", "gemma", "gemma2", "gemma3", "gemma3_text", "gemma4", "gemma4_text"}
)
# Publishers whose `intermediate_size` is the width of one expert.
EXPERT_WIDTH_IS_FFN = frozenset(
    {"mixtral", "gpt_oss", "minimax_m2", "llama4_text", "phimoe", "dbrx", "grok-1"}
)
WINDOW_OFF_BY_DEFAULT = frozenset(
    {"qwen2", "qwen2_moe", "qwen3", "qwen3_moe"}
)  # `use_sliding_window` is false
GENERATES = ("ForCausalLM", "ForConditionalGeneration", "LMHeadModel", "ChatModel", "ChatGLM")
OTHER_MIXERS = (
    "hybrid_override_pattern", "mamba_num_heads", "mamba_n_heads", "mamba_d_state", "ssm_cfg", "state_size",
    "attn_layer_period", "conv_L_cache", "linear_attn_config", "compress_ratios", "o_lora_rank",
)  # fmt: skip
LAYER_KINDS: Mapping[str, str] = {
    "full_attention": "full", "attention": "full", "global": "full", "sliding_attention": "sliding",
    "local_attention": "sliding", "linear_attention": "linear",
    "chunked_attention": "full",  # Llama 4: chunks of 8192, longer than most contexts; priced as full
}  # fmt: skip
MAX_COUNT = 10**8  # above any dimension, vocabulary or context of a real model

FAMILIES = {
    "llama4": "llama4",
    "llama": "llama",
    "qwen3_5": "qwen3_5",
    "qwen3_next": "qwen3_next",
    "qwen3_moe": "qwen3_moe",
    "qwen3": "qwen3",
    "qwen2": "qwen2",
    "deepseek": "deepseek",
    "kimi": "kimi",
    "gpt_oss": "gpt_oss",
    "minimax": "minimax",
    "glm": "glm",
    "mixtral": "mixtral",
    "mistral": "mistral",
    "gemma": "gemma",
    "phi": "phi",
}


def family(model_type: str) -> str:
    """
    >>> family("qwen3_5_moe_text"), family("gpt2")
    ('qwen3_5', 'gpt2')
    """
    return next(
        (f for prefix, f in FAMILIES.items() if model_type.startswith(prefix)), model_type or "unknown"
    )


_QUANT_METHODS = {"mxfp4": "mxfp4", "awq": "int4", "gptq": "int4", "nvfp4": "nvfp4"}


def weight_quant(section: object) -> str:
    """Format named by a `quantization_config`, in our words; "none" when there is none.

    >>> weight_quant({"quant_method": "fp8", "weight_block_size": [128, 128]})
    'fp8_block'
    >>> weight_quant({"quant_method": "gptq", "bits": 8})
    'int8'
    """
    if not isinstance(section, Mapping) or not section:
        return "none"
    method = str(section.get("quant_method") or section.get("quant_algo") or "").casefold()
    labels = f"{method} {section.get('quant_algo') or ''} {section.get('format') or ''}".casefold()
    if "nvfp4" in labels:
        return "nvfp4"
    if "fp8" in labels or "float-quantized" in labels:
        return "fp8_block" if section.get("weight_block_size") else "fp8"
    if section.get("bits") == 8 or section.get("load_in_8bit") or "int-quantized" in labels:
        return "int8"
    if section.get("bits") == 4 or section.get("load_in_4bit") or "pack-quantized" in labels:
        return "int4"
    return _QUANT_METHODS.get(method, "unknown")
