"""From offers and estimates to the options an optimization may choose, and the reasons for those it may not.

offers ─ constraints ─┐
configurations ───────┴─> options ─> optimize.Problem
     └ estimate x SLO x demand -> load one replica sustains (`sustain`)
"""
