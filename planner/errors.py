"""The exception tree, and what each branch means to a pipeline.

PlannerError                 exit 1   (never raised itself)
├── InputError               exit 5   a file or argument is wrong: file, field, value, remedy
│   ├── ScenarioError            the scenario (or a traffic, length or model file it names)
│   └── DataError                a price, profile, plan or calibration file
├── Infeasible               exit 4   valid input, nothing satisfies the limits (carries what binds)
├── DoesNotFit               exit 4   the model does not fit the GPUs asked about
├── LockMismatch             exit 6   the lock does not match what is installed
├── NoAnswer                 exit 7   the solver's limits ended before any answer
└── MissingExtra             exit 8   an optional part or the network is needed

The lower floors have roots of their own (`KernelError`, `ProfileError`, `PriceError`, all `ValueError`):
bad data in the tables they own, so `exit_code` maps them to 5 like any other bad input; `MissingPartError` of
the prices is an 8.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches


class PlannerError(Exception):
    """Root of everything the planner raises on purpose."""

    exit_code = 1


class InputError(PlannerError):
    """A file or argument is wrong; the message names file, field, value and remedy on one line."""

    exit_code = 5

    def __init__(self, message: str, *, path: object = None, hint: str | None = None) -> None:
        self.path = path
        self.hint = hint
        where = f"{path}: " if path is not None else ""
        remedy = f" ({hint})" if hint else ""
        super().__init__(" ".join(f"{where}{message}{remedy}".split()))


class ScenarioError(InputError):
    """The question is wrong: the scenario file or a file it names."""


class DataError(InputError):
    """A price, profile, plan or calibration file is wrong."""


class Infeasible(PlannerError):
    """Valid input, but no plan satisfies the limits; `binding` says which, `relaxations` what would help.

    `changes` are the relaxations as values by dotted path, in the same order, ready for `change_scenario`.
    """

    exit_code = 4

    def __init__(
        self,
        message: str,
        *,
        binding: Iterable[str] = (),
        relaxations: Iterable[str] = (),
        changes: Iterable[Mapping[str, object]] = (),
    ) -> None:
        self.binding = tuple(binding)
        self.relaxations = tuple(relaxations)
        self.changes = tuple(changes)
        super().__init__(message)


class DoesNotFit(Infeasible):
    """The model does not fit the memory of the GPUs asked about."""


class LockMismatch(PlannerError):
    """The lock file does not match the installed data or versions."""

    exit_code = 6


class NoAnswer(PlannerError):
    """The solver stopped at its limits before it had any answer."""

    exit_code = 7


class MissingExtra(PlannerError):
    """An optional part or the network is missing; the message is the one-line hint."""

    exit_code = 8


def exit_code(error: BaseException) -> int:
    """Exit code of any exception: the planner's own, 5 for bad data of the lower floors, 130 for Ctrl-C, else 1.

    >>> exit_code(ScenarioError("requests_per_s: -1 is not above 0", path="planner.toml"))
    5
    >>> exit_code(KeyboardInterrupt())
    130
    """
    from planner.kernels.errors import KernelError
    from planner.pricing.errors import MissingPartError, PriceError
    from planner.profiles.errors import ProfileError

    if isinstance(error, PlannerError):
        return error.exit_code
    if isinstance(error, MissingPartError):
        return MissingExtra.exit_code
    if isinstance(error, KernelError | ProfileError | PriceError):
        return 5
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def did_you_mean(name: str, known: Iterable[str], *, n: int = 3) -> str:
    """Hint for an unknown name, or the empty string when nothing is close.

    >>> did_you_mean("requests_per_sec", ["requests_per_s", "ttft_ms"])
    'did you mean requests_per_s?'
    """
    folded = {k.casefold(): k for k in known}
    close = get_close_matches(name.casefold(), folded, n=n, cutoff=0.6)
    return f"did you mean {' or '.join(folded[c] for c in close)}?" if close else ""


def check_known(field: str, wanted: Iterable[str] | None, known: Collection[str]) -> None:
    """InputError with the nearest names where a filter names something that does not exist."""
    for name in wanted or ():
        if name not in known:
            listed = ", ".join(sorted(known)[:12]) + (" ..." if len(known) > 12 else "")
            raise InputError(f"{field}: {name!r} is not known", hint=did_you_mean(name, known) or listed)
