"""Types of the scenario's fields: what is accepted, and how each appears in the JSON Schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from planner import vocabulary as words
from planner.demand import MAX_REQUESTS_PER_S, PRESETS, Demand, parse_demand
from planner.errors import ScenarioError
from planner.fields import FieldError, one_of
from planner.lengths import Lengths, parse_lengths
from planner.modelshape import Model
from planner.places import country_code, zone_name
from planner.precisions import load_precisions, resolve_precision
from planner.shapetable import parse_shape, shape_table

_MOST_USD = 1e12  # above any budget, so that a mistyped exponent is caught


def _among(known: tuple[str, ...], what: str) -> Callable[[str], str]:
    return lambda text: one_of(text, known, what)


def _enum(known: tuple[str, ...]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": list(known)})


def _precision(text: str) -> str:
    try:
        return resolve_precision(text).name
    except ScenarioError as error:
        raise FieldError(str(error)) from None


def _kv_precision(text: str) -> str:
    name = _precision(text)
    if not load_precisions()[name].kv_cache:
        known = ", ".join(p.name for p in load_precisions().values() if p.kv_cache)
        raise FieldError(f"{name} is no format of a KV cache", hint=f"one of {known}")
    return name


def _unique(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


Usd = Annotated[float, Field(gt=0, le=_MOST_USD, strict=True, allow_inf_nan=False)]
UsdOrZero = Annotated[float, Field(ge=0, le=_MOST_USD, strict=True, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, strict=True, allow_inf_nan=False)]
Milliseconds = Annotated[float, Field(gt=0, le=1e8, strict=True, allow_inf_nan=False)]
Rate = Annotated[float, Field(gt=0, le=MAX_REQUESTS_PER_S, strict=True, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, le=1e12, strict=True, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Country = Annotated[str, AfterValidator(country_code)]
Zone = Annotated[str, AfterValidator(zone_name)]
Term = Annotated[str, AfterValidator(_among(words.TERMS, "term")), _enum(words.TERMS)]
Vendor = Annotated[str, AfterValidator(_among(words.VENDORS, "vendor")), _enum(words.VENDORS)]
Engine = Annotated[str, AfterValidator(_among(words.ENGINES, "engine")), _enum(words.ENGINES)]
KernelRule = Annotated[str, AfterValidator(_among(words.KERNEL_RULES, "rule")), _enum(words.KERNEL_RULES)]
AgeRule = Annotated[str, AfterValidator(_among(words.AGE_RULES, "rule")), _enum(words.AGE_RULES)]
SpotFallback = Annotated[
    str, AfterValidator(_among(words.SPOT_FALLBACKS, "fallback")), _enum(words.SPOT_FALLBACKS)
]
OwnedState = Annotated[str, AfterValidator(_among(words.OWNED_STATES, "status")), _enum(words.OWNED_STATES)]
Precisions = Annotated[
    tuple[Annotated[str, AfterValidator(_precision)], ...], Field(min_length=1), AfterValidator(_unique)
]
KvPrecisions = Annotated[
    tuple[Annotated[str, AfterValidator(_kv_precision)], ...], Field(min_length=1), AfterValidator(_unique)
]


def _object(required: tuple[str, ...], **properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_NUMBER: dict[str, Any] = {"type": "number", "exclusiveMinimum": 0}
_FILE = _object(("file",), file={"type": "string"}, field={"type": "string"})
_PERIODS: dict[str, Any] = {
    "type": "array",
    "minItems": 1,
    "items": _object(
        ("hours_per_month", "requests_per_s"),
        hours_per_month=_NUMBER,
        requests_per_s={"type": "number", "minimum": 0},
    ),
}
_PAIR: dict[str, Any] = {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2}
_DEMAND = [
    _object(("preset", "peak_requests_per_s"), preset={"enum": list(PRESETS)}, peak_requests_per_s=_NUMBER),
    _object(("file",), file={"type": "string"}),
    _object(("periods",), periods=_PERIODS),
    _PERIODS,
]
_LENGTHS = [
    {"type": "number", "minimum": 1},
    _object(("mean",), mean=_NUMBER, p95=_NUMBER),
    _object(("histogram",), histogram={"type": "array", "items": _PAIR, "minItems": 1}, p95=_NUMBER),
    _object(("nominal",), nominal=_NUMBER, randomised={"type": "boolean"}),
    _FILE,
]


def demand_table(demand: Demand) -> list[dict[str, float]]:
    """The curve as a scenario holds it."""
    return [
        {"hours_per_month": p.hours_per_month, "requests_per_s": p.requests_per_s} for p in demand.periods
    ]


def lengths_table(lengths: Lengths) -> Any:
    """The lengths as a scenario holds them: one number where all requests are alike."""
    if lengths.nominal is not None:
        return {"nominal": lengths.nominal, "randomised": True}
    if len(lengths.histogram) == 1 and lengths.p95 == lengths.longest:
        return lengths.longest
    table: dict[str, Any] = {"histogram": [list(bucket) for bucket in lengths.histogram]}
    return table if lengths.p95 is None else table | {"p95": lengths.p95}


# The validator in front makes the record; pydantic only carries it.
DemandField = Annotated[
    Demand,
    BeforeValidator(parse_demand),
    PlainSerializer(demand_table),
    WithJsonSchema({"anyOf": _DEMAND}),
]
PeriodsField = Annotated[
    Demand, BeforeValidator(parse_demand), PlainSerializer(demand_table), WithJsonSchema(_PERIODS)
]
LengthsField = Annotated[
    Lengths,
    BeforeValidator(parse_lengths),
    PlainSerializer(lengths_table),
    WithJsonSchema({"anyOf": _LENGTHS}),
]
ShapeField = Annotated[
    Model,
    BeforeValidator(parse_shape),
    PlainSerializer(shape_table),
    WithJsonSchema({"type": "object", "description": "sizes of a model of your own, as in config.json"}),
]
