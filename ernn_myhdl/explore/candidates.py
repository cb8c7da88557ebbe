"""The hardware that a layer may have: all legal combinations, and what each costs and takes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from ernn_myhdl.cycle_model.schedule import layer_cycles
from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.design import SAMPLE_BITS, Activations, Design, Formats, Hardware, Structure
from ernn_myhdl.errors import DesignError
from ernn_myhdl.explore.memories import RAMB18_SHAPES, widest
from ernn_myhdl.explore.resources import Resources, estimate, resources_of
from ernn_myhdl.hdl.block_ram import BLOCK_RAM_DEPTH
from ernn_myhdl.hdl.components import Rom
from ernn_myhdl.program.program import Program, layer_program
from ernn_myhdl.rtl.cells.units import units_for
from ernn_myhdl.rtl.core.element_wise import UNIT_LABELS, parameter_memory
from ernn_myhdl.rtl.core.products import PROGRAM_WORDS, lane_side
from ernn_myhdl.runs.report import multipliers

#: Lanes are these times a power of two.
LANE_FACTORS = (1, 3, 5, 7)
MAX_ELEMENT_WIDTH = 16


@dataclass(frozen=True)
class Numbers:
    """What candidates of one word length share.

    word: bits of weights, x and y. widths: (memory of parameters, blocks side by side, bits of a word, varying bits): which
    bits of the biases and peepholes vary depends on how many memories share them. family: of the device, by
    which resources are told.
    """

    word: int
    cell: Cell
    formats: Formats
    activations: Activations

    @classmethod
    def of(cls, word: int, design: Design, family: str = "xc7") -> Numbers:
        """Those of a design, a layer of a core of this word."""
        widths = tuple(_parameter_widths(design))
        return cls(word, design.cell, design.formats, design.activations, widths, family)

    widths: tuple[tuple[str, int, int, int], ...]
    family: str

    def rom_width(self, rom: Rom, program: Program) -> int:
        """Varying bits of a memory with initial values; all of those of the weights."""
        if rom.name == PROGRAM_WORDS:
            if rom.depth >= BLOCK_RAM_DEPTH and _fits(rom, RAMB18_SHAPES[0]):
                return rom.type.bits  # one RAMB18, however many of them vary
            return program.varying_bits
        for name, memories, bits, width in self.widths:
            if (name, memories, bits) == (rom.name, len(rom.contents), rom.type.bits):
                return width
        return rom.type.bits

    def on(self, hardware: Hardware) -> Structure:
        """The structure of these numbers on the hardware."""
        return Structure(self.cell, hardware, self.formats, self.activations)


def _parameter_widths(design: Design) -> Iterator[tuple[str, int, int, int]]:
    """`Numbers.widths` of the parameter memories of every unit, for every number of blocks side by side and every part of a block."""
    most = max(MAX_ELEMENT_WIDTH, design.hardware.ifft_units)
    for label, unit in zip(UNIT_LABELS, units_for(design), strict=False):
        for memories in (1 << i for i in range(most.bit_length())):
            groups = -(-design.cell.hidden_blocks // memories)
            rom = parameter_memory(design, label, unit, memories, groups)
            yield rom.name, memories, rom.type.bits, widest(rom)
    label, groups = UNIT_LABELS[0], design.cell.hidden_blocks
    for part in (1 << i for i in range(1, design.cell.tile.bit_length())):
        try:
            shared = design.with_hardware(lanes=1, ifft_units=1, element_width=1 / part)
        except DesignError:  # not with any lanes
            continue
        rom = parameter_memory(shared, label, units_for(shared)[0], 1, groups)
        yield rom.name, 1, rom.type.bits, widest(rom)


@dataclass(frozen=True)
class Candidate:
    """Hardware with its cost and speed.

    layers: of every layer, of a core of one layer its own. latency, interval_single, interval: cycles, as in
    `ernn info`; interval with all streams in turn.
    """

    word: int
    layers: tuple[Hardware, ...]
    latency: int
    interval_single: float
    interval: float
    resources: Resources

    @property
    def streams(self) -> int:
        """Of all layers."""
        return self.layers[0].streams

    @property
    def group(self) -> tuple[int, int]:
        """What is the same in all layers of a network: word and streams."""
        return self.word, self.streams

    @property
    def merits(self) -> tuple[float, ...]:
        """Speed and every resource; less is better."""
        r = self.resources
        blocks = 2 * r.ramb36 + r.ramb18
        return self.latency, self.interval, r.dsp, blocks, r.lut_parts, r.ff_parts

    @property
    def lut(self) -> int:
        return self.resources.lut

    @property
    def ff(self) -> int:
        return self.resources.ff

    @property
    def dsp(self) -> int:
        return self.resources.dsp

    @property
    def multiplier(self) -> int:
        """What `dsp` is called on devices that are not of Xilinx."""
        return self.resources.dsp

    @property
    def bram36(self) -> int:
        return self.resources.bram36

    @property
    def block_ram(self) -> int:
        return self.resources.block_ram


def _fits(rom: Rom, shape: tuple[int, int]) -> bool:
    return rom.depth <= shape[0] and rom.type.bits <= shape[1]


def lane_choices(cell: Cell) -> list[int]:
    """Lanes up to the block rows of the first phase."""
    rows = len(cell.rows) * cell.hidden_blocks
    powers = [1 << i for i in range(rows.bit_length())]
    return sorted({f * p for f in LANE_FACTORS for p in powers if f * p <= rows} | {rows})


def width_choices(cell: Cell) -> list[int]:
    """Blocks of cells in a cycle."""
    return [
        1 << i for i in range(5) if 1 << i <= min(MAX_ELEMENT_WIDTH, 2 * cell.hidden_blocks - 1)
    ]


def unit_choices(cell: Cell) -> list[int]:
    """IFFT units; those that fit neither the lanes nor the element width are left out later."""
    most = len(cell.rows) * max(width_choices(cell))
    return [1 << i for i in range(most.bit_length())]


def hardware_choices(
    numbers: Numbers,
    like: Hardware,
    lanes: Sequence[int],
    units: Sequence[int],
    widths: Sequence[int | float],
    streams: Sequence[int],
) -> Iterator[Hardware | str]:
    """Legal combinations; of one that is not legal the name of the parameter that is too large.

    like: hardware whose streams of samples are kept.
    """
    for count, ifft_units, width, several in itertools.product(lanes, units, widths, streams):
        hardware = replace(
            like, lanes=count, ifft_units=ifft_units, element_width=width, streams=several
        )
        try:
            hardware.check(numbers.cell, numbers.formats)
        except DesignError as error:
            yield str(error).split(" = ")[0]
        else:
            yield hardware


def as_scheduled(hardware: Hardware, streams: int) -> Hardware:
    """Hardware of the same cycles for sequences on so many of its streams.

    What the cycles do not depend on is made equal, so that they are computed once: the bits of a sample,
    and streams that no frame is on, but for the pages that they bring.
    """
    used = hardware.streams if streams > 1 else hardware.frames_in_flight
    return replace(hardware, sample_bits=SAMPLE_BITS[-1], streams=used)


@lru_cache(maxsize=1 << 14)
def _cycles_of(cell: Cell, hardware: Hardware, streams: int) -> tuple[int, float]:
    cycles = layer_cycles(cell, hardware, streams)
    return cycles.latency, cycles.interval


def _cycles(cell: Cell, hardware: Hardware) -> tuple[int, float, float]:
    """Latency, interval of one stream, interval of all."""
    latency, single = _cycles_of(cell, as_scheduled(hardware, 1), 1)
    streams = hardware.streams
    if streams == 1:
        return latency, single, single
    return latency, single, _cycles_of(cell, as_scheduled(hardware, streams), streams)[1]


def product_count(numbers: Numbers, hardware: Hardware) -> int:
    """Multipliers, at least as many DSP48s: told without the netlist."""
    return sum(multipliers(numbers.on(hardware)).values())


def evaluate(task: tuple[Sequence[Numbers], Sequence[tuple[int, Hardware]]]) -> list[Candidate]:
    """Cost and speed of some hardware, each with the place of its numbers."""
    numbers, choices = task
    return [_candidate(numbers[place], hardware) for place, hardware in choices]


def shared_order(hardware: Hardware) -> tuple[float, ...]:
    """Sorts hardware so that what shares most of its resources is together."""
    return hardware.ifft_units, hardware.element_width, hardware.streams, hardware.lanes


def _candidate(numbers: Numbers, hardware: Hardware) -> Candidate:
    cycles = _cycles(numbers.cell, hardware)
    return Candidate(numbers.word, (hardware,), *cycles, _resources(numbers, hardware))


@dataclass(frozen=True)
class _OtherSide:
    """All that the resources beside the lanes depend on; hardware: any with it, to count them."""

    numbers: Numbers
    shared: Hardware
    groups: int
    hardware: Hardware = field(compare=False)


def _resources(numbers: Numbers, hardware: Hardware) -> Resources:
    """Those of `estimate`; what no number of lanes changes is computed once."""
    groups = layer_program(numbers.cell, hardware).groups
    shared = replace(hardware, lanes=hardware.ifft_units)
    others = _others(_OtherSide(numbers, shared, groups, hardware))
    return others + _lanes(numbers, hardware)


def _lanes(numbers: Numbers, hardware: Hardware) -> Resources:
    return resources_of(lane_side(numbers.on(hardware)), _widths(numbers, hardware), numbers.family)


@lru_cache(maxsize=1 << 12)
def _others(side: _OtherSide) -> Resources:
    """Resources of all but the lane side."""
    numbers, hardware = side.numbers, side.hardware
    whole = estimate(numbers.on(hardware), _widths(numbers, hardware), numbers.family)
    return whole - _lanes(numbers, hardware)


def _widths(numbers: Numbers, hardware: Hardware) -> Callable[[Rom], int]:
    program = layer_program(numbers.cell, hardware)
    return lambda rom: numbers.rom_width(rom, program)
