"""The hardware of a layer: parallelism and streams."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, TypedDict

from ernn_myhdl.design.cells.base import BLOCK_SIZES, Cell
from ernn_myhdl.design.tensor_formats import Formats
from ernn_myhdl.errors import DesignError
from ernn_myhdl.numerics.circulant import blocks_for
from ernn_myhdl.whole_numbers import power_of_two, whole

SAMPLE_BITS = (8, 16, 32)
MAX_TDATA = 512
MAX_STREAMS = 64
#: More would not make a core faster: a frame waits for the lanes, not for pages.
MAX_FRAMES_IN_FLIGHT = 16
#: Values of `Hardware.weights` and of `Hardware.weight_banks`.
FIXED, LOADABLE = "fixed", "loadable"
WEIGHTS = (FIXED, LOADABLE)
WEIGHT_BANKS = (1, 2)


@dataclass(frozen=True)
class Hardware:
    """Parallelism and streams.

    Parameters
    ----------
    lanes : int
        L: spectral multiply-accumulate lanes, one circulant block a cycle each.
    ifft_units : int
        U: block rows drained and transformed a cycle; divides lanes, at most the rows of E blocks of cells (4 E in an
        LSTM; `Cell.rows`).
    element_width : int or float
        E: blocks of k cells that the element-wise unit takes a cycle, a power of two; 1/2, 1/4 .. 1/k: a part of one,
        so that a block takes 2, 4 .. k cycles.
    samples_per_beat : int
        S: samples in one AXI-Stream beat; a power of two.
    sample_bits : int
        Of one sample in tdata: 8, 16 or 32.
    streams : int
        Independent sequences that the core holds at a time, a power of two; with more than one, tid on the AXI-Streams
        names the stream of a frame.
    initial_states : bool
        Sequences may start from states that the stream s_state brings.
    sequence_ends : bool
        tuser has a bit more, the highest, on the first beat of the last frame of a sequence.
    weights : str
        "fixed", or "loadable": the stream s_weights brings others while the core runs.
    weight_banks : int
        Of loadable weights; with 1 they are written while the core is idle, with 2 at any time, and the next sequence
        that starts takes them.

    Raises
    ------
    DesignError
        Where a value is illegal by itself; by `check` and by `Design`, where it does not fit the cell.
    """

    lanes: int
    ifft_units: int = 1
    element_width: int | float = 1
    samples_per_beat: int = 8
    sample_bits: int = 16
    streams: int = 1
    initial_states: bool = False
    #: Digests of designs are made of the representation: without ends as it always was.
    sequence_ends: bool = field(default=False, repr=False)
    weights: str = field(default=FIXED, repr=False)
    weight_banks: int = field(default=1, repr=False)

    def __post_init__(self) -> None:
        whole("hardware lanes", self.lanes, 1, 65536)
        power_of_two("hardware ifft_units", self.ifft_units)
        _check_element_width(self.element_width)
        power_of_two("hardware samples_per_beat", self.samples_per_beat)
        power_of_two("hardware streams", self.streams)
        whole("hardware streams", self.streams, 1, MAX_STREAMS)
        if isinstance(self.sample_bits, bool) or self.sample_bits not in SAMPLE_BITS:
            raise DesignError(f"hardware sample_bits = {self.sample_bits!r}: must be 8, 16 or 32")
        if not isinstance(self.initial_states, bool):
            raise DesignError(
                f"hardware initial_states = {self.initial_states!r}: must be true or false"
            )
        if not isinstance(self.sequence_ends, bool):
            raise DesignError(
                f"hardware sequence_ends = {self.sequence_ends!r}: must be true or false"
            )
        self._check_weights()

    def _check_weights(self) -> None:
        if self.weights not in WEIGHTS:
            raise DesignError(
                f"hardware weights = {self.weights!r}: must be {' or '.join(map(repr, WEIGHTS))}"
            )
        if isinstance(self.weight_banks, bool) or self.weight_banks not in WEIGHT_BANKS:
            raise DesignError(f"hardware weight_banks = {self.weight_banks!r}: must be 1 or 2")
        if self.weight_banks > 1 and self.weights == FIXED:
            raise DesignError(
                f"hardware weight_banks = {self.weight_banks}: is of loadable weights; set weights = "
                f"{LOADABLE!r}, or weight_banks = 1"
            )

    @property
    def loadable(self) -> bool:
        """Whether weights are loaded while the core runs."""
        return self.weights == LOADABLE

    @property
    def cell_blocks(self) -> int:
        """Blocks of cells whose rows are collected for the element-wise unit."""
        return int(max(self.element_width, 1))

    @property
    def cell_cycles(self) -> int:
        """Cycles in which the element-wise unit takes the cells of these blocks."""
        return int(max(1 / self.element_width, 1))

    @property
    def frames_in_flight(self) -> int:
        """Frames between their first product and their last beat of y: pages of the output store."""
        return min(max(self.streams, 2), MAX_FRAMES_IN_FLIGHT)

    def _check_shared(self, cell: Cell) -> None:
        """DesignError where a part of a block a cycle is smaller than a cell, or blocks come faster than they are taken."""
        cycles = self.cell_cycles
        if cycles == 1:
            return
        if cycles > cell.tile:
            raise DesignError(
                f"hardware element_width = 1/{cycles}: must be at least 1/{cell.tile}, a cell a cycle"
            )
        apart = self.cycles_between_blocks(cell)
        if cycles > apart:
            raise DesignError(
                f"hardware element_width = 1/{cycles}: {self.lanes} lanes with {self.ifft_units} IFFT units give a block of "
                f"cells every {apart} cycles at times, must be at least 1/{1 << apart.bit_length() - 1}; choose fewer lanes "
                "or a larger one"
            )

    def cycles_between_blocks(self, cell: Cell) -> int:
        """Fewest cycles between two blocks of cells whose rows are complete, where each is a group by itself."""
        units, rows = self.ifft_units, len(cell.rows)
        chunks, per_pass = blocks_for(rows * cell.hidden_blocks, units), self.lanes // units
        recurrent = cell.y_columns if cell.recurrent else 0
        parts = [cell.row_columns, recurrent] if cell.split else [cell.row_columns + recurrent]
        passes = blocks_for(chunks, per_pass)
        # cycles from one pass to the next, of a split cell over both its parts; the drain takes one for each chunk
        drained = [min(per_pass, chunks - p * per_pass) for p in range(passes)]
        starts = [0]
        for n in drained:
            starts.append(starts[-1] + sum(max(part, n) for part in parts if part))
        per_block = rows // units
        last = [(b + 1) * per_block - 1 for b in range(cell.hidden_blocks)]
        done = [starts[c // per_pass] + c % per_pass for c in last]
        done.append(starts[-1] + done[0])  # of the next frame
        return min(after - before for before, after in zip(done, done[1:], strict=False))

    def check(self, cell: Cell, formats: Formats) -> None:
        """Raise DesignError where the parameters do not fit the cell or each other."""
        each = len(cell.rows)
        rows = each * cell.hidden_blocks
        if self.lanes > rows:
            raise DesignError(
                f"hardware lanes = {self.lanes}: must be at most {rows}, the block rows of the "
                f"first matrix phase ({each} x {cell.hidden_blocks})"
            )
        if self.lanes % self.ifft_units:
            raise DesignError(
                f"hardware ifft_units = {self.ifft_units}: must divide lanes = {self.lanes}"
            )
        if self.ifft_units > each * self.cell_blocks:
            raise DesignError(
                f"hardware ifft_units = {self.ifft_units}: must be at most {each} x element_width = "
                f"{each * self.cell_blocks}, more could not be consumed"
            )
        if self.element_width >= 2 * cell.hidden_blocks:
            raise DesignError(
                f"hardware element_width = {self.element_width}: there are only "
                f"{cell.hidden_blocks} blocks of cells; choose a smaller one"
            )
        self._check_shared(cell)
        if self.samples_per_beat * self.sample_bits > MAX_TDATA:
            raise DesignError(
                f"hardware samples_per_beat = {self.samples_per_beat} of {self.sample_bits} bits: "
                f"tdata must be at most {MAX_TDATA} bits"
            )
        on_streams = ["input", "output"]
        if self.initial_states:
            on_streams += [name for name in cell.state_sizes if name not in on_streams]
        for name in on_streams:
            word = getattr(formats, name).word
            if word > self.sample_bits:
                raise DesignError(
                    f"hardware sample_bits = {self.sample_bits}: must be at least the {word} bits "
                    f"of the {name} format"
                )


#: Fields that are younger than the format of design folders, which are told where they are not the defaults.
YOUNGER = ("sequence_ends", "weights", "weight_banks")


def told(hardware: Hardware) -> dict[str, Any]:
    """The fields that a design's file and a report tell, with their values."""
    return {
        f.name: getattr(hardware, f.name)
        for f in fields(hardware)
        if f.name not in YOUNGER or getattr(hardware, f.name) != f.default
    }


def _check_element_width(width: object) -> None:
    """DesignError unless it is a power of two, or one over a power of two up to the largest block."""
    parts = [1 / (1 << i) for i in range(1, max(BLOCK_SIZES).bit_length())]
    if isinstance(width, float) and width in parts:
        return
    if isinstance(width, float) and not width.is_integer():
        raise DesignError(
            f"hardware element_width = {width}: must be a power of two, or one of 1/2, 1/4 .. "
            f"1/{max(BLOCK_SIZES)}"
        )
    power_of_two("hardware element_width", width)  # type: ignore[arg-type]  # a whole float is one here


class HardwareChanges(TypedDict, total=False):
    """Fields of `Hardware` with new values."""

    lanes: int
    ifft_units: int
    element_width: int | float
    samples_per_beat: int
    sample_bits: int
    streams: int
    initial_states: bool
    sequence_ends: bool
    weights: str
    weight_banks: int


@dataclass(frozen=True)
class StreamShape:
    """Beats of the AXI-Streams of a core; see `Hardware`."""

    samples_per_beat: int
    sample_bits: int
    streams: int
    initial_states: bool = False
    sequence_ends: bool = False
    weight_banks: int = 1

    @property
    def user_bits(self) -> int:
        """Bits of tuser, lowest first: first frame of a sequence; from a loaded state; last frame of a sequence; inside a core
        whose weights have two banks, that of the frame."""
        return 1 + self.initial_states + self.sequence_ends + (self.weight_banks > 1)

    @property
    def end_bit(self) -> int:
        """The bit of tuser that tells ends of sequences, where there is one."""
        return 1 + self.initial_states

    @property
    def data_bits(self) -> int:
        """Bits of tdata."""
        return self.samples_per_beat * self.sample_bits

    def __str__(self) -> str:
        text = f"{self.samples_per_beat} x {self.sample_bits} bits, {self.streams} streams"
        text += ", initial states" if self.initial_states else ""
        return f"{text}, ends of sequences" if self.sequence_ends else text
