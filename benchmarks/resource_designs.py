"""The designs that the resource model is fitted to, and others that it is tested on.

Arguments of `new_design`. Sizes are small, since the cost of a block follows its words and its parallelism,
not the layer; the number of each block is exact. No design of VALIDATION is in TRAINING.
"""

from __future__ import annotations

from ernn_myhdl.calibration.build import build_network
from ernn_myhdl.calibration.generate import random_calibration, random_weights
from ernn_myhdl.design.cells import make_cell
from ernn_myhdl.design.network import Network


def _gru(inputs: int, hidden: int, block: int, reset: str = "after") -> dict:
    return {"kind": "gru", "inputs": inputs, "hidden": hidden, "block": block, "reset": reset}


def _linear(inputs: int, outputs: int, block: int) -> dict:
    return {"kind": "linear", "inputs": inputs, "hidden": outputs, "block": block}


#: cell, block, word, state word, inputs, hidden, lanes, IFFT units, element width, streams, samples per
#: beat, others.
_COLUMNS = ("cell", "block", "word", "state_word", "inputs", "hidden", "lanes", "ifft_units",
            "element_width", "streams", "samples_per_beat")  # fmt: skip
_TRAINING = (
    ("lstm", 4, 12, 16, 20, 40, 8, 4, 1, 1, 4, {"projection": 24, "peepholes": True}),
    ("gru", 4, 12, 16, 20, 40, 8, 4, 2, 1, 4, {"reset": "before"}),
    ("gru", 8, 12, 16, 24, 48, 8, 4, 1, 2, 8, {"reset": "after"}),
    ("linear", 8, 10, 14, 20, 40, 4, 1, 1, 1, 8, {}),
    ("lstm", 8, 8, 12, 12, 32, 8, 4, 1, 1, 4, {}),
    ("lstm", 2, 16, 20, 12, 16, 8, 2, 1, 1, 2, {"projection": 8}),
    ("gru", 16, 12, 16, 40, 64, 8, 2, 1, 4, 32, {"reset": "before"}),
    ("gru", 1, 9, 13, 9, 12, 6, 2, 1, 1, 2, {"reset": "after"}),
    ("lstm", 16, 10, 14, 40, 128, 8, 8, 2, 4, 16, {"projection": 64, "peepholes": True}),
    ("linear", 2, 14, 18, 33, 64, 16, 4, 4, 1, 8, {}),
    ("lstm", 8, 14, 18, 153, 256, 32, 16, 4, 8, 32, {"projection": 128, "peepholes": True}),
)
_VALIDATION = (
    ("lstm", 8, 12, 16, 30, 64, 16, 4, 1, 1, 8, {"projection": 32, "peepholes": True}),
    ("lstm", 8, 12, 16, 153, 512, 32, 8, 2, 4, 32, {"projection": 256, "peepholes": True}),
    ("lstm", 8, 10, 14, 39, 128, 12, 4, 1, 2, 8, {"projection": 48}),
    ("lstm", 4, 8, 12, 26, 64, 16, 8, 2, 1, 8, {"peepholes": True}),
    ("lstm", 2, 15, 19, 13, 48, 8, 2, 1, 4, 4, {"projection": 32}),
    ("lstm", 2, 12, 16, 24, 40, 20, 4, 1, 1, 4, {"projection": 20, "peepholes": True}),
    ("lstm", 1, 10, 14, 10, 24, 16, 4, 1, 1, 4, {}),
    ("lstm", 16, 12, 16, 153, 256, 16, 4, 1, 4, 32, {"projection": 128, "peepholes": True}),
    ("lstm", 16, 8, 12, 40, 96, 12, 4, 1, 1, 8, {}),
    ("gru", 8, 12, 16, 30, 64, 16, 4, 2, 1, 8, {"reset": "before"}),
    ("gru", 8, 10, 14, 153, 512, 32, 8, 4, 4, 32, {"reset": "before"}),
    ("gru", 4, 13, 17, 40, 80, 10, 2, 1, 2, 8, {"reset": "after"}),
    ("gru", 4, 12, 16, 16, 64, 16, 4, 1, 1, 4, {"reset": "after"}),
    ("gru", 4, 8, 12, 40, 100, 16, 8, 4, 4, 8, {"reset": "before"}),
    ("gru", 2, 14, 18, 12, 30, 10, 2, 1, 1, 2, {"reset": "before"}),
    ("gru", 16, 10, 14, 64, 128, 8, 4, 1, 1, 16, {"reset": "after"}),
    ("gru", 1, 12, 16, 8, 16, 8, 2, 1, 2, 2, {"reset": "before"}),
    ("linear", 8, 12, 16, 64, 128, 16, 4, 4, 1, 8, {}),
    ("linear", 4, 8, 12, 24, 40, 10, 2, 2, 2, 4, {}),
    ("linear", 16, 12, 16, 128, 256, 8, 2, 2, 1, 32, {}),
    ("linear", 1, 16, 20, 12, 20, 10, 1, 1, 1, 4, {}),
    ("linear", 8, 9, 13, 512, 1024, 16, 8, 8, 4, 16, {}),
)  # fmt: skip


#: Layers of matrices with blocks of their own, such that load states, and such whose cells share an element-wise unit. The weights are fitted to those of their
#: blocks that such layers change, `SPECIAL_KINDS`; all others are in TRAINING.
_SPECIAL_TRAINING = (
    ("lstm", 4, 12, 16, 20, 32, 8, 4, 1, 1, 4, {"input_block": 8, "projection": 16, "peepholes": True}),
    ("lstm", 8, 10, 14, 40, 64, 8, 4, 2, 2, 8, {"input_block": 16, "projection": 32, "projection_block": 4}),
    ("gru", 4, 12, 16, 20, 64, 8, 4, 2, 4, 8, {"reset": "before", "input_block": 8}),
    ("gru", 16, 9, 13, 33, 64, 8, 2, 1, 1, 4, {"reset": "before", "input_block": 4}),
    ("gru", 8, 8, 12, 16, 48, 8, 4, 1, 4, 8, {"reset": "after", "input_block": 2}),
    ("lstm", 2, 14, 18, 12, 16, 4, 2, 1, 1, 2, {"input_block": 8}),
    ("lstm", 4, 12, 16, 20, 42, 8, 4, 1, 1, 2, {"initial_states": True}),
    ("lstm", 8, 10, 14, 24, 64, 8, 4, 2, 4, 8, {"projection": 30, "initial_states": True}),
    ("gru", 4, 12, 16, 20, 40, 8, 4, 2, 2, 16, {"reset": "before", "initial_states": True}),
    ("gru", 8, 12, 16, 24, 50, 8, 4, 1, 1, 4, {"reset": "after", "initial_states": True}),
    ("lstm", 16, 8, 12, 40, 128, 8, 8, 2, 8, 4, {"projection": 64, "initial_states": True}),
    ("gru", 2, 14, 18, 12, 30, 6, 2, 1, 8, 8, {"reset": "after", "initial_states": True}),
    ("lstm", 4, 10, 14, 20, 48, 8, 4, 1, 2, 4, {"input_block": 16, "initial_states": True}),
    ("lstm", 8, 12, 16, 12, 32, 2, 2, 1 / 8, 1, 8, {}),
    ("gru", 4, 10, 14, 20, 40, 2, 2, 1 / 2, 2, 4, {"reset": "before"}),
    ("gru", 16, 9, 13, 64, 128, 4, 4, 1 / 4, 4, 16, {"reset": "after"}),
)  # fmt: skip
#: None of these is in the training either; the last four load states, one of them in split cells.
_SPECIAL_VALIDATION = (
    ("lstm", 4, 12, 16, 24, 48, 16, 4, 1, 1, 8, {"input_block": 8, "projection": 24}),
    ("lstm", 8, 9, 13, 36, 64, 8, 4, 1, 2, 8, {"input_block": 16, "peepholes": True}),
    ("lstm", 2, 12, 16, 16, 32, 8, 4, 1, 1, 4, {"input_block": 4, "projection": 16, "projection_block": 8}),
    ("gru", 4, 10, 14, 30, 48, 8, 2, 1, 2, 4, {"reset": "before", "input_block": 8}),
    ("gru", 8, 12, 16, 24, 64, 8, 2, 1, 1, 8, {"reset": "before", "input_block": 4}),
    ("gru", 4, 8, 12, 16, 40, 8, 4, 1, 1, 4, {"reset": "after", "input_block": 8}),
    ("gru", 4, 8, 12, 40, 96, 4, 2, 1, 2, 8, {"reset": "after", "input_block": 8}),
    ("lstm", 4, 12, 16, 16, 48, 8, 4, 1, 2, 4, {"projection": 24, "initial_states": True}),
    ("gru", 4, 10, 14, 24, 64, 16, 2, 1, 4, 8, {"reset": "before", "initial_states": True}),
    ("gru", 2, 12, 16, 10, 24, 8, 2, 1, 1, 4, {"reset": "after", "initial_states": True}),
    ("lstm", 2, 10, 14, 18, 30, 8, 4, 1, 1, 2, {"input_block": 8, "initial_states": True}),
)  # fmt: skip
SPECIAL_KINDS = frozenset(
    (
        "arriving_frames", "beat_frames", "block_parts", "choice", "column_select", "count_chunks", "count_groups",
        "count_outputs", "cut_blocks", "drain_timer", "frame_begins", "frame_tags", "frames_under_way",
        "gate_readiness", "gate_turn", "gather_blocks", "not_loaded", "operation", "output_beats", "output_pages",
        "part_places", "prefetch", "second_readiness", "sort_parts", "state_pages", "state_places", "state_stream",
        "x_pages",
    )
)  # fmt: skip
#: Networks on the hardware that `ernn explore hardware` chose for them (streams 1), which the weights were not fitted to: its choice
#: favours blocks that are told to be small. Cells, word (state word 4 bits more), samples per beat, why this hardware, and of each
#: layer lanes, IFFT units and element width; then a factor of the first layer's weights. Trained weights have larger sums than random
#: ones, and so other formats: with a factor of 4 those of the gates reach 32.
EXPLORED = (
    ((_gru(16, 128, 1), _linear(128, 10, 1)), 12, 1, "xc7z020, smallest", ((20, 4, 8), (3, 1, 1))),
    ((_gru(16, 128, 4), _linear(128, 10, 4)), 12, 4, "xc7z020, latency", ((32, 4, 1), (3, 1, 1))),
    ((_gru(12, 128, 2), _linear(128, 9, 1)), 12, 2, "xc7z020, smallest", ((10, 2, 2), (3, 1, 1))),
    (
        (
            {"kind": "lstm", "inputs": 13, "hidden": 64, "projection": 32, "block": 4, "peepholes": True},
            _linear(32, 10, 4),
        ),
        12, 2, "xc7z020, at most 4 us", ((2, 1, 1), (1, 1, 1)),
    ),
    (
        (_linear(20, 24, 1), _gru(24, 48, 1, "before"), _linear(48, 6, 1)),
        16, 1, "xcku060, latency", ((20, 1, 1), (96, 4, 2), (6, 1, 1)),
    ),
    ((_gru(16, 128, 1), _linear(128, 10, 1)), 12, 1, "xc7z020, smallest", ((20, 4, 8), (3, 1, 1)), 4),
    ((_gru(16, 128, 8), _linear(128, 10, 8)), 12, 8, "xc7z020, latency", ((16, 4, 1), (2, 1, 1))),
    (
        (
            {"kind": "lstm", "inputs": 26, "hidden": 128, "projection": 64, "block": 8, "peepholes": True},
            _linear(64, 39, 8),
        ),
        12, 8, "xc7z020, at most 4 us", ((2, 1, 1), (1, 1, 1)),
    ),
    (
        (_gru(16, 128, 16, "before"), _linear(128, 10, 16)),
        10, 16, "xc7z020, latency", ((7, 1, 1), (1, 1, 1)),
    ),
    (
        (
            {"kind": "lstm", "inputs": 39, "hidden": 128, "projection": 64, "block": 16},
            _linear(64, 32, 16),
        ),
        12, 16, "xcku060, smallest", ((1, 1, 1), (1, 1, 1)),
    ),
)  # fmt: skip
#: Of a network: layers of which the first ones have a state, or none has.
ROUTES = (1, 2, 3, 5, 8)


def explored_network(row: tuple) -> Network:
    """The network of a row of EXPLORED."""
    layers, word, beat, _, hardware, *factor = row
    cells = [make_cell(**layer) for layer in layers]
    weights = [random_weights(cell, 1 + i) for i, cell in enumerate(cells)]
    if factor:
        weights[0] = {name: array * factor[0] for name, array in weights[0].items()}
    calibration = random_calibration(cells[0].inputs, 1)
    network = build_network(cells, weights, calibration, word, word + 4, samples_per_beat=beat)
    for place, (lanes, units, width) in enumerate(hardware):
        network = network.with_hardware(place, lanes=lanes, ifft_units=units, element_width=width)
    return network


def _arguments(rows) -> tuple[dict, ...]:
    return tuple(dict(zip(_COLUMNS, row[:-1], strict=True)) | row[-1] for row in rows)


TRAINING, SPECIAL_TRAINING = _arguments(_TRAINING), _arguments(_SPECIAL_TRAINING)
VALIDATION, SPECIAL_VALIDATION = _arguments(_VALIDATION), _arguments(_SPECIAL_VALIDATION)
