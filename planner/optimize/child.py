"""Large models are solved in a child process, which a solver that ignores its time limit cannot outlive."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys

from planner.optimize import highs
from planner.optimize.arrays import Arrays
from planner.optimize.highs import Answer, Stops

GRACE_S = 10.0
"""Past its own limit HiGHS may finish a node; after this it is killed."""


def run(arrays: Arrays, stops: Stops) -> Answer:
    """`highs.run` in a child. Ctrl-C reaches the child too (one terminal); it answers with its incumbent."""
    limit = None if stops.seconds is None else stops.seconds + GRACE_S
    command = [sys.executable, "-P", "-m", "planner.optimize.child"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            answer, _ = process.communicate(pickle.dumps((arrays, stops)), timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            return Answer("stopped", None, float("-inf"))
        except KeyboardInterrupt:
            answer = _last_word(process)
            if not answer:
                raise
    if process.returncode != 0 or not answer:
        return Answer("failed", None, float("-inf"))
    result: Answer = pickle.load(io.BytesIO(answer))
    return result


def _last_word(process: subprocess.Popen[bytes]) -> bytes:
    try:
        answer, _ = process.communicate(timeout=GRACE_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()
        return b""
    return answer


def main() -> None:
    """Read arrays and stops from stdin, answer on stdout; both ends are this module, so pickle is safe."""
    arrays, stops = pickle.load(sys.stdin.buffer)
    sys.stdout.buffer.write(pickle.dumps(highs.run(arrays, stops)))


if __name__ == "__main__":
    main()
