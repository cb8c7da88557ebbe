"""Writes the folder of a converted AXI or UART system: HDL, driver, map of the registers, description and test vectors.

As `ernn_myhdl.convert.writer`, the work that needs MyHDL is done by a fresh process
(`python -m ernn_myhdl.system.writer`).
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from ernn_myhdl.convert.fusesoc_core import fusesoc_core
from ernn_myhdl.convert.instance import port_records
from ernn_myhdl.convert.names import check_name
from ernn_myhdl.convert.writer import HDLS, in_fresh_process, logic_lines, renamed, write_netlist
from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.design.time_joins import taken_lengths
from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.array_file import save_arrays
from ernn_myhdl.golden.network_models import fixed_point_model
from ernn_myhdl.host.description import SYSTEM_NAME, VECTORS_NAME, SystemDescription
from ernn_myhdl.host.serial_link import SerialLink
from ernn_myhdl.rtl.core.view import CoreView
from ernn_myhdl.streams.initial_states import as_models_take_it, own_state
from ernn_myhdl.system.driver.writing import write_driver
from ernn_myhdl.system.loadable import loadable_weights
from ernn_myhdl.system.register_page import register_page
from ernn_myhdl.system.rtl.axi_system import axi_system, check_bus, default_bus
from ernn_myhdl.system.rtl.constant_words import constant_words
from ernn_myhdl.system.rtl.uart_system import BUS_BITS, uart_system
from ernn_myhdl.system.sequences import frames_out, layer_states

DRIVER_FOLDER, MAP_NAME = "driver", "register-map.md"
#: What a LiteX SoC imports; the same for all AXI systems, it reads manifest.json beside it.
LITEX_MODULE = "litex_module.py"
#: Streams beside those of x and y, of a core that loads them -> what they carry.
SIDE_STREAMS = {"s_weights": "images of weights", "s_states": "states before sequences"}
#: Lengths of the sequences of the test vectors, and the seed of their x.
VECTOR_LENGTHS, VECTOR_SEED = (4, 1, 3), 17


def convert_system(
    design: CoreSpecification,
    folder: str | Path,
    hdl: str = "vhdl",
    force: bool = False,
    name: str | None = None,
    bus_bits: int | None = None,
    link: SerialLink | None = None,
) -> dict[str, Any]:
    """Write `design` with its AXI or UART system as VHDL-2008 or SystemVerilog into `folder`; returns the manifest.

    The folder gets one file per entity, files.txt and manifest.json as that of `ernn_myhdl.convert.convert`, the top
    NAME_axi or NAME_uart, and beside them what software needs: system.json, vectors.npz, driver/NAME.h and NAME.c,
    register-map.md, and a template of the instance; TOP.core for FuseSoC, and of an AXI system NAME_litex.py for LiteX. bus_bits: of the AXI4-Streams, 32 to 512; None: those of the core's beats.
    link: the serial line of a UART system, whose streams have 32 bits; None: an AXI system. Raises DesignError for what the system cannot carry, an unknown language or an existing folder, ToolError if MyHDL fails.
    """
    from ernn_myhdl.design.storage import save_design
    from ernn_myhdl.files.output_folder import new_folder

    if hdl not in HDLS:
        raise DesignError(f"hdl = {hdl!r}: must be one of {', '.join(HDLS)}")
    if name is not None:
        design = renamed(design, name)
    check_name(design.name)
    bits = default_bus(design) if bus_bits is None else bus_bits
    if link is not None:
        bits = BUS_BITS
    check_bus(bits)
    with (
        new_folder(folder, force, "manifest.json") as target,
        tempfile.TemporaryDirectory() as scratch,
    ):
        saved = Path(scratch) / "design"
        save_design(design, saved)
        speed = list(link.record().values()) if link else []
        in_fresh_process("ernn_myhdl.system.writer", [saved, target, hdl, bits, *speed], hdl)
        manifest: dict[str, Any] = json.loads((target / "manifest.json").read_text())
        return manifest


def system_description(
    design: CoreSpecification, bus_bits: int, link: SerialLink | None = None
) -> SystemDescription:
    """What the host must know of the system. link: of a UART system, whose bus_bits are `BUS_BITS`."""
    shape = design.stream_shape
    return SystemDescription(
        design.name, design.digest, design.inputs, design.outputs, design.input_format, design.output_format,
        shape.sample_bits, shape.samples_per_beat, shape.streams, len(design.layers), bus_bits,
        design.host_scaling, design.host_steps, link,
        design.graph.embedding.rows if design.graph and design.graph.embedding else None,
        loadable_weights(design), frames_out(design), layer_states(design),
    )  # fmt: skip


def vectors(design: CoreSpecification) -> dict[str, np.ndarray]:
    """Test vectors: raw x of all words of its format, or of all rows of an embedding, raw y of the golden model, lengths of the sequences."""
    random = np.random.default_rng(VECTOR_SEED)
    low, high = design.input_format.minimum, design.input_format.maximum
    if design.graph is not None and design.graph.embedding is not None:
        low, high = 0, design.graph.embedding.rows - 1
    lengths = taken_lengths(design.graph, VECTOR_LENGTHS)
    x = random.integers(low, high + 1, (sum(lengths), design.inputs))
    model, own = fixed_point_model(design), as_models_take_it(design, own_state(design))
    made = [
        model.run(sequence, initial=own).raw for sequence in np.split(x, np.cumsum(lengths)[:-1])
    ]
    return {"x": x, "y": np.concatenate(made), "lengths": np.array(lengths)}


def write(
    design: CoreSpecification, folder: Path, hdl: str, bus_bits: int, link: SerialLink | None
) -> None:
    """Write the system into an existing empty folder; only for a process that has used MyHDL for nothing."""
    top = axi_system(design, bus_bits) if link is None else uart_system(design, link)
    view = CoreView(top)
    made, components = write_netlist(view, folder, hdl, f"{design.name}_")
    system = system_description(design, bus_bits, link)
    manifest = {
        "name": design.name,
        "top": view.name,
        "wrapper": "axi" if link is None else "uart",
        "hdl": hdl,
        "bus_bits": bus_bits,
        "design_digest": design.digest,
        "ports": port_records(view.ports),
        "files": made,
        "components": components,
        "logic_lines": logic_lines(folder, components),
    }
    (folder / "files.txt").write_text("".join(f"{f}\n" for f in made))
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    (folder / f"{view.name}.core").write_text(fusesoc_core(manifest, {}))
    if link is None:
        litex = files("ernn_myhdl.system.templates") / LITEX_MODULE
        (folder / f"{design.name}_litex.py").write_text(litex.read_text(encoding="utf-8"))
    (folder / SYSTEM_NAME).write_text(json.dumps(system.record(), indent=2) + "\n")
    save_arrays(folder / VECTORS_NAME, vectors(design))
    driver = folder / DRIVER_FOLDER
    driver.mkdir()
    write_driver(system, driver)
    title = f"Registers of {view.name}"
    (folder / MAP_NAME).write_text(register_page(title, constant_words(design, bus_bits)))
    suffix = HDLS[hdl][1]
    text = instance_text(manifest, suffix)
    (driver / f"{design.name}_instance.{suffix}").write_text(text)


def instance_text(manifest: Mapping[str, Any], suffix: str) -> str:
    """The template of an instance of a system. suffix: "vhd" or "sv"."""
    template = f"{'' if manifest['wrapper'] == 'axi' else 'uart_'}instance.{suffix}"
    text = (files("ernn_myhdl.system.templates") / template).read_text(encoding="utf-8")
    bits = manifest["bus_bits"]
    places = {
        "SIDE_STREAMS": "".join(_side_streams(manifest, suffix)),
        "CORE_NAME": manifest["name"],
        "BUS_BITS": str(bits),
        "KEEP_BITS": str(bits // 8),
    }
    for place, value in places.items():
        text = text.replace(place, value)
    return text


def _side_streams(manifest: Mapping[str, Any], suffix: str) -> Iterator[str]:
    """Lines of the streams that only some systems have."""
    for port in manifest["ports"]:
        name = port["name"]
        told = SIDE_STREAMS.get(name.rpartition("_")[0])
        if told is None:
            continue
        low = {"vhd": "'0'", "sv": "1'b0"}[suffix]
        notes = {
            "tdata": f"{port['bits']} bits: {told}",
            "tvalid": f"{low} where they come by registers only",
        }
        note = notes.get(name.rpartition("_")[2])
        if suffix == "vhd":
            line = f"            {name} => {name},"
            yield line + (f"   -- {note}\n" if note else "\n")
        else:
            line = f"        .{name}({name}),"
            yield line + (f"  // {note}\n" if note else "\n")


def main(arguments: list[str]) -> int:
    """Entry of the fresh process: DESIGN FOLDER HDL BUS, and of a UART system CLOCK DIVIDER BAUD."""
    from ernn_myhdl.design.storage import load_design

    design, folder, hdl, bus_bits, *speed = arguments
    link = SerialLink(*map(int, speed)) if speed else None
    write(load_design(design), Path(folder), hdl, int(bus_bits), link)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
