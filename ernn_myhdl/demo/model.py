"""The design of the demonstration: the shipped weights, calibrated on the training utterances."""

from __future__ import annotations

import numpy as np

from ernn_myhdl.corpus.japanese_vowels import JapaneseVowels, load_japanese_vowels, normalise
from ernn_myhdl.demo.readout import demo_weights, load_readout
from ernn_myhdl.design.cells import LstmCell
from ernn_myhdl.design.design import Design, Hardware

CELL = LstmCell(inputs=12, hidden=64, projection=32, block=8, peepholes=True)
HARDWARE = Hardware(lanes=8, ifft_units=2, element_width=1 / 2, samples_per_beat=8, sample_bits=16)
WORD, STATE_WORD = 12, 16


def network_inputs(data: JapaneseVowels, part: str) -> list[np.ndarray]:
    """Normalised utterances (frames, 12) of "train" or "test", as the network sees them."""
    readout = load_readout()
    sequences = getattr(data, part).sequences
    return normalise(sequences, readout.input_mean, readout.input_std)


def demo_design(data: JapaneseVowels | None = None) -> Design:
    """The embedded model as a design; formats from the ranges over the training utterances."""
    from ernn_myhdl.calibration.range_analysis import choose_activations, choose_formats

    data = data or load_japanese_vowels()
    weights = demo_weights()
    formats = choose_formats(
        CELL, weights, network_inputs(data, "train"), word=WORD, state_word=STATE_WORD
    )
    activations = choose_activations(CELL, formats)
    return Design(CELL, HARDWARE, formats, activations, weights, name="speech")
