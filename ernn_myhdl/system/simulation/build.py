"""Builds the simulated board: an AXI or UART system -> Verilog -> Verilator -> a shared library in the cache.

As `ernn_myhdl.engines.verilator.build`, but of the converted system as it is, memories with their contents, so that what is
simulated is what `ernn convert` writes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.engines.verilator.build import find_verilator
from ernn_myhdl.errors import ToolError
from ernn_myhdl.files.cache_folder import cache_folder
from ernn_myhdl.files.package_digest import package_digest
from ernn_myhdl.host.serial_link import SerialLink
from ernn_myhdl.processes.child_process import run
from ernn_myhdl.system.writer import convert_system

LIBRARY = "board.so"
FLAGS = (
    "--cc", "--exe", "--build", "-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-timing",
    "--output-split", "20000", "-Wno-fatal", "-Wno-lint", "-Wno-style",
)  # fmt: skip
MAKE_FLAGS = ("OPT_FAST=-O1", "OPT_SLOW=-O0", "OPT_GLOBAL=-O1")


def build_key(design: CoreSpecification, bus_bits: int, link: SerialLink | None = None) -> str:
    """Name of the build of `design` in the cache. link: of a UART system."""
    parts = [
        design.name,
        design.digest,
        str(bus_bits),
        str(link and link.record()),
        package_digest(),
        find_verilator().version,
        *FLAGS,
        *MAKE_FLAGS,
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def built_board(design: CoreSpecification, bus_bits: int, link: SerialLink | None = None) -> Path:
    """The library of the simulated board, from the cache or built now; ToolError where a tool is missing or fails.

    link: of a UART system; None: an AXI system.
    """
    find_verilator()
    folder = cache_folder() / "axi" / build_key(design, bus_bits, link)
    if not (folder / LIBRARY).is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=".building-", dir=folder.parent, ignore_cleanup_errors=True
        ) as scratch:
            made = Path(scratch) / "made"
            convert_system(design, made, "verilog", bus_bits=bus_bits, link=link)
            compile_board(made, made / LIBRARY, final=folder)
            try:
                made.rename(folder)
            except OSError:
                if not (folder / LIBRARY).is_file():  # else another process was faster
                    raise
    return folder / LIBRARY


def compile_board(folder: Path, output: Path, final: Path) -> None:
    """Compile the Verilog system in `folder` with the harness into a shared library.

    final: where the files of the memories will lie when it runs.
    """
    tool, manifest = find_verilator(), json.loads((folder / "manifest.json").read_text())
    with tempfile.TemporaryDirectory(prefix="ernn-", ignore_cleanup_errors=True) as scratch:
        work = Path(scratch)
        verilog = [placed_verilog(folder / name, work, final) for name in manifest["files"]]
        harness = f"{manifest['wrapper']}_harness.cpp"
        (work / harness).write_text(
            (files("ernn_myhdl.system.simulation") / harness).read_text(encoding="utf-8")
        )
        make = [
            "CFG_CXXFLAGS_PCH_I=-include", f"PYTHON3={shlex.quote(sys.executable)}",
            f"VERILATOR_ROOT={tool.environment.get('VERILATOR_ROOT', '')}" if tool.environment else "", *MAKE_FLAGS,
        ]  # fmt: skip
        command = [
            tool.program, *FLAGS, "-j", "1", "--prefix", "Model", "--top-module", manifest["top"],
            "--Mdir", str(work / "obj"), "-o", str(work / LIBRARY), "-LDFLAGS", "-shared",
            "-CFLAGS", f"-fPIC -I{work}", "-MAKEFLAGS", " ".join(shlex.quote(m) for m in make if m),
            *map(str, verilog), str(work / harness),
        ]  # fmt: skip
        result = run(command, work, os.environ | tool.environment)
        if result.returncode or not (work / LIBRARY).is_file():
            log = final.with_name(f"{final.name}.build.log")
            log.write_text(f"{' '.join(command)}\n{result.stdout}{result.stderr}")
            lines = [x for x in result.stderr.splitlines() if "rror" in x] or ["no message"]
            raise ToolError(f"verilator failed on the simulated board: {lines[0]}; see {log}")
        output.write_bytes((work / LIBRARY).read_bytes())


def placed_verilog(file: Path, work: Path, final: Path) -> Path:
    """A copy of a Verilog file whose memories find their contents in `final`."""
    copy = work / file.name
    copy.write_text(re.sub(r'(parameter INIT = \{")', rf"\g<1>{final}/", file.read_text()))
    return copy
