"""Scenario files: the three formats, the files they name, and one line for everything that can be wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.errors import ScenarioError
from planner.inputs import load_scenario, loads

CONFIGS = Path(__file__).parents[1] / "data" / "configs"
BASE = """\
[workloads.chat]
model = "llama-3.1-70b"
requests_per_s = 12
input_tokens = 1024
output_tokens = 256
"""
TABLE: dict[str, Any] = {
    "workloads": {
        "chat": {"model": "llama-3.1-70b", "requests_per_s": 12, "input_tokens": 1024, "output_tokens": 256}
    }
}


def test_three_formats_read_alike(tmp_path: Path) -> None:
    texts = {
        "a.toml": BASE,
        "a.json": json.dumps(TABLE),
        "a.yaml": yaml.safe_dump(TABLE),
        "a.yml": yaml.safe_dump(TABLE),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert len({load_scenario(tmp_path / name).digest for name in texts}) == 1


def test_pyproject_holds_a_scenario_under_tool_planner(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(
        "[project]\nname = 'x'\n" + BASE.replace("[workloads", "[tool.planner.workloads"), encoding="utf-8"
    )
    assert load_scenario(path).digest == loads(BASE).digest
    path.write_text(path.read_text().replace("requests_per_s = 12", "requests_per_s = 0"), encoding="utf-8")
    with pytest.raises(
        ScenarioError, match=r"pyproject\.toml:5: workloads\.chat\.requests_per_s: 0 is not above 0"
    ):
        load_scenario(path)


def test_byte_order_mark_and_crlf_are_harmless(tmp_path: Path) -> None:
    path = tmp_path / "planner.toml"
    path.write_bytes(b"\xef\xbb\xbf" + BASE.replace("\n", "\r\n").encode())
    assert load_scenario(path).digest == loads(BASE).digest


def test_traffic_and_lengths_come_from_files_beside_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "traffic.csv").write_text("hours_per_month,requests_per_s\n100,20\n630,2\n", encoding="utf-8")
    (tmp_path / "log.jsonl").write_text('{"input_tokens": 100, "out": 5}\n{"input_tokens": 300, "out": 7}\n')
    text = (
        BASE.replace("requests_per_s = 12", 'demand = {file = "traffic.csv"}')
        .replace("1024", '{file = "log.jsonl"}')
        .replace("256", '{file = "log.jsonl", field = "out"}')
    )
    (tmp_path / "planner.toml").write_text(text, encoding="utf-8")
    scenario = load_scenario(tmp_path / "planner.toml")
    chat = scenario.workloads["chat"]
    assert (chat.demand.peak_requests_per_s, chat.input_tokens.mean, chat.output_tokens.mean) == (20, 200, 6)
    assert loads(scenario.text, format="json") == scenario


def test_model_of_a_config_travels_with_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text((CONFIGS / "qwen3-next-80b-a3b.json").read_text(), encoding="utf-8")
    (tmp_path / "planner.toml").write_text(BASE.replace("llama-3.1-70b", "./config.json"), encoding="utf-8")
    scenario = load_scenario(tmp_path / "planner.toml")
    assert scenario.workloads["chat"].shape.num_experts == 512
    assert loads(scenario.text, format="json").workloads["chat"].shape == scenario.workloads["chat"].shape


def test_an_own_shape_needs_no_file() -> None:
    sizes = "hidden_size=4096, num_layers=32, num_heads=32, num_kv_heads=8, head_dim=128, vocab_size=32000"
    shape = f"{{{sizes}, ffn_intermediate_size=14336}}"
    chat = loads(BASE.replace('"llama-3.1-70b"', f'"mine.json"\nshape = {shape}')).workloads["chat"]
    assert chat.shape.params_total / 1e9 == pytest.approx(7.24, rel=0.01)


# (what is wrong, text, line or None, field, part of the message)
BAD: list[tuple[str, str, int | None, str, str]] = [
    ("negative rate", BASE.replace("12", "-1"), 3, "workloads.chat.requests_per_s", "-1 is not above 0"),
    ("nan", BASE.replace("12", "nan"), 3, "workloads.chat.requests_per_s", "nan is not a finite number"),
    ("infinite", BASE.replace("12", "inf"), 3, "workloads.chat.requests_per_s", "inf is not a finite number"),
    ("absurd", BASE.replace("12", "1e99"), 3, "workloads.chat.requests_per_s", r"1e\+99 is more than 1e\+06"),
    ("text", BASE.replace("12", '"12"'), 3, "workloads.chat.requests_per_s", "'12' is not a number"),
    ("flag", BASE.replace("12", "true"), 3, "workloads.chat.requests_per_s", "True is not a number"),
    (
        "mistyped key",
        BASE.replace("_per_s", "_per_sec"),
        3,
        "workloads.chat.requests_per_sec",
        "mean requests_per_s",
    ),
    ("mistyped table", BASE + "[constraint]\n", 6, "constraint", r"did you mean constraints\?"),
    ("unknown model", BASE.replace("70b", "71b"), 2, "workloads.chat.model", "did you mean llama-3.1-70b"),
    ("zero limit", BASE + "ttft_ms = 0\n", 6, "workloads.chat.ttft_ms", "0 is not above 0 .*milliseconds"),
    ("percentile", BASE + "percentile = 100\n", 6, "workloads.chat.percentile", "100 is more than 99.9"),
    ("later kind", BASE + 'kind = "speech"\n', 6, "workloads.chat.kind", "not planned yet .*serving, batch"),
    ("unknown kind", BASE + 'kind = "srving"\n', 6, "workloads.chat.kind", r"did you mean serving\?"),
    (
        "format",
        BASE + 'weight_precisions = ["fp9"]\n',
        6,
        "workloads.chat.weight_precisions[0]",
        "did you mean fp8",
    ),
    ("kv format", BASE + 'kv_precisions = ["int4"]\n', 6, "workloads.chat.kv_precisions[0]", "one of bf16"),
    ("no formats", BASE + "weight_precisions = []\n", 6, "workloads.chat.weight_precisions", "is empty"),
    (
        "speculation",
        BASE + 'speculative = "eagle"\n',
        6,
        "workloads.chat.speculative",
        "'eagle' is not 'none'",
    ),
    (
        "acceptance",
        BASE + "speculative = {accepted_tokens = 0}\n",
        6,
        "workloads.chat.speculative.accepted_tokens",
        "0",
    ),
    (
        "zone",
        BASE + '[constraints]\nzones = ["europe"]\n',
        7,
        "constraints.zones[0]",
        "unknown zone 'europe'",
    ),
    ("no zones", BASE + "[constraints]\nzones = []\n", 7, "constraints.zones", "is empty"),
    ("country", BASE + '[constraints]\ncountries = ["Germany"]\n', 7, "constraints.countries[0]", "write DE"),
    ("term", BASE + '[constraints]\nterms = ["spott"]\n', 7, "constraints.terms[0]", r"did you mean spot\?"),
    (
        "vendor",
        BASE + '[constraints]\nvendors = ["nvida"]\n',
        7,
        "constraints.vendors[0]",
        "did you mean nvidia",
    ),
    ("engine", BASE + '[constraints]\nengines = ["vlm"]\n', 7, "constraints.engines[0]", "did you mean vllm"),
    ("kernels", BASE + '[constraints]\nkernels = "opn"\n', 7, "constraints.kernels", "did you mean open"),
    ("gpu", BASE + '[constraints]\ngpus = ["h100_sxn"]\n', 7, "constraints.gpus[0]", "did you mean h100_sxm"),
    ("not a list", BASE + '[constraints]\nregions = "us-*"\n', 7, "constraints.regions", "is not a list"),
    ("share", BASE + "[constraints]\nmax_spot_share = 1.5\n", 7, "constraints.max_spot_share", "more than 1"),
    (
        "replicas",
        BASE + "[constraints]\nspare_replicas = 1.5\n",
        7,
        "constraints.spare_replicas",
        "whole number",
    ),
    (
        "owned gpu",
        BASE + '[[owned]]\ngpu = "rtx 4099"\ncount = 1\npurchase_usd = 1\n',
        7,
        "owned[0].gpu",
        "rtx_4090",
    ),
    (
        "second owned",
        BASE + '[[owned]]\ngpu = "rtx_4090"\ncount = 1\npurchase_usd = 1\n' * 2 + "status = 'want'\n",
        14,
        "owned[1].status",
        "unknown status 'want'",
    ),
    ("price", BASE + '[[prices]]\nseller = "aws"\ninstance = "p5"\n', 6, "prices[0].usd_per_hour", "missing"),
    (
        "api",
        BASE + '[[prices]]\nseller = "x"\ninstance = "y"\nterm = "api"\n',
        9,
        "prices[0].term",
        "an API needs",
    ),
    (
        "policy",
        BASE + '[policy]\nmax_price_age_days = "90"\n',
        7,
        "policy.max_price_age_days",
        "not a number",
    ),
    (
        "two demands",
        BASE + "periods = [{hours_per_month=1, requests_per_s=1}]\n",
        6,
        "workloads.chat.periods",
        "together",
    ),
    (
        "no demand",
        BASE.replace("requests_per_s = 12\n", ""),
        1,
        "workloads.chat.requests_per_s",
        "missing .*or demand",
    ),
    (
        "half a batch",
        BASE.replace("requests_per_s", "requests"),
        1,
        "workloads.chat.deadline_hours",
        "go together",
    ),
    (
        "volume of a service",
        BASE.replace("requests_per_s = 12", "requests = 9\ndeadline_hours = 1"),
        3,
        "workloads.chat.requests",
        'set kind = "batch"',
    ),
    (
        "tail",
        BASE.replace("1024", "{mean = 9, p95 = 8}"),
        4,
        "workloads.chat.input_tokens.p95",
        "below the mean",
    ),
    (
        "preset",
        BASE.replace("requests_per_s = 12", "demand = {preset='x'}"),
        3,
        "workloads.chat.demand.preset",
        "one of",
    ),
    (
        "upload file",
        BASE.replace("1024", "{file = 'x'}"),
        4,
        "workloads.chat.input_tokens.file",
        "upload may name none",
    ),
    (
        "upload model",
        BASE.replace("llama-3.1-70b", "./c.json"),
        2,
        "workloads.chat.model",
        "upload may name none",
    ),
    (
        "no output",
        BASE.replace("output_tokens = 256\n", ""),
        1,
        "workloads.chat.output_tokens",
        "missing .*e.g. 256",
    ),
    ("name", BASE.replace("workloads.chat", 'workloads."a.b"'), None, "workloads.a.b", "is not a name"),
    ("no workloads", "[policy]\n", None, "workloads", "missing"),
    ("empty", "", None, "workloads", "missing"),
    ("number", "workloads = 3\n", 1, "workloads", "3 is not a table"),
    ("shape", BASE + "shape = {hidden_size = 3}\n", 6, "workloads.chat.shape", "missing num_layers"),
    (
        "shape size",
        BASE + "shape = {hidden_size = -3}\n",
        6,
        "workloads.chat.shape.hidden_size",
        "not a size",
    ),
    ("toml", "x = [\n", None, "", "not TOML"),
    ("toml repeated", BASE + BASE, None, "", "not TOML"),
    ("deep toml", "a = " + "[" * 5000, None, "", "not TOML"),
]


@pytest.mark.parametrize(("text", "line", "field", "message"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_wrong_value_is_one_line_with_place_and_remedy(
    text: str, line: int | None, field: str, message: str
) -> None:
    with pytest.raises(ScenarioError, match=message) as caught:
        loads(text, label="planner.toml")
    said = str(caught.value)
    assert "\n" not in said
    assert len(said) < 400
    assert field in said
    if line is not None:
        assert said.startswith(f"planner.toml:{line}: {field}")


def test_lines_are_found_in_json_and_yaml_too() -> None:
    table = json.loads(json.dumps(TABLE))
    table["workloads"]["chat"]["requests_per_s"] = -1
    with pytest.raises(ScenarioError, match=r"s:5: workloads\.chat\.requests_per_s: -1"):
        loads(json.dumps(table, indent=1), format="json", label="s")
    with pytest.raises(ScenarioError, match=r"s:6: workloads\.chat\.requests_per_s: -1"):
        loads(yaml.safe_dump(table), format="yaml", label="s")


UNREADABLE = [
    ("json", '{"a": 1, "a": 2}', "the key 'a' is given twice"),
    ("json", "{", "not JSON"),
    ("json", "[" * 100_000, "nested too deeply"),
    ("json", "[1]", "is not a table"),
    ("yaml", "a: 1\na: 2\n", "the key 'a' is given twice"),
    ("yaml", "a: [", "not YAML"),
    ("yaml", "a: !!python/object/apply:os.system [x]", "not YAML"),
    ("yaml", "", "empty"),
    ("ini", "", "unknown format"),
]


@pytest.mark.parametrize(
    ("fmt", "text", "message"), UNREADABLE, ids=[f"{u[0]} {u[1][:20]}" for u in UNREADABLE]
)
def test_unreadable_text_is_one_line(fmt: str, text: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message) as caught:
        loads(text, format=fmt)
    assert "\n" not in str(caught.value)


def test_aliases_of_yaml_do_not_blow_up() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60))
    with pytest.raises(ScenarioError, match="unknown key"):
        loads(bomb + "workloads: *a59\n", format="yaml")


BAD_FILES = [
    ("traffic.csv", "timestamp,requests\n0,1\n60,x\n", "traffic.csv: line 3, requests: 'x' is not a number"),
    ("log.jsonl", '{"input_tokens": "x"}\n', "log.jsonl: line 1, input_tokens: 'x' is not a number"),
    ("config.json", '{"model_type": "llama"}', "config.json: missing hidden_size"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD_FILES, ids=[b[0] for b in BAD_FILES])
def test_a_wrong_file_is_named_with_its_line(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    uses = {
        "traffic.csv": BASE.replace("requests_per_s = 12", 'demand = {file = "traffic.csv"}'),
        "log.jsonl": BASE.replace("1024", '{file = "log.jsonl"}'),
        "config.json": BASE.replace("llama-3.1-70b", "config.json"),
    }
    (tmp_path / "planner.toml").write_text(uses[name], encoding="utf-8")
    with pytest.raises(ScenarioError, match=message):
        load_scenario(tmp_path / "planner.toml")


def test_files_that_cannot_be_read_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "planner.ini").write_text("")
    for name, message in {
        "none.toml": "No such file",
        "binary.toml": "not UTF-8",
        "planner.ini": "no scenario format",
        "nul\0.toml": "null",
    }.items():
        with pytest.raises(ScenarioError, match=message):
            load_scenario(tmp_path / name)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
_KEYS = {
    "workloads.chat": "model kind shape demand periods requests input_tokens weight_precisions percentile",
    "constraints": "zones countries terms gpus quantile kernels max_spot_share",
    "policy": "max_usd_per_month unknown_price_age",
}
_WHOLE = [("workloads", "chat"), ("workloads",), ("owned",), ("prices",), ("policy",), ("constraints",)]
_PATHS = st.sampled_from(
    _WHOLE + [(*table.split("."), key) for table, keys in _KEYS.items() for key in keys.split()]
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(_PATHS, _JSON, min_size=1, max_size=3))
def test_any_value_anywhere_gives_a_scenario_or_one_line(changes: dict[tuple[str, ...], Any]) -> None:
    table = json.loads(json.dumps(TABLE))
    for (*parents, last), value in changes.items():
        inner = table
        for parent in parents:
            inner = inner.setdefault(parent, {}) if isinstance(inner, dict) else {}
        if isinstance(inner, dict):
            inner[last] = value
    said = ""
    try:
        loads(json.dumps(table), format="json")
    except ScenarioError as error:
        said = str(error)
    assert "\n" not in said
    assert len(said) < 600


@given(st.text(max_size=200), st.sampled_from(["toml", "yaml", "json"]))
def test_any_text_gives_a_scenario_or_one_line(text: str, fmt: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        loads(text, format=fmt)
    assert "\n" not in str(caught.value)
