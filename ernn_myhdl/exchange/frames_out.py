"""Operations of a model over its frames as joins over time of a core, and what the user decides about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ernn_myhdl.design import time_joins
from ernn_myhdl.design.graph import Join
from ernn_myhdl.design.joins import Cadence
from ernn_myhdl.design.time_joins import Maximum, Mean, Repeat, Sum
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.graph import LastFrame, Node, Pooled, Repeated, Windows, nodes_before
from ernn_myhdl.whole_numbers import whole


@dataclass(frozen=True)
class FramesOut:
    """all_frames: the core gives every frame where the model's outputs are of the last one, and the host takes that. max_frames: of
    a sequence, for means and sums over sequences of any length, which the host divides; None: the length is that of the model.
    """

    all_frames: bool = False
    max_frames: int | None = None

    def __post_init__(self) -> None:
        if self.max_frames is not None:
            whole("max_frames", self.max_frames, 1, time_joins.MOST_FRAMES)


def is_over_time(node: Node) -> bool:
    """Whether a node takes the frames of a sequence together."""
    return isinstance(node.operation, LastFrame | Pooled | Repeated)


def over_time(nodes: Sequence[Node]) -> bool:
    """Whether anything but the choice of a last frame is on the way to nodes."""
    return any(isinstance(n.operation, Pooled | Repeated) for n in nodes_before(nodes))


def summary_joined(where: str, kind: str, nodes: Sequence[Node]) -> DesignError:
    """The error for a join of every frame with what stands for the whole sequence. kind: of the join. nodes: that stand for one."""
    pooled = [n.operation for n in nodes_before(nodes) if isinstance(n.operation, Pooled)]
    what = f"the {pooled[-1].kind} of all frames" if pooled else "the last frame"
    does = _DOES.get(kind, "puts beside every frame")
    like = ", as a squeeze-and-excitation gate or a weight of attention does" * (kind == "product")
    behind = "" if pooled else "; or take the last frame of both behind this node"
    return DesignError(
        f"{where}: {does} what follows from {what} of its sequence{like}; a core gives frames as they come, when those behind are not known: "
        "take what follows from the frame itself, or from a running mean of the last frames (a causal depthwise nn.Conv1d with constant weights "
        f"1 / kernel), and train the model so{behind}"
    )


#: What joins do with every frame, by their kinds.
_DOES = {"product": "multiplies every frame with", "addition": "adds to every frame, or subtracts,"}


def frames_of(node: Node) -> int | None:
    """Frames of a sequence of a signal; None: as many as of x, or as many as windows leave of them."""
    while node.inputs:
        if isinstance(node.operation, Repeated):
            return node.operation.frames
        if is_over_time(node):
            return 1
        node = node.inputs[0]
    return None


def cadence_of(node: Node) -> Cadence:
    """Which frames of x a signal has; behind a join over time all of its own."""
    windows: list[Windows] = []
    while node.inputs and not is_over_time(node):
        if isinstance(node.operation, Windows):
            windows.append(node.operation)
        node = node.inputs[0]
    found = Cadence()
    for each in reversed(windows):
        found = found.then(Cadence(0 if each.padding else each.reach, each.stride))
    return found


def other_frames(cadences: Sequence[Cadence]) -> str:
    """What is said of signals that windows have left other frames of, and what to do."""
    words = [
        f"{'every frame' if each.step == 1 else f'one frame in {each.step}'} from number {each.first} on"
        for each in cadences
    ]
    return (
        f"one has {', another '.join(words)} (counted from 0), since convolutions without padding or with a stride leave frames out; give the branches equal "
        "strides, and pad each convolution with (kernel - 1) x dilation zeros on the left, or let none be padded and all reach equally far"
    )


def time_join(node: Node, source: str, max_frames: int | None, last: bool) -> Join:
    """The join of a node of `is_over_time`. source: name of its signal. last: whether it is the output, whose mean the host may
    divide (then it is a sum, of at most max_frames)."""
    operation = node.operation
    if isinstance(operation, Repeated):
        return Repeat((source,), frames=operation.frames)
    if isinstance(operation, Pooled) and operation.kind == time_joins.MAXIMUM:
        return Maximum((source,))
    if not isinstance(operation, Pooled):
        return time_joins.LastFrame((source,))
    if operation.kind == time_joins.SUM or (last and max_frames):
        frames = max_frames or operation.frames
        if frames is None:
            raise DesignError(
                f"{node.where}: is over sequences of any length; declare the most frames with --max-frames"
            )
        return Sum((source,), frames=frames)
    if operation.frames is None:
        advice = (
            "declare the most frames with --max-frames, and the host divides their sum"
            if last
            else "export the model for sequences of one length, or take their maximum"
        )
        raise DesignError(
            f"{node.where}: is the mean over sequences of any length, and a core divides by a constant only; {advice}"
        )
    return Mean((source,), frames=operation.frames)


def host_divides(node: Node, max_frames: int | None) -> bool:
    """Whether the host divides the sum that stands for a mean at the end."""
    operation = node.operation
    return isinstance(operation, Pooled) and operation.kind == time_joins.MEAN and bool(max_frames)
