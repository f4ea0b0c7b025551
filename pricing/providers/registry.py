"""Every provider by name, and what the rest of the planner may know of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from planner.pricing.providers import (
    aws,
    aws_spot,
    azure,
    contract,
    digitalocean,
    gcp,
    gpuhunt,
    lambda_cloud,
    nebius,
    oci,
    runpod,
    shadeform,
    skypilot,
    vast,
    verda,
    vultr,
)
from planner.pricing.providers.fetcher import Fetcher, Limits
from planner.pricing.providers.records import FetchResult, Progress, Provider, Quarantined
from planner.pricing.providers.refresh import refresh

__all__ = ["PROVIDERS", "FetchResult", "Fetcher", "Limits", "Progress", "Provider", "Quarantined", "refresh"]

_MODULES = (
    aws, aws_spot, azure, contract, digitalocean, gcp, gpuhunt, lambda_cloud, nebius, oci, runpod, shadeform,
    skypilot, vast, verda, vultr,
)  # fmt: skip
PROVIDERS: Mapping[str, Provider] = MappingProxyType({m.PROVIDER.name: m.PROVIDER for m in _MODULES})
"""By name, in alphabetical order."""
