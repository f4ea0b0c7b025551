"""Records and their JSON: one spelling, there and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.canonical import dumps, from_data, to_data
from planner.errors import DataError


@dataclass(frozen=True)
class Leaf:
    name: str
    size: float | None = None


@dataclass(frozen=True)
class Tree:
    leaves: tuple[Leaf, ...]
    kind: Literal["oak", "beech"]
    tags: Mapping[str, int]
    first: Leaf | None = None
    extra: Any = None


TREE = Tree((Leaf("a", 1.5), Leaf("b")), "oak", {"z": 1, "a": 2}, Leaf("c", 3.0))


def test_a_record_comes_back_equal() -> None:
    assert from_data(Tree, json.loads(dumps(TREE))) == TREE


def test_keys_are_sorted_and_text_ends_in_one_newline() -> None:
    text = dumps(TREE)
    assert list(json.loads(text)) == sorted(json.loads(text))
    assert text.endswith("}\n")


def test_numpy_numbers_are_written_as_numbers() -> None:
    assert to_data({"n": np.int64(3), "x": np.float32(0.5)}) == {"n": 3, "x": 0.5}


@given(st.floats(allow_nan=False, allow_infinity=False, width=64))
def test_rounding_twice_changes_nothing(x: float) -> None:
    once = to_data(x)
    assert to_data(once) == once
    assert once == pytest.approx(x, rel=5e-6)


@pytest.mark.parametrize("noise", [1.1365e-16, -2.2e-16, 0.0, -0.0])
def test_what_subtracting_equals_leaves_is_nothing(noise: float) -> None:
    """The last bits of a sum depend on where its arrays lie in memory: two runs once differed in a gap."""
    assert dumps({"gap": noise}) == dumps({"gap": 0})


@given(st.integers(-(2**53), 2**53))
def test_a_whole_number_has_one_spelling(n: int) -> None:
    if abs(n) < 1_000_000:
        assert dumps(n) == dumps(float(n))


@pytest.mark.parametrize("x", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_none_is_refused_with_its_field(x: float) -> None:
    with pytest.raises(ValueError, match=r"leaves\[0\]\.size: .* is not a number one can store"):
        dumps(Tree((Leaf("a", x),), "oak", {}))


def test_what_has_no_json_form_is_a_programming_error() -> None:
    with pytest.raises(TypeError, match="set has no JSON form"):
        dumps({"a": {1, 2}})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "okk"}, r"kind: 'okk' is none of oak, beech \(did you mean oak\?\)"),
        ({"leafs": []}, r"leafs: unknown key \(did you mean leaves\?\)"),
        ({"leaves": [{"size": 1}]}, r"leaves\[0\]\.name: missing"),
        ({"leaves": {}}, r"leaves: expected a list, got \{\}"),
        ({"leaves": [{"name": 3}]}, r"leaves\[0\]\.name: expected text, got 3"),
        (
            {"leaves": [{"name": "a", "size": "big"}]},
            r"leaves\[0\]\.size: expected a number or null, got 'big'",
        ),
        (
            {"leaves": [{"name": "a", "size": True}]},
            r"leaves\[0\]\.size: expected a number or null, got True",
        ),
        ({"first": 7}, r"first: expected an object, got 7"),
        ({"first": {"name": "a", "sise": 1}}, r"first\.sise: unknown key \(did you mean size\?\)"),
        ({"tags": {"a": "b"}}, r"tags\.a: expected a whole number, got 'b'"),
        ({"tags": {"a": 1.5}}, r"tags\.a: expected a whole number, got 1\.5"),
    ],
)
def test_a_wrong_field_is_named_with_what_was_expected(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=f"^{message}$"):
        from_data(Tree, to_data(TREE) | change)


def test_a_long_value_is_shortened_in_the_message() -> None:
    with pytest.raises(DataError) as caught:
        from_data(int, "x" * 500)
    assert len(str(caught.value)) < 100
