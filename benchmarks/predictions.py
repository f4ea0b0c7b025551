"""Points per second: `python -P benchmarks/predictions.py [FILE.csv] [POINTS]`.

Loads the op tables and the calibration, then predicts TTFT and TPOT with intervals for every row, repeated up to
POINTS (default 5,000). The reference tool makes about 8,000 aggregated step evaluations per second once loaded
(none with an interval) and needs 6 s for one cold estimate.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

START = time.process_time()
SAMPLE = Path(__file__).parents[1] / "tests" / "data" / "validation" / "development_sample.csv"


def main(path: Path, points: int) -> None:
    from planner.profiles.store import load_profiles
    from planner.validate.formats import read_table
    from planner.validate.predict import predict

    questions = read_table(path).questions
    many = [questions[i % len(questions)] for i in range(points)]
    profiles = load_profiles()
    predict(many[:1], profiles)
    loaded = time.process_time()
    found = predict(many, profiles)
    done = time.process_time()
    answered = sum(p.ok for p in found)
    print(f"load and first point  {loaded - START:6.2f} s CPU")
    print(
        f"{points:,} points       {done - loaded:6.2f} s CPU, {answered:,} answered, "
        f"{points / (done - loaded):,.0f} points/s"
    )
    print(f"in all                {done - START:6.2f} s CPU")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE, int(sys.argv[2]) if len(sys.argv) > 2 else 5_000)
