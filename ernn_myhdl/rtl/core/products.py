"""From the stores of spectra to the heads of the drain chains: columns, broadcast, lanes with their weights."""

from __future__ import annotations

from dataclasses import dataclass

from ernn_myhdl.design.design import complete
from ernn_myhdl.design.structure import Structure
from ernn_myhdl.hdl.components import Contents, Rom
from ernn_myhdl.hdl.netlist import Component, Net
from ernn_myhdl.hdl.types import Array, Word
from ernn_myhdl.program.program import Program, program_for
from ernn_myhdl.program.weight_layout import lane_contents
from ernn_myhdl.rtl import broadcast, cluster, lane
from ernn_myhdl.rtl.core.state_loading import StateLoading
from ernn_myhdl.rtl.core.wiring import Wiring
from ernn_myhdl.rtl.delay import data_leaf
from ernn_myhdl.rtl.memory import READ_LATENCY
from ernn_myhdl.rtl.sequencer import sequencer
from ernn_myhdl.rtl.weights.distribution import written

#: Name of the memory of the program; `program` is a keyword of SystemVerilog.
PROGRAM_WORDS = "program_words"
#: Cycles from an operation's address to the broadcast tree, behind which the weights are read; less by `Clusters.address_lead`.
ADDRESS_WAIT = broadcast.SELECT_LATENCY


def program_memory(program: Program) -> Rom:
    """The memory of the program."""
    words = Contents(1, program.length, lambda: [program.words()])
    return Rom(PROGRAM_WORDS, program.address_bits, Word(sum(program.field_bits.values())), words)


def lane_memory(design: Structure) -> Rom:
    """The memories of the weights of the lanes."""
    program = program_for(design)
    return Rom(
        "lane_weights",
        program.address_bits,
        Array(design.cell.tile, design.formats.given.weight_word),
        Contents(design.hardware.lanes, program.length, lambda: lane_contents(complete(design))),
    )


def lane_clusters(design: Structure) -> cluster.Clusters:
    """The lanes with their weights."""
    hw, f = design.hardware, design.formats.given
    program, k = program_for(design), design.cell.tile
    return cluster.Clusters(
        lanes=hw.lanes,
        groups=max(program.groups, 1),
        chain=hw.ifft_units,
        lane=lane.leaf(k, f.spectrum_word, f.weight_word, design.accumulator_word),
        weights=written(hw, lane_memory(design)),
    )


def lane_side(design: Structure) -> list[tuple[Component, int]]:
    """The components that follow the number of lanes, with their instances in the core.

    All others are the same for designs that differ in lanes only, as long as the column groups of their
    second phase are as many.
    """
    program = program_for(design)
    address_bits = program.address_bits + (design.hardware.weight_banks > 1)
    clusters = lane_clusters(design)
    return [
        (program_memory(program), 2),
        *((part.component, 1) for part in sequencer.parts(design)),
        (data_leaf(address_bits, ADDRESS_WAIT - clusters.address_lead), 1),
        *clusters.components(),
    ]


def operations(w: Wiring, frame: dict[str, Net]) -> dict[str, Net]:
    """The sequencer with its program; returns its nets. frame: the inputs frame_* of `sequencer.add`."""
    n, program = w.n, w.program
    rom = program_memory(program)
    nets = {"clk": w.clk, "rst": w.rst, **frame}
    for part in ("gate", "second"):
        fetch = nets[f"{part}_fetch"] = n.net(f"{part}_fetch", Word(program.address_bits))
        nets[f"{part}_read"] = n.add(f"{part}_program", rom, clk=w.clk, address=fetch)["q"]
    nets |= {
        "x_coming": w.x_coming, "y_coming": w.y_coming, "m_coming": w.m_coming,
        "y_coming_stream": w.stream_of("y_coming", w.y_coming_tag),
        "output_release": w.output_release, "x_release": w.x_release,
    }  # fmt: skip
    return sequencer.add(n, w.design, nets)


@dataclass(frozen=True)
class Columns:
    """What the operations read: columns of x, y and m, those of m and of the second phase's x for each
    column group (of x none where it is not read); the nets that take the spectra of y and of m, if any."""

    x: Net
    y: Net
    m: list[Net]
    second_x: list[Net]
    y_data: Net | None
    m_data: Net | None


def columns(w: Wiring, op: dict[str, Net], spectrum: Net, states: StateLoading | None) -> Columns:
    """The stores of spectra. op: of `operations`; spectrum: of x."""
    x, second_x = _x_columns(w, op, spectrum)
    y, y_data = _y_column(w, op, states)
    m, m_data = _m_columns(w, op)
    x, y = _tiled(w, "x", x), _tiled(w, "y", y)
    m = [_tiled(w, f"m_{g}", column) for g, column in enumerate(m)]
    second_x = [_tiled(w, f"second_x_{g}", column) for g, column in enumerate(second_x)]
    return Columns(x, y, m, second_x, y_data, m_data)


def _x_columns(w: Wiring, op: dict[str, Net], spectrum: Net) -> tuple[Net, list[Net]]:
    cell, program, groups = w.cell, w.program, max(w.program.groups, 1)
    nets = {
        "write": w.x_write, "data": spectrum, "write_page": op["x_write_page"],
        "write_index": op["x_write_index"], "read_index": op["op_index"],
    }  # fmt: skip
    item = Array(cell.x_block, w.formats.input_spectrum.word)
    x = w.read("x", item, cell.input_blocks, 1, 1, 2, read_page=op["x_page"], **nets)
    if not cell.second_reads_x:
        return x, []
    # a copy, of which every column group reads a column of its own
    items = program.input_steps * groups
    q = w.read("second_x", item, items, 1, groups, 2, read_page=op["second_x_page"], **nets)
    return x, w.split("second_x_column", q, cell.x_block)


def _y_column(w: Wiring, op: dict[str, Net], states: StateLoading | None) -> tuple[Net, Net | None]:
    cell, program = w.cell, w.program
    if not cell.recurrent:
        word = w.formats.input_spectrum.word
        return w.n.zero("y_column", Array(cell.y_block, word)), None
    word, each = w.formats.output_spectrum.word, cell.tile // cell.y_block
    data = w.n.net("y_data", Array(program.output_width * cell.tile, word))
    page = Word(w.stream.width + 1)
    written = w.n.bundle("y_page_written", page, (w.y_written_tag, w.flags - 1, page.width))
    column = w.read(
        "y", Array(cell.y_block, word), program.output_groups * program.output_width * each,
        program.output_width * each, 1, 2 * w.hw.streams, write=w.y_write, data=data,
        write_page=written, write_index=op["y_write_index"], read_page=op["y_page"],
        read_index=op["op_index"],
    )  # fmt: skip
    if states is not None:
        column = states.output_column(column, op["op_index"], op["op_tag"])
    return column, data


def _m_columns(w: Wiring, op: dict[str, Net]) -> tuple[list[Net], Net | None]:
    cell, program, width = w.cell, w.program, w.hw.cell_blocks
    if not cell.second_phase:
        word = w.formats.input_spectrum.word
        return [w.n.zero("m_column", Array(cell.m_block, word))], None
    word, each, groups = (
        w.formats.cell_output_spectrum.word,
        cell.tile // cell.m_block,
        max(program.groups, 1),
    )
    data = w.n.net("m_data", Array(width * cell.tile, word))
    items = max(program.cell_groups * width * each, (program.steps - program.input_steps) * groups)
    q = w.read(
        "m", Array(cell.m_block, word), items, width * each, groups, w.m_pages, write=w.m_write,
        data=data, write_page=op["m_write_page"], write_index=op["m_write_index"],
        read_page=op["m_page"], read_index=op["op_index"],
    )  # fmt: skip
    return w.split("m_column", q, cell.m_block), data


def _tiled(w: Wiring, label: str, column: Net) -> Net:
    """A block repeated to the size of the tile."""
    times = w.cell.tile // column.type.count
    return column if times == 1 else w.joined(f"{label}_column_tiled", [column] * times)


def products(w: Wiring, op: dict[str, Net], read: Columns) -> list[Net]:
    """Column selection, broadcast and lanes; returns the heads of the drain chains."""
    n, cell = w.n, w.cell
    words = tuple(column.type.width for column in (read.x, read.y, read.m[0]))
    select = broadcast.select_leaf(
        cell.tile, words, cell.second_reads_x, (cell.x_block, cell.y_block, cell.m_block)
    )
    named = {"recurrent": op["op_recurrent"], "second": op["op_second"]}
    named["fresh"] = w.fresh("op", op["op_tag"])
    if read.second_x:
        named["second_x"] = op["op_second_x"]
    tags = {name: w.delayed(f"select_{name}", net, READ_LATENCY - 1) for name, net in named.items()}
    buses = []
    for g, m_column in enumerate(read.m):
        second = {"second_column": read.second_x[g]} if read.second_x else {}
        made = n.add(
            f"select_{g}", select, clk=w.clk, **tags, x_column=read.x, y_column=read.y,
            m_column=m_column, **second,
        )  # fmt: skip
        buses.append(made["column"])
    control = {
        name: w.delayed(f"broadcast_{name}", op[net], ADDRESS_WAIT + READ_LATENCY)
        for name, net in (
            ("valid", "op_valid"), ("first", "op_first"), ("last", "op_last"),
            ("shift", "shifting"),
        )
    }  # fmt: skip
    place = w.banked("op_address", op["op_address"], op["op_tag"])
    clusters = lane_clusters(w.design)
    address = w.delayed("broadcast_address", place, ADDRESS_WAIT - clusters.address_lead)
    return clusters.add(n, buses, address, control, w.loads.get(clusters.weights.name, {}))
