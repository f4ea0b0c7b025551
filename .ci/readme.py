"""Put the real beginning of the answer into README.md: `python -P .ci/readme.py` (tests/docs checks it)."""

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
COMMAND = [sys.executable, "-P", "-m", "planner", "recommend", "--example", "chat-70b", "--as-of", "2026-11-22"]
UNTIL = "Best alternatives"


def main() -> None:
    """Replace the block after the output marker."""
    env = {**os.environ, "PYTHONSAFEPATH": "1", "NO_COLOR": "1", "COLUMNS": "100"}
    page = subprocess.run(COMMAND, capture_output=True, text=True, check=True, env=env).stdout
    shown = page[: page.index(UNTIL)].rstrip() + "\n"
    text = README.read_text(encoding="utf-8")
    block = re.compile(r"(<!-- output -->\n```text\n).*?(```)", re.DOTALL)
    README.write_text(block.sub(lambda m: m[1] + shown + m[2], text), encoding="utf-8")


main()
