"""Fails."""


def run(inputs, out):
    raise ValueError("not today")
