"""The layer of the E-RNN paper at full size, in the two block sizes that the benchmarks measure."""

from __future__ import annotations

import argparse

from ernn_myhdl.calibration.presets import preset_design
from ernn_myhdl.design.design import Design

BLOCKS = (8, 16)


def paper_design(block: int) -> Design:
    """The preset of the LSTM with blocks of 8 or 16, random weights."""
    return preset_design(f"paper-lstm-k{block}")


def paper_blocks(parser: argparse.ArgumentParser, text: str) -> list[int]:
    """Block sizes given with commas; ends the program where they are not of BLOCKS."""
    known = {str(block) for block in BLOCKS}
    if not set(text.split(",")) <= known:
        parser.error(f"--blocks {text}: must be of {', '.join(sorted(known))}, with commas between")
    return [int(block) for block in text.split(",")]
