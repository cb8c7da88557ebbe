"""A layer in another word length: the same weights in formats chosen anew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ernn_myhdl.build import EXTRA_STATE_BITS, build_design
from ernn_myhdl.design import CoreSpecification, Design
from ernn_myhdl.errors import DesignError
from ernn_myhdl.generate import random_calibration


def in_word(
    design: CoreSpecification, word: int, calibration: Sequence[np.ndarray] | None = None
) -> Design:
    """The layer with `word` bits of weights, x and y, and EXTRA_STATE_BITS more of state.

    calibration: sequences (frames, inputs) on which formats are chosen, as `ernn new` does; None: standard
    normal. The samples in the streams get the fewest bits that hold the words.
    """
    if not isinstance(design, Design):
        raise DesignError(f"design {design.name}: is a network; give one of its layers")
    hw = design.hardware
    return build_design(
        design.cell,
        design.weights,
        calibration or random_calibration(design.inputs, 1),
        word,
        word + EXTRA_STATE_BITS,
        hw.lanes,
        design.name,
        ifft_units=hw.ifft_units,
        element_width=hw.element_width,
        samples_per_beat=hw.samples_per_beat,
        sample_bits=hw.sample_bits,
        streams=hw.streams,
    )
