"""From the heads of the drain chains to m and y: rounded rows, element-wise units, memories between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ernn_myhdl.design.design import complete
from ernn_myhdl.design.structure import Structure
from ernn_myhdl.hdl.components import Contents, Rom
from ernn_myhdl.hdl.netlist import Net
from ernn_myhdl.hdl.types import Array, Word, bits_for
from ernn_myhdl.rtl import drain, rows
from ernn_myhdl.rtl.cells import cell_parts, elementwise
from ernn_myhdl.rtl.cells.elementwise import Kept, Unit
from ernn_myhdl.rtl.cells.parameters import parameter_contents, parameter_layout
from ernn_myhdl.rtl.cells.units import units_for
from ernn_myhdl.rtl.core.cell_state import CellState, state_items
from ernn_myhdl.rtl.core.state_loading import StateLoading
from ernn_myhdl.rtl.core.wiring import Wiring
from ernn_myhdl.rtl.memory import READ_LATENCY
from ernn_myhdl.rtl.rows import Rows
from ernn_myhdl.rtl.sequencer import sequencer
from ernn_myhdl.rtl.weights.distribution import written

#: Names of the units of the two phases, and what the names of their blocks begin with.
UNIT_LABELS = ("cells", "candidates")
#: How a unit of the second phase reads what that of the first one keeps: (index, page, width) -> data.
Reader = Callable[[Net, Net, int], Net]


def parameter_memory(design: Structure, label: str, unit: Unit, width: int, groups: int) -> Rom:
    """The memories of biases, peepholes and masks of `width` blocks of a unit; groups: of blocks, each with a word for every
    part that the unit takes."""
    groups *= design.cell.tile // unit.cells
    return Rom(
        f"{label}_parameters",
        bits_for(groups),
        Word(sum(count * bits for _, count, bits in parameter_layout(design, unit))),
        Contents(width, groups, lambda: parameter_contents(complete(design), unit, width, groups)),
    )


@dataclass(frozen=True)
class Results:
    """y, when it is valid, and the tag of its frame; of a cell with a second phase the blocks of m. group: of a
    cell with a state, what the gather block of its first unit tells of the cells that are read."""

    y: Net
    y_valid: Net
    y_tag: Net
    m: list[Net]
    m_valid: Net | None
    group: dict[str, Net]


@dataclass(frozen=True)
class UnitResults:
    """The results of a unit's blocks, when they are valid, the tag of their frame; outputs of its gather block;
    how what it keeps is read, by port."""

    results: list[Net]
    valid: Net
    tag: Net
    group: dict[str, Net]
    kept: dict[str, Reader]


def element_wise(
    w: Wiring, op: dict[str, Net], heads: list[Net], states: StateLoading | None
) -> Results:
    """Add what is behind the drain. op: nets of the sequencer; heads: of the drain chains."""
    n, program, cell = w.n, w.program, w.cell
    wait = w.time.issue_to_head - sequencer.ISSUE_LATENCY
    gate_rows, second_rows = rows.RowsBehindDrain(
        n, w.design, program, op, heads, w.tag, wait
    ).add()
    masked = None
    if cell.second_phase == "projection" and second_rows is not None:
        masked = _masked(w, second_rows)
    units = units_for(w.design)
    state = CellState(w, w.hw.cell_blocks) if units[0].reads_state else None
    first = _UnitOfPhase(w, UNIT_LABELS[0], units[0], w.hw.cell_blocks, program.cell_groups, state)
    made = first.add(gate_rows, w.hw.ifft_units, program.gate_chunks, states, {})
    m, m_valid = (made.results, made.valid) if cell.second_phase else ([], None)
    if m_valid is not None:
        n.probe("cell_output", m_valid, *m)
        if len(units) > 1 and second_rows is not None:
            width, groups = program.output_width, program.output_groups
            second = _UnitOfPhase(w, UNIT_LABELS[1], units[1], width, groups, state)
            last = second.add(second_rows, width, groups, states, made.kept)
            y, valid, tag = w.joined("y", last.results), last.valid, last.tag
        else:
            assert masked is not None
            y, valid, tag = masked.rows, masked.valid, masked.tag
        return Results(y, valid, tag, m, m_valid, made.group)
    y = w.joined("y", made.results)
    if "cell_output" in cell.format_names:
        n.probe("cell_output", made.valid, y)
    return Results(y, made.valid, made.tag, m, m_valid, made.group)


def _masked(w: Wiring, made: Rows) -> Rows:
    """Rows of a projection, zero beyond the outputs."""
    count, fmt = w.program.output_width * w.cell.tile, w.formats.output
    leaf = drain.mask_leaf(count, fmt.word, w.program.output_groups, w.cell.outputs)
    return Rows(
        w.n.add("mask_rows", leaf, clk=w.clk, rst=w.rst, valid=made.valid, rows=made.rows)[
            "masked"
        ],
        w.delayed("y_valid", made.valid, drain.MASK_LATENCY),
        w.delayed("y_tag", made.tag, drain.MASK_LATENCY),
    )


class _UnitOfPhase:
    """`width` blocks of a unit with their gather, parameters and kept values; groups: of cells."""

    def __init__(
        self, w: Wiring, label: str, unit: Unit, width: int, groups: int, state: CellState | None
    ) -> None:
        self.w, self.label, self.unit, self.width, self.groups = w, label, unit, width, groups
        self.state = state

    def add(
        self,
        source: Rows,
        units: int,
        chunks: int,
        states: StateLoading | None,
        kept: dict[str, Reader],
    ) -> UnitResults:
        """Add the blocks behind the rows, of which `units` come at once, all of them in `chunks` cycles.

        kept: of the unit of the first phase.
        """
        w, unit, label, k = self.w, self.unit, self.label, self.w.cell.tile
        word, tag_bits = w.formats.preactivation.word, w.tag.width
        gather = elementwise.gather_leaf(
            k, word, units, unit.rows * self.width, chunks, self.groups, tag_bits, label
        )
        group = w.n.add(
            f"{label}_gather", gather, clk=w.clk, rst=w.rst, chunk_valid=source.valid,
            chunk=source.rows, chunk_tag=source.tag,
        )  # fmt: skip
        if unit.cells < k:
            return self._in_parts(group, states)
        valid = w.delayed(f"{label}_valid", group["valid"], READ_LATENCY)
        frame = w.delayed(f"{label}_tag", group["tag"], READ_LATENCY)
        row_blocks = w.split(
            f"{label}_row", w.delayed(f"{label}_rows", group["rows"], READ_LATENCY), k
        )
        nets: list[dict[str, Net]] = [{} for _ in range(self.width)]
        if self.state is not None and unit.reads_state:
            self._give(nets, "state", self.state.read(label, group, states))
            fresh = w.fresh(label, frame)
            for own in nets:
                own["fresh"] = fresh
        for port, read in kept.items():
            page = w.page_of(f"{port}_read", group["tag"])
            self._give(nets, port, read(group["index"], page, self.width))
        if self.state is not None and unit.state_latency is not None:
            states_made = self.state.new(
                self.width, valid, frame, group["index"], unit.state_latency
            )
            for own, net in zip(nets, states_made, strict=True):
                own["new_state"] = net
        for e, own in enumerate(nets):
            own |= {f"row_{r}": row_blocks[unit.rows * e + r] for r in range(unit.rows)}
        made = self._blocks(
            nets, valid, w.banked(f"{label}_parameters", group["index"], group["tag"])
        )
        readers = {
            each.port: self._keep(each, [m[each.port] for m in made], valid, frame, group["index"])
            for each in unit.kept
        }
        return UnitResults(
            [m["result"] for m in made],
            w.delayed(f"{label}_done", valid, unit.latency),
            w.delayed(f"{label}_done_tag", frame, unit.latency),
            group,
            kept | readers,
        )

    def _in_parts(self, group: dict[str, Net], states: StateLoading | None) -> UnitResults:
        """The one block of a unit that takes a part of a block of cells in a cycle; see `ernn_myhdl.rtl.cells.cell_parts`.

        Blocks of rows and states are cut into parts, those of parameters are read so, results are put together.
        """
        w, n, unit, label, k = self.w, self.w.n, self.unit, self.label, self.w.cell.tile
        cycles = k // unit.cells
        places = n.add(
            f"{label}_places", cell_parts.places_leaf(self.groups, w.tag.width, cycles), clk=w.clk,
            rst=w.rst, valid=group["valid"], index=group["index"], tag=group["tag"],
        )  # fmt: skip
        own: dict[str, Net] = {}
        for r, row in enumerate(w.split(f"{label}_row", group["rows"], k)):
            part = cell_parts.parts(n, f"{label}_row_{r}", group["valid"], row, cycles)
            own[f"row_{r}"] = w.delayed(f"{label}_row_{r}_late", part, READ_LATENCY)
        if self.state is not None and unit.reads_state:
            state = self.state.read(label, group, states)
            load = w.delayed(f"{label}_state_load", group["valid"], READ_LATENCY)
            own["state"] = cell_parts.parts(n, f"{label}_state", load, state, cycles)
            own["fresh"] = w.fresh(label, w.delayed(f"{label}_tag", places["held"], READ_LATENCY))
        # of whole blocks, as if all of their parts were there with the last one
        late = cell_parts.latency(cycles)
        frame = w.delayed(f"{label}_last_tag", group["tag"], READ_LATENCY + late)
        valid = w.delayed(f"{label}_valid", group["valid"], READ_LATENCY + late)
        index = w.delayed(f"{label}_last_index", group["index"], late)
        states_made: list[Net] = []
        if self.state is not None and unit.state_latency is not None:
            states_made = self.state.new(1, valid, frame, index, unit.state_latency)
        active = w.delayed(f"{label}_active", places["active"], READ_LATENCY)
        place = w.banked(f"{label}_parameters", places["place"], places["held"])
        (made,) = self._blocks([own], active, place)
        for net in states_made:
            n.wire(net, cell_parts.whole(n, f"{label}_new_state", made["new_state"], cycles))
        outputs = ["result", *(each.port for each in unit.kept)]
        blocks = {p: cell_parts.whole(n, f"{label}_{p}", made[p], cycles) for p in outputs}
        kept = {e.port: self._keep(e, [blocks[e.port]], valid, frame, index) for e in unit.kept}
        done = w.delayed(f"{label}_done", valid, unit.latency)
        tag = w.delayed(f"{label}_done_tag", frame, unit.latency)
        return UnitResults([blocks["result"]], done, tag, group, kept)

    def _give(self, nets: list[dict[str, Net]], port: str, q: Net) -> None:
        """The blocks' shares of what is read for all of them."""
        for own, part in zip(
            nets, self.w.split(f"{self.label}_{port}", q, self.w.cell.tile), strict=True
        ):
            own[port] = part

    def _blocks(self, nets: list[dict[str, Net]], valid: Net, place: Net) -> list[dict[str, Net]]:
        """The blocks with their parameters, read at `place`; returns the outputs of each."""
        w, unit, label = self.w, self.unit, self.label
        layout = parameter_layout(w.design, unit)
        memory = parameter_memory(w.design, label, unit, self.width, self.groups)
        parameters, load = written(w.hw, memory), w.loads.get(memory.name, {})
        made = []
        for e, own in enumerate(nets):
            name = f"{label}_parameters_{e}"
            q = w.n.add(name, parameters, e, clk=w.clk, address=place, **load)["q"]
            low = 0
            for field, count, bits in layout:
                kind = unit.block.ports[field].type
                own[field] = w.n.bundle(f"{label}_{field}_of_{e}", kind, (q, low, count * bits))
                low += count * bits
            made.append(
                w.n.add(f"{label}_{e}", unit.block, clk=w.clk, rst=w.rst, valid=valid, **own)
            )
        return made

    def _keep(self, kept: Kept, nets: list[Net], valid: Net, frame: Net, index: Net) -> Reader:
        """A memory for what the blocks of the first unit keep; returns how the second reads it."""
        w, at, port = self.w, kept.latency, kept.port

        def read(read_index: Net, page: Net, width: int) -> Net:
            tag = w.delayed(f"{port}_tag", frame, at)
            return w.read(
                port, Array(w.cell.tile, kept.word), state_items(w, self.width), len(nets), width,
                w.m_pages, write=w.delayed(f"{port}_write", valid, at),
                write_index=w.delayed(f"{port}_index", index, READ_LATENCY + at),
                write_page=w.page_of(f"{port}_written", tag),
                data=w.joined(f"{port}_data", nets), read_index=read_index, read_page=page,
            )  # fmt: skip

        return read
