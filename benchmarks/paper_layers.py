"""The layer of the E-RNN paper at full size, in the two block sizes that the benchmarks measure."""

from __future__ import annotations

import argparse

from ernn_myhdl.design import Design
from ernn_myhdl.generate import new_design

#: Hardware by block size: lanes, inverse transforms, blocks of cells a cycle.
HARDWARE = {8: (256, 16, 4), 16: (128, 8, 2)}


def paper_design(block: int) -> Design:
    """LSTM of 153 inputs, 1,024 cells, projection to 512, peepholes; k = 8 or 16; random weights."""
    lanes, ifft_units, element_width = HARDWARE[block]
    return new_design(
        153, 1024, 512, block, True, lanes=lanes, ifft_units=ifft_units,
        element_width=element_width, samples_per_beat=32, name=f"paper_lstm_k{block}",
    )  # fmt: skip


def paper_blocks(parser: argparse.ArgumentParser, text: str) -> list[int]:
    """Block sizes given with commas; ends the program where they are not of HARDWARE."""
    known = {str(block) for block in HARDWARE}
    if not set(text.split(",")) <= known:
        parser.error(f"--blocks {text}: must be of {', '.join(sorted(known))}, with commas between")
    return [int(block) for block in text.split(",")]
