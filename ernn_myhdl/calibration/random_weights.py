"""Random weights in the scale of a trained layer, for tests and benchmarks."""

from __future__ import annotations

import numpy as np

from ernn_myhdl.design.cells import Cell, LstmCell


def random_weights(cell: Cell, seed: int) -> dict[str, np.ndarray]:
    """Float32 weights named and shaped by `cell.weight_shapes`; the same for the same seed.

    The expanded matrices have a standard deviation of about 1/sqrt(fan-in), so standard normal
    inputs give pre-activations of about standard deviation 1; the recurrent gain is below 1, the
    forget bias of an LSTM is 1, peepholes are small.
    """
    rng = np.random.default_rng(seed)
    deviation = {
        "input_weight": 0.9 / np.sqrt(cell.inputs),
        "recurrent_weight": 0.8 / np.sqrt(cell.outputs),
        "projection_weight": 1.0 / np.sqrt(cell.hidden),
        "bias": 0.1,
        "recurrent_bias": 0.1,
        "peephole": 0.1,
    }
    weights = {
        name: rng.normal(0.0, deviation[name], shape) for name, shape in cell.weight_shapes.items()
    }
    if isinstance(cell, LstmCell):
        weights["bias"][cell.gates.index("forget")] += 1.0
    return {name: array.astype(np.float32) for name, array in weights.items()}
