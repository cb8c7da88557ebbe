"""From the heads of the drain chains to rounded rows of both phases.

Behind each of the U chains: `combine`, in the second phase the adder tree of `join`, rounding to
`block_spectrum`, inverse transforms of the block sizes that occur, rounding to `preactivation` (or, of a
projection, to `output`). Blocks smaller than the tile have tile / k transforms side by side. In a split
cell the rows of x are kept and added to those of the following pass (`parts`).
"""

from __future__ import annotations

from dataclasses import dataclass

from myhdl import always, always_comb, block, instances

from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.structure import Structure
from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Array, Bit, Word, bits_for, unsigned
from ernn_myhdl.program.program import Program
from ernn_myhdl.rtl import drain, fft, rounding
from ernn_myhdl.rtl.cells.elementwise import BIAS_LATENCY, add_bias, arrays_leaf
from ernn_myhdl.rtl.delay import delayed
from ernn_myhdl.rtl.memory import READ_LATENCY, store

#: Kept rows are read; sum; saturation.
PARTS_LATENCY = READ_LATENCY + BIAS_LATENCY + rounding.LATENCY


@block
def sort_parts(valid, part, whole, partial):
    """partial: valid rows of x, to be kept; whole: valid rows to which those are added."""

    @always_comb
    def sort():
        whole.next = valid and not part
        partial.next = valid and part

    return sort


@block
def count_chunks(clk, rst, valid, index, chunks):
    """index: of the chunk that is valid, from 0 in every frame of so many chunks."""
    counter = unsigned(len(index))
    last = chunks - 1

    @always_comb
    def tell():
        index.next = counter

    @always(clk.posedge)
    def count():
        if rst:
            counter.next = 0
        elif valid:
            if counter == last:
                counter.next = 0
            else:
                counter.next = counter + 1

    return instances()


@made_once
def sort_leaf() -> Leaf:
    """Where rows of a split cell go."""
    ports = ins(valid=Bit(), part=Bit()) | outs(whole=Bit(), partial=Bit())
    return Leaf("sort_parts", sort_parts, ports)


@made_once
def count_leaf(chunks: int) -> Leaf:
    """Position of a chunk of rows in its frame."""
    ports = ins(clk=Bit(), rst=Bit(), valid=Bit()) | outs(index=Word(bits_for(chunks)))
    return Leaf(f"count_chunks_{chunks}", count_chunks, ports, {"chunks": chunks})


def head_latency(column_groups: int) -> int:
    """Cycles from the drain's head to rounded block spectra."""
    levels = max(column_groups, 1).bit_length() - 1
    return drain.COMBINE_LATENCY + drain.JOIN_LATENCY * levels + rounding.LATENCY


def sums_latency(cell: Cell) -> int:
    """Cycles from rounded block spectra to rows of pre-activations."""
    longest = max(fft.inverse_latency(k) for k in {cell.x_block, cell.y_block})
    return longest + rounding.LATENCY + (PARTS_LATENCY if cell.split else 0)


def output_latency(cell: Cell) -> int:
    """Cycles from rounded block spectra to rounded rows of a second phase."""
    if cell.second_phase != "projection":
        return sums_latency(cell)
    return fft.inverse_latency(cell.m_block) + rounding.LATENCY


@dataclass(frozen=True)
class Rows:
    """Rounded rows: U tiles of pre-activations, when they are valid and the tag of their frame."""

    rows: Net
    valid: Net
    tag: Net


class RowsBehindDrain:
    """The blocks behind the drain in the netlist n of a core; see the module.

    op: of the sequencer. heads: of the chains. wait: cycles from the sequencer's operation to them.
    """

    def __init__(
        self,
        n: Netlist,
        design: Structure,
        program: Program,
        op: dict[str, Net],
        heads: list[Net],
        tag_word: Word,
        wait: int,
    ) -> None:
        self.n, self.design, self.program, self.op = n, design, program, op
        self.cell, self.formats = design.cell, design.formats.given
        self.clk, self.rst = n.nets["clk"], n.nets["rst"]
        self._signals: dict[tuple[int, int], Net] = {}
        self._sums: dict[tuple[int, int], Net] = {}
        self.gate_valid, self.second_valid, tag = self._control(wait)
        self.tag, self.part = self._split_tag(tag, tag_word)
        #: Cycles from the heads to what was made last.
        self.age = drain.COMBINE_LATENCY
        spectra = self._spectra(heads)
        self.sections = self._sections("gate", self.gate_valid, list(range(len(heads))))
        if second := self.cell.second_phase:
            row_heads = list(range(0, len(heads), max(self.program.groups, 1)))
            self.sections += self._sections(second, self.second_valid, row_heads)
        for section in self.sections:
            self._probe(f"{section.prefix}accumulators", section, spectra, self.age)
        self.blocks = self._rounded(spectra)

    def delayed(self, label: str, net: Net, cycles: int) -> Net:
        return delayed(self.n, label, net, cycles)

    def add(self) -> tuple[Rows, Rows | None]:
        """Rows of the first phase and, of a cell that has one, of the second.

        Those of a projection are the rounded y, `output_width` tiles.
        """
        second = self.cell.second_phase
        for section in self.sections:
            self._probe(section.spectra, section, self.blocks, self.age)
        first = self._phase("gate", [s for s in self.sections if s.phase == "gate"])
        if not second:
            return first, None
        rest = [s for s in self.sections if s.phase == second]
        if second == "projection":
            return first, self._outputs(rest[0])
        return first, self._phase(second, rest)

    def _control(self, wait: int) -> tuple[Net, Net, Net]:
        """What the heads of the chains hold: rows of the first and of the second phase, and their tag, with which a split cell's mark of x goes."""
        n, tag = self.n, self.op["op_tag"]
        if self.cell.split:
            tag = n.bundle("marked_tag", Word(tag.type.width + 1), tag, self.op["op_part"])
        made = n.add(
            "drain_control",
            drain.control_leaf(tag.type.width),
            clk=self.clk,
            rst=self.rst,
            loaded=self.delayed("drain_loaded", self.op["op_last"], wait),
            shifting=self.delayed("drain_shifting", self.op["shifting"], wait),
            pass_second=self.delayed("drain_second", self.op["op_second"], wait),
            pass_tag=self.delayed("drain_tag", tag, wait),
        )
        return made["gate_valid"], made["output_valid"], made["tag"]

    def _split_tag(self, tag: Net, word: Word) -> tuple[Net, Net | None]:
        """The tag by itself and, of a split cell, the mark of x."""
        if not self.cell.split:
            return tag, None
        alone = self.n.bundle("head_tag", word, (tag, 0, word.width))
        return alone, self.n.bundle("head_part", Bit(), (tag, word.width, 1))

    def _spectra(self, heads: list[Net]) -> list[Net]:
        """Unrounded spectra: combined, and of the second phase joined."""
        n, word = self.n, self.design.accumulator_word
        combine = drain.combine_leaf(self.cell.tile, word)
        spectra = [
            n.add(f"combine_{u}", combine, clk=self.clk, sums=head)["spectrum"]
            for u, head in enumerate(heads)
        ]
        node = drain.join_leaf(self.cell.tile, word)
        step = 1
        while step < max(self.program.groups, 1):
            enable = self.delayed(f"join_enable_{step}", self.second_valid, self.age - 1)
            for u in range(len(spectra)):
                if u % (2 * step) < step:
                    pair = n.add(
                        f"join_{step}_{u}", node, clk=self.clk, enable=enable, low=spectra[u],
                        high=spectra[u + step],
                    )  # fmt: skip
                    spectra[u], spectra[u + step] = pair["low_out"], pair["high_out"]
            self.age += drain.JOIN_LATENCY
            step *= 2
        return spectra

    def _rounded(self, spectra: list[Net]) -> list[Net]:
        """Block spectra in their format."""
        f, word = self.formats, self.design.accumulator_word
        leaf = rounding.leaf(
            self.cell.tile, word, f.block_spectrum.word, f.accumulator_frac - f.block_spectrum.frac
        )
        self.age += rounding.LATENCY
        return [
            self.n.add(f"round_spectrum_{u}", leaf, clk=self.clk, source=s)["target"]
            for u, s in enumerate(spectra)
        ]

    def _sections(self, phase: str, valid: Net, heads: list[int]) -> list[_Section]:
        """What the passes of a phase give: in a split cell x and the others apart."""
        prefix = "" if phase == "gate" else f"{phase}_"
        others = self.cell.y_block if phase == "gate" else self.cell.m_block
        spectra = f"{phase}_spectra"
        part = self.part
        if part is None or phase == "projection":
            return [_Section(phase, prefix, spectra, "sums", valid, others, heads)]
        sort = sort_leaf()
        made = self.n.add(f"sort_{phase}", sort, valid=valid, part=part)
        return [
            _Section(
                phase, f"{prefix}input_", f"{phase}_input_spectra", "input_sums", made["partial"],
                self.cell.x_block, heads,
            ),
            _Section(phase, prefix, spectra, "recurrent_sums", made["whole"], others, heads),
        ]  # fmt: skip

    def _probe(self, stage: str, section: _Section, nets: list[Net], at: int) -> None:
        valid = self.delayed(f"{stage}_valid", section.valid, at)
        self.n.probe(stage, valid, *[nets[u] for u in section.heads])

    def _phase(self, phase: str, sections: list[_Section]) -> Rows:
        """Rows of pre-activations of a phase."""
        longest = max(fft.inverse_latency(s.block) for s in sections)
        done = self.age + longest + rounding.LATENCY
        made = []
        for section in sections:
            label = f"{phase}_{section.sums}"
            rows = self._joined(
                f"{label}_rows", [self._sum(u, section.block) for u in section.heads]
            )
            early = longest - fft.inverse_latency(section.block)
            rows = self.delayed(f"{label}_wait", rows, early)
            valid = self.delayed(f"{label}_rows_valid", section.valid, done)
            self.n.probe(label, valid, rows)
            made.append((rows, valid))
        rows, valid = made[-1]
        if len(made) > 1:
            rows = self._parts(phase, *made[0], rows, valid)
            valid = self.delayed(f"{phase}_sums_valid", valid, PARTS_LATENCY)
            self.n.probe(f"{phase}_sums", valid, rows)
            done += PARTS_LATENCY
        return Rows(rows, valid, self.delayed(f"{phase}_rows_tag", self.tag, done))

    def _parts(self, phase: str, x: Net, x_valid: Net, rows: Net, valid: Net) -> Net:
        """rows + the rows of x of the same cells, which came before; PARTS_LATENCY."""
        n, kind, word = self.n, rows.type, rows.type.width
        program = self.program
        chunks = program.gate_chunks if phase == "gate" else program.output_groups
        count = count_leaf(chunks)
        places = [
            n.add(f"{phase}_{label}", count, clk=self.clk, rst=self.rst, valid=when)["index"]
            for label, when in (("part_in", x_valid), ("part_out", valid))
        ]
        memory = store(f"{phase}_part_store", chunks, kind, 1, 1, 1)
        page = n.zero(f"{phase}_part_page", memory.ports["read_page"].type)
        kept = n.add(
            f"{phase}_part_store", memory, clk=self.clk, rst=self.rst, write=x_valid, data=x,
            write_index=places[0], read_index=places[1], write_page=page, read_page=page,
        )["q"]  # fmt: skip
        adder = arrays_leaf(
            f"add_parts_{kind.count}", add_bias, kind.count, {"row": word, "bias": word},
            {"total": word + 1}, {},
        )  # fmt: skip
        late = self.delayed(f"{phase}_part_rows", rows, READ_LATENCY)
        total = n.add(f"{phase}_parts", adder, clk=self.clk, row=late, bias=kept)["total"]
        saturate = rounding.leaf(kind.count, word + 1, word, 0)
        return n.add(f"{phase}_parts_saturated", saturate, clk=self.clk, source=total)["target"]

    def _outputs(self, section: _Section) -> Rows:
        """Rows of a projection."""
        fmt, k = self.formats.output, section.block
        rows = []
        for u in section.heads:
            signal = self._signal(u, k)
            frac = self.formats.block_spectrum.frac + k.bit_length() - 1
            leaf = rounding.leaf(signal.type.count, signal.type.width, fmt.word, frac - fmt.frac)
            rows.append(
                self.n.add(f"round_output_{u}", leaf, clk=self.clk, source=signal)["target"]
            )
        done = self.age + fft.inverse_latency(k) + rounding.LATENCY
        return Rows(
            self._joined("y_rows", rows),
            self.delayed("y_rows_valid", section.valid, done),
            self.delayed("y_rows_tag", self.tag, done),
        )

    def _sum(self, u: int, k: int) -> Net:
        """A row of chain u in the format of pre-activations, from blocks of k."""
        if (u, k) not in self._sums:
            signal, fmt = self._signal(u, k), self.formats.preactivation
            frac = self.formats.block_spectrum.frac + k.bit_length() - 1
            leaf = rounding.leaf(signal.type.count, signal.type.width, fmt.word, frac - fmt.frac)
            label = f"round_row_{u}" + (f"_of_{k}" if k < self.cell.tile else "")
            self._sums[u, k] = self.n.add(label, leaf, clk=self.clk, source=signal)["target"]
        return self._sums[u, k]

    def _signal(self, u: int, k: int) -> Net:
        """The unrounded signal of chain u, a tile from blocks of k; fft.inverse_latency(k)."""
        if (u, k) not in self._signals:
            self._signals[u, k] = self._transformed(u, k)
        return self._signals[u, k]

    def _transformed(self, u: int, k: int) -> Net:
        source = self.blocks[u]
        leaf = fft.inverse_leaf(k, self.formats.block_spectrum.word)
        if leaf is None:
            return source
        count, width = source.type.count // k, source.type.width
        if count == 1:
            return self.n.add(f"ifft_{u}", leaf, clk=self.clk, source=source)["target"]
        signals = []
        for i in range(count):
            part = (source, i * k * width, k * width)
            cut = self.n.bundle(f"block_{i}_of_{k}_of_{u}", Array(k, width), part)
            made = self.n.add(f"ifft_{u}_of_{k}_{i}", leaf, clk=self.clk, source=cut)
            signals.append(made["target"])
        return self._joined(f"signal_{u}_of_{k}", signals)

    def _joined(self, label: str, nets: list[Net]) -> Net:
        """Arrays of one width, one after the other."""
        kind = nets[0].type
        return self.n.bundle(label, Array(kind.count * len(nets), kind.width), *nets)


@dataclass(frozen=True)
class _Section:
    """Rows of one block size of a phase: the names of its tensors, when they are at the drain's head,
    their block size and their chains."""

    phase: str
    prefix: str
    spectra: str
    sums: str
    valid: Net
    block: int
    heads: list[int]
