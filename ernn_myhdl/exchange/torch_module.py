"""PyTorch modules as designs: `import_module`, through the graph that `torch.export` makes of one."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from ernn_myhdl.design.dense import DenseLayer, check_chain
from ernn_myhdl.design.graph import Graph as CoreGraph
from ernn_myhdl.design.host_steps import check_steps, stepped
from ernn_myhdl.design.source_model import Origin
from ernn_myhdl.errors import DesignError, ToolError, short
from ernn_myhdl.exchange.frames_out import FramesOut
from ernn_myhdl.exchange.graph import LastFrame, Output
from ernn_myhdl.exchange.importing import Imported, import_source
from ernn_myhdl.exchange.lowering import Lowered, lower
from ernn_myhdl.exchange.onnx_states import state_inputs_note
from ernn_myhdl.exchange.onnx_values import Axis, Labels, Signal
from ernn_myhdl.exchange.recurrent_kinds import OF_CELL
from ernn_myhdl.exchange.reference import TOLERANCE, dense_outputs
from ernn_myhdl.exchange.source import Source, outputs_of
from ernn_myhdl.exchange.torch_graph import TorchGraph
from ernn_myhdl.golden.output_loss import OutputLoss, output_loss

#: Frames and sequences that random inputs have more than the example; other sizes only where the module takes them.
MORE = ((0, 0), (0, 0), (3, 0), (2, 1))

Own: TypeAlias = Callable[[list[np.ndarray]], np.ndarray]


def import_module(
    model: Any,
    example: Any,
    host_functions: bool = False,
    all_frames: bool = False,
    max_frames: int | None = None,
    **options: Any,
) -> Imported:
    """A PyTorch module as a design: order, functions between the layers and axes are those of its forward.

    example: a tensor x as the module takes it, or a tuple of x and the states before the first frame, (x, h0) or
    (x, h0, c0): the design then has initial_states; x of integers goes to an nn.Embedding. Only sizes and types matter. The module is traced by `torch.export`, in
    evaluation mode; loops of nn.LSTMCell, nn.GRUCell and nn.RNNCell over the frames become layers. The layers, dense and
    not rounded, are compared with the module on random inputs, of other sizes too where it takes them: DesignError where they
    differ by more than 1e-4 of the span of its outputs, and for what no core computes, by name.
    A mean over the frames is of as many as the example has, unless max_frames leaves it to the host.
    host_functions, all_frames, max_frames, options: as in `import_model`, those that are not of a file.
    """
    source, origin, told, compared = module_source(
        model, example, host_functions, FramesOut(all_frames, max_frames)
    )
    return import_source(source, origin, told, compared, **options)


def module_source(
    model: Any, example: Any, host_functions: bool = False, frames_out: FramesOut = FramesOut()
) -> tuple[Source, Origin, str, OutputLoss]:
    """The layers of a module, what it is, a note on their comparison with it, and the loss. Arguments: `import_module`."""
    followed = follow(model, example, host_functions, frames_out)
    graph, lowered = followed.graph, followed.lowered
    compared, frames = followed.compared()
    states = graph.graph.given_states
    notes = [*graph.graph.notes, *lowered.notes]
    if states:
        notes.append(state_inputs_note(states))
    if graph.loops:
        notes.append("cells in a loop over the frames became layers, for sequences of any length")
    source = Source(lowered.layers, None, tuple(notes), lowered.normalisation, lowered.steps, "PyTorch module", bool(states), lowered.graph)  # fmt: skip
    told = (
        f"checked: the layers, dense and not rounded, differ from the module by at most {compared.relative:.2g} of its span "
        f"({frames} frames of random inputs)"
    )
    origin = Origin("PyTorch module", type(model).__name__, _digest(model))
    return source, origin, told, compared


@dataclass(frozen=True)
class FollowedModule:
    """What the forward of a module computes: its graph, the outputs, the layers and the host's steps.

    given: the tensors of the example. run: from arrays like them to the module's outputs.
    """

    model: Any
    given: Sequence[Any]
    run: Callable[[Sequence[np.ndarray]], list[np.ndarray]] = field(repr=False)
    graph: TorchGraph = field(repr=False)
    outputs: Sequence[Output] = field(repr=False)
    lowered: Lowered

    def compared(self, own: Own | None = None) -> tuple[OutputLoss, int]:
        """The largest loss against the module on random inputs, and the frames of all of them; DesignError beyond TOLERANCE.

        own: outputs (sequences, frames, outputs) behind the host's steps of sequences x; None: of the layers as they are.
        """
        with evaluated(self.model):
            return _compared(self, own)


@contextlib.contextmanager
def evaluated(model: Any) -> Iterator[None]:
    """The model in evaluation mode; each of its modules is as before afterwards."""
    modes = {name: part.training for name, part in model.named_modules()}
    model.eval()
    try:
        yield
    finally:
        for name, part in model.named_modules():
            part.training = modes[name]


def follow(
    model: Any, example: Any, host_functions: bool = False, frames_out: FramesOut = FramesOut()
) -> FollowedModule:
    """The forward of a module; DesignError for what no core computes, by name. Arguments: `import_module`."""
    torch = _torch()
    if not isinstance(model, torch.nn.Module):
        raise DesignError(
            f"model: is {type(model).__name__}, must be a torch.nn.Module; `import_model` takes files"
        )
    arguments = tuple(example) if isinstance(example, tuple | list) else (example,)
    given, form = torch.utils._pytree.tree_flatten(arguments)
    if not given or not all(isinstance(tensor, torch.Tensor) for tensor in given):
        raise DesignError("example: must be a tensor x, or a tuple of x and states")

    def run(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        return _run(model, arrays, given, form, torch)

    with evaluated(model):
        graph = TorchGraph(_exported(model, arguments, torch), torch)
        outputs = graph.graph.result(graph.outputs)
        named = [replace(o, name=f"head_{i}") for i, o in enumerate(outputs)]
        lowered = lower(named if len(outputs) > 1 else outputs, host_functions, frames_out)
        embeds = lowered.graph is not None and lowered.graph.embedding is not None
        if graph.whole and not embeds:
            raise DesignError(
                "example: x must hold floating-point numbers where no nn.Embedding takes it"
            )
        if lowered.graph is None:
            check_chain(lowered.layers)
        over_time = lowered.graph is not None and lowered.graph.over_time
        check_steps(lowered.steps, outputs_of(lowered.layers, lowered.graph), over_time)
    return FollowedModule(model, given, run, graph, outputs, lowered)


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise ToolError(
            "the package torch is missing, which traces modules; install it with `pip install 'ernn-myhdl[torch]'`"
        ) from error
    return torch


def _digest(model: Any) -> str:
    """SHA-256 over the module's parameters and buffers."""
    state = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        state.update(name.encode())
        state.update(np.ascontiguousarray(tensor.detach().cpu().numpy()).tobytes())
    return state.hexdigest()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without warnings and messages of the tracing."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _exported(model: Any, given: tuple, torch: Any) -> Any:
    """The program of a module."""
    try:
        with _quiet(), torch.no_grad():
            return torch.export.export(model, given, strict=False)
    except Exception as error:  # whatever the module's own code raises
        raise DesignError(
            f"model {type(model).__name__}: cannot be traced by torch.export ({short(error)}); it must run on the example "
            "alone, without decisions by values of x; or import its state dict"
        ) from error


def _compared(followed: FollowedModule, own_outputs: Own | None) -> tuple[OutputLoss, int]:
    """See `FollowedModule.compared`."""
    model, given, graph = followed.model, followed.given, followed.graph
    outputs, lowered = followed.outputs, followed.lowered
    labels = graph.graph.labels
    signals: list[Any] = [graph.graph.values[output.name] for output in outputs]
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
    losses = [output_loss(own, others) for own, others in zip(wanted, made, strict=True)]
    beyond = [each for each in losses if not each.error <= TOLERANCE * (each.span or 1.0)]
    loss = beyond[0] if beyond else max(losses, key=lambda each: each.relative)
    if beyond:
        raise DesignError(
            f"model {type(model).__name__}: its outputs differ from those of the layers "
            f"{' -> '.join(layer.name for layer in lowered.layers)} by {loss.relative:.2g} of their span, at most {TOLERANCE:g} may "
            "be: its forward does more than was followed; import an ONNX file or the state dict with --reference"
        )
    return loss, sum(len(y) for y in wanted[0])


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
        sizes[-2] += sequences if len(sizes) > 1 else 0
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


def _run(
    model: Any, arrays: Sequence[np.ndarray], given: Sequence[Any], form: Any, torch: Any
) -> list[np.ndarray]:
    """The outputs of the module, one after the other."""
    tensors = [torch.from_numpy(a).to(t) for a, t in zip(arrays, given, strict=True)]
    with torch.no_grad(), _quiet():
        leaves = torch.utils._pytree.tree_leaves(
            model(*torch.utils._pytree.tree_unflatten(tensors, form))
        )
    return [leaf.detach().cpu().numpy().astype(np.float64) for leaf in leaves]


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
                    raise DesignError(f"layer {layer.name}: takes its states of {value} in a way that is not followed")  # fmt: skip
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
