"""What can be changed on screen: one row per key of the scenario, with how the URL spells its values.

A workload's keys are addressed by its place (`w0.ttft_ms`), for its name may be that of a customer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["number", "choice", "many", "flag"]
NOTHING = "none"
"""In a URL: the limit is taken out."""


@dataclass(frozen=True, slots=True)
class Field:
    """A key of the scenario as a reader sees it; `live` ones answer at once, the others behind Apply."""

    name: str
    label: str
    kind: Kind
    help: str = ""
    options: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 1e9
    live: bool = False
    whole: bool = False
    optional: bool = True

    def written(self, value: Any) -> str:
        """Value as the URL spells it.

        >>> WORKLOAD["ttft_ms"].written(800.0), CONSTRAINTS["zones"].written(["eu", "uk"])
        ('800', 'eu,uk')
        """
        if value is None:
            return NOTHING
        if self.kind == "many":
            return ",".join(value)
        if self.kind == "flag":
            return "yes" if value else "no"
        return f"{value:.10g}" if self.kind == "number" else str(value)

    def read(self, text: str) -> Any:
        """Value of what a URL holds; ValueError where it is none.

        >>> CONSTRAINTS["zones"].read("eu,uk"), WORKLOAD["ttft_ms"].read("none")
        (['eu', 'uk'], None)
        """
        if text == NOTHING and self.optional:
            return None
        match self.kind:
            case "number":
                value = float(text)
                if not (math.isfinite(value) and self.low <= value <= self.high):
                    raise ValueError(f"{self.name}: {text} is not between {self.low:g} and {self.high:g}")
                return int(value) if self.whole else value
            case "many":
                chosen = text.split(",")
                if wrong := [x for x in chosen if self.options and x not in self.options]:
                    raise ValueError(f"{self.name}: {wrong[0]!r} is not known")
                return chosen
            case "flag":
                if text not in ("yes", "no"):
                    raise ValueError(f"{self.name}: {text!r} is neither yes nor no")
                return text == "yes"
            case _:
                if self.options and text not in self.options:
                    raise ValueError(f"{self.name}: {text!r} is not known")
                return text


CURVES = ("constant", "office_hours", "diurnal", "bursty", "launch")
FORMATS = ("bf16", "fp8", "nvfp4", "int4", "int8")
ZONES = ("eu", "uk", "us", "ca", "jp", "in", "au", "sg", "kr")
TERMS = ("on_demand", "spot", "committed_1y", "committed_3y", "owned", "api")


def _table(*fields: Field) -> Mapping[str, Field]:
    return {field.name: field for field in fields}


WORKLOAD = _table(
    Field("rate", "Requests per second, peak", "number", "What arrives in the busiest hour; the curve keeps its shape.",
          low=1e-6, high=1e6, live=True, optional=False),
    Field("requests", "Requests per month", "number", "Volume of the batch.", low=1, high=1e12, live=True,
          optional=False),
    Field("ttft_ms", "First token within, ms", "number", "Waiting included, as the client sees it.", low=1, high=1e8,
          live=True),
    Field("tpot_ms", "Each further token within, ms", "number", "50 ms is 20 tokens a second: faster than one reads.",
          low=0.1, high=1e8, live=True),
    Field("model", "Model", "choice", "A shipped shape; upload a config.json for your own.", optional=False),
    Field("curve", "Demand over the month", "choice", "How the rate follows the clock.", CURVES, optional=False),
    Field("input_tokens", "Input tokens, mean", "number", "Prompt, history included.", low=1, high=1e7,
          optional=False),
    Field("output_tokens", "Output tokens, mean", "number", "Answer.", low=1, high=1e7, optional=False),
    Field("percentile", "Percentile of requests", "number", "Share of requests that must meet both limits.", low=50,
          high=99.9, optional=False),
    Field("prefix_cache_share", "Input found in cache, share", "number", "0 where prompts share nothing.", low=0,
          high=0.99, optional=False),
    Field("weight_precisions", "Weight formats allowed", "many", "Formats whose quality you accept.", FORMATS,
          optional=False),
    Field("kv_precisions", "KV formats allowed", "many", "Formats whose quality you accept.", ("bf16", "fp8"),
          optional=False),
)  # fmt: skip
"""Keys of one workload; `rate` and `curve` stand for the forms of demand."""

CONSTRAINTS = _table(
    Field("budget_usd_per_month", "Budget, $ per month", "number", "All workloads together.", low=1, high=1e12),
    Field("spare_replicas", "Machines that may fail", "number", "Per workload, without breaking its limits.", low=0,
          high=20, whole=True, optional=False),
    Field("max_spot_share", "Most on spot, share", "number", "Of each workload's load.", low=0, high=1),
    Field("quantile", "Plan on this side of the predictions", "number", "0.8 holds in 80 % of cases.", low=0.5,
          high=0.99, optional=False),
    Field("zones", "Where data may be", "many", "An offer of unknown country never qualifies.", ZONES),
    Field("terms", "Terms", "many", "What may be signed.", TERMS),
    Field("vendors", "GPU makers", "many", "", ("nvidia", "amd", "intel", "apple", "google", "aws")),
    Field("engines", "Engines", "many", "", ("vllm", "sglang", "trtllm")),
    Field("kernels", "Kernels", "choice", "open: published source; portable: runs on two vendors.",
          ("any", "open", "portable"), optional=False),
    Field("sellers", "Sellers", "many", "Empty: all."),
    Field("gpus", "GPUs", "many", "Empty: all."),
    Field("marketplace", "Single machines of a marketplace", "flag", "They vanish, and their hosts vary.",
          optional=False),
    Field("consumer_in_datacenter", "Consumer cards in data centres", "flag", "Against NVIDIA's driver terms.",
          optional=False),
)  # fmt: skip
"""Keys of `[constraints]`."""

PRICE = Field(
    "price", "Price of these machines, %", "number", "Against today's list; the others stay.", low=-90,
    high=400, live=True, optional=False,
)  # fmt: skip
"""Change of the price of every offer the baseline uses, in percent."""


def field_of(key: str) -> Field:
    """Field of a key such as `w0.ttft_ms`, `zones` or `price`; KeyError where there is none."""
    place, dot, name = key.partition(".")
    if dot:
        if not (place[:1] == "w" and place[1:].isdecimal()):
            raise KeyError(key)
        return WORKLOAD[name]
    return PRICE if key == PRICE.name else CONSTRAINTS[key]


def steps(value: float, *, around: float, low: float, high: float) -> list[float]:
    """Places of a slider: round numbers within a factor of ten of `around`, and the value itself.

    >>> steps(12, around=12, low=1, high=30)
    [1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30]
    """
    least, most = max(low, around / 10), min(high, around * 10)
    first, last = math.floor(math.log10(least)), math.floor(math.log10(most))
    round_numbers = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
    grid = {float(f"{x * 10.0**n:.6g}") for n in range(first, last + 1) for x in round_numbers}
    kept = {x for x in grid if least <= x <= most} | {value, around}
    return [int(x) if float(x).is_integer() else x for x in sorted(kept)]
