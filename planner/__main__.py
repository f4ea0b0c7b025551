"""`python -m planner` is the command `planner`."""

from __future__ import annotations

if __name__ == "__main__":
    from planner.cli import main

    main()
