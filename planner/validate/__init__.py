"""Predicted against measured: read a file of end-to-end measurements, predict every row, score."""
