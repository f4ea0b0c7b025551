"""The server process of `planner dashboard`: Streamlit with this app, warmed up while it starts.

The first visitor then waits for a page, not for imports and the first solve.
"""

from __future__ import annotations

import sys
from pathlib import Path
from threading import Thread

from streamlit.web import cli


def warm() -> None:
    """Import what pages need and answer the first question, into the memory all sessions share."""
    from planner.app import session, state, views  # noqa: F401  the pages bring pandas and altair

    session.solve(session.asked_of(state.Question(), None), lambda message: None)


def main() -> None:
    """`python -m planner.app [STREAMLIT OPTIONS]`."""
    Thread(target=warm, daemon=True).start()
    sys.argv = ["streamlit", "run", str(Path(__file__).with_name("main.py")), *sys.argv[1:]]
    cli.main()


if __name__ == "__main__":
    main()
