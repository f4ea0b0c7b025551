"""The question: workloads, limits, hardware on hand, own prices, policy.

Frozen records, one per table of `planner.toml`; once made, every value is checked and complete. Files are
opened by `planner.inputs`, never here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from planner import fieldtypes as t
from planner.demand import Demand
from planner.errors import ScenarioError
from planner.fields import FieldError, one_of
from planner.models import is_config_path, load_models, resolve_model
from planner.modelshape import Model
from planner.pricing.money import HOURS_PER_MONTH
from planner.vocabulary import KINDS, PLANNED_KINDS

_NAME = r"^[A-Za-z0-9][A-Za-z0-9 _-]{0,63}$"


def _planned(kind: str) -> str:
    kind = one_of(kind, KINDS, "kind")
    if kind not in PLANNED_KINDS:
        raise FieldError(
            f"{kind} workloads are not planned yet", hint=f"this release plans {', '.join(PLANNED_KINDS)}"
        )
    return kind


def _known_model(name: str) -> str:
    """Shipped names must resolve; a path has been read into `shape` by `inputs` before this runs."""
    if not is_config_path(name):
        _resolve(name)
    return name


def _resolve(name: str) -> Model:
    try:
        return resolve_model(name)
    except ScenarioError as error:
        raise FieldError(str(error)) from None


class Record(BaseModel):
    """Base of the tables: immutable, no unknown keys.

    `scenarioschema` reads the docstrings under the fields; pydantic doing so costs 40 ms at import.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


class Speculation(Record):
    """Speculative decoding, described by its effect."""

    accepted_tokens: Annotated[float, Field(ge=1, le=32, strict=True, allow_inf_nan=False, examples=[1.7])]
    """Mean tokens one decode step yields per request; 1 is no gain."""


def _published_formats(data: dict[str, Any]) -> tuple[str, ...]:
    shape = data.get("shape")
    stored = shape.weight_quant if isinstance(shape, Model) else "none"
    return ("bf16",) if stored in ("none", "unknown") else (stored,)


def _demand(data: dict[str, Any]) -> Demand:
    """Demand of the other keys; which of them may be given together is checked once all are read."""
    if (periods := data.get("periods")) is not None:
        return Demand.of(periods.periods)
    requests, deadline = data.get("requests"), data.get("deadline_hours")
    if requests and deadline:
        return Demand.volume(requests, deadline_hours=deadline)
    return Demand.constant(data.get("requests_per_s") or 1.0)


class Workload(Record):
    """One stream of requests to one model."""

    kind: Annotated[str, AfterValidator(_planned), Field(json_schema_extra={"enum": list(KINDS)})] = "serving"
    """What it is: `serving` answers requests as they come, `batch` works off a volume."""
    model: Annotated[t.Text, AfterValidator(_known_model), Field(examples=["llama-3.1-70b"])]
    """A shipped model or alias, or the path of a config.json."""
    shape: t.ShapeField = Field(default_factory=lambda data: _resolve(data.get("model", "")))
    """Sizes of a model that is not shipped, instead of a config.json."""
    requests_per_s: Annotated[t.Rate | None, Field(examples=[12])] = None
    """Constant rate of requests."""
    periods: t.PeriodsField | None = None
    """Rates by hours of the month."""
    requests: Annotated[t.Positive | None, Field(examples=[2_000_000])] = None
    """Requests of a batch, each month."""
    deadline_hours: Annotated[float | None, Field(gt=0, le=HOURS_PER_MONTH, strict=True, examples=[48])] = (
        None
    )
    """Hours within which the batch must be done."""
    demand: t.DemandField = Field(default_factory=_demand)
    """Rates over the month: preset, file or periods."""
    input_tokens: Annotated[t.LengthsField, Field(examples=[1024])]
    """Tokens of the prompt: a number, {mean, p95}, {histogram} or {file}."""
    output_tokens: Annotated[t.LengthsField, Field(examples=[256])]
    """Tokens of the answer: a number, {mean, p95}, {histogram} or {file}."""
    prefix_cache_share: Annotated[
        float, Field(ge=0, lt=1, strict=True, allow_inf_nan=False, examples=[0.3])
    ] = 0.0
    """Share of input tokens found in the prefix cache."""
    ttft_ms: Annotated[t.Milliseconds | None, Field(examples=[1000])] = None
    """Limit on the time to the first token in milliseconds, waiting included, at `percentile`."""
    tpot_ms: Annotated[t.Milliseconds | None, Field(examples=[50])] = None
    """Limit on the time per output token after the first, in milliseconds, at `percentile`."""
    percentile: Annotated[float, Field(ge=50, le=99.9, strict=True, examples=[95])] = 95.0
    """Percentile of requests that must meet the limits."""
    weight_precisions: Annotated[t.Precisions, Field(examples=[["bf16", "fp8"]])] = Field(
        default_factory=_published_formats
    )
    """Weight formats whose quality is acceptable; the published one if left out."""
    kv_precisions: Annotated[t.KvPrecisions, Field(examples=[["bf16", "fp8"]])] = ("bf16",)
    """KV-cache formats whose quality is acceptable."""
    speculative: Literal["none"] | Speculation = "none"
    """Speculative decoding: "none" or {accepted_tokens}."""
    stream_interval: Annotated[int, Field(ge=1, le=1000, strict=True, examples=[1])] = 1
    """Decode steps per streamed chunk."""

    _name: str = PrivateAttr(default="")

    @property
    def name(self) -> str:
        """Key of the workload in the scenario."""
        return self._name

    @property
    def accepted_tokens(self) -> float:
        """Mean tokens per decode step; 1 without speculation."""
        return self.speculative.accepted_tokens if isinstance(self.speculative, Speculation) else 1.0

    @model_validator(mode="after")
    def _one_demand(self) -> Workload:
        given = [
            key for key in _DEMAND_KEYS if key in self.model_fields_set and getattr(self, key) is not None
        ]
        if not given:
            raise FieldError(
                "missing", field="requests_per_s", hint="or demand, periods, or requests with deadline_hours"
            )
        if len(given) > 1:
            raise FieldError(f"given together with {given[0]}", field=given[1], hint="keep one of them")
        if (self.requests is None) != (self.deadline_hours is None):
            absent = "deadline_hours" if self.deadline_hours is None else "requests"
            raise FieldError("missing", field=absent, hint="requests and deadline_hours go together")
        if self.requests is not None and self.kind != "batch":
            raise FieldError(
                "a volume with a deadline is a batch", field="requests", hint='set kind = "batch"'
            )
        return self

    def document(self) -> dict[str, Any]:
        """The table that reads back to this workload, without files."""
        table: dict[str, Any] = self.model_dump(
            mode="json", exclude={"shape", *_DEMAND_KEYS}, exclude_none=True
        )
        key = next(k for k in _DEMAND_KEYS if k in self.model_fields_set and getattr(self, k) is not None)
        keys = {key, "deadline_hours"} if key == "requests" else {key}
        table |= self.model_dump(mode="json", include=keys)
        if self.shape.name not in load_models():
            table |= self.model_dump(mode="json", include={"shape"})
        return table


_DEMAND_KEYS = ("requests_per_s", "demand", "periods", "requests")


class Constraints(Record):
    """Limits that shape the search; what is left out does not limit."""

    zones: Annotated[tuple[t.Zone, ...] | None, Field(min_length=1, examples=[["eu"]])] = None
    """Where data may be; an offer of unknown country never qualifies."""
    countries: Annotated[tuple[t.Country, ...] | None, Field(min_length=1, examples=[["DE", "FR"]])] = None
    """Two-letter country codes."""
    regions: Annotated[tuple[t.Text, ...] | None, Field(min_length=1, examples=[["us-*"]])] = None
    """Patterns over the seller's own region names."""
    sellers: Annotated[tuple[t.Text, ...] | None, Field(min_length=1, examples=[["aws", "owned"]])] = None
    """Sellers to consider."""
    terms: Annotated[tuple[t.Term, ...] | None, Field(min_length=1, examples=[["on_demand", "spot"]])] = None
    """Terms to consider."""
    vendors: Annotated[tuple[t.Vendor, ...] | None, Field(min_length=1, examples=[["nvidia", "amd"]])] = None
    """GPU makers to consider."""
    gpus: Annotated[tuple[t.Text, ...] | None, Field(min_length=1, examples=[["h100_sxm", "rtx_4090"]])] = (
        None
    )
    """GPUs to consider."""
    engines: Annotated[tuple[t.Engine, ...] | None, Field(min_length=1, examples=[["vllm", "sglang"]])] = None
    """Engines to consider."""
    kernels: t.KernelRule = "any"
    """Which kernels may run: any, open source only, or portable over two vendors."""
    max_spot_share: Annotated[t.Share | None, Field(examples=[0.5])] = None
    """Largest share of each workload's load on spot capacity."""
    budget_usd_per_month: Annotated[t.Usd | None, Field(examples=[20000])] = None
    """All workloads together."""
    spare_replicas: Annotated[int, Field(ge=0, le=10_000, strict=True, examples=[1])] = 0
    """Replicas of each workload that may fail without breaking its limits."""
    consumer_in_datacenter: t.Flag = False
    """Whether consumer cards may be planned in data centres, against NVIDIA's driver terms."""
    quantile: Annotated[float, Field(ge=0.5, le=0.99, strict=True, examples=[0.8])] = 0.8
    """Side of the predictions to plan on: 0.8 holds in 80 % of cases."""


class Site(Record):
    """Where owned hardware stands."""

    electricity_usd_per_kwh: Annotated[float, Field(ge=0, le=10, strict=True, examples=[0.15])] = 0.15
    """Price of electricity."""
    pue: Annotated[float, Field(ge=1, le=5, strict=True, examples=[1.1])] = 1.2
    """Power drawn by the site over power drawn by the hardware."""
    zone: t.Zone | None = None
    """Residency zone."""
    country: t.Country | None = None
    """Two-letter country code."""


class OwnedGpu(Record):
    """Hardware on hand, or that could be bought."""

    gpu: Annotated[t.Text, Field(examples=["rtx_4090"])]
    """Name of the GPU."""
    count: Annotated[t.Count, Field(examples=[4])]
    """How many GPUs."""
    status: t.OwnedState = "have"
    """`have`: already paid for; `would_buy`: could be bought."""
    purchase_usd: Annotated[t.UsdOrZero, Field(examples=[2600])]
    """Per GPU with its share of the host; for `have`, what it would sell for now."""
    site: Site = Site()
    """Where it stands."""


class Price(Record):
    """A price of my own: overrides the same offer of the snapshot, or adds one."""

    seller: t.Text
    """Who sells it."""
    instance: t.Text
    """The seller's name of what is sold."""
    region: t.Text | None = None
    """The seller's region; any if left out."""
    term: t.Term = "on_demand"
    """Term it is sold on."""
    usd_per_hour: Annotated[t.Usd | None, Field(examples=[38.0])] = None
    """Whole instance."""
    gpu: t.Text | None = None
    """GPU of an instance the snapshot does not know."""
    gpu_count: Annotated[t.Count | None, Field(examples=[8])] = None
    """GPUs of the instance."""
    country: t.Country | None = None
    """Two-letter country code."""
    upfront_usd: t.UsdOrZero | None = None
    """Paid at the start of a commitment."""
    available: t.Count | None = None
    """Most instances to be had."""
    interruption_per_hour: t.Share | None = None
    """Chance that spot capacity is taken away within an hour."""
    model: t.Text | None = None
    """Model a hosted API serves."""
    usd_per_million_input_tokens: t.UsdOrZero | None = None
    """Price of an API."""
    usd_per_million_output_tokens: t.UsdOrZero | None = None
    """Price of an API."""
    ttft_ms: t.Milliseconds | None = None
    """Time to the first token of an API, as you measured it."""
    tpot_ms: t.Milliseconds | None = None
    """Time per output token of an API, as you measured it."""

    @model_validator(mode="after")
    def _priced(self) -> Price:
        per_token = (self.usd_per_million_input_tokens, self.usd_per_million_output_tokens)
        if self.term == "api":
            if None in per_token or self.model is None:
                raise FieldError(
                    "an API needs model, usd_per_million_input_tokens and usd_per_million_output_tokens",
                    field="term",
                )
        elif self.usd_per_hour is None:
            raise FieldError("missing", field="usd_per_hour", hint="dollars per hour of the whole instance")
        return self


class Policy(Record):
    """Gates for CI, judged on the finished plan; they never shape it."""

    max_usd_per_month: Annotated[t.Usd | None, Field(examples=[18000])] = None
    """Cost of the plan."""
    max_increase_percent: Annotated[t.UsdOrZero | None, Field(examples=[10])] = None
    """Increase over the baseline plan."""
    max_spot_share: Annotated[t.Share | None, Field(examples=[0.5])] = None
    """Share of the load on spot capacity."""
    max_price_age_days: Annotated[t.Positive | None, Field(examples=[90])] = None
    """Age of the oldest price in the plan."""
    unknown_price_age: t.AgeRule = "warn"
    """What an undated price does."""
    min_slo_probability: Annotated[t.Share | None, Field(examples=[0.95])] = None
    """Probability that every limit is met."""
    min_measured_share: Annotated[t.Share | None, Field(examples=[0.5])] = None
    """Share of the dollars that rests on measurements."""


class Scenario(Record):
    """Everything a plan answers."""

    workloads: Annotated[
        dict[Annotated[str, Field(pattern=_NAME)], Workload], Field(min_length=1, max_length=100)
    ]
    """Workloads by name."""
    constraints: Constraints = Constraints()
    """Limits that shape the search."""
    owned: Annotated[tuple[OwnedGpu, ...], Field(max_length=1000)] = ()
    """Hardware on hand, or that could be bought."""
    prices: Annotated[tuple[Price, ...], Field(max_length=10_000)] = ()
    """Own prices."""
    policy: Policy = Policy()
    """Gates for CI."""

    def model_post_init(self, context: Any, /) -> None:
        """Tell each workload its name."""
        for name, workload in self.workloads.items():
            workload._name = name

    def document(self) -> dict[str, Any]:
        """The scenario as plain data that reads back to an equal one, without files or comments."""
        table: dict[str, Any] = self.model_dump(mode="json", exclude={"workloads"}, exclude_none=True)
        return {"workloads": {name: w.document() for name, w in self.workloads.items()}, **table}

    @property
    def text(self) -> str:
        """Canonical JSON of `document()`: the same bytes for the same question."""
        return json.dumps(self.document(), sort_keys=True, separators=(",", ":"), allow_nan=False)

    @property
    def digest(self) -> str:
        """SHA-256 of `text`."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def changed(self, values: Mapping[str, object]) -> Scenario:
        """A copy with values replaced by dotted path, checked anew (for sweeps and what-if questions).

        `{"workloads.chat.requests_per_s": 24, "constraints.zones": ["eu"]}`; None takes a value out.
        Raises pydantic's ValidationError; `inputs.changed` raises ScenarioError.
        """
        document = self.document()
        for path, value in values.items():
            *parents, last = path.split(".")
            table = document
            for parent in parents:
                table = table.setdefault(parent, {})
            if value is None:
                table.pop(last, None)
            else:
                table[last] = value
        return Scenario.model_validate(document)
