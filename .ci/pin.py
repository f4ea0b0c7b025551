"""Write a pip resolution report as constraints: `python -P .ci/pin.py REPORT.json > constraints.txt`."""

import json
import sys

HEADER = """\
# Exact versions the suite passed with, for repeatable installs: pip install -c constraints.txt .
# Written by `make constraints`; the pair torch/triton is what the kernel tests are pinned to."""
KERNELS = (("torch", "2.13.0"), ("triton", "3.7.1"))  # the default torch build brings gigabytes of CUDA


def main(path: str) -> None:
    """Print one exact version per line, sorted by name."""
    with open(path, encoding="utf-8") as file:
        resolved = json.load(file)["install"]
    found = {(i["metadata"]["name"].lower().replace("_", "-"), i["metadata"]["version"]) for i in resolved}
    print(HEADER)
    for name, version in sorted(found | set(KERNELS)):
        if name != "openclaw-planner":
            print(f"{name}=={version}")


if __name__ == "__main__":
    main(sys.argv[1])
