"""Add, Sub, Mul, Max, Min and Concat of several signals: joins of a graph, where they join the same frames along their elements."""

from __future__ import annotations

from dataclasses import replace

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.frames_out import other_frames, over_time, summary_joined
from ernn_myhdl.exchange.graph import Joined, LastFrame, Node, Selected, affine
from ernn_myhdl.exchange.onnx_refusals import STACKED
from ernn_myhdl.exchange.onnx_values import Axis, Labels, Signal
from ernn_myhdl.exchange.rectifiers import extreme

#: Kinds of joins by the operators that are no addition.
_KINDS = {"Concat": "concatenation", "Mul": "product", "Max": "comparison", "Min": "comparison"}


def joined_signals(
    where: str, kind: str, attributes: dict, given: list, labels: Labels
) -> Signal | None:
    """The signal that one of these operators makes of signals; None where it is something else.

    Raises DesignError where signals are joined that do not belong together frame by frame.
    """
    signals = [v for v in given if isinstance(v, Signal)]
    if kind not in ("Add", "Sub", *_KINDS) or len(signals) < 2 or len(signals) < len(given):
        return None
    name = _KINDS.get(kind, "addition")
    if len({s.last for s in signals}) > 1:
        raise summary_joined(where, name, [s.node for s in signals if s.last])
    count = len(signals[0].axes)
    if kind != "Concat" and all(_lost(s, labels) for s in signals):  # elements without their axis
        whole = [s.moved((*s.axes, (str(s.feature),))) for s in signals]
        made = joined_signals(where, kind, attributes, whole, labels)
        return None if made is None else made.moved(made.axes[:-1])
    if any(len(s.axes) != count for s in signals):
        return None
    chosen = int(attributes.get("axis", 0)) % count if kind == "Concat" and count else None
    signals = _with_axes(signals, chosen, labels)
    known = next((s for s in signals if s.feature is not None), None)
    own = chosen is not None and all(_is_new(s.axes[chosen], labels) for s in signals)
    if known is None or known.feature is None:
        if own:
            raise DesignError(f"{where}: {STACKED}")
        return _of_x(where, kind, attributes, signals, labels)
    place = next((i for i, a in enumerate(known.axes) if known.feature in a), None)
    if place is not None and chosen not in (None, place):
        if own and not signals[0].last:  # states of several layers are put so
            raise DesignError(f"{where}: {STACKED}")
        return None
    if place is None:
        return None
    signals = [_with_elements(s, place, labels) for s in signals]
    for signal in signals:
        _check_same(where, name, signals[0], signal, place, labels)
    sizes = [labels.sizes[s.feature] if s.feature else None for s in signals]
    if any(size is None for size in sizes):
        raise DesignError(
            f"{where}: joins signals of which the elements of a frame are not known; export the model with fixed sizes"
        )
    wide = max(size or 0 for size in sizes)
    if kind != "Concat" and not set(sizes) <= {1, wide}:
        raise DesignError(
            f"{where}: joins {' and '.join(map(str, sizes))} elements of a frame; a core adds and multiplies signals of equal size, or of one element"
        )
    total = sum(n or 0 for n in sizes) if kind == "Concat" else wide
    feature = labels.new(total)
    axes = (*known.axes[:place], feature, *known.axes[place + 1 :])
    taken = next((s.taken for s in signals if s.taken is not None), None)
    frame = next((s.frame for s in signals if s.frame is not None), None)
    nodes = tuple(
        s.node
        if kind == "Concat" or size == wide
        else Node(Selected((0,) * wide, 1), (s.node,), where)  # the element for each of the others
        for s, size in zip(signals, sizes, strict=True)
    )
    if kind in ("Mul", "Max", "Min") and len(nodes) > 2:
        return None
    if kind == "Sub":
        nodes = (nodes[0], Node(affine(where, -1.0, 0.0, None), nodes[1:], where))
    if signals[0].last and over_time(nodes):  # what stands for a sequence beside last frames
        nodes = tuple(Node(LastFrame(), (n,), where) for n in nodes)
    if kind in ("Max", "Min"):
        node = extreme(where, nodes[0], nodes[1], kind == "Max")
    else:
        node = Node(Joined(name), nodes, where)
    return Signal(axes, node, frame, feature[0], taken, signals[0].last)


def _is_new(axis: Axis, labels: Labels) -> bool:
    """Whether an axis has one element, and none of x."""
    return not labels.core(axis) and not set(labels.inputs) & set(axis)


def _lost(signal: Signal, labels: Labels) -> bool:
    """Whether it is a lone element whose axis has been dropped, and perhaps made anew."""
    feature = signal.feature
    alone = feature is not None and labels.sizes[feature] == 1
    return alone and not any(feature in axis for axis in signal.axes)


def _with_axes(signals: list[Signal], chosen: int | None, labels: Labels) -> list[Signal]:
    """The signals, of which lone elements without their axis have it where they are joined: along axis `chosen`, or where the
    others have their elements."""
    places = (i for s in signals for i, axis in enumerate(s.axes) if s.feature in axis)
    place = next(places, None) if chosen is None else chosen
    made = []
    for signal in signals:
        axis = signal.axes[place] if place is not None else ()
        new = axis and not labels.core(axis) and not {signal.frame, *labels.inputs} & set(axis)
        lone = new and _lost(signal, labels)
        made.append(replace(signal, feature=axis[0]) if lone else signal)
    return made


def _of_x(
    where: str, kind: str, attributes: dict, signals: list[Signal], labels: Labels
) -> Signal | None:
    """A join of x with what is made of it element by element, before a layer has told which axis holds the elements."""
    first = signals[0]
    if any(s.axes != first.axes or s.padded or s.last != first.last for s in signals):
        return None
    nodes = tuple(s.node for s in signals)
    if kind == "Concat":
        place = int(attributes.get("axis", 0)) % len(first.axes)
        taken = labels.core(first.axes[place])
        size = labels.size(first.axes[place])
        if len(taken) != 1 or size is None:
            return None
        feature = labels.new(size * len(signals))
        axes = (*first.axes[:place], feature, *first.axes[place + 1 :])
        return replace(first.moved(axes), node=Node(Joined("concatenation"), nodes, where), feature=feature[0], taken=taken[0])  # fmt: skip
    if kind == "Mul" and len(nodes) > 2:
        return None
    if kind == "Sub":
        nodes = (nodes[0], Node(affine(where, -1.0, 0.0, None), nodes[1:], where))
    frame = next((s.frame for s in signals if s.frame is not None), None)
    joined = Node(Joined(_KINDS.get(kind, "addition")), nodes, where)
    return replace(first, node=joined, frame=frame)


def _with_elements(signal: Signal, place: int, labels: Labels) -> Signal:
    """The signal; of x the axis where the others have the elements of a frame is taken for them."""
    if signal.feature is not None:
        return signal
    core = labels.core(signal.axes[place])
    label = core[0] if len(core) == 1 else signal.axes[place][0]
    return replace(signal, feature=label, taken=label)


def _check_same(
    where: str, kind: str, first: Signal, other: Signal, place: int, labels: Labels
) -> None:
    """DesignError unless both have the same frames, and their elements along one axis."""
    takers = {s.taken for s in (first, other) if s.taken is not None}
    if len(takers) > 1:
        raise DesignError(
            f"{where}: joins signals that take different axes of the input for the elements of a frame"
        )
    axes = {at for s in (first, other) if (at := labels.input_axis(s.frame)) is not None}
    if len(axes) > 1:
        raise DesignError(
            f"{where}: joins signals whose layers take the frames along axis {' and '.join(map(str, sorted(axes)))} of the input, as with batch_first and without; "
            "let all take one axis for them"
        )
    for signal in (first, other):
        if signal.feature not in signal.axes[place] or not _alone(signal, place, labels):
            raise DesignError(
                f"{where}: joins {labels.meaning(signal.axes[place], signal)}, not the elements of a frame"
            )
    for i, (ours, theirs) in enumerate(zip(first.axes, other.axes, strict=True)):
        repeated = [s.frame in labels.frames_of for s in (first, other)]
        if i != place and labels.core(ours) != labels.core(theirs) and any(repeated):
            if not all(repeated):  # which is as long as the frames of the other by chance
                ones = zip((first, other), repeated, strict=True)
                raise summary_joined(where, kind, [s.node for s, again in ones if again])
        if i != place and labels.core(ours) != labels.core(theirs):
            if told := _other_frames(ours, theirs, labels):
                raise DesignError(f"{where}: {told}")
            raise DesignError(
                f"{where}: joins {labels.meaning(ours, first)} with {labels.meaning(theirs, other)}; a core joins what "
                "belongs to one frame"
            )


def _other_frames(ours: Axis, theirs: Axis, labels: Labels) -> str:
    """Why two axes of frames have other frames, where windows have left some out; empty where they differ in something else."""
    if len(ours) > 1 or len(theirs) > 1:
        return ""
    (root, one), (other_root, other) = labels.cadence(ours[0]), labels.cadence(theirs[0])
    if root != other_root or one == other:
        return ""
    return f"joins signals of other frames: {other_frames((one, other))}"


def _alone(signal: Signal, place: int, labels: Labels) -> bool:
    """Whether the axis holds nothing but the elements of a frame."""
    core: Axis = labels.core(signal.axes[place])
    return core in ((), (signal.feature,))
