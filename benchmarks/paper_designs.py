"""The full-size layers of the E-RNN paper with the hardware that they are measured with."""

from __future__ import annotations

from ernn_myhdl.design import Design
from ernn_myhdl.generate import new_design

#: Block size -> hardware of the LSTM layer of 153 inputs, 1024 cells and a projection to 512.
HARDWARE = {
    8: {"lanes": 256, "ifft_units": 16, "element_width": 4, "samples_per_beat": 32},
    16: {"lanes": 128, "ifft_units": 8, "element_width": 2, "samples_per_beat": 32},
}


def paper_lstm(block: int = 8) -> Design:
    """The LSTM layer with blocks of 8 or 16 and random weights."""
    return new_design(
        inputs=153,
        hidden=1024,
        projection=512,
        block=block,
        peepholes=True,
        name=f"paper_lstm_k{block}",
        **HARDWARE[block],
    )
