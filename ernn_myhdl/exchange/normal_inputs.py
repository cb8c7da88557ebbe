"""What formats are chosen on where no calibration data are given."""

from __future__ import annotations

import numpy as np

from ernn_myhdl.calibration.generate import random_calibration
from ernn_myhdl.design.graph import Graph
from ernn_myhdl.design.time_joins import Sum, taken_lengths

#: What formats chosen on standard normal inputs hold: one number in two millions is beyond.
LARGEST_NORMAL = 5.0


def standard_normal(inputs: int, graph: Graph | None) -> list[np.ndarray]:
    """Sequences (frames, inputs) in the place of real inputs, as long as the joins over time of a graph take them."""
    embeds = graph is not None and graph.embedding is not None
    sequences = random_calibration(inputs, 0, graph if embeds else None)
    frames = taken_lengths(graph, [len(sequences[0])])[0]
    if frames >= len(sequences[0]):
        sequences = [np.resize(s, (frames, inputs)) for s in sequences]
    else:  # no frame is left out: a mean gives one number of each sequence
        starts = range(0, len(sequences[0]) - frames + 1, frames)
        sequences = [s[start : start + frames] for s in sequences for start in starts]
    if graph is not None and any(isinstance(join, Sum) for join in graph.joins):
        # real frames follow from those before them, so that their mean is as large as they are; that of independent ones is small
        sequences += [np.repeat(s[:1], frames, axis=0) for s in sequences]
    if not embeds:
        sequences[0][0, 0] = LARGEST_NORMAL
    return sequences
