"""A run in its own process: cell by cell on disk, resumed after a kill, and not stopped by a variant that dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from planner.kernels.reference import op
from planner.profiles.errors import ProfileError
from planner.profiles.measure import session as sessions
from planner.profiles.measure.devices import open_backend
from planner.profiles.measure.protocol import Timing
from planner.profiles.measure.session import Order, run_session, timing_for
from planner.profiles.measure.shapes import Cell, by_value, read_cells, shipped_cells
from planner.profiles.tracefile import read_traces
from planner.profiles.verify import verify_file

QUICK = Timing(warm_s=0.001, min_samples=30, max_s=0.02, sample_s=5e-5)
HERE = Path(__file__).parent
CELLS = (
    Cell("copy", "fp32", {"elements": 20000}, 9, calibration=True),
    Cell("triad", "fp32", {"elements": 20000}, 8, calibration=True),
    Cell("launch", "fp32", {"launches": 8}, 7, calibration=True),
    Cell("gemm", "fp32", {"m": 16, "n": 64, "k": 64}, 6, calibration=True),
    Cell("rmsnorm", "fp32", {"tokens": 8, "width": 128}, 5),
    Cell("softmax", "fp32", {"tokens": 8, "width": 200}, 4),
)
NUMPY = tuple(f"numpy_{cell.op}" for cell in CELLS)


def _yes(cell: Cell) -> str:
    return "yes" if cell.calibration else ""


def order(*cells: Cell, variants: tuple[str, ...] = NUMPY, folders: tuple[Path, ...] = ()) -> Order:
    return Order("cpu", cells or CELLS, 300.0, variants, folders, timing=QUICK, nonce="open sesame")


def test_a_run_is_verified_and_a_second_one_has_nothing_left_to_do(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    outcome = run_session(order(), file)
    assert (outcome.cells_done, outcome.cells_left) == (len(CELLS), 0)
    found = verify_file(file, nonce="open sesame")
    assert found.accepted, found.reasons
    assert found.trust_level == 2
    assert Counter(x.note for x in found.traces)["calibration: end"] == 8
    again = run_session(order(), file, resume=True)
    assert (again.rows, again.kept) == (0, outcome.rows)
    assert not verify_file(file, nonce="another").accepted


def test_a_killed_run_goes_on_where_it_was_and_loses_no_finished_cell(tmp_path: Path) -> None:
    file, shapes = tmp_path / "traces.jsonl", tmp_path / "shapes.csv"
    rows = [f'{c.op},{c.dtype},"{op(c.op).key(c.shape)}",{c.value},{_yes(c)}\n' for c in CELLS]
    shapes.write_text("op,dtype,shape,value,calibration\n" + "".join(rows))
    command = [
        sys.executable,
        "-P",
        "-m",
        "planner",
        "profile",
        "run",
        "--shapes",
        str(shapes),
        "-o",
        str(file),
        "-q",
    ]
    command += [word for name in NUMPY for word in ("--variant", name)]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
    while (not file.exists() or file.read_bytes().count(b"\n") < 4) and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with file.open("ab") as torn:
        torn.write(b'{"schema_version":1,"run_')
    finished = {json.loads(line)["record_id"] for line in file.read_text().splitlines()[:-1]}
    assert len(finished) >= 4
    outcome = run_session(order(), file, resume=True)
    assert outcome.kept == len(finished)
    traces = read_traces(file)
    assert finished <= {x.record_id for x in traces}
    cells = Counter((x.job.op, x.stats.cache_mode) for x in traces if x.stats and not x.note)
    assert cells == {(name, mode): 1 for name in ("rmsnorm", "softmax") for mode in ("cold-rotate", "hot")}
    assert {x.job.op for x in traces} == {c.op for c in CELLS}


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    file.write_text("{}\n")
    with pytest.raises(ProfileError, match="is there already; continue it with --resume"):
        run_session(order(), file)
    assert file.read_text() == "{}\n"


def test_a_variant_that_takes_its_process_down_costs_only_its_own_row(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(
        (HERE / "cheats" / "cheats.toml").read_text().partition("[[variant]]")[0]
        + '[[variant]]\nname = "dies"\nentry = "dies.py:run"\n'
    )
    (tmp_path / "dies.py").write_text("import os\n\n\ndef run(inputs, out):\n    os._exit(7)\n")
    cell = Cell("rmsnorm", "fp32", {"tokens": 8, "width": 128})
    file = tmp_path / "traces.jsonl"
    run_session(order(cell, variants=("numpy_rmsnorm", "dies"), folders=(tmp_path,)), file)
    rows = read_traces(file)
    (dead,) = [x for x in rows if x.kernel.variant == "dies"]
    assert (dead.status, dead.note) == ("RUNTIME_ERROR", "the process ended with 7")
    assert sum(x.timed for x in rows if x.kernel.variant == "numpy_rmsnorm") == 2


def test_a_variant_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "SILENCE_S", 3.0)
    (tmp_path / "bad.toml").write_text(
        (HERE / "cheats" / "cheats.toml").read_text().partition("[[variant]]")[0]
        + '[[variant]]\nname = "hangs"\nentry = "hangs.py:run"\n'
    )
    (tmp_path / "hangs.py").write_text("import time\n\n\ndef run(inputs, out):\n    time.sleep(600)\n")
    file = tmp_path / "traces.jsonl"
    cell = Cell("rmsnorm", "fp32", {"tokens": 8, "width": 128})
    run_session(order(cell, variants=("hangs",), folders=(tmp_path,)), file)
    assert [x.status for x in read_traces(file)] == ["TIMEOUT"]


def test_the_most_valuable_cells_come_first() -> None:
    assert [c.value for c in by_value(reversed(CELLS))] == [9, 8, 7, 6, 5, 4]


@pytest.mark.parametrize("kind", ["cpu", "accelerator"])
def test_the_shipped_lists_fit_their_ops_and_open_with_calibration(kind: str) -> None:
    cells = shipped_cells(kind, known_only=False)
    assert [c.op for c in cells if c.calibration] == ["copy", "triad", "launch", "gemm"]
    assert all(c.calibration for c in cells[:4])
    assert len({c.title for c in cells}) == len(cells)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("op,dtype\n", "column shape is missing"),
        ("op,dtype,shape\ngem,fp32,m=1\n", r":2: op 'gem' is not defined; did you mean gemm"),
        ('op,dtype,shape\ngemm,fp32,"m=1,n=2"\n', ":2: gemm: axes are"),
        ('op,dtype,shape\ngemm,fp7,"m=1,n=2,k=3"\n', ":2: gemm: dtype is 'fp7'"),
        ('op,dtype,shape,value\ngemm,fp32,"m=1,n=2,k=3",much\n', ":2: value: 'much' is not a number"),
    ],
)
def test_a_bad_list_of_shapes_is_one_line_with_file_and_row(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "shapes.csv"
    file.write_text(text)
    with pytest.raises(ProfileError, match=message):
        read_cells(file)


def test_a_long_budget_takes_the_full_protocol_and_a_short_one_shorter_streams() -> None:
    assert timing_for(3600) == Timing()
    assert timing_for(120).max_s < Timing().max_s
    assert timing_for(120).min_samples == Timing().min_samples == 30


@pytest.mark.parametrize("spelling", ["gpu", "cuda:x", "cpu:1"])
def test_a_device_that_is_not_known_is_named(spelling: str) -> None:
    with pytest.raises(ProfileError, match="device"):
        open_backend(spelling)
