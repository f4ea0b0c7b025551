"""Placeholder docstring; its owner replaces it."""
