"""Measured corrections of the physics, with what is left of their error."""
