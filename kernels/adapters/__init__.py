"""Other projects' kernels behind our call: each imports its project when it is loaded, and says why where it cannot.

A module may define `ready(**config)`, which raises `ImportError` with the reason when the project is installed
but cannot run here (no device, no such provider).
"""
