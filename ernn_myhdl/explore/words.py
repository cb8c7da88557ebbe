"""A layer or network in another word length: the same weights in formats chosen anew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ernn_myhdl.calibration.build import EXTRA_STATE_BITS, build_design, build_network
from ernn_myhdl.calibration.generate import random_calibration
from ernn_myhdl.design.design import CoreSpecification, Design
from ernn_myhdl.golden.initial_state import State


def in_word(
    design: CoreSpecification,
    word: int,
    calibration: Sequence[np.ndarray] | None = None,
    initial: Sequence[State | None] | None = None,
) -> CoreSpecification:
    """The layer or network with `word` bits of weights, x and y, and EXTRA_STATE_BITS more of state.

    calibration: sequences (frames, inputs) on which formats are chosen, as `ernn new` does; None: standard
    normal. initial: for each layer the state from which its sequences start as well as from zero; the formats hold
    both. The hardware stays the same.
    """
    data = calibration or random_calibration(design.inputs, 1, design.graph)
    hw = design.layers[0].hardware
    if isinstance(design, Design):
        made: CoreSpecification = build_design(
            design.cell,
            design.weights,
            data,
            word,
            word + EXTRA_STATE_BITS,
            hw.lanes,
            design.name,
            design.host_scaling,
            None if initial is None else initial[0],
            ifft_units=hw.ifft_units,
            element_width=hw.element_width,
            samples_per_beat=hw.samples_per_beat,
            sample_bits=hw.sample_bits,
            streams=hw.streams,
            initial_states=hw.initial_states,
        )
        return made.with_host_steps(design.host_steps)
    made = build_network(
        [layer.cell for layer in design.layers],
        [layer.weights for layer in design.layers],
        data,
        word,
        word + EXTRA_STATE_BITS,
        [layer.hardware.lanes for layer in design.layers],
        [layer.hardware.ifft_units for layer in design.layers],
        [layer.hardware.element_width for layer in design.layers],
        hw.samples_per_beat,
        hw.sample_bits,
        hw.streams,
        hw.initial_states,
        design.name,
        design.host_scaling,
        initial,
        design.graph and design.graph.without_formats(),
    )
    return made.with_host_steps(design.host_steps)
