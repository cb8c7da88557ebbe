"""The core: all blocks of one design joined into a netlist.

    s_axis -> FIFO -> framing -> FFT -> x store --+
                                                  +-> column select -> broadcast -> lanes (weights)
        +--> FFT -> y store ----------------------+                                   |
        |    FFT -> m store ----------------------+                             drain chain
        |     ^                                                                       |
    output    +---- element-wise unit <- gather <---- round <- IFFT <- round <- combine, join
        |                                               |
        +<----------------------------------------------+ (second phase: a projection's mask, or the
        v                                                  candidate's unit; without one, y is m)
    output store -> framing -> FIFO -> m_axis

Ports: clk; rst, synchronous and active high; s_axis_* and m_axis_* (AXI4-Stream: tvalid, tready,
tdata, tlast on the last beat of a frame, tuser on the first beat of a sequence, and with several
streams tid, the stream of the frame); frame_error, high from a frame of wrong length until reset.
With `Hardware.initial_states` tuser has a second bit, of sequences that start from a loaded state, and
s_state_* brings those states (`ernn_myhdl.rtl.core.state_loading`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.design import CoreStructure, Structure, complete
from ernn_myhdl.hdl.netlist import Contents, Leaf, Net, Netlist, Rom, Type
from ernn_myhdl.hdl.types import Array, Bit, Word, bits_for
from ernn_myhdl.program.program import Program, lane_contents, program_for
from ernn_myhdl.rtl import broadcast, cluster, drain, fft, lane, rows, sequencer, stream
from ernn_myhdl.rtl.cells import elementwise
from ernn_myhdl.rtl.cells.elementwise import Unit
from ernn_myhdl.rtl.cells.parameters import parameter_contents, parameter_layout
from ernn_myhdl.rtl.cells.units import unit_latencies, units_for
from ernn_myhdl.rtl.core.state_loading import FIRST, StateLoading
from ernn_myhdl.rtl.delay import delayed, word_leaf
from ernn_myhdl.rtl.memory import READ_LATENCY, store

#: Name of the memory of the program; `program` is a keyword of SystemVerilog.
PROGRAM_WORDS = "program_words"
#: Names of the units of the two phases, and what the names of their blocks begin with.
UNIT_LABELS = ("cells", "candidates")
#: Cycles from an operation's address to the broadcast tree, behind which the weights are read.
ADDRESS_WAIT = broadcast.SELECT_LATENCY


@dataclass(frozen=True)
class Latencies:
    """Cycles between the events of a frame, summed from the blocks' own latencies.

    block_to_issue: a block of x is cut -> an operation may use it.
    issue_to_head: the last operation of a pass is decided -> its first rows are at the drain's head.
    head_to_rows: drain's head -> rounded rows of the first phase. rows_to_cells: a group's last rows ->
    results of the first phase's element-wise unit. head_to_second: drain's head -> rounded rows of the
    second phase. rows_to_output: these -> y.
    forward_x, forward_m, forward_y: a block enters its forward transform -> its spectrum is written;
    usable a cycle later.
    """

    block_to_issue: int
    issue_to_head: int
    head_to_rows: int
    rows_to_cells: int
    head_to_second: int
    rows_to_output: int
    forward_x: int
    forward_m: int
    forward_y: int
    beat_to_output: int


def latencies(design: Structure) -> Latencies:
    """The latencies of `design`."""
    return layer_latencies(design.cell, program_for(design).groups)


@lru_cache(maxsize=64)
def layer_latencies(cell: Cell, column_groups: int) -> Latencies:
    """The latencies of a cell with so many column groups in its second phase; 0: it has none."""
    forward_x, forward_m, forward_y = (
        fft.forward_latency(k) for k in (cell.x_block, cell.m_block, cell.y_block)
    )
    units = [elementwise.GATHER_LATENCY + READ_LATENCY + n for n in unit_latencies(cell)]
    spectra = rows.head_latency(column_groups)
    return Latencies(
        block_to_issue=stream.FRAMING_LATENCY + forward_x + 1,
        issue_to_head=issue_to_broadcast() + lane.LATENCY,
        head_to_rows=spectra + rows.sums_latency(cell),
        rows_to_cells=units[0],
        head_to_second=spectra + rows.output_latency(cell),
        rows_to_output=units[1] if len(units) > 1 else drain.MASK_LATENCY,
        forward_x=forward_x,
        forward_m=forward_m,
        forward_y=forward_y,
        beat_to_output=READ_LATENCY + stream.FIFO_LATENCY,
    )


def issue_to_broadcast() -> int:
    """Cycles from the decision of the sequencer to the operands at the lanes' ports."""
    return (
        sequencer.ISSUE_LATENCY
        + READ_LATENCY
        + broadcast.SELECT_LATENCY
        + broadcast.BROADCAST_LATENCY
    )


def program_memory(program: Program) -> Rom:
    """The memory of the program."""
    words = Contents(1, program.length, lambda: [program.words()])
    return Rom(PROGRAM_WORDS, program.address_bits, Word(sum(program.field_bits.values())), words)


def parameter_memory(design: Structure, label: str, unit: Unit, width: int, groups: int) -> Rom:
    """The memories of biases, peepholes and masks of `width` blocks of a unit."""
    return Rom(
        f"{label}_parameters",
        bits_for(groups),
        Word(sum(count * bits for _, count, bits in parameter_layout(design, unit))),
        Contents(width, groups, lambda: parameter_contents(complete(design), unit, width, groups)),
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
        weights=Rom(
            "lane_weights",
            program.address_bits,
            Array(k, f.weight_word),
            Contents(hw.lanes, program.length, lambda: lane_contents(complete(design))),
        ),
    )


def lane_side(design: Structure) -> list[tuple[Leaf | Rom, int]]:
    """The components that follow the number of lanes, with their instances in the core.

    All others are the same for designs that differ in lanes only, as long as the column groups of their
    second phase are as many.
    """
    program = program_for(design)
    return [
        (program_memory(program), 2),
        (sequencer.leaf(design), 1),
        (word_leaf(program.address_bits, ADDRESS_WAIT), 1),
        *lane_clusters(design).components(),
    ]


class _Core:
    """Builds the netlist step by step; the attributes are the nets that the steps share."""

    def __init__(self, design: Structure) -> None:
        self.design = design
        self.cell, self.hw, self.formats = design.cell, design.hardware, design.formats.given
        self.program = program_for(design)
        self.time = latencies(design)
        self.n = Netlist(f"{design.name}_core")
        self.clk = self.n.input("clk", Bit())
        self.rst = self.n.input("rst", Bit())
        self.stream = Word(bits_for(design.hardware.streams))
        self.tag = Word(sequencer.tag_bits(design))
        self.flags = sequencer.flags(design.hardware.initial_states)
        self.user = Word(2) if design.hardware.initial_states else Bit()
        # one stream: m of the next frame waits for y, so for all that reads m
        self.m_pages = design.hardware.frames_in_flight if design.hardware.streams > 1 else 1

    def build(self) -> Netlist:
        self.write_x, self.write_y, self.write_m = (
            self.n.net(f"{s}_write", Bit()) for s in ("x", "y", "m")
        )
        self.y_written_tag = self.n.net("y_written_tag", self.tag)
        self.output_release = self.n.net("output_release", Bit())
        self.x_release = self.n.net("x_release", Bit())
        self.states = StateLoading(self) if self.design.loads_states else None
        self.input_side()
        self.sequence()
        rows = self.products()
        self.drained(rows)
        self.element_wise()
        self.transformed()
        self.output_side()
        if self.states:
            first, from_state, tid = self.head
            self.states.pages(first, from_state, tid, self.cut)
        return self.n

    def delayed(self, label: str, net: Net, cycles: int) -> Net:
        return delayed(self.n, label, net, cycles)

    def low_bits(self, label: str, net: Net, kind: Type) -> Net:
        """The low bits of a word, padded with zeros where it is shorter than `kind`."""
        if net.type == kind:
            return net
        parts: list = [(net, 0, min(kind.bits, net.type.bits))]
        if kind.bits > net.type.bits:
            parts.append(self.n.zero(f"{label}_padding", Word(kind.bits - net.type.bits)))
        return self.n.bundle(label, kind, *parts)

    def split(self, label: str, net: Net, count: int) -> list[Net]:
        """An array net cut into arrays of `count` elements."""
        width = net.type.width
        return [
            self.n.bundle(
                f"{label}_{i}", Array(count, width), (net, i * count * width, count * width)
            )
            for i in range(net.type.count // count)
        ]

    def joined(self, label: str, nets: list[Net]) -> Net:
        """Arrays of one width, one after the other."""
        kind = nets[0].type
        return self.n.bundle(label, Array(kind.count * len(nets), kind.width), *nets)

    def tiled(self, label: str, column: Net) -> Net:
        """A block repeated to the size of the tile."""
        times = self.cell.tile // column.type.count
        return column if times == 1 else self.joined(f"{label}_column_tiled", [column] * times)

    def forward(self, label: str, name: str, source: Net, target) -> Net:
        """A forward transform; `name` is the source format's field."""
        cell = self.cell
        points = {"input": cell.x_block, "output": cell.y_block, "cell_output": cell.m_block}[name]
        if not hasattr(self, "_forwards"):
            self._forwards: dict[str, Netlist] = {}
        if name not in self._forwards:
            self._forwards[name] = fft.forward(
                f"fft_{name}", points, getattr(self.formats, name), target
            )
        return self.n.add(label, self._forwards[name], clk=self.clk, rst=self.rst, source=source)[
            "target"
        ]

    def input_side(self) -> None:
        n, k, hw = self.n, self.cell.x_block, self.hw
        word = self.formats.input.word
        tdata = Word(hw.samples_per_beat * hw.sample_bits)
        valid = n.input("s_axis_tvalid", Bit())
        ready = n.output("s_axis_tready", Bit())
        data = n.input("s_axis_tdata", tdata)
        tlast = n.input("s_axis_tlast", Bit())
        user = n.input("s_axis_tuser", self.user)
        fields = [data, tlast, user]
        if hw.streams > 1:
            fields.append(n.input("s_axis_tid", self.stream))
        word_bits = sum(f.type.bits for f in fields)
        beat = n.bundle("s_beat", Word(word_bits), *fields)
        pop = n.net("s_pop", Bit())
        head = n.add(
            "input_fifo", stream.fifo_leaf("input_fifo", word_bits), clk=self.clk,
            rst=self.rst, in_valid=valid, in_ready=ready, in_word=beat, out_ready=pop,
        )  # fmt: skip
        tid = n.zero("s_head_stream", self.stream)
        if hw.streams > 1:
            place = (head["out_word"], word_bits - self.stream.width, self.stream.width)
            tid = n.bundle("s_head_tid", self.stream, place)
        first = n.bundle("s_head_user", Bit(), (head["out_word"], tdata.width + 1, 1))
        more = {}
        if hw.initial_states:
            from_state = n.bundle("s_head_loaded", Bit(), (head["out_word"], tdata.width + 2, 1))
            held = self.states.held if self.states else n.zero("never_held", Bit())
            more = {"from_state": from_state, "held": held}
            self.head = first, from_state, tid
        error = self.states.input_error if self.states else n.output("frame_error", Bit())
        samples = n.bundle(
            "s_samples",
            Array(hw.samples_per_beat, word),
            *[(head["out_word"], i * hw.sample_bits, word) for i in range(hw.samples_per_beat)],
        )
        cut = self.cut = n.add(
            "input_frames",
            stream.input_leaf(
                k, word, hw.samples_per_beat, self.cell.inputs, hw.streams, hw.initial_states
            ),
            clk=self.clk,
            rst=self.rst,
            beat_valid=head["out_valid"],
            beat_ready=pop,
            samples=samples,
            tlast=n.bundle("s_head_last", Bit(), (head["out_word"], tdata.width, 1)),
            user=first,
            stream=tid,
            page_free=self.x_release,
            error=error,
            **more,
        )
        self.frame = {
            f"frame_{name}": cut[f"frame_{name}"] for name in ("start", "fresh", "stream")
        }
        if hw.initial_states:
            kinds = cut["frame_fresh"], cut["frame_loaded"]
            self.frame["frame_fresh"] = n.bundle("frame_kind", self.user, *kinds)
        n.probe("input", cut["block_valid"], cut["sample_block"])
        spectrum = self.forward("fft_x", "input", cut["sample_block"], self.formats.input_spectrum)
        self.x_spectrum = spectrum
        written = self.delayed("x_written", cut["block_valid"], self.time.forward_x)
        n.wire(self.write_x, written)
        n.probe("input_spectrum", self.write_x, spectrum)

    def sequence(self) -> None:
        n, program = self.n, self.program
        widths = program.field_bits
        rom, leaf = program_memory(program), sequencer.leaf(self.design)
        nets = {}
        for part in ("gate", "second"):
            fetch = nets[f"{part}_fetch"] = n.net(f"{part}_fetch", Word(program.address_bits))
            word = n.add(f"{part}_program", rom, clk=self.clk, address=fetch)["q"]
            low = 0
            for name, width in widths.items():
                field = f"{part}_{name}"
                if field in leaf.ports:
                    nets[field] = n.bundle(field, leaf.ports[field].type, (word, low, width))
                low += width
        self.op = n.add(
            "sequencer", leaf, clk=self.clk, rst=self.rst, **nets, **self.frame,
            x_write=self.write_x, y_write=self.write_y,
            y_write_stream=n.bundle(
                "y_write_stream", self.stream,
                (self.y_written_tag, self.flags, self.stream.width),
            ),
            m_write=self.write_m, output_release=self.output_release, x_release=self.x_release,
        )  # fmt: skip

    def read(self, name: str, item: Array, items: int, write_items: int, read_items: int, pages: int,
             label: str = "", /, **nets: Net) -> Net:  # fmt: skip
        """A store of blocks with its read data; nets: its other ports, padded or cut to their widths."""
        memory = store(f"{name}_store", items, item, write_items, read_items, pages)
        for port in ("write_page", "write_index", "read_page", "read_index"):
            nets[port] = self.low_bits(
                f"{label or name}_{port}", nets[port], memory.ports[port].type
            )
        return self.n.add(f"{label or name}_store", memory, clk=self.clk, rst=self.rst, **nets)["q"]

    def products(self) -> list[Net]:
        """Stores, column selection, broadcast and lanes; returns the heads of the drain chains."""
        n, program, cell, hw, f = self.n, self.program, self.cell, self.hw, self.formats
        k, groups = cell.tile, max(program.groups, 1)
        index = {"read_index": self.op["op_index"]}
        x_nets = {
            "write": self.write_x, "data": self.x_spectrum, "write_page": self.op["x_write_page"],
            "write_index": self.op["x_write_index"],
        }  # fmt: skip
        x_word, more = f.input_spectrum.word, {}
        x_item = Array(cell.x_block, x_word)
        x_column = self.read(
            "x", x_item, cell.input_blocks, 1, 1, 2, read_page=self.op["x_page"], **x_nets, **index
        )
        if cell.second_reads_x:  # a copy, of which every column group reads a column of its own
            items = program.input_steps * groups
            q = self.read(
                "second_x", x_item, items, 1, groups, 2, read_page=self.op["second_x_page"],
                **x_nets, **index,
            )  # fmt: skip
            second_x = self.delayed("select_second_x", self.op["op_second_x"], READ_LATENCY - 1)
            more = {"second_x": second_x}
            x_columns = self.split("second_x_column", q, cell.x_block)
        y_word, m_word = x_word, x_word
        if cell.recurrent:
            y_word, each = f.output_spectrum.word, k // cell.y_block
            self.y_data = n.net("y_data", Array(program.output_width * k, y_word))
            page = Word(self.stream.width + 1)
            place = (self.y_written_tag, self.flags - 1, page.width)
            written = n.bundle("y_page_written", page, place)
            y_column = self.read(
                "y", Array(cell.y_block, y_word), program.output_groups * program.output_width * each,
                program.output_width * each, 1, 2 * hw.streams, write=self.write_y,
                data=self.y_data, write_page=written,
                write_index=self.op["y_write_index"], read_page=self.op["y_page"], **index,
            )  # fmt: skip
            if self.states:
                y_column = self.states.output_column(
                    y_column, self.op["op_index"], self.op["op_tag"]
                )
        else:
            y_column = n.zero("y_column", Array(cell.y_block, y_word))
        if cell.second_phase:
            m_word, each = f.cell_output_spectrum.word, k // cell.m_block
            self.m_data = n.net("m_data", Array(hw.element_width * k, m_word))
            items = max(
                program.cell_groups * hw.element_width * each,
                (program.steps - program.input_steps) * groups,
            )
            q = self.read(
                "m", Array(cell.m_block, m_word), items, hw.element_width * each, groups,
                self.m_pages, write=self.write_m, data=self.m_data, write_page=self.op["m_write_page"],
                write_index=self.op["m_write_index"], read_page=self.op["m_page"], **index,
            )  # fmt: skip
            m_columns = self.split("m_column", q, cell.m_block)
        else:
            m_columns = [n.zero("m_column", Array(cell.m_block, m_word))]
        x_column, y_column = self.tiled("x", x_column), self.tiled("y", y_column)
        m_columns = [self.tiled(f"m_{g}", column) for g, column in enumerate(m_columns)]
        if more:
            x_columns = [self.tiled(f"second_x_{g}", column) for g, column in enumerate(x_columns)]
        select = broadcast.select_leaf(
            k, (x_word, y_word, m_word), cell.second_reads_x,
            (cell.x_block, cell.y_block, cell.m_block),
        )  # fmt: skip
        tags = {
            name: self.delayed(f"select_{name}", net, READ_LATENCY - 1)
            for name, net in (
                ("recurrent", self.op["op_recurrent"]), ("second", self.op["op_second"]),
                ("fresh", self.fresh("op", self.op["op_tag"])),
            )
        }  # fmt: skip
        buses = [
            n.add(f"select_{g}", select, clk=self.clk, **tags, x_column=x_column,
                  y_column=y_column, m_column=m_columns[g], **more,
                  **({"second_column": x_columns[g]} if more else {}))["column"]
            for g in range(groups)
        ]  # fmt: skip
        control = {
            name: self.delayed(f"broadcast_{name}", self.op[net], ADDRESS_WAIT + READ_LATENCY)
            for name, net in (
                ("valid", "op_valid"), ("first", "op_first"), ("last", "op_last"),
                ("shift", "shifting"),
            )
        }  # fmt: skip
        address = self.delayed("broadcast_address", self.op["op_address"], ADDRESS_WAIT)
        return lane_clusters(self.design).add(n, buses, address, control)

    def drained(self, heads: list[Net]) -> None:
        """From the heads of the drain chains to rounded rows of both phases."""
        n, program, second = self.n, self.program, self.cell.second_phase
        behind = rows.RowsBehindDrain(n, self.design, program, self.op)
        wait = self.time.issue_to_head - sequencer.ISSUE_LATENCY
        self.gate_rows, self.second_rows = behind.add(heads, self.tag, wait)
        made = self.second_rows
        if second != "projection" or made is None:
            return
        self.y = n.add(
            "mask_rows",
            drain.mask_leaf(
                program.output_width * self.cell.tile,
                self.formats.output.word,
                program.output_groups,
                self.cell.outputs,
            ),
            clk=self.clk,
            rst=self.rst,
            valid=made.valid,
            rows=made.rows,
        )["masked"]
        self.y_valid = self.delayed("y_valid", made.valid, drain.MASK_LATENCY)
        self.y_tag = self.delayed("y_tag", made.tag, drain.MASK_LATENCY)

    def element_wise(self) -> None:
        """The element-wise units of both phases, and the memories between them."""
        n, program, hw = self.n, self.program, self.hw
        units = units_for(self.design)
        self.kept: dict[str, Callable[[Net, Net, int], tuple[int, Net]]] = {}
        made = self.unit(
            UNIT_LABELS[0], units[0], hw.element_width, hw.ifft_units, program.gate_chunks,
            program.cell_groups, self.gate_rows,
        )  # fmt: skip
        if self.cell.second_phase:
            self.m, self.m_valid, self.m_tag = made
            n.probe("cell_output", self.m_valid, *self.m)
        else:
            self.y_valid, self.y_tag = made[1:]
            self.y = self.joined("y", made[0])
            if "cell_output" in self.cell.format_names:
                n.probe("cell_output", self.y_valid, self.y)
        if len(units) > 1 and self.second_rows is not None:
            width = program.output_width
            blocks, self.y_valid, self.y_tag = self.unit(
                UNIT_LABELS[1], units[1], width, width, program.output_groups, program.output_groups,
                self.second_rows,
            )  # fmt: skip
            self.y = self.joined("y", blocks)

    def field(self, label: str, tag: Net, low: int, kind: Word) -> Net:
        """A field of a frame's tag."""
        return self.n.bundle(label, kind, (tag, low, kind.width))

    def fresh(self, label: str, tag: Net) -> Net:
        """Whether the frame of a tag starts from a state of zeros."""
        if self.states:
            return self.states.fresh(label, tag)
        return self.n.bundle(f"{label}_fresh", Bit(), (tag, FIRST, 1))

    def stream_of(self, label: str, tag: Net) -> Net:
        return self.field(f"{label}_stream", tag, self.flags, self.stream)

    def page_of(self, label: str, tag: Net) -> Net:
        """The page of m, in the tags of a cell that keeps values for its second phase."""
        low = self.flags + self.stream.width
        return self.field(f"{label}_page", tag, low, Word(self.tag.width - low))

    def unit(self, label: str, unit: Unit, width: int, units: int, chunks: int, groups: int,
             source: rows.Rows) -> tuple[list[Net], Net, Net]:  # fmt: skip
        """`width` blocks of a unit with their gather, parameters, state and kept values.

        Returns the results of the blocks, and when they are valid with their tag.
        """
        n, k, program = self.n, self.cell.tile, self.program
        group = n.add(
            f"{label}_gather",
            elementwise.gather_leaf(
                k, self.formats.preactivation.word, units, unit.rows * width, chunks, groups,
                self.tag.width, label,
            ),
            clk=self.clk, rst=self.rst, chunk_valid=source.valid, chunk=source.rows,
            chunk_tag=source.tag,
        )  # fmt: skip
        valid = self.delayed(f"{label}_valid", group["valid"], READ_LATENCY)
        frame = self.delayed(f"{label}_tag", group["tag"], READ_LATENCY)
        row_blocks = self.split(
            f"{label}_row", self.delayed(f"{label}_rows", group["rows"], READ_LATENCY), k
        )
        layout = parameter_layout(self.design, unit)
        parameters = parameter_memory(self.design, label, unit, width, groups)
        written = program.output_width if self.cell.second_phase == "candidate" else width
        items = max(program.cell_groups * width, program.output_groups * written)
        nets: list[dict[str, Net]] = [{} for _ in range(width)]

        def give(port: str, word: int, q: Net) -> None:
            for e, part in enumerate(self.split(f"{label}_{port}", q, k)):
                nets[e][port] = part

        if self.states and label == UNIT_LABELS[0]:
            self.states.group = group
        if unit.reads_state:
            word = self.formats.cell_state.word
            self.state_data = n.net("state_data", Array(written * k, word))
            self.state_write, self.state_index, self.state_page = (
                n.net("state_write", Bit()),
                n.net("state_index", Word(bits_for(-(-items // written)))),
                n.net("state_page", self.stream),
            )
            state = self.read(
                "state", Array(k, word), items, written, width, self.hw.streams,
                write=self.state_write, write_index=self.state_index, write_page=self.state_page,
                data=self.state_data, read_index=group["index"],
                read_page=self.stream_of(f"{label}_read", group["tag"]),
            )  # fmt: skip
            if self.states:
                state = self.states.cell_state(state, items, group)
            give("state", word, state)
            fresh = self.fresh(label, frame)
            for own in nets:
                own["fresh"] = fresh
        for port, read in self.kept.items():
            give(port, *read(group["index"], self.page_of(f"{port}_read", group["tag"]), width))
        if unit.state_latency is not None:
            at = unit.state_latency
            n.wire(self.state_write, self.delayed("state_written", valid, at))
            index = self.delayed("state_index_written", group["index"], READ_LATENCY + at)
            n.wire(self.state_index, self.low_bits("state_place", index, self.state_index.type))
            tag = self.delayed("state_tag", frame, at)
            n.wire(self.state_page, self.stream_of("state_written", tag))
            states = self.split_target("new_state", self.state_data, width)
            for e, own in enumerate(nets):
                own["new_state"] = states[e]
        made = []
        for e, own in enumerate(nets):
            q = n.add(
                f"{label}_parameters_{e}", parameters, e, clk=self.clk,
                address=group["index"],
            )["q"]  # fmt: skip
            low = 0
            for name, count, bits in layout:
                kind = unit.block.ports[name].type
                own[name] = n.bundle(f"{label}_{name}_of_{e}", kind, (q, low, count * bits))
                low += count * bits
            own |= {f"row_{r}": row_blocks[unit.rows * e + r] for r in range(unit.rows)}
            made.append(
                n.add(f"{label}_{e}", unit.block, clk=self.clk, rst=self.rst, valid=valid, **own)
            )
        for kept in unit.kept:
            self.keep(kept, [m[kept.port] for m in made], items, valid, frame, group["index"])
        done = self.delayed(f"{label}_done", valid, unit.latency)
        return (
            [m["result"] for m in made],
            done,
            self.delayed(f"{label}_done_tag", frame, unit.latency),
        )

    def split_target(self, label: str, target: Net, parts: int) -> list[Net]:
        """Nets that drive an array net together, one after the other."""
        kind = Array(target.type.count // parts, target.type.width)
        nets = [self.n.net(f"{label}_{i}", kind) for i in range(parts)]
        self.n.wire(target, *nets)
        return nets

    def keep(self, kept, nets: list[Net], items: int, valid: Net, frame: Net, index: Net) -> None:
        """A memory for what the first unit keeps; `self.kept` tells how the second reads it."""
        at = kept.latency

        def read(read_index: Net, page: Net, width: int) -> tuple[int, Net]:
            tag = self.delayed(f"{kept.port}_tag", frame, at)
            return kept.word, self.read(
                kept.port, Array(self.cell.tile, kept.word), items, len(nets), width, self.m_pages,
                write=self.delayed(f"{kept.port}_write", valid, at),
                write_index=self.delayed(f"{kept.port}_index", index, READ_LATENCY + at),
                write_page=self.page_of(f"{kept.port}_written", tag),
                data=self.joined(f"{kept.port}_data", nets), read_index=read_index, read_page=page,
            )  # fmt: skip

        self.kept[kept.port] = read

    def transformed(self) -> None:
        """Spectra of m and of y."""
        n, f, cell = self.n, self.formats, self.cell
        if cell.second_phase:
            blocks = self.blocks("m_block", self.m, cell.m_block)
            self.spectra("m", "cell_output", blocks, f.cell_output_spectrum, self.m_data)
            n.wire(self.write_m, self.delayed("m_written", self.m_valid, self.time.forward_m))
            n.probe("cell_output_spectrum", self.write_m, self.m_data)
        else:
            n.wire(self.write_m, n.zero("m_never_written", Bit()))
        n.probe("output", self.y_valid, self.y)
        if not cell.recurrent:
            n.wire(self.write_y, n.zero("y_never_written", Bit()))
            n.wire(self.y_written_tag, n.zero("y_never_tagged", self.tag))
            return
        n.wire(self.write_y, self.delayed("y_written", self.y_valid, self.time.forward_y))
        n.wire(self.y_written_tag, self.delayed("y_tag_written", self.y_tag, self.time.forward_y))
        blocks = self.split("y_block", self.y, cell.y_block)
        self.spectra("y", "output", blocks, f.output_spectrum, self.y_data)
        n.probe("output_spectrum", self.write_y, self.y_data)

    def blocks(self, label: str, tiles: list[Net], k: int) -> list[Net]:
        """Tiles cut into blocks of k."""
        if k == self.cell.tile:
            return tiles
        return [b for i, tile in enumerate(tiles) for b in self.split(f"{label}_{i}", tile, k)]

    def spectra(self, label: str, name: str, blocks: list[Net], target, data: Net) -> None:
        transformed = [
            self.forward(f"fft_{label}_{i}", name, block, target) for i, block in enumerate(blocks)
        ]
        self.n.wire(data, *transformed)

    def output_side(self) -> None:
        n, program, cell, hw = self.n, self.program, self.cell, self.hw
        word, size = self.formats.output.word, hw.samples_per_beat
        group_samples = program.output_width * cell.tile
        beats = -(-cell.outputs // size)
        tdata = Word(size * hw.sample_bits)
        ready = n.input("m_axis_tready", Bit())
        pages = hw.frames_in_flight
        leaf = stream.output_leaf(
            program.output_groups, group_samples, size, cell.outputs, pages, hw.streams,
            hw.initial_states,
        )  # fmt: skip
        held = n.net("m_held", leaf.ports["held"].type)
        pointer = n.add(
            "output_frames", leaf, clk=self.clk, rst=self.rst, write=self.y_valid,
            write_tag=self.low_bits("y_tag_of_output", self.y_tag, leaf.ports["write_tag"].type), held=held, page_free=self.output_release,
        )  # fmt: skip
        items = max(program.output_groups * group_samples, beats * size)
        memory = store("output_store", items, Array(1, word), group_samples, size, pages)

        def port(which: str) -> Net:
            return self.low_bits(f"output_{which}", pointer[which], memory.ports[which].type)

        q = n.add(
            "output_store",
            memory,
            clk=self.clk,
            rst=self.rst,
            write=self.y_valid,
            data=self.y,
            **{name: port(name) for name in ("write_page", "write_index")},
            **{name: port(name) for name in ("read_page", "read_index")},
        )["q"]
        parts: list = []
        for i in range(size):
            parts.append((q, i * word, word))
            parts += [(q, i * word + word - 1, 1)] * (hw.sample_bits - word)
        samples = n.bundle("m_samples", tdata, *parts)
        fields = [samples, pointer["beat_last"], pointer["beat_user"]]
        if hw.initial_states:
            fields.append(pointer["beat_loaded"])
        if hw.streams > 1:
            fields.append(pointer["beat_stream"])
        word_bits = sum(f.type.bits for f in fields)
        beat = n.bundle("m_beat", Word(word_bits), *fields)
        head = n.add(
            "output_fifo", stream.fifo_leaf("output_fifo", word_bits), clk=self.clk,
            rst=self.rst, in_valid=pointer["beat_valid"], in_word=beat, out_ready=ready,
            out_valid=n.output("m_axis_tvalid", Bit()), count=held,
        )["out_word"]  # fmt: skip
        n.wire(n.output("m_axis_tdata", tdata), (head, 0, tdata.width))
        n.wire(n.output("m_axis_tlast", Bit()), (head, tdata.width, 1))
        user = n.output("m_axis_tuser", self.user)
        n.wire(user, (head, tdata.width + 1, self.user.bits))
        if hw.streams > 1:
            place = (head, word_bits - self.stream.width, self.stream.width)
            n.wire(n.output("m_axis_tid", self.stream), place)


def layer_core(design: Structure) -> Netlist:
    """The netlist of the core of one layer."""
    return _Core(design).build()


def core(design: CoreStructure) -> Netlist:
    """The netlist of the whole core, of one layer or of a network."""
    if isinstance(design, Structure):
        return layer_core(design)
    from ernn_myhdl.rtl.core import network

    return network.core(design)
