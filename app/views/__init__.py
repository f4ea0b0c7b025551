"""One module per page; each is a function without arguments that draws it."""

from planner.app.views import accuracy, answer, kernels, prices, report, what_if, why

__all__ = ["accuracy", "answer", "kernels", "prices", "report", "what_if", "why"]
