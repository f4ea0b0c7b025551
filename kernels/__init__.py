"""What an op costs in FLOP and bytes (`ops`), and which kernels can run it (`registry`).

Nothing here needs a GPU or torch; `ops` needs numpy, `registry` only the standard library.
"""
