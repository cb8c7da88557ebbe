"""Refusals of data and limits that a core cannot be evaluated with."""

from __future__ import annotations

from ernn_myhdl.corpus.inputs import DataSet
from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.design.graph import ArgMax
from ernn_myhdl.design.time_joins import check_lengths
from ernn_myhdl.errors import DesignError
from ernn_myhdl.runs.predictions import POOLINGS


def check_limits(data: DataSet, max_loss: float | None, min_sqnr: float | None) -> None:
    """DesignError where the limits make no sense for the data."""
    if max_loss is not None:
        if data.labels is None and data.label_sequences is None:
            raise DesignError(
                "max_loss: the data have no labels, so there is no accuracy; limit the error "
                "with min_sqnr"
            )
        if not 0 <= max_loss <= 100:
            raise DesignError(f"max_loss = {max_loss}: must be 0 to 100 points")
    if min_sqnr is not None and not -100 <= min_sqnr <= 140:
        raise DesignError(f"min_sqnr = {min_sqnr}: must be -100 to 140 dB")


def check_data(
    core: CoreSpecification, data: DataSet, pooling: str, one_stream: bool = False
) -> None:
    _check_frames(core, data, one_stream)
    if pooling not in POOLINGS:
        raise DesignError(f"pooling = {pooling!r}: must be one of {', '.join(POOLINGS)}")
    by_frame = data.labels is not None and len(data.labels) != len(data.sequences)
    other_frames = core.graph is not None and not core.graph.frames_of_x
    if other_frames and (by_frame or data.phone_error_rate is not None):
        raise DesignError(
            "labels: one for each frame of x, but the design gives other frames; give a label for each sequence, or label sequences"
        )
    if core.graph is not None and isinstance(core.graph.join_of(core.graph.output), ArgMax):
        raise DesignError(
            "evaluate: y is the number of a class (ArgMax), of which there is no error; evaluate the design with its argmax at the host"
        )
    classes = len(data.classes or ())
    if data.label_sequences is not None and core.outputs != classes + 1:
        raise DesignError(
            f"label_sequences: {classes} classes, and the design has {core.outputs} outputs, must be {classes + 1}: one for each "
            "class and the blank"
        )
    if data.labels is not None:
        low, high = int(data.labels.min()), int(data.labels.max())
        if low < 0 or high >= core.outputs:
            raise DesignError(
                f"labels: from {low} to {high}, must be 0 to {core.outputs - 1}, the outputs of the "
                "design; the class of a frame is its largest output"
            )


def _check_frames(core: CoreSpecification, data: DataSet, one_stream: bool) -> None:
    """DesignError where y has other frames than the labels are of, or than the joins over time take."""
    check_lengths(core.graph, [len(s) for s in data.sequences])
    graph = core.graph
    if graph is None or not graph.over_time:
        return
    if one_stream:
        raise DesignError(
            "one stream: a join over time of the design asks for the ends of the sequences; evaluate them one by one"
        )
    if graph.frames[graph.output] is None:
        return
    per_frame = data.labels is not None and data.labels_per_frame
    if per_frame or data.label_sequences is not None or data.phone_error_rate is not None:
        raise DesignError(
            f"labels: of frames, but the design gives {graph.frames[graph.output]} frames for a whole sequence; give one "
            "label for each sequence"
        )
