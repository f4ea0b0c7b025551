"""Speed of single-user and small-batch engines on any hardware: llama.cpp, ExLlama, MLX, vLLM and others."""

from planner.local.predict import Speed, predict
from planner.local.query import Query, read_query
from planner.local.validate import Predictions, RowPrediction, validate_rows

__all__ = ["Predictions", "Query", "RowPrediction", "Speed", "predict", "read_query", "validate_rows"]
