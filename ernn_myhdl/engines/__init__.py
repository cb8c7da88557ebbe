"""Engines: different ways to run a design, all with the same result."""
