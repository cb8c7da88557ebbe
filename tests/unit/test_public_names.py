"""The names that programs import from `ernn_myhdl` stay."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ernn_myhdl

NAMES = (
    "Activations", "Design", "DesignError", "Format", "Formats", "GruCell", "Hardware", "LinearCell", "LstmCell",
    "Mismatch", "Network", "Run", "ToolError", "Traffic", "build_design", "build_network", "check_run",
    "design_info", "export_model", "import_model", "load_design", "load_run", "new_design", "new_network",
    "preset_design", "run_design", "save_design",
)  # fmt: skip


def test_there_are_27_and_all_are_listed():
    assert len(NAMES) == 27
    assert set(NAMES) < set(ernn_myhdl.__all__)
    assert set(NAMES) < set(dir(ernn_myhdl))


@pytest.mark.parametrize("name", NAMES)
def test_name_is_what_it_says(name):
    assert getattr(ernn_myhdl, name).__name__ == name


def test_all_are_imported_in_a_fresh_interpreter(tmp_path):
    """In one statement, so in an order that the package does not choose."""
    program = (
        f"from ernn_myhdl import {', '.join(NAMES)}\nprint(Design.__name__, LstmCell(4, 8).hidden)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("Design 8\n", "")


def test_other_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'Lstm'"):
        _ = ernn_myhdl.Lstm
