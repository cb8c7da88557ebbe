"""Exploration: which model, and which hardware on which device."""
