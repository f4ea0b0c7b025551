"""What arrives as text becomes a question, a baseline or prices; what is wrong with it is one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import planner
from planner.cli.question import settings
from planner.errors import Infeasible, InputError
from planner.plan import parse_plan
from planner.pricing.errors import PriceError
from planner.scenario import Scenario

SAMPLE = Path(__file__).parents[1] / "data" / "plan_sample.json"
QUESTION = """
[workloads.chat]
model = "{model}"
requests_per_s = 1
input_tokens = {tokens}
output_tokens = 100
"""
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 32,
    "num_key_value_heads": 8, "intermediate_size": 8192, "vocab_size": 128256, "model_type": "llama",
}  # fmt: skip
LOG = '{"prompt_tokens": 10, "completion_tokens": 4}\n{"prompt_tokens": 30, "completion_tokens": 8}\n'


def _scenario(model: str = "llama-3.1-8b", tokens: str = "100") -> bytes:
    return QUESTION.format(model=model, tokens=tokens).encode()


def test_an_uploaded_scenario_is_the_one_of_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(_scenario())
    assert (
        planner.read_upload("scenario", _scenario(), "mine.toml").digest == planner.load_scenario(path).digest
    )


@pytest.mark.parametrize("named", ["/etc/passwd.json", "./config.json", "~/model", "../x.json"])
def test_an_uploaded_scenario_can_name_no_model_file(named: str) -> None:
    with pytest.raises(InputError, match="an upload may name none"):
        planner.read_upload("scenario", _scenario(model=named), "mine.toml")


def test_an_uploaded_scenario_can_name_no_log(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"input_tokens": 1}\n')
    with pytest.raises(InputError, match="an upload may name none"):
        planner.read_upload("scenario", _scenario(tokens=f'{{file = "{log}"}}'), "mine.toml")


def test_a_change_can_name_no_file_either() -> None:
    chat = planner.load_example("chat-70b")
    with pytest.raises(InputError, match="an upload may name none"):
        planner.change_scenario(chat, {"workloads.chat.model": "/etc/model.json"})


def test_an_uploaded_plan_reads_back() -> None:
    data = SAMPLE.read_bytes()
    assert planner.read_upload("plan", data, "base.json") == parse_plan(data)


def test_an_uploaded_price_list_is_the_catalogue_of_the_file() -> None:
    text = "seller,instance,gpu,gpu_count,term,usd_per_hour\nus,box,h100_sxm,8,on_demand,16\n"
    (offer,) = planner.read_upload("prices", text.encode(), "list.csv").offers
    assert (offer.usd_per_gpu_hour, offer.source) == (2.0, "list.csv: line 2")


def test_an_uploaded_config_plans_a_model_of_ones_own() -> None:
    values = planner.read_upload("model", json.dumps(CONFIG).encode(), "tiny.json")
    changed = planner.change_scenario(
        planner.load_example("chat-70b"), {f"workloads.chat.{k}": v for k, v in values.items()}
    )
    assert changed.workloads["chat"].shape.num_layers == 16
    assert planner.read_upload("scenario", changed.text.encode(), "again.json").digest == changed.digest


@pytest.mark.parametrize("name", ["log.jsonl", "log.json"])
def test_a_request_log_gives_both_lengths_under_their_usual_names(name: str) -> None:
    values = planner.read_upload("request_log", LOG.encode(), name)
    changed = planner.change_scenario(
        planner.load_example("chat-70b"), {f"workloads.chat.{k}": v for k, v in values.items()}
    )
    chat = changed.workloads["chat"]
    assert (chat.input_tokens.mean, chat.output_tokens.mean) == (20, 6)


def test_a_traffic_log_gives_the_demand_curve() -> None:
    values = planner.read_upload("request_log", b"hours_per_month,requests_per_s\n200,9\n530,1\n", "t.csv")
    assert values["periods"][0] == {"hours_per_month": 200, "requests_per_s": 9}


@pytest.mark.parametrize(
    ("kind", "data", "name", "said"),
    [
        ("scenario", b"[workloads", "a.toml", "a.toml"),
        ("scenario", b"x", "a.pdf", "no scenario format"),
        ("scenario", b"\xff\xfe", "a.toml", "not UTF-8"),
        ("scenario", b"x" * 20_000_001, "a.toml", "larger than 20 MB"),
        ("plan", b"{}", "p.json", "p.json: schema"),
        ("prices", b"seller,gpu\n", "p.csv", "p.csv: column 'instance' is missing"),
        ("prices", b"x", "p.xlsx", "cannot be read"),
        ("model", b"[]", "config.json", "config.json"),
        ("model", b"{", "config.json", "not JSON"),
        ("request_log", b"a,b\n1,2\n", "l.csv", "l.csv"),
        ("request_log", b'{"text": "hello"}\n', "l.jsonl", "l.jsonl: line 1, input_tokens"),
        ("request_log", b"x", "l.parquet", "no request log"),
        ("novel", b"x", "l.txt", "is not known"),
    ],
)
def test_a_bad_upload_says_what_is_wrong_in_one_line(kind: str, data: bytes, name: str, said: str) -> None:
    with pytest.raises((InputError, PriceError)) as caught:
        planner.read_upload(kind, data, name)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["owned.0.count", "workloads.chat.model.x", "constraints.zones.first"])
def test_a_path_that_leads_nowhere_is_an_error(path: str) -> None:
    with pytest.raises(InputError, match="leads nowhere"):
        planner.change_scenario(planner.load_example("chat-70b"), {path: 1})


@pytest.mark.parametrize("given", ["x", "=3", "x=", "x= "])
def test_a_setting_without_key_or_value_is_an_error(given: str) -> None:
    with pytest.raises(InputError, match="not KEY=VALUE"):
        settings([given])


def _too_fast(scenario: Scenario) -> Scenario:
    return planner.change_scenario(scenario, {"workloads.chat.tpot_ms": 1})


def _too_cheap(scenario: Scenario) -> Scenario:
    return planner.change_scenario(scenario, {"constraints.budget_usd_per_month": 100})


@pytest.mark.parametrize("spoil", [_too_fast, _too_cheap])
def test_every_relaxation_offered_gives_a_plan_at_the_cost_it_names(
    spoil: Callable[[Scenario], Scenario],
) -> None:
    scenario = spoil(planner.load_example("chat-70b"))
    with pytest.raises(Infeasible) as caught:
        planner.recommend(scenario)
    assert len(caught.value.changes) == len(caught.value.relaxations) >= 1
    for text, values in zip(caught.value.relaxations, caught.value.changes, strict=True):
        plan = planner.recommend(planner.change_scenario(scenario, values))
        assert f"{plan.usd_per_month:,.0f} USD" in text
