"""Which GPU, which kernel variants, from whom and on what terms.

    import planner
    plan = planner.recommend(planner.load_scenario("planner.toml"))

The names below are loaded when first used: `import planner` itself costs a millisecond.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from planner.api import (
        actuals,
        analysed,
        arbitrage,
        calibrate,
        change_scenario,
        check,
        compare,
        decide_price,
        diff_prices,
        earning_kernels,
        estimate,
        example_names,
        example_text,
        explain,
        explain_estimate,
        export,
        find_scenario,
        flip,
        forecast,
        frontier,
        held_prices,
        import_profile,
        kernel_speedups,
        kernel_value,
        kernels,
        leaderboard,
        load_catalog,
        load_example,
        load_plan,
        load_profiles,
        load_record,
        load_scenario,
        lock,
        lock_in,
        locked_plan,
        measure_next,
        model_names,
        no_plan,
        op_positions,
        open_session,
        own_cost,
        price_history,
        price_snapshots,
        price_terms,
        prices,
        prices_per_unit,
        profile_blocks,
        read_upload,
        recommend,
        refresh_prices,
        regret,
        render,
        report,
        run_profile,
        runnable_kernel,
        runnable_kernels,
        shipped_accuracy,
        size_fleet,
        token_prices,
        traces,
        validate,
        verify_profile,
    )
    from planner.errors import (
        DataError,
        DoesNotFit,
        Infeasible,
        InputError,
        LockMismatch,
        MissingExtra,
        NoAnswer,
        PlannerError,
        ScenarioError,
    )
    from planner.plan import Estimate, Offer, Plan, Quantity

__all__ = [
    "DataError",
    "DoesNotFit",
    "Estimate",
    "Infeasible",
    "InputError",
    "LockMismatch",
    "MissingExtra",
    "NoAnswer",
    "Offer",
    "Plan",
    "PlannerError",
    "Quantity",
    "ScenarioError",
    "actuals",
    "analysed",
    "arbitrage",
    "calibrate",
    "change_scenario",
    "check",
    "compare",
    "decide_price",
    "diff_prices",
    "earning_kernels",
    "estimate",
    "example_names",
    "example_text",
    "explain",
    "explain_estimate",
    "export",
    "find_scenario",
    "flip",
    "forecast",
    "frontier",
    "held_prices",
    "import_profile",
    "kernel_speedups",
    "kernel_value",
    "kernels",
    "leaderboard",
    "load_catalog",
    "load_example",
    "load_plan",
    "load_profiles",
    "load_record",
    "load_scenario",
    "lock",
    "lock_in",
    "locked_plan",
    "measure_next",
    "model_names",
    "no_plan",
    "op_positions",
    "open_session",
    "own_cost",
    "price_history",
    "price_snapshots",
    "price_terms",
    "prices",
    "prices_per_unit",
    "profile_blocks",
    "read_upload",
    "recommend",
    "refresh_prices",
    "regret",
    "render",
    "report",
    "run_profile",
    "runnable_kernel",
    "runnable_kernels",
    "shipped_accuracy",
    "size_fleet",
    "token_prices",
    "traces",
    "validate",
    "verify_profile",
]

_RECORDS = frozenset({"Estimate", "Offer", "Plan", "Quantity"})
_SHARED = frozenset(
    {
        "actuals",
        "compare",
        "estimate",
        "export",
        "kernels",
        "lock",
        "recommend",
        "render",
        "report",
        "validate",
    }
)
"""Public functions whose name a submodule has too."""


class _CallableModule(ModuleType):
    """A submodule that can be called as the public function of its name.

    `import planner.kernels` and `planner.kernels(...)` both have to work, in either order; the import system
    would otherwise replace the function by the module.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return getattr(import_module("planner.api"), self.__name__.rpartition(".")[2])(*args, **kwargs)


class _Package(ModuleType):
    """This package: makes the submodules in `_SHARED` callable as the import system binds them."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in _SHARED and isinstance(value, ModuleType):
            value.__class__ = _CallableModule
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("openclaw-planner")
    if name in _SHARED:
        return import_module(f"{__name__}.{name}")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "plan" if name in _RECORDS else "errors" if name[0].isupper() else "api"
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
