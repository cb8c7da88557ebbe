"""Tools outside Python that some tests need."""

from __future__ import annotations

import importlib
import os
import shutil

import pytest

from ernn_myhdl.engines.registry import ENGINES
from ernn_myhdl.engines.verilator import build as verilator_build

#: Debian package of every tool.
PACKAGES = {"ghdl": "ghdl", "yosys": "yosys", "iverilog": "iverilog", "tclsh": "tcl"}


def require_module(name: str, install: str):
    """The module `name`; without it the test, or the file of tests, is skipped, or fails where CI is "true"."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        reason = f"{name} not installed: {install}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason, allow_module_level=True)


def require_engine(name: str) -> None:
    """The tools of an engine; without them as `require_tool`."""
    if reason := ENGINES[name].missing_tool():
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


def require_verilator() -> None:
    """Verilator with g++ and make; without them as `require_tool`."""
    require_engine("verilator")


def require_tool(name: str) -> str:
    """Path of the tool `name`; without it the test is skipped, or fails where CI is "true"."""
    path = shutil.which(name)
    if path is None:
        reason = f"{name} not installed: sudo apt-get install {PACKAGES.get(name, name)}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return path


#: Of make: without optimisation, and all of a core in one file, which takes less time in all.
UNOPTIMISED = (*(f"OPT_{kind}=-O0" for kind in ("FAST", "SLOW", "GLOBAL")), "VM_PARALLEL_BUILDS=0")


def build_without_optimisation(monkeypatch) -> None:
    """Compiled cores are built fast: for short runs."""
    monkeypatch.setattr(verilator_build, "MAKE_FLAGS", UNOPTIMISED)
