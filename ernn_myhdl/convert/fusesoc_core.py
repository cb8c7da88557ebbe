"""The core file by which FuseSoC takes a converted folder: CAPI2, in YAML, made of the manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

#: Language -> file type of its files; flow and tool that run it and that check it.
_TYPES = {"vhdl": "vhdlSource-2008", "verilog": "systemVerilogSource"}
_SIMULATORS = {
    "vhdl": ("sim", "tool: ghdl, analyze_options: [--std=08]"),
    "verilog": ("sim", "tool: icarus, iverilog_options: [-g2012]"),
}
_CHECKERS = {"vhdl": _SIMULATORS["vhdl"], "verilog": ("lint", "tool: verilator")}


def core_name(top: str) -> str:
    """VLNV of a top; a design has no version, its digest is in the description."""
    return f"::{top}:0"


def fusesoc_core(manifest: Mapping[str, Any], bench: Mapping[str, Iterable[str]]) -> str:
    """Text of TOP.core.

    bench: "top" and "files" of the test bench with their place in the folder, HDL first, then what it reads; empty without one.
    Targets: default (the files), lint (GHDL or Verilator), and with a bench sim (GHDL or Icarus). Contents of memories and vectors
    are copied to where the simulator runs.
    """
    hdl, top = manifest["hdl"], manifest["top"]
    contents = [f for c in manifest["components"] for f in c.get("rom_files", ())]
    lines = [
        "CAPI=2:",
        "# Written by `ernn convert`; run: fusesoc --cores-root . run --target=lint " + top,
        f'name: "{core_name(top)}"',
        f'description: "ernn-myhdl design {manifest["name"]}, digest {manifest["design_digest"]}"',
        "",
        "filesets:",
        "  rtl:",
        f"    file_type: {_TYPES[hdl]}",
        "    files:",
        *(f"      - {file}" for file in manifest["files"]),
        *(_copied(file, file) for file in contents),
    ]
    if bench:
        source, *read = bench["files"]
        lines += [
            "  bench:",
            f"    file_type: {_TYPES[hdl]}",
            "    files:",
            f"      - {source}",
            # the bench in VHDL reads from where it runs, that in Verilog from the folder above
            *(_copied(file, Path(file).name if hdl == "vhdl" else file) for file in read),
        ]
    lines += ["", "targets:", "  default: &default", "    filesets: [rtl]", f"    toplevel: {top}"]
    lines += _target("lint", _CHECKERS[hdl])
    if bench:
        (name,) = bench["top"]
        lines += _target("sim", _SIMULATORS[hdl])
        lines += ["    filesets: [rtl, bench]", f"    toplevel: {name}"]
    return "\n".join(lines) + "\n"


def _copied(file: str, place: str) -> str:
    return f"      - {file}: {{file_type: user, copyto: {place}}}"


def _target(name: str, tool: tuple[str, str]) -> list[str]:
    flow, options = tool
    return [
        f"  {name}:",
        "    <<: *default",
        f"    flow: {flow}",
        f"    flow_options: {{{options}}}",
    ]
