"""Where a command's words go: data to stdout or a file that is never half-written, messages to stderr."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from planner.errors import InputError
from planner.files import write_atomically

if TYPE_CHECKING:
    from planner.render import Style

SUFFIXES = {
    ".json": "json", ".md": "markdown", ".csv": "csv", ".xml": "junit", ".sarif": "sarif",
    ".html": "html", ".pdf": "pdf", ".xlsx": "xlsx",
}  # fmt: skip
"""Format that `-o FILE` implies; anything else is a table."""
STDOUT = Path("-")
NARROWEST, WIDEST, PIPED = 80, 120, 100
"""Columns: a terminal's width is kept between the first two, a pipe or file gets the third."""
QUIET_SECONDS = 10.0  # between two progress lines where no terminal shows a spinner


@dataclass(frozen=True, slots=True)
class Output:
    """The options every command has, resolved."""

    format: str
    path: Path | None = None
    quiet: bool = False
    debug: bool = False
    color: bool = True

    @property
    def goes_to_stdout(self) -> bool:
        """Whether data go to stdout and not into a file."""
        return self.path in (None, STDOUT)

    def emit(self, record: object) -> None:
        """Render a record and write it."""
        from planner.render import render

        self.write(render(record, self.format, style=self._style()))

    def write(self, text: str) -> None:
        """Text to the file of `-o`, else to stdout; InputError when it cannot be written."""
        if self.path is None or self.goes_to_stdout:
            _to_stdout(text)
            return
        write_atomically(self.path, text)
        self.say(f"wrote {self.path}")

    def say(self, message: str) -> None:
        """A message for the person at the terminal."""
        if not self.quiet:
            print(message, file=sys.stderr)  # noqa: T201

    @contextmanager
    def progress(self, start: str) -> Iterator[Callable[[str], None]]:
        """A spinner on a terminal, else a line every ten seconds; calls with what is being done now."""
        if self.quiet:
            yield lambda message: None
        elif sys.stderr.isatty():
            with _spinner(start, color=self._colored(sys.stderr.isatty())) as update:
                yield update
        else:
            yield _Occasional(self.say)

    @contextmanager
    def bar(self, start: str) -> Iterator[Callable[[float, str], None]]:
        """A bar on a terminal, else a line every ten seconds; calls with the share done and what is being done."""
        if self.quiet or not sys.stderr.isatty():
            with self.progress(start) as update:
                yield lambda share, message: update(message)
        else:
            with _bar(start, color=self._colored(tty=True)) as update_bar:
                yield update_bar

    def _style(self) -> Style:
        from shutil import get_terminal_size

        from planner.render import Style

        tty = self.goes_to_stdout and sys.stdout.isatty()
        width = min(max(get_terminal_size().columns, NARROWEST), WIDEST) if tty else PIPED
        return Style(width=width, color=self._colored(tty))

    def _colored(self, tty: bool) -> bool:
        return tty and self.color and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class _Occasional:
    """Passes a message on when ten seconds have gone by since the last one."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._last = time.monotonic()

    def __call__(self, message: str) -> None:
        if (now := time.monotonic()) - self._last >= QUIET_SECONDS:
            self._last = now
            self._say(message)


@contextmanager
def _spinner(start: str, *, color: bool) -> Iterator[Callable[[str], None]]:
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, no_color=not color, highlight=False)
    with console.status(Text(start)) as status:
        yield lambda message: status.update(Text(message))


@contextmanager
def _bar(start: str, *, color: bool) -> Iterator[Callable[[float, str], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, no_color=not color, highlight=False)
    columns = (BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(start, total=1.0)
        yield lambda share, message: progress.update(task, completed=share, description=message)


def _to_stdout(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        silence(sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # the reader, `head` say, has all it wanted
            return
        raise InputError(f"cannot write: {error.strerror}", path="stdout") from error


def silence(descriptor: int) -> None:
    """Point a broken stream at nothing, so that the flush at exit does not fail again."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
