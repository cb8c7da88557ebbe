"""Networks that hold every activation of a linear layer, and inputs that reach their limits."""

from __future__ import annotations

import numpy as np

from ernn_myhdl.calibration.build import build_network
from ernn_myhdl.calibration.random_weights import random_weights
from ernn_myhdl.design.cells import LinearCell
from ernn_myhdl.design.network import Network

#: Name -> parameters of the cell.
ACTIVATIONS: dict[str, dict] = {
    "none": {},
    "relu": {"activation": "relu"},
    "relu6": {"activation": "relu", "limit": 6.0},
    "relu to 0.7": {"activation": "relu", "limit": 0.7},
    "leaky relu": {"activation": "leaky_relu", "slope": 0.01},
    "leaky relu, shifted": {"activation": "leaky_relu", "slope": 0.25},
    "leaky relu, steep": {"activation": "leaky_relu", "slope": 0.99},
    "tanh": {"activation": "tanh"},
    "sigmoid": {"activation": "sigmoid"},
    "hard sigmoid": {"activation": "hard_sigmoid", "slope": 1 / 6},
    "hard sigmoid of Keras 2": {"activation": "hard_sigmoid", "slope": 0.2},
    "hard tanh": {"activation": "hard_tanh"},
    "hard tanh to 2.5": {"activation": "hard_tanh", "limit": 2.5},
}
#: Chains that hold each of them once, with their block sizes, words and streams.
CHAINS = {
    "circulant": (["relu", "leaky relu", "tanh", "hard sigmoid"], (4, 8, 4, 2), (12, 16), 2),
    "dense": (["leaky relu, steep", "hard tanh to 2.5", "sigmoid", "relu6"], (1, 1, 1, 1), (10, 13), 1),
    "narrow": (["relu to 0.7", "hard sigmoid of Keras 2", "hard tanh", "leaky relu, shifted"], (8, 1, 4, 1), (16, 20), 2),
}  # fmt: skip


def chain(name: str, size: int = 5) -> Network:
    """A network of `CHAINS`, of layers of about `size` elements whose sums reach beyond their limits."""
    names, blocks, (word, state_word), streams = CHAINS[name]
    cells = [
        LinearCell(size + i % 2, size + (i + 1) % 2, k, **ACTIVATIONS[a])
        for i, (a, k) in enumerate(zip(names, blocks, strict=True))
    ]
    weights = []
    for i, cell in enumerate(cells):
        own = random_weights(cell, 10 + i)
        weights.append({n: array * (5.0 if n == "input_weight" else 1.0) for n, array in own.items()})  # fmt: skip
    calibration = [np.random.default_rng(1).normal(size=(24, size))]
    widths = [min(1 + i % 2, cell.hidden_blocks) for i, cell in enumerate(cells)]
    lanes = [min(2, cell.hidden_blocks) for cell in cells]
    return build_network(
        cells, weights, calibration, word, state_word, lanes, element_width=widths, streams=streams
    )


def inputs(size: int = 5) -> list[np.ndarray]:
    """Sequences of two lengths, some elements far outside."""
    rng = np.random.default_rng(3)
    return [rng.normal(size=(n, size)) * rng.choice([0.1, 1.0, 4.0], (n, 1)) for n in (3, 2)]
