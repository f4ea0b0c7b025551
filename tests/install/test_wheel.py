"""A wheel in a fresh environment, far from the clone, beside Hugging Face's package of the same folder name."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = [pytest.mark.install, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
FLOORS = ("kernels", "profiles", "pricing", "app", "examples")
NO_NETWORK = ("NameResolutionError", "Temporary failure in name resolution", "Connection refused",
              "Network is unreachable", "No matching distribution found for setuptools",
              "Could not find a version that satisfies", "ConnectTimeoutError")  # fmt: skip


def _environment() -> dict[str, str]:
    """Of a shell that knows nothing of this project."""
    ours = ("PYTHONPATH", "PYTHONSAFEPATH", "VIRTUAL_ENV", "PLANNER_CONFIG")
    return {k: v for k, v in os.environ.items() if k not in ours}


def _network(*command: str, cwd: Path) -> None:
    """Run an installer; skips where there is no network to install from, and only then."""
    done = subprocess.run(command, cwd=cwd, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode and any(sign in done.stderr + done.stdout for sign in NO_NETWORK):
        pytest.skip("needs the network: pip found no package index")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@dataclass(frozen=True)
class Installed:
    """A fresh environment with the wheel in it, and an empty folder to stand in."""

    wheel: Path
    bin: Path
    empty: Path

    def run(self, *command: str, cwd: Path | None = None, **extra: str) -> str:
        done = subprocess.run(
            [str(self.bin / command[0]), *command[1:]], cwd=cwd or self.empty, env=_environment() | extra,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def python(self, code: str, *, cwd: Path | None = None, **extra: str) -> str:
        return self.run("python", "-c", code, cwd=cwd, **extra).strip()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("install")
    built, home, empty = folder / "dist", folder / "venv", folder / "empty"
    empty.mkdir()
    pip = (sys.executable, "-P", "-m", "pip")
    _network(*pip, "wheel", "-q", "--no-deps", "-w", str(built), str(ROOT), cwd=empty)
    (wheel,) = built.glob("*.whl")
    venv.create(home, with_pip=True)
    binaries = home / ("Scripts" if os.name == "nt" else "bin")
    constraints = ("-c", str(ROOT / "constraints.txt"))
    _network(str(binaries / "python"), "-m", "pip", "install", "-q", *constraints, str(wheel), cwd=empty)
    return Installed(wheel, binaries, empty)


def test_the_wheel_holds_one_package_with_its_data(installed: Installed) -> None:
    names = zipfile.ZipFile(installed.wheel).namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"planner", "openclaw_planner"}
    for data in ("planner/py.typed", "planner/examples/chat-70b.toml", "planner/pricing/data/offers.csv",
                 "planner/profiles/data/index.json", "planner/schemas/plan.schema.json"):  # fmt: skip
        assert data in names
    assert not [name for name in names if name.startswith("planner/tests") or "__pycache__" in name]
    assert installed.wheel.stat().st_size < 40e6


def test_the_example_is_answered_far_from_the_clone(installed: Installed) -> None:
    page = installed.run("planner", "recommend", "--example", "chat-70b")
    assert "a month" in page.splitlines()[0] + page.splitlines()[1]
    assert list(installed.empty.iterdir()) == []


def test_the_example_is_answered_at_the_root_of_the_clone_too(installed: Installed) -> None:
    assert "a month" in installed.run(
        "planner", "recommend", "--example", "chat-70b", "--format", "table", cwd=ROOT
    )


def test_no_generic_folder_name_was_installed(installed: Installed) -> None:
    site = Path(installed.python("import planner, pathlib; print(pathlib.Path(planner.__file__).parents[1])"))
    assert not [name for name in FLOORS if (site / name).exists()]
    assert ROOT not in site.parents


def test_the_core_needs_neither_torch_nor_streamlit(installed: Installed) -> None:
    packages = installed.python(
        "import importlib.metadata as m; print(*{d.name.lower() for d in m.distributions()})"
    )
    assert not {"torch", "triton", "streamlit", "duckdb", "hypothesis", "pytest"} & set(packages.split())
    loaded = installed.python(
        "import sys, planner\n"
        "planner.recommend(planner.load_example('eu-only'))\n"
        "print(*{m.split('.')[0] for m in sys.modules})"
    )
    assert not {"torch", "triton", "streamlit", "pandas"} & set(loaded.split())


def test_the_dashboard_says_what_it_needs_where_streamlit_is_not(installed: Installed) -> None:
    done = subprocess.run([str(installed.bin / "planner"), "dashboard"], cwd=installed.empty, env=_environment(),
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 8
    assert "openclaw-planner[app]" in done.stderr and done.stderr.count("\n") == 1


def test_hugging_face_kernels_lives_beside_ours_and_outlives_it(installed: Installed) -> None:
    """Last in the file: it uninstalls the planner."""
    pip = ("python", "-m", "pip")
    _network(
        str(installed.bin / "python"),
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "kernels",
        cwd=installed.empty,
    )
    theirs = "import importlib.util as u; print(u.find_spec('kernels').origin)"
    for cwd, extra in ((installed.empty, {}), (ROOT, {"PYTHONSAFEPATH": "1"})):
        assert "site-packages" in installed.python(theirs, cwd=cwd, **extra)
    ours = installed.python("import planner.kernels as k; print(k.__file__)")
    assert Path(ours).parts[-3:] == ("planner", "kernels", "__init__.py")
    record = installed.python(
        "import importlib.metadata as m; print(*m.files('kernels'), sep='\\n')"
    ).splitlines()
    files = [name for name in record if name.startswith("kernels/") and name.endswith(".py")]
    installed.run(*pip, "uninstall", "-q", "-y", "openclaw-planner")
    site = Path(installed.python(theirs)).parents[1]
    assert files and all((site / name).exists() for name in files)
    assert installed.python("import importlib.util as u; print(u.find_spec('planner'))") == "None"
