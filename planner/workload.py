"""One stream of requests to one model, with the limits it must meet."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PrivateAttr, model_validator

from planner import fieldtypes as t
from planner.demand import Demand
from planner.errors import ScenarioError
from planner.fields import FieldError, one_of
from planner.models import is_config_path, load_models, resolve_model
from planner.modelshape import Model
from planner.pricing.money import HOURS_PER_MONTH
from planner.record import Record
from planner.vocabulary import KINDS, PLANNED_KINDS


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
    """Rates over the month: a preset with its peak, periods, or a file: CSV of rates or counts by time, a request log
    (JSON lines as of an OpenAI-style server, or vLLM's own), a saved Prometheus range of requests per second."""
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
    cold_start_s: Annotated[
        float | None, Field(gt=0, le=86_400, strict=True, allow_inf_nan=False, examples=[300])
    ] = None
    """Seconds from asking for a unit to its first answer, as you measured it; assumed from the weights if left out."""
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
