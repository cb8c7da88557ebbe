"""A core on a Zynq-7000: the folder in which Vivado packages the AXI system as an IP core and builds it into a block design."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.output_folder import check_folder, new_folder
from ernn_myhdl.files.output_list import write_list
from ernn_myhdl.host.description import SystemDescription
from ernn_myhdl.host.registers import REGISTERS, WINDOW_BITS, Register
from ernn_myhdl.synthesis import vivado
from ernn_myhdl.synthesis.devices import device_named
from ernn_myhdl.synthesis.zynq_board import ZynqBoard, zynq_boards
from ernn_myhdl.system.rtl.axi_system import check_bus, default_bus
from ernn_myhdl.system.writer import SIDE_STREAMS, convert_system, system_description

SCRIPTS = ("build.tcl", "package_ip.tcl", "block_design.tcl", "reports.tcl")
STAGES = {"build": ("build.tcl", "build.json")}
IP_TEMPLATE = "ip_top.v"
VENDOR, LIBRARY, VERSION = "ernn-myhdl", "cores", "1.0"
#: MHz of the fabric where none are given, and the legal ones of FCLK_CLK0.
CLOCK_MHZ, CLOCK_LIMITS = 100.0, (1.0, 250.0)
#: Where the processor sees the registers of the core and of the DMA, and bytes of the latter.
CORE_ADDRESS, DMA_ADDRESS, DMA_BYTES = 0x43C00000, 0x40400000, 0x10000
#: Interface of the IP core -> its type; all are found by the names of their ports.
INTERFACES = {
    "aclk": "xilinx.com:signal:clock_rtl:1.0",
    "aresetn": "xilinx.com:signal:reset_rtl:1.0",
    "irq": "xilinx.com:signal:interrupt_rtl:1.0",
    "s_axi": "xilinx.com:interface:aximm_rtl:1.0",
    "s_axis": "xilinx.com:interface:axis_rtl:1.0",
    "m_axis": "xilinx.com:interface:axis_rtl:1.0",
}
#: Type of the interfaces that only some systems have: open in the block design, where weights and states go through the registers.
SIDE_KIND = "xilinx.com:interface:axis_rtl:1.0"
LEVELS = (("aresetn", "POLARITY", "ACTIVE_LOW"), ("irq", "SENSITIVITY", "LEVEL_HIGH"))
#: Access of the table -> of IP-XACT.
ACCESS = {
    "constant": "read-only", "read": "read-only", "write": "read-write", "clear": "read-write", "trigger": "write-only",
    "push": "write-only",
}  # fmt: skip


def synthesise_on_zynq(
    design: CoreSpecification,
    folder: str | Path,
    board: str,
    tool: str = "vivado",
    run: bool = False,
    force: bool = False,
    bus_bits: int | None = None,
    clock_mhz: float | None = None,
    device: str | None = None,
) -> dict[str, Any]:
    """Prepare the AXI system of `design` for a board with a Zynq-7000, or build it.

    board: of `ernn_myhdl.synthesis.zynq_board`. tool: "vivado". bus_bits: of the streams, 32 to 512; None: those of the core's beats. clock_mhz: of the
    fabric, 1 to 250, default 100; Vivado takes the next one that the processor's dividers give. device: may be named if it is the board's.
    run: let Vivado build. Returns folder, command and files, after a run the report. Raises DesignError before anything is written, and
    ToolError for a missing or failed tool.
    """
    place_on = zynq_boards()[board.lower()]
    if tool != "vivado":
        raise DesignError(
            f"tool = {tool!r}: board = {place_on.name!r}: must be vivado: there is no open flow for its device"
        )
    if device is not None and device_named(device).name != place_on.device.name:
        raise DesignError(
            f"device = {device!r}: board = {place_on.name!r} has {place_on.device.title}; leave the device out"
        )
    clock = CLOCK_MHZ if clock_mhz is None else clock_mhz
    low, high = CLOCK_LIMITS
    if not low <= clock <= high:
        raise DesignError(
            f"clock_mhz = {clock:g}: must be {low:g} to {high:g}, what FCLK_CLK0 of a Zynq-7000 gives"
        )
    bits = default_bus(design) if bus_bits is None else bus_bits
    check_bus(bits)
    place, folder = check_folder(folder, force, vivado.PARAMETERS), Path(folder)
    if run:
        vivado.require()
    with new_folder(place) as partial:
        manifest = convert_system(design, partial / "hdl", "vhdl", bus_bits=bits)
        result = prepare_zynq(partial, manifest, place_on, clock, system_description(design, bits))
    result["folder"] = str(folder)
    if run:
        result["reports"] = vivado.run(folder, STAGES)
        write_list(folder)
    return result


def prepare_zynq(
    folder: Path,
    manifest: Mapping[str, Any],
    board: ZynqBoard,
    clock_mhz: float,
    system: SystemDescription,
) -> dict[str, Any]:
    """Complete `folder`, which holds the VHDL of an AXI system in hdl/; returns command and files."""
    scripts = files("ernn_myhdl.synth") / "vivado"
    texts = {name: (scripts / name).read_text(encoding="utf-8") for name in SCRIPTS}
    ip_file = f"{manifest['top']}_ip.v"
    template = (scripts / IP_TEMPLATE).read_text(encoding="utf-8")
    texts[ip_file] = ip_top(template, manifest)
    texts[vivado.PARAMETERS] = "\n".join(parameters(manifest, board, clock_mhz, system)) + "\n"
    texts["README.txt"] = readme(manifest, board, clock_mhz)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return {
        "tool": "vivado",
        "board": board.name,
        "device": board.device.name,
        "part": board.device.part,
        "clock_mhz": clock_mhz,
        "bus_bits": manifest["bus_bits"],
        "top": manifest["top"],
        "design_digest": manifest["design_digest"],
        "command": " ".join(vivado.command("build.tcl")),
        "files": [*texts, *(f"hdl/{f}" for f in manifest["files"])],
    }


def ip_top(template: str, manifest: Mapping[str, Any]) -> str:
    """The Verilog top of the IP core, with the ports of the system."""
    kinds, joined = [], []
    for port in manifest["ports"]:
        span = "" if port["bits"] is None else f"[{port['bits'] - 1}:0] "
        kinds.append(f"{port['direction']}put wire {span}{port['name']}")
        joined.append(f".{port['name']}({port['name']})")
    return Template(template).substitute(
        module=manifest["top"],
        ports=",\n    ".join(kinds),
        connections=",\n        ".join(joined),
    )


def parameters(
    manifest: Mapping[str, Any], board: ZynqBoard, clock_mhz: float, system: SystemDescription
) -> Iterator[str]:
    """Lines of parameters.tcl."""
    top, bits = manifest["top"], manifest["bus_bits"]
    yield "# Generated by ernn synth; the other scripts of this folder are the same for all designs."
    values = {
        "design_digest": manifest["design_digest"], "part": board.device.part, "hdl_dir": "hdl", "output_dir": vivado.OUTPUT,
        "ip_file": f"{top}_ip.v", "ip_top": f"{top}_ip", "ip_name": top, "ip_vendor": VENDOR, "ip_library": LIBRARY,
        "ip_version": VERSION, "ip_clock": "aclk", "ip_reset": "aresetn", "ip_slave": "s_axi", "ip_window": 1 << WINDOW_BITS,
        "bd_name": f"{system.name}_zynq", "clock_mhz": f"{clock_mhz:g}", "bus_bits": bits, "dma_bits": max(64, bits),
        "core_address": f"0x{CORE_ADDRESS:08X}", "dma_address": f"0x{DMA_ADDRESS:08X}", "dma_range": DMA_BYTES,
        "memory_range": f"{board.memory_mbyte}M",
    }  # fmt: skip
    yield from (f"set {name} {tcl_word(str(value))}" for name, value in values.items())
    prefixes = {port["name"].rpartition("_")[0] for port in manifest["ports"]}
    side = {name: SIDE_KIND for name in SIDE_STREAMS if name in prefixes}
    lists: dict[str, list[tuple[str, ...]]] = {
        "hdl_files": [(file,) for file in manifest["files"]],
        "ip_interfaces": [*INTERFACES.items(), *side.items()],
        "ip_buses": [(name,) for name in ("s_axi", "s_axis", "m_axis", *side)],
        "ip_levels": list(LEVELS),
        "ip_parameters": _shown(system),
        "ps7_settings": list(board.processor.items()),
    }
    for name, rows in lists.items():
        yield f"set {name} {{"
        yield from ("    " + " ".join(map(tcl_word, row)) for row in rows)
        yield "}"
    yield "# name, offset, access, text, and of each field name, lowest bit, bits, text:"
    yield "set ip_registers {"
    yield from ("    " + _register_row(register) for register in REGISTERS)
    yield "}"


def _shown(system: SystemDescription) -> list[tuple[str, ...]]:
    """What the IP core shows of its design: name, value, text."""
    shown = {
        "INPUTS": (system.inputs, "Elements of a frame of x"),
        "OUTPUTS": (system.outputs, "Elements of a frame of y"),
        "SAMPLE_BITS": (system.sample_bits, "Bits of a sample in a packet"),
        "STREAMS": (system.streams, "Sequences that the core holds"),
        "BUS_BITS": (system.bus_bits, "Bits of tdata"),
        "DIGEST": (system.digest, "Digest of the design"),
    }
    return [(name, str(value), text) for name, (value, text) in shown.items()]


def _register_row(register: Register) -> str:
    words: list[str] = []
    for field in register.fields:
        words += [field.name, str(field.low), str(field.bits), field.text]
    head = (register.name, f"0x{register.address:03X}", ACCESS[register.access], register.text)
    return " ".join([*map(tcl_word, head), "{" + " ".join(map(tcl_word, words)) + "}"])


def tcl_word(text: str) -> str:
    """`text` as one word of a Tcl list; AssertionError where braces would not hold it."""
    assert text.count("{") == text.count("}") and not text.endswith("\\"), text
    return text if text and all(c.isalnum() or c in "._-/:" for c in text) else "{" + text + "}"


def readme(manifest: Mapping[str, Any], board: ZynqBoard, clock_mhz: float) -> str:
    """Text of README.txt."""
    return f"""AXI system {manifest["top"]} on {board.title} ({board.device.part}) at {clock_mhz:g} MHz

IP core, block design, bitstream and hardware description are made in this folder by

    {" ".join(vivado.command("build.tcl"))}

{vivado.PARAMETERS}     design, board, addresses and registers: the only generated script
package_ip.tcl     the IP core, by itself too; block_design.tcl: processor, DMA and core; build.tcl: all; reports.tcl: reports as JSON
{manifest["top"]}_ip.v  the top of the IP core
hdl/               VHDL-2008 in the order of hdl/files.txt, with system.json, vectors.npz and the C driver for the host
{vivado.OUTPUT}/            made by the scripts: ip/, .bit, .hwh, .xsa, reports, build.json

Registers of the core: 0x{CORE_ADDRESS:08X}; of the DMA: 0x{DMA_ADDRESS:08X}; interrupts of core, DMA to the core and DMA from it: IRQ_F2P[0] to [2].

It was never run in Vivado, and no such board was ever connected.
"""
