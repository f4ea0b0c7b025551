"""Predictions against measured reality.

file ─> formats (questions | measured, kept apart) ─> predict ─> score, decisions ─> Accuracy
"""

from __future__ import annotations

from planner.validate.accuracy import Accuracy
from planner.validate.run import validate
from planner.validate.speeds import SpeedAccuracy

__all__ = ["Accuracy", "SpeedAccuracy", "validate"]
