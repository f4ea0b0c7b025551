"""Physics: a model's op list, the time of each op, one step, then a served request.

    layout, precision ─> calls (op list) ─> optimes (tables, transfer) ─> step ─> serving
                                                          memory ────────────────┘

Pure functions over numpy arrays; profiles and GPU rows are handed in. `planner.estimate.api` is the door.
"""
