"""A decision as a `Plan`: placements, dollars, runners-up, evidence, assumptions, notes."""
