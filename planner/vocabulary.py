"""The words a scenario may use where the choice is closed."""

from __future__ import annotations

PLANNED_KINDS = ("serving", "batch")
KINDS = (*PLANNED_KINDS, "embedding", "finetune", "pretrain", "diffusion", "speech", "edge")

TERMS = ("on_demand", "spot", "committed_1y", "committed_3y", "owned", "api")
VENDORS = ("nvidia", "amd", "intel", "apple", "google", "aws", "qualcomm", "huawei", "tenstorrent")
ENGINES = ("vllm", "sglang", "trtllm", "llama.cpp", "onnxruntime", "max", "torch", "ours")
KERNEL_RULES = ("any", "open", "portable")
AGE_RULES = ("warn", "fail")
SPOT_FALLBACKS = ("standby", "on_demand")
OWNED_STATES = ("have", "would_buy")
