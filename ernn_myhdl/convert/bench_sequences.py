"""The sequences of the delivered test bench, and where between them its image of weights is sent."""

from __future__ import annotations

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.design.time_joins import taken_lengths
from ernn_myhdl.streams.traffic import Traffic

#: Sequences of the delivered vectors, in frames.
SEQUENCES = (2, 1)


def vector_lengths(design: CoreSpecification) -> list[int]:
    """Frames of the delivered sequences: as many of y as SEQUENCES has."""
    if design.graph is None or design.graph.over_time:
        return taken_lengths(design.graph, SEQUENCES)
    first, step = design.graph.least - 1, design.graph.cadence.step
    return [first + step * (n - 1) + 1 for n in SEQUENCES]


def frames_before_load(core: CoreSpecification) -> tuple[int, int]:
    """Frames of x before the image, and of y that they give.

    Where y stands for sequences those behind which no sequence is open for the first time, else the first two.
    """
    if core.graph is None or not core.graph.over_time:
        return SEQUENCES[0], SEQUENCES[0]
    lengths = vector_lengths(core)
    running, made = set(), 0
    turns = Traffic().turns(lengths, core.stream_shape.streams)
    for sent, turn in enumerate(turns, 1):
        running.add(turn.sequence)
        if turn.frame == lengths[turn.sequence] - 1:
            running.remove(turn.sequence)
            made += core.graph.output_frames(lengths[turn.sequence])
        if not running:
            return sent, made
    raise AssertionError("sequences end")
