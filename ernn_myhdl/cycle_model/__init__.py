"""Cycles of a core without a simulation."""
