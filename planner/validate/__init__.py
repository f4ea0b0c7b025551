"""Predictions against measured reality.

file ─> formats (questions | measured, kept apart) ─> predict ─> score, decisions ─> Accuracy
"""

from __future__ import annotations

from planner.validate.accuracy import Accuracy
from planner.validate.run import validate

__all__ = ["Accuracy", "validate"]
