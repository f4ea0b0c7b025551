"""What all commands share: five options, and what happens to errors.

A command is a function of its own options and an `Output`; it returns an exit code, or nothing for 0.
"""

from __future__ import annotations

import functools
import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import typer

from planner.cli.output import SUFFIXES, Output
from planner.errors import Infeasible, exit_code

PAGE = ("table", "json", "markdown")
ROWS = ("table", "json", "csv", "markdown")
INTERRUPTED = 130

Body = Callable[..., int | None]


def new_app(help: str | None = None) -> typer.Typer:
    """A typer app with stable help text and plain errors."""
    return typer.Typer(
        help=help,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def command(app: typer.Typer, name: str, *, formats: tuple[str, ...] = PAGE) -> Callable[[Body], Body]:
    """Register a function as `name`: the shared options added, its errors turned into exit codes."""

    def register(body: Body) -> Body:
        @functools.wraps(body)
        def run(**options: Any) -> None:
            out = _output(options, formats)
            raise typer.Exit(guarded(lambda: body(out=out, **options), out))

        own = inspect.signature(body).parameters
        hints = get_type_hints(body, include_extras=True)
        parameters = [p.replace(annotation=hints[p.name]) for p in own.values() if p.name != "out"]
        parameters += _shared(formats)
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        app.command(name)(run)
        return body

    return register


def _shared(formats: tuple[str, ...]) -> list[inspect.Parameter]:
    choice = Literal[formats]  # type: ignore[valid-type]
    rows: tuple[tuple[str, Any, Any, tuple[str, ...], str], ...] = (
        (
            "format",
            choice | None,
            None,
            ("--format",),
            "Default: what the ending of -o FILE implies, else table.",
        ),
        ("output", Path | None, None, ("--output", "-o"), "Write to FILE in one step; - is stdout."),
        ("quiet", bool, False, ("--quiet", "-q"), "No messages on stderr but errors."),
        ("debug", bool, False, ("--debug",), "Show the traceback of an error."),
        ("no_color", bool, False, ("--no-color",), "No colour; so does NO_COLOR."),
    )
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=Annotated[kind, typer.Option(*flags, help=text)],
        )
        for name, kind, default, flags, text in rows
    ]


def _output(options: dict[str, Any], formats: tuple[str, ...]) -> Output:
    """The shared options, taken out of `options`."""
    path: Path | None = options.pop("output")
    implied = SUFFIXES.get(path.suffix.lower(), formats[0]) if path else formats[0]
    return Output(
        format=options.pop("format") or (implied if implied in formats else formats[0]),
        path=path,
        quiet=options.pop("quiet"),
        debug=options.pop("debug"),
        color=not options.pop("no_color"),
    )


def guarded(body: Callable[[], int | None], out: Output) -> int:
    """Exit code of `body`; errors become one line on stderr, with the traceback only for --debug.

    An interrupt that carries the solver's incumbent in `.plan` still prints it.
    """
    try:
        return body() or 0
    except KeyboardInterrupt as stop:
        if (plan := getattr(stop, "plan", None)) is not None:
            out.emit(plan)
        _complain("interrupted" + ("; this is the best plan found so far" if plan is not None else ""))
        # CPython keeps an interrupt that fell inside exec(str), which dataclasses use while being imported, marked
        # as unhandled and then ends the process by SIGINT instead of our code; running any string clears the mark.
        exec("")
        return INTERRUPTED
    except (typer.Exit, typer.BadParameter):
        raise
    except Exception as error:
        if out.debug:
            traceback.print_exc()
        for line in _lines(error):
            _complain(line)
        return exit_code(error)


def _lines(error: Exception) -> list[str]:
    code = exit_code(error)
    message = " ".join(str(error).split())
    if code == 1:
        return [f"internal error: {type(error).__name__}: {message} (a bug; --debug shows where)"]
    if not isinstance(error, Infeasible) or not error.binding:
        return [message]
    return [
        message.partition(": ")[0],  # the rest of it follows, a line each
        *(f"  binds: {limit}" for limit in error.binding),
        *(f"  would help: {change}" for change in error.relaxations or ("no single relaxation of a limit",)),
    ]


def _complain(line: str) -> None:
    print(f"planner: {line}", file=sys.stderr)  # noqa: T201
