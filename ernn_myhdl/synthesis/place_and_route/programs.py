"""Which programs are run: those on the PATH or those of Python packages, the newer of the two."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil

from ernn_myhdl.errors import ToolError
from ernn_myhdl.mapping.yosys_program import INSTALL, from_package, version
from ernn_myhdl.processes.child_process import run
from ernn_myhdl.synthesis.place_and_route.families import Family


def find_nextpnr(family: Family) -> list[str]:
    """The command of the family's nextpnr, the newer of that on the PATH and of the Python package."""
    found = []
    if path := shutil.which(family.program):
        found.append([os.path.abspath(path)])
    if importlib.util.find_spec(family.module):
        found.append(from_package(family.module, family.function))
    if not found:
        raise ToolError(f"{family.program} not found: {family.install}")
    if len(found) == 1:
        return found[0]
    return max(found, key=lambda command: version(nextpnr_version(command)))


def find_packer(family: Family) -> list[str]:
    """The command that makes a bitstream: of the Python package, which fits its nextpnr, or that on the PATH."""
    if importlib.util.find_spec(family.module):
        return from_package(family.module, family.packing)
    if path := shutil.which(family.packer):
        return [os.path.abspath(path)]
    raise ToolError(f"{family.packer} not found: {INSTALL}")


def nextpnr_version(command: list[str]) -> str:
    """Name and version as nextpnr gives them: "nextpnr-0.11..."."""
    done = run([*command, "--version"])
    match = re.search(r"Version ([^\s)\"]+)", done.stdout + done.stderr)
    return match[1] if match else "nextpnr of unknown version"
