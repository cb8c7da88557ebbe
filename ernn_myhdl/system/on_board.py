"""A core on a board: its UART system with the board's pins and oscillator, placed and routed to a bitstream, or prepared for Vivado."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.output_folder import check_folder, new_folder
from ernn_myhdl.files.output_list import write_list
from ernn_myhdl.host.serial_link import serial_link
from ernn_myhdl.synthesis import vivado
from ernn_myhdl.synthesis.board_file import BoardDescription, board_named
from ernn_myhdl.synthesis.devices import device_named
from ernn_myhdl.synthesis.flow import TOOLS, checked_seeds
from ernn_myhdl.synthesis.place_and_route import run as nextpnr
from ernn_myhdl.system.writer import convert_system


def synthesise_on_board(
    design: CoreSpecification,
    folder: str | Path,
    board: str,
    tool: str = "nextpnr",
    run: bool = False,
    force: bool = False,
    baud: int | None = None,
    bitstream: bool = False,
    device: str | None = None,
    progress: nextpnr.Progress | None = None,
    yosys_program: str | None = None,
    seeds: int | None = None,
    move_registers: bool | None = None,
    fold_operands: bool | None = None,
) -> dict[str, Any]:
    """Synthesise `design` with its UART system for a board, or prepare it.

    board: of `ernn_myhdl.synthesis.board_file`. tool: "nextpnr" or "vivado", the one that has a flow for its device. baud: bits a second
    on the line, which the board's oscillator has to give. bitstream: with nextpnr, of the best seed; Vivado's script always makes one.
    device: may be named if it is the board's. The others as of `ernn_myhdl.synthesis.synthesise`, which this returns too: for nextpnr what
    parameters.json says, after a run the report; for Vivado folder, command and files.

    Raises DesignError before anything is written, and ToolError for a missing or failed tool, or a clock that is not reached.
    """
    place_on = board_named(board)
    _check(place_on, tool, device, bitstream)
    link = serial_link(place_on.clock_mhz, baud)
    runs = checked_seeds(seeds, tool)
    if tool == "vivado":
        given = {
            "yosys_program": yosys_program,
            "move_registers": move_registers,
            "fold_operands": fold_operands,
        }
        for name, value in given.items():
            if value is not None:
                raise DesignError(f"{name} = {value!r}: only for tool = 'nextpnr'")
    place, folder = check_folder(folder, force, TOOLS[tool].marker), Path(folder)
    if tool == "nextpnr":
        plan = nextpnr.Plan(
            place_on.device,
            place_on.clock_mhz,
            runs,
            move_registers is not False,
            fold_operands is not False,
            place_on,
            bitstream,
        )
        programs = nextpnr.require(plan.device, yosys_program, bitstream) if run else None
        with new_folder(place) as partial:
            manifest = convert_system(design, partial / "hdl", "verilog", link=link)
            result = nextpnr.prepare(partial, manifest, plan)
            if programs is None:
                return result
            return nextpnr.place_and_route(partial, manifest, plan, programs, folder, progress)
    if run:
        vivado.require()
    with new_folder(place) as partial:
        manifest = convert_system(design, partial / "hdl", "vhdl", link=link)
        result = vivado.prepare_board(partial, manifest, place_on)
    result["folder"] = str(folder)
    if run:
        result["reports"] = vivado.run(folder, vivado.BOARD_STAGES)
        write_list(folder)
    return result


def _check(board: BoardDescription, tool: str, device: str | None, bitstream: bool) -> None:
    """DesignError for what does not belong together."""
    if tool != board.tool:
        other = (
            "nextpnr, which has the flow for its device"
            if board.tool == "nextpnr"
            else "vivado: there is no open flow for its device"
        )
        raise DesignError(f"tool = {tool!r}: board = {board.name!r}: must be {other}")
    if bitstream and tool != "nextpnr":
        raise DesignError(
            f"bitstream: board = {board.name!r} has no open flow; leave it out, and run bitstream.tcl of the folder in Vivado"
        )
    if device is not None:
        named = device_named(device)
        if (named.name, named.speed) != (board.device.name, board.device.speed):
            raise DesignError(
                f"device = {device!r}: board = {board.name!r} has {board.device.title}; leave the device out"
            )
