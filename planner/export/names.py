"""How other tools spell GPUs and sellers; what is not listed is not guessed."""

from __future__ import annotations

SKYPILOT_CLOUDS = {
    "aws": "aws", "azure": "azure", "gcp": "gcp", "google": "gcp", "lambda": "lambda", "runpod": "runpod",
    "vast": "vast", "nebius": "nebius", "oracle": "oci", "oci": "oci", "fluidstack": "fluidstack", "cudo": "cudo",
    "paperspace": "paperspace", "digitalocean": "do", "ibm": "ibm", "primeintellect": "primeintellect",
    "hyperbolic": "hyperbolic", "seeweb": "seeweb", "shadeform": "shadeform",
}  # fmt: skip
DSTACK_BACKENDS = {
    "aws": "aws", "azure": "azure", "gcp": "gcp", "google": "gcp", "lambda": "lambda", "runpod": "runpod",
    "vast": "vastai", "nebius": "nebius", "oracle": "oci", "oci": "oci", "vultr": "vultr", "cudo": "cudo",
    "digitalocean": "digitalocean", "verda": "verda",
}  # fmt: skip

SKYPILOT_GPUS = {
    "h100_sxm": "H100", "h100_pcie": "H100", "h100_nvl": "H100", "h200_sxm": "H200", "h200_nvl": "H200",
    "gh200": "GH200", "b200_sxm": "B200", "b300_sxm": "B300", "a100_sxm": "A100-80GB", "a100_pcie": "A100-80GB",
    "a100_sxm_40gb": "A100", "a100_pcie_40gb": "A100", "l40s": "L40S", "l40": "L40", "l4": "L4", "a10": "A10",
    "a10g": "A10G", "t4": "T4", "v100_sxm": "V100", "rtx_4090": "RTX4090", "rtx_3090": "RTX3090",
    "rtx_5090": "RTX5090", "rtx_a6000": "RTXA6000", "rtx_6000_ada": "RTX6000-Ada", "mi300x": "MI300X",
    "rtx_pro_6000_server": "RTXPRO6000", "rtx_pro_6000_workstation": "RTXPRO6000", "b200": "B200", "b300": "B300",
}  # fmt: skip
DSTACK_GPUS = {
    "h100_sxm": "H100", "h100_pcie": "H100", "h100_nvl": "H100NVL", "h200_sxm": "H200", "h200_nvl": "H200NVL",
    "gh200": "GH200", "b200_sxm": "B200", "b300_sxm": "B300", "a100_sxm": "A100", "a100_pcie": "A100",
    "a100_sxm_40gb": "A100", "a100_pcie_40gb": "A100", "l40s": "L40S", "l40": "L40", "l4": "L4", "a10": "A10",
    "a10g": "A10G", "t4": "T4", "v100_sxm": "V100", "rtx_4090": "RTX4090", "rtx_3090": "RTX3090",
    "rtx_5090": "RTX5090", "rtx_a6000": "RTXA6000", "rtx_6000_ada": "RTX6000Ada", "mi300x": "MI300X",
    "rtx_pro_6000_server": "RTXPRO6000", "rtx_pro_6000_workstation": "RTXPRO6000", "b200": "B200", "b300": "B300",
}  # fmt: skip

AMD = ("mi", "rx_", "radeon", "strix")
"""How keys of AMD GPUs begin."""


def kubernetes_resource(gpu: str | None) -> str:
    """The device plugin's resource name.

    >>> kubernetes_resource("mi300x"), kubernetes_resource("l40s")
    ('amd.com/gpu', 'nvidia.com/gpu')
    """
    return "amd.com/gpu" if (gpu or "").startswith(AMD) else "nvidia.com/gpu"
