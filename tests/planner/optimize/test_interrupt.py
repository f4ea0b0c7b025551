"""Ctrl-C during a solve keeps the best plan so far; large models run where they can be killed."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from planner.optimize import child, highs
from planner.optimize.highs import Stops
from planner.optimize.model import build

# 40 classes in thirds over 400 scarce offers: minutes of branching after the first plans.
HARD = """
import sys
import numpy as np
from planner.optimize import Problem, solve
from planner.optimize.highs import Stops
rng = np.random.default_rng(1)
K, O = 40, 400
price = np.exp(rng.normal(0.5, 0.8, O))
problem = Problem(
    classes=tuple(f"c{k}" for k in range(K)),
    demand_per_s=np.exp(rng.normal(1.5, 1, K)), class_group=np.zeros(K, int),
    options=tuple(f"o{o}" for o in range(O)), option_group=np.zeros(O, int), option_pool=np.arange(O),
    capacity_per_s=price * np.exp(rng.normal(0, 0.4, (K, O))), usd_per_hour=price, is_spot=np.zeros(O, bool),
    pool_limit=rng.integers(1, 3, O).astype(float), splitting=3)
print("solving", flush=True)
decision = solve(problem, stops=Stops(gap=1e-9, proof_gap=1e-9, seconds=300))
bounded = decision.usd_per_hour > decision.bound > 0
print(decision.status, decision.interrupted, int(decision.units.sum()) > 0, bounded)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals to one child process")
def test_ctrl_c_keeps_the_incumbent():
    with subprocess.Popen([sys.executable, "-P", "-c", HARD], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "solving\n"
        time.sleep(4)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert out == "limit True True True\n"
    assert process.returncode == 0


def test_ctrl_c_handler_is_put_back(random_problem):
    before = signal.getsignal(signal.SIGINT)
    highs.run(build(random_problem(0)).arrays, Stops())
    assert signal.getsignal(signal.SIGINT) is before


def test_child_process_gives_the_same_answer(random_problem):
    arrays = build(random_problem(7, options=20)).arrays
    here, there = highs.run(arrays, Stops()), child.run(arrays, Stops())
    assert np.array_equal(here.values, there.values)
    assert (here.ended, here.bound) == (there.ended, there.bound)


def test_child_that_overruns_is_killed(random_problem, monkeypatch):
    monkeypatch.setattr(child, "GRACE_S", 0.01)
    answer = child.run(build(random_problem(7)).arrays, Stops(seconds=0.0))
    assert (answer.ended, answer.values) == ("stopped", None)
