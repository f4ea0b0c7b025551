"""The tools themselves accept what we write for them: SkyPilot, dstack, Kubernetes, Prometheus.

They live in an environment of their own (`make tools`), since their pins and ours do not go together.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from planner.export import export, services
from planner.plan import Plan

ROOT = Path(__file__).parents[3]
SKYPILOT = """
import jsonschema
from sky.utils import schemas
def accept(text):
    task = yaml.safe_load(text)
    jsonschema.validate(task, schemas.get_task_schema())
    jsonschema.validate(task["resources"], schemas.get_resources_schema())
    jsonschema.validate(task["service"], schemas.get_service_schema())
"""
DSTACK = """
from dstack._internal.core.models.configurations import ServiceConfiguration, parse_apply_configuration
def accept(text):
    assert isinstance(parse_apply_configuration(yaml.safe_load(text)), ServiceConfiguration)
"""
KUBERNETES = """
import kubernetes_validate
def accept(text):
    for document in yaml.safe_load_all(text):
        kubernetes_validate.validate(document, "1.37", strict=True)
"""
PROMETHEUS = """
from prometheus_client.parser import text_string_to_metric_families
def accept(text):
    assert sum(len(family.samples) for family in text_string_to_metric_families(text))
"""
EACH = """
for name in sys.argv[1:]:
    try:
        accept(open(name, encoding="utf-8").read())
        print("accepted")
    except Exception as error:
        print("refused", type(error).__name__, str(error)[:200].replace(chr(10), " "))
"""


@pytest.fixture(scope="module")
def python() -> str:
    """The interpreter that has the tools."""
    found = Path(os.environ.get("PLANNER_TOOLS", ROOT / "build" / "tools")) / "bin" / "python"
    if not found.exists():
        pytest.skip("needs the tools we write for: make tools")
    return str(found)


def verdicts(python: str, script: str, texts: list[str], folder: Path) -> list[str]:
    """What the tool says of each text, in one process: some take seconds to start."""
    names = [f"file{i}" for i in range(len(texts))]
    for name, text in zip(names, texts, strict=True):
        (folder / name).write_text(text, encoding="utf-8")
    home = {"HOME": str(folder), "SKYPILOT_DISABLE_USAGE_COLLECTION": "1", "PATH": os.environ["PATH"]}
    command = [python, "-P", "-c", f"import sys, yaml\n{script}{EACH}", *names]
    done = subprocess.run(command, cwd=folder, env=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if line.startswith(("accepted", "refused"))]


def all_but_the_last(said: list[str]) -> bool:
    """Whether everything was accepted but the text that was broken on purpose."""
    assert [line for line in said[:-1] if line != "accepted"] == []
    return said[-1].startswith("refused")


def test_skypilot_accepts_the_task_its_runners_up_and_services_that_scale(
    python: str, plan: Plan, many: Plan, tmp_path: Path
) -> None:
    texts = [export(plan, "skypilot", service=services(plan)[0].name)]
    texts += [export(many, "skypilot", service=s.name) for s in services(many)]
    assert all_but_the_last(
        verdicts(python, SKYPILOT, [*texts, texts[0].replace("ordered:", "ordred:")], tmp_path)
    )


def test_dstack_accepts_every_service(python: str, many: Plan, tmp_path: Path) -> None:
    texts = [export(many, "dstack", service=s.name) for s in services(many)]
    broken = texts[0].replace("spot_policy:", "spot_polcy:")
    assert all_but_the_last(verdicts(python, DSTACK, [*texts, broken], tmp_path))


def test_kubernetes_accepts_every_document_strictly(
    python: str, many: Plan, nasty: Plan, tmp_path: Path
) -> None:
    text = export(many, "kubernetes")
    broken = text.replace("minReplicas", "minReplica")
    assert all_but_the_last(
        verdicts(python, KUBERNETES, [text, export(nasty, "kubernetes"), broken], tmp_path)
    )


def test_prometheus_reads_every_line(python: str, plan: Plan, nasty: Plan, tmp_path: Path) -> None:
    texts = [export(plan, "prometheus"), export(nasty, "prometheus")]
    broken = texts[0].replace('",seller', ",seller")
    assert all_but_the_last(verdicts(python, PROMETHEUS, [*texts, broken], tmp_path))
