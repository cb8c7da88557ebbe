"""Which programs are run: those on the PATH or those of Python packages, the newer of the two."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys

from ernn_myhdl.errors import ToolError
from ernn_myhdl.processes.child_process import run
from ernn_myhdl.synthesis.place_and_route.families import Family
from ernn_myhdl.synthesis.yosys_program import VARIABLE, YOWASP, find_yosys, yosys_version

INSTALL = "pip install 'ernn-myhdl[open]'"


def newest_yosys(given: str | None = None) -> list[str]:
    """The command of Yosys: of the one asked for as in `find_yosys`, else of the newer of both kinds."""
    if given or os.environ.get(VARIABLE):
        return find_yosys(given)
    found = []
    for name in ("yosys", YOWASP):
        try:
            command = find_yosys(name)
        except ToolError:
            continue
        found.append((version(yosys_version(command)), command))
    if not found:
        raise ToolError(f"yosys not found: {INSTALL}, or sudo apt-get install yosys")
    return max(found, key=lambda f: f[0])[1]


def find_nextpnr(family: Family) -> list[str]:
    """The command of the family's nextpnr, the newer of that on the PATH and of the Python package."""
    found = []
    if path := shutil.which(family.program):
        found.append([os.path.abspath(path)])
    if importlib.util.find_spec(family.module):
        found.append(from_package(family.module, family.function))
    if not found:
        raise ToolError(f"{family.program} not found: {INSTALL}")
    if len(found) == 1:
        return found[0]
    return max(found, key=lambda command: version(nextpnr_version(command)))


def from_package(module: str, function: str) -> list[str]:
    """The command that runs a program of a Python package, whatever lies in the current folder."""
    start = "import sys; sys.path[:] = filter(None, sys.path); "
    start += f"import {module} as m; sys.exit(m.{function}(sys.argv[1:]))"
    return [sys.executable, "-c", start]


def nextpnr_version(command: list[str]) -> str:
    """Name and version as nextpnr gives them: "nextpnr-0.11..."."""
    done = run([*command, "--version"])
    match = re.search(r"Version ([^\s)\"]+)", done.stdout + done.stderr)
    return match[1] if match else "nextpnr of unknown version"


def version(text: str) -> tuple[int, ...]:
    """The first number with points in a text, to compare; 0 where there is none."""
    match = re.search(r"\d+(?:\.\d+)+", text)
    return tuple(map(int, match[0].split("."))) if match else (0,)
