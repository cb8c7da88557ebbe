"""Another way to run in the place of an engine."""

from __future__ import annotations

from dataclasses import replace

from ernn_myhdl.engines.registry import ENGINES


def replace_run(monkeypatch, name: str, run) -> None:
    """For a test the engine `name` runs jobs by `run`."""
    monkeypatch.setitem(ENGINES, name, replace(ENGINES[name], run=run))
