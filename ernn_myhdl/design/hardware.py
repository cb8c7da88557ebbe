"""The hardware of a layer: parallelism and streams."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, TypedDict

from ernn_myhdl.design.cells.base import Cell
from ernn_myhdl.design.tensor_formats import Formats
from ernn_myhdl.errors import DesignError
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

    lanes (L): spectral multiply-accumulate lanes, one circulant block a cycle each.
    ifft_units (U): block rows drained and transformed a cycle; divides lanes, at most the rows of
    E blocks of cells (4 E in an LSTM; `Cell.rows`).
    element_width (E): blocks of k cells that the element-wise unit takes a cycle.
    samples_per_beat (S): samples in one AXI-Stream beat; a power of two.
    sample_bits: bits of one sample in tdata, 8, 16 or 32.
    streams: independent sequences that the core holds at a time, a power of two; with more than one,
    tid on the AXI-Streams names the stream of a frame.
    initial_states: sequences may start from states that the stream s_state brings.
    sequence_ends: tuser has a bit more, the highest, on the first beat of the last frame of a sequence.
    weights: "fixed", or "loadable": the stream s_weights brings others while the core runs.
    weight_banks: of loadable weights; with 1 they are written while the core is idle, with 2 at any time,
    and the next sequence that starts takes them.
    """

    lanes: int
    ifft_units: int = 1
    element_width: int = 1
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
        power_of_two("hardware element_width", self.element_width)
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
    def frames_in_flight(self) -> int:
        """Frames between their first product and their last beat of y: pages of the output store."""
        return min(max(self.streams, 2), MAX_FRAMES_IN_FLIGHT)

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
        if self.ifft_units > each * self.element_width:
            raise DesignError(
                f"hardware ifft_units = {self.ifft_units}: must be at most {each} x element_width = "
                f"{each * self.element_width}, more could not be consumed"
            )
        if self.element_width >= 2 * cell.hidden_blocks:
            raise DesignError(
                f"hardware element_width = {self.element_width}: there are only "
                f"{cell.hidden_blocks} blocks of cells; choose a smaller one"
            )
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


class HardwareChanges(TypedDict, total=False):
    """Fields of `Hardware` with new values."""

    lanes: int
    ifft_units: int
    element_width: int
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
    def data_bits(self) -> int:
        """Bits of tdata."""
        return self.samples_per_beat * self.sample_bits

    def __str__(self) -> str:
        text = f"{self.samples_per_beat} x {self.sample_bits} bits, {self.streams} streams"
        text += ", initial states" if self.initial_states else ""
        return f"{text}, ends of sequences" if self.sequence_ends else text
