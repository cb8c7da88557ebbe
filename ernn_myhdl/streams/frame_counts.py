"""Frames of y for the frames of x of a core whose graph has joins over time."""

from __future__ import annotations

from collections.abc import Sequence

from ernn_myhdl.design.structure import CoreStructure
from ernn_myhdl.streams.traffic import Turn, turns_of_signal


def signal_turns(
    design: CoreStructure, signal: str, turns: Sequence[Turn], lengths: Sequence[int]
) -> list[Turn]:
    """The frames of a signal or stage in the order in which they come; turns, lengths: those of x."""
    graph = design.graph
    frames = None if graph is None else graph.frames[signal.partition(".")[0]]
    return turns_of_signal(turns, lengths, frames)


def output_turns(
    design: CoreStructure, turns: Sequence[Turn], lengths: Sequence[int]
) -> list[Turn]:
    """The frames of y in the order in which they leave the core."""
    return (
        list(turns)
        if design.graph is None
        else signal_turns(design, design.graph.output, turns, lengths)
    )


def frame_starts(
    design: CoreStructure,
    turns: Sequence[Turn],
    lengths: Sequence[int],
    starts: Sequence[int],
    leaving: Sequence[Turn],
) -> list[int]:
    """For each frame of y the cycle of the first beat of the frame of x with which it comes: where one stands for a sequence, of
    the sequence's last one. starts: cycles of the first beats of the frames of x; leaving: the frames of y."""
    graph = design.graph
    if graph is None or graph.frames[graph.output] is None:
        return list(starts[: len(leaving)])
    last = {
        turn.sequence: start
        for turn, start in zip(turns, starts, strict=False)
        if turn.frame == lengths[turn.sequence] - 1
    }
    return [last[turn.sequence] for turn in leaving]
