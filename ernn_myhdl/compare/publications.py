"""What other cores reported for the layer of E-RNN (HPCA 2019, table of results), as recalled, unverified.

ESE: FPGA 2017, arXiv 1612.00694. C-LSTM: FPGA 2018, arXiv 1803.06305. E-RNN: HPCA 2019, arXiv 1812.07106. The
layer: x of 153, an LSTM of 1,024 cells with peepholes and a projection to 512, or a GRU of 1,024 cells.
"""

from __future__ import annotations

from dataclasses import dataclass

LABEL = "as recalled, unverified"
CLOCK_MHZ = 200.0
#: Frames that a pipeline of three stages holds: what the frames a second of C-LSTM and E-RNN count.
FRAMES_IN_FLIGHT = 3
#: Channels of ESE, each with a frame of its own; its frames a second count one of them.
ESE_CHANNELS = 32
#: Latency of ESE with all channels at work, measured.
ESE_MEASURED_US = 82.7


@dataclass(frozen=True)
class Published:
    """A core on its board.

    core: ESE, C-LSTM or E-RNN. cell: lstm or gru. block: k, 0 where the weights are sparse. bits: of
    weights. latency_us, frames_per_second, watts: of the board; frames as the authors count them.
    """

    core: str
    cell: str
    block: int
    bits: int
    device: str
    latency_us: float
    frames_per_second: float
    watts: float

    @property
    def name(self) -> str:
        """Core, cell and block size."""
        size = f"k = {self.block}" if self.block else "sparse"
        return f"{self.core} {self.cell.upper()}, {size}"

    @property
    def latency_cycles(self) -> float:
        return self.latency_us * CLOCK_MHZ

    @property
    def interval_cycles(self) -> float:
        """Of the frames a second as published."""
        return CLOCK_MHZ * 1e6 / self.frames_per_second

    @property
    def single_frames_per_second(self) -> float:
        """Of one sequence: the next frame needs y of this one."""
        return 1e6 / self.latency_us

    @property
    def full_frames_per_second(self) -> float:
        """Of as many independent sequences as the core holds."""
        if self.core == "ESE":
            return ESE_CHANNELS * 1e6 / ESE_MEASURED_US
        return self.frames_per_second

    @property
    def frames_per_joule(self) -> float:
        """As the authors count: frames a second by the watts of the board."""
        return self.frames_per_second / self.watts


ROWS = (
    Published("ESE", "lstm", 0, 12, "xcku060", 57.0, 17_544, 41),
    Published("C-LSTM", "lstm", 8, 16, "xc7vx690t", 16.7, 179_687, 22),
    Published("C-LSTM", "lstm", 16, 16, "xc7vx690t", 9.1, 330_275, 23),
    Published("E-RNN", "lstm", 8, 12, "xc7vx690t", 12.9, 240_389, 24),
    Published("E-RNN", "lstm", 16, 12, "xc7vx690t", 8.3, 382_510, 25),
    Published("E-RNN", "gru", 8, 12, "xc7vx690t", 10.5, 284_463, 22),
    Published("E-RNN", "gru", 16, 12, "xc7vx690t", 6.5, 464_582, 29),
)


def rows_like(cell: str, block: int) -> tuple[Published, ...]:
    """The block-circulant cores of a cell and block size."""
    return tuple(row for row in ROWS if (row.cell, row.block) == (cell, block))


def ratio_of_board_energy() -> float:
    """The 37.4x of the abstract: frames a joule of the best E-RNN by those of ESE, both as published."""
    best = max(row.frames_per_joule for row in ROWS if row.core == "E-RNN")
    return best / ROWS[0].frames_per_joule


def ratio_with_all_channels() -> float:
    """The same with all channels of ESE counted."""
    ese = ROWS[0]
    best = max(row.frames_per_joule for row in ROWS if row.core == "E-RNN")
    return best / (ese.full_frames_per_second / ese.watts)
