"""The designs that the resource model of ECP5 is fitted to, and others that it is tested on.

As `benchmarks.resource_designs`, but smaller: lanes, layers and FIFOs are counted exactly, and what a block costs follows its words and its
parallelism. No design of VALIDATION is in TRAINING.
"""

from __future__ import annotations

from ernn_myhdl.calibration.build import build_network
from ernn_myhdl.calibration.generate import new_design, random_calibration, random_weights
from ernn_myhdl.design.cells import make_cell
from ernn_myhdl.design.design import CoreSpecification

#: Options of a core of one layer, in this order; then others.
COLUMNS = ("cell", "block", "word", "state_word", "inputs", "hidden", "lanes", "ifft_units",
           "element_width", "streams", "samples_per_beat")  # fmt: skip
_TRAINING = (
    ("lstm", 1, 12, 16, 8, 16, 8, 2, 1, 1, 2, {"projection": 8, "peepholes": True}),
    ("gru", 1, 9, 13, 9, 12, 6, 2, 1, 2, 2, {"reset": "after"}),
    ("gru", 2, 12, 16, 10, 16, 4, 2, 1, 1, 2, {"reset": "before"}),
    ("lstm", 2, 14, 18, 12, 16, 4, 2, 1, 4, 4, {"projection": 8}),
    ("rnn", 2, 10, 14, 12, 24, 4, 1, 1, 1, 2, {}),
    ("linear", 2, 14, 18, 33, 64, 16, 4, 4, 1, 8, {}),
    ("gru", 4, 12, 16, 20, 40, 4, 2, 1 / 2, 1, 4, {"reset": "after"}),
    ("lstm", 4, 8, 12, 20, 40, 8, 4, 1, 2, 4, {"peepholes": True}),
    ("gru", 4, 10, 14, 20, 40, 2, 2, 1 / 2, 2, 4, {"reset": "before"}),
    ("linear", 8, 10, 14, 20, 40, 4, 1, 1, 1, 8, {}),
    ("lstm", 8, 12, 16, 24, 48, 4, 4, 1 / 8, 1, 4, {}),
    ("gru", 8, 9, 13, 24, 64, 4, 4, 1 / 4, 4, 8, {"reset": "after"}),
    ("linear", 16, 12, 16, 40, 64, 2, 1, 1, 2, 16, {}),
)  # fmt: skip
#: Layers with blocks of their own and with initial states: for the blocks that no other has.
_SPECIAL_TRAINING = (
    ("lstm", 2, 10, 14, 12, 16, 4, 2, 1, 1, 2, {"input_block": 4, "initial_states": True}),
    ("gru", 2, 12, 16, 12, 30, 6, 2, 1, 4, 8, {"reset": "before", "input_block": 4}),
    ("gru", 1, 12, 16, 12, 20, 4, 2, 1, 4, 4, {"reset": "after", "initial_states": True}),
    ("lstm", 4, 9, 13, 16, 32, 4, 4, 1 / 2, 2, 4, {"projection": 16, "projection_block": 2, "initial_states": True}),
)  # fmt: skip
_VALIDATION = (
    ("linear", 1, 16, 20, 12, 20, 10, 1, 1, 1, 4, {}),
    ("linear", 4, 8, 12, 24, 40, 10, 2, 2, 2, 4, {}),
    ("linear", 8, 12, 16, 64, 128, 4, 1, 1, 1, 8, {}),
    ("linear", 2, 10, 14, 16, 300, 6, 2, 2, 4, 2, {}),
    ("rnn", 1, 12, 16, 10, 24, 8, 1, 1, 1, 2, {}),
    ("rnn", 4, 10, 14, 12, 64, 4, 1, 1, 2, 4, {}),
    ("lstm", 1, 10, 14, 10, 24, 16, 4, 1, 1, 4, {}),
    ("lstm", 1, 12, 16, 16, 40, 8, 4, 1, 2, 4, {"peepholes": True}),
    ("lstm", 2, 12, 16, 24, 40, 20, 4, 1, 1, 4, {"projection": 20, "peepholes": True}),
    ("lstm", 2, 10, 14, 13, 48, 8, 2, 1, 4, 4, {"projection": 32}),
    ("lstm", 4, 12, 16, 13, 64, 4, 4, 1 / 4, 1, 2, {"projection": 32, "peepholes": True}),
    ("lstm", 4, 10, 14, 26, 64, 2, 2, 1 / 2, 2, 8, {}),
    ("lstm", 8, 12, 16, 12, 32, 2, 2, 1 / 8, 1, 8, {}),
    ("lstm", 8, 10, 14, 39, 128, 4, 4, 1 / 4, 2, 8, {"projection": 48}),
    ("gru", 1, 12, 16, 8, 16, 8, 2, 1, 2, 2, {"reset": "before"}),
    ("gru", 1, 10, 14, 12, 20, 6, 2, 1, 1, 2, {"reset": "after"}),
    ("gru", 2, 12, 16, 10, 24, 8, 2, 1, 1, 4, {"reset": "after"}),
    ("gru", 2, 10, 14, 12, 30, 10, 2, 1, 4, 2, {"reset": "before"}),
    ("gru", 4, 12, 16, 12, 16, 2, 2, 1, 1, 4, {"reset": "after"}),
    ("gru", 4, 12, 16, 16, 64, 2, 2, 1 / 4, 4, 4, {"reset": "after"}),
    ("gru", 4, 8, 12, 40, 100, 2, 1, 1 / 2, 1, 8, {"reset": "before"}),
    ("gru", 8, 12, 16, 30, 64, 4, 4, 1 / 8, 1, 8, {"reset": "after"}),
)  # fmt: skip


def _arguments(rows: tuple) -> tuple[dict, ...]:
    return tuple(dict(zip(COLUMNS, row[:-1], strict=True)) | row[-1] for row in rows)


TRAINING, SPECIAL_TRAINING = _arguments(_TRAINING), _arguments(_SPECIAL_TRAINING)
VALIDATION = _arguments(_VALIDATION)
#: Networks that the model is tested on too: layers, word, samples of a beat, and of each layer lanes, IFFT units and element width.
NETWORKS = (
    (
        (
            {"kind": "gru", "inputs": 16, "hidden": 64, "block": 1, "reset": "after"},
            {"kind": "linear", "inputs": 64, "hidden": 10, "block": 1},
        ),
        12, 1, ((8, 4, 1), (3, 1, 1)),
    ),
    (
        (
            {"kind": "lstm", "inputs": 13, "hidden": 64, "projection": 32, "block": 4},
            {"kind": "linear", "inputs": 32, "hidden": 10, "block": 4},
        ),
        10, 2, ((2, 2, 1 / 2), (1, 1, 1)),
    ),
)  # fmt: skip


def core_of(entry: dict | tuple) -> CoreSpecification:
    """The design of an entry of VALIDATION or the network of one of NETWORKS."""
    if isinstance(entry, dict):
        return new_design(**entry)
    layers, word, beat, hardware = entry
    cells = [make_cell(**layer) for layer in layers]
    weights = [random_weights(cell, 1 + i) for i, cell in enumerate(cells)]
    calibration = random_calibration(cells[0].inputs, 1)
    network = build_network(cells, weights, calibration, word, word + 4, samples_per_beat=beat)
    for place, (lanes, units, width) in enumerate(hardware):
        network = network.with_hardware(place, lanes=lanes, ifft_units=units, element_width=width)
    return network
