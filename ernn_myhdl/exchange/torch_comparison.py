"""A module of PyTorch beside the layers that stand for it, on random inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.graph import Graph as CoreGraph
from ernn_myhdl.design.host_steps import stepped
from ernn_myhdl.errors import DesignError, short
from ernn_myhdl.exchange.graph import LastFrame
from ernn_myhdl.exchange.lowering import Lowered
from ernn_myhdl.exchange.onnx_values import Axis, Labels, Signal
from ernn_myhdl.exchange.recurrent_kinds import OF_CELL
from ernn_myhdl.exchange.reference import TOLERANCE, dense_outputs
from ernn_myhdl.golden.output_loss import OutputLoss, output_loss

if TYPE_CHECKING:
    from ernn_myhdl.exchange.torch_graph import TorchGraph
    from ernn_myhdl.exchange.torch_module import FollowedModule

#: Frames and sequences that random inputs have more than the example; other sizes only where the module takes them.
MORE = ((0, 0), (0, 0), (3, 0), (2, 1))
#: Steps of a module of one, and sequences that they have more than the example.
STEPS, MORE_SEQUENCES = 6, (0, 0, 1)

Own: TypeAlias = Callable[[list[np.ndarray]], np.ndarray]


def compared(followed: FollowedModule, own_outputs: Own | None) -> tuple[OutputLoss, int]:
    """See `FollowedModule.compared`."""
    if followed.graph.graph.single_step:
        return _compared_steps(followed, own_outputs)
    model, given, graph = followed.model, followed.given, followed.graph
    outputs, lowered = followed.outputs, followed.lowered
    labels = graph.graph.labels
    signals = _over_frames([graph.graph.values[output.name] for output in outputs])
    feature, frame = (labels.input_axis(getattr(signals[0], n)) for n in ("taken", "frame"))
    single = _left_out(followed, signals[0], frame)
    rng = np.random.default_rng(0)
    wanted: list[list[np.ndarray]] = [[] for _ in outputs]
    made: list[list[np.ndarray]] = [[] for _ in outputs]
    for more, sequences in MORE:
        frames = 0 if graph.holds_frames else more
        shapes = [_grown(t.shape, i, {feature, *single}, frame, frames, sequences) for i, t in enumerate(given)]  # fmt: skip
        x, *states = arrays = [
            _random(rng, shape, i, lowered.graph) for i, shape in enumerate(shapes)
        ]
        try:
            results = followed.run(arrays)
        except Exception as error:
            if frames or sequences:  # the module holds its sizes
                continue
            raise DesignError(
                f"model {type(model).__name__}: does not run ({short(error)})"
            ) from error
        cut = _sequences(x, feature, frame)
        if own_outputs is None:
            own = _own(lowered, cut, _initial(graph, lowered.layers, states, len(cut)))
        else:
            own = own_outputs(cut)
        named = dict(zip(graph.outputs, results, strict=True))
        start = 0
        for i, (output, signal) in enumerate(zip(outputs, signals, strict=True)):
            size = signal_size(labels, signal) if len(outputs) > 1 else own.shape[-1]
            part = own[..., start : start + size]
            start += size
            if isinstance(output.node.operation, LastFrame):
                part = part[:, -1:]
            y = _as_sequences(labels, signal, named[output.name], x.shape, part.shape)
            wanted[i].append(y.reshape(-1, size))
            made[i].append(part.reshape(-1, size))
    return _verdict(followed, wanted, made, "")


def _over_frames(signals: Sequence[Any]) -> list[Any]:
    """The signals, where some run over frames all over the same: outputs of linear layers alone tell none."""
    frame = next((signal.frame for signal in signals if signal.frame is not None), None)
    return [replace(s, frame=frame) if s.frame is None else s for s in signals]


def _verdict(
    followed: FollowedModule,
    wanted: Sequence[Sequence[np.ndarray]],
    made: Sequence[Sequence[np.ndarray]],
    more: str,
) -> tuple[OutputLoss, int]:
    """The largest loss of the outputs and their frames; DesignError beyond TOLERANCE. more: what the module is told to do beside."""
    model, lowered = followed.model, followed.lowered
    losses = [output_loss(own, others) for own, others in zip(wanted, made, strict=True)]
    beyond = [each for each in losses if not each.error <= TOLERANCE * (each.span or 1.0)]
    loss = beyond[0] if beyond else max(losses, key=lambda each: each.relative)
    if beyond:
        raise DesignError(
            f"model {type(model).__name__}: its outputs differ from those of the layers "
            f"{' -> '.join(layer.name for layer in lowered.layers)} by {loss.relative:.2g} of their span, at most {TOLERANCE:g} may "
            f"be: its forward does more than was followed{more}; import an ONNX file or the state dict with --reference"
        )
    return loss, sum(len(y) for y in wanted[0])


def _compared_steps(followed: FollowedModule, own_outputs: Own | None) -> tuple[OutputLoss, int]:
    """The same of a module of one step, which is called with the states that it gave before."""
    graph, outputs, lowered = followed.graph, followed.outputs, followed.lowered
    labels = graph.graph.labels
    signals: list[Any] = [graph.graph.values[output.name] for output in outputs]
    feature = labels.input_axis(signals[0].taken)
    shapes = [tuple(t.shape) for t in followed.given]
    # axes of one element that the module drops stay as they are
    kept = {labels.inputs.get(label) for axis in signals[0].axes for label in axis}
    frame = labels.input_axis(signals[0].frame)
    fixed = {feature, frame, *(set(range(len(shapes[0]))) - kept)}
    back = _given_back(followed)
    rng = np.random.default_rng(0)
    wanted: list[list[np.ndarray]] = [[] for _ in outputs]
    made: list[list[np.ndarray]] = [[] for _ in outputs]
    for more in MORE_SEQUENCES:
        grown = [_grown(s, i, fixed, None, 0, more) for i, s in enumerate(shapes)]
        frames = [_random(rng, grown[0], 0, lowered.graph) for _ in range(STEPS)]
        begin = states = [_random(rng, shape, 1, None) for shape in grown[1:]]
        given: list[list[np.ndarray]] = []
        try:
            for x in frames:
                given.append(followed.run([x, *states]))
                states = [given[-1][i].astype(np.float32) for i in back]
        except Exception as error:
            if more:  # the module holds its sizes
                continue
            raise DesignError(
                f"model {type(followed.model).__name__}: does not run with the states that it gives ({short(error)})"
            ) from error
        each = [_sequences(x, feature, None)[0] for x in frames]  # (sequences, inputs)
        cut = [np.stack([x[i] for x in each]) for i in range(len(each[0]))]
        batched = [s if s.ndim > 1 else s[None] for s in begin]
        own = (
            _own(lowered, cut, _initial(graph, lowered.layers, batched, len(cut)))
            if own_outputs is None
            else own_outputs(cut)
        )
        start = 0
        for i, (output, signal) in enumerate(zip(outputs, signals, strict=True)):
            size = signal_size(labels, signal) if len(outputs) > 1 else own.shape[-1]
            part = own[..., start : start + size]
            start += size
            place = graph.outputs.index(output.name)
            steps = [
                _as_sequences(labels, signal, y[place], frames[0].shape, (len(cut), 1, size))
                for y in given
            ]
            wanted[i].append(np.concatenate(steps, axis=1).reshape(-1, size))
            made[i].append(part.reshape(-1, size))
    return _verdict(
        followed,
        wanted,
        made,
        ", or its states are given back in another order than they are taken",
    )


def _given_back(followed: FollowedModule) -> list[int]:
    """The outputs of a module of one step that are the states of the next, in the order of its arguments."""
    graph = followed.graph
    found = [i for i, name in enumerate(graph.outputs) if graph.graph.is_final_state(name)]
    count = len(followed.given) - 1
    if len(found) < count:
        raise DesignError(
            f"model {type(followed.model).__name__}: takes {count} states of cells and gives {len(found)} of them back; return the states behind "
            "the step, in the order in which they are taken"
        )
    return found[-count:]


def signal_size(labels: Labels, signal: Signal) -> int:
    """Elements of a frame."""
    return int(labels.sizes[signal.feature] or 1) if signal.feature is not None else 1


def _left_out(followed: FollowedModule, signal: Signal, frame: int | None) -> set[int]:
    """Axes of x of one element each, which an embedding takes."""
    graph = followed.lowered.graph
    if graph is None or graph.embedding is None:
        return set()
    inputs = followed.graph.graph.labels.inputs
    kept = {inputs[label] for axis in signal.axes for label in axis if label in inputs}
    return set(range(followed.given[0].dim())) - kept - {frame}


def _grown(shape: Any, number: int, fixed: set[int | None], frame: int | None, frames: int, sequences: int) -> list[int]:  # fmt: skip
    """The shape of an input with more frames and sequences; number: 0 for x; fixed: axes that stay."""
    sizes = [int(n) for n in shape]
    if number:  # states (layers, batch, H) or (batch, H)
        if len(sizes) > 1:
            sizes[-2] += sequences
        return sizes
    for axis in range(len(sizes)):
        if axis not in fixed:
            sizes[axis] += frames if axis == frame else sequences
    return sizes


def _random(
    rng: np.random.Generator, shape: Sequence[int], number: int, graph: CoreGraph | None
) -> np.ndarray:
    """Values of an input; number: 0 for x, which may be numbers of the rows of an embedding."""
    if number == 0 and graph is not None and graph.embedding is not None:
        return rng.integers(0, graph.embedding.rows, shape).astype(np.float32)
    values = rng.standard_normal(shape) if number == 0 else rng.uniform(-0.9, 0.9, shape)
    return values.astype(np.float32)


def _sequences(x: np.ndarray, feature: int | None, frame: int | None) -> list[np.ndarray]:
    """x as sequences (frames, inputs); without an axis of frames every frame is one of a single sequence."""
    x = x.astype(np.float64)
    x = x[..., None] if feature is None else np.moveaxis(x, feature, -1)
    if frame is None:
        return [x.reshape(-1, x.shape[-1])]
    axis = frame - (feature is not None and frame > feature)
    x = np.moveaxis(x, axis, 0)
    x = x.reshape(len(x), -1, x.shape[-1])
    return [x[:, i] for i in range(x.shape[1])]


def _initial(
    graph: TorchGraph, layers: Sequence[DenseLayer], states: Sequence[np.ndarray], count: int
) -> list[list[Mapping[str, np.ndarray] | None]]:
    """For each layer, the state of each sequence."""
    arrays = dict(zip([n for n in graph.inputs if n != graph.x], states, strict=True))
    found = []
    for layer in layers:
        mine = [
            (part, value) for name, part, value in graph.graph.given_states if name == layer.name
        ]
        own: list[Mapping[str, np.ndarray] | None] = [layer.initial or None] * count
        if mine:
            sizes = {"output": layer.outputs, "cell_state": layer.hidden}
            zero = {part: np.zeros(sizes[part]) for part in OF_CELL[layer.kind].state}
            own = [zero] * count
            for part, value in mine:
                if value.part is None:
                    raise DesignError(f"layer {layer.name}: takes its states of {value} in a way that is not followed; give each layer an argument of its own, or stack them along the first axis")  # fmt: skip
                array = arrays[value.name]
                rows = (array if array.ndim == 3 else array[None])[value.part[0]]
                own = [{**(state or {}), part: rows[i]} for i, state in enumerate(own)]
        found.append(own)
    return found


def _own(lowered: Lowered, cut: list[np.ndarray], initial: list) -> np.ndarray:
    """Outputs (sequences, frames, outputs) of the layers and the host."""
    x = cut if lowered.normalisation is None else list(map(lowered.normalisation.normalised, cut))
    y = np.stack(dense_outputs(lowered.layers, lowered.graph, list(x), initial))
    return stepped(lowered.steps, y, frames=np.full(y.shape[:-1], len(cut[0])))


def _as_sequences(
    labels: Labels, signal: Signal, y: np.ndarray, sizes: Sequence[int], shape: tuple[int, ...]
) -> np.ndarray:
    """An output of the module in the shape (sequences, frames, outputs) of the core's."""
    atoms: Axis = tuple(label for axis in signal.axes for label in axis)
    split = [sizes[labels.inputs[a]] if a in labels.inputs else labels.sizes[a] or 1 for a in atoms]
    if signal.frame in labels.some_of:  # their number follows from that of x
        split = [shape[1] if a == signal.frame else n for a, n in zip(atoms, split, strict=True)]
    if int(np.prod(split)) != y.size:
        raise DesignError(
            f"an output of the module has shape {y.shape}, which the layers do not give"
        )
    y = y.reshape(split)
    first = sorted(
        (a for a in atoms if a not in (signal.frame, signal.feature)),
        key=lambda a: labels.inputs.get(a, -1),
    )
    order = [*first, *(a for a in atoms if a == signal.frame), *(a for a in atoms if a == signal.feature)]  # fmt: skip
    return y.transpose([atoms.index(a) for a in order]).reshape(shape)
