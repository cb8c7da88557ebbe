"""Exploration: which hardware a layer should have on which device."""
