"""PyTorch modules as designs: `import_module`, through the graph that `torch.export` makes of one."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ernn_myhdl.design.dense import check_chain
from ernn_myhdl.design.host_steps import check_steps
from ernn_myhdl.design.source_model import Origin
from ernn_myhdl.errors import DesignError, ToolError, short
from ernn_myhdl.exchange.frames_out import FramesOut
from ernn_myhdl.exchange.graph import Output
from ernn_myhdl.exchange.importing import Imported, import_source
from ernn_myhdl.exchange.lowering import Lowered, lower
from ernn_myhdl.exchange.onnx_states import STEP_NOTE, state_inputs_note
from ernn_myhdl.exchange.source import Source, outputs_of
from ernn_myhdl.exchange.torch_comparison import Own, compared
from ernn_myhdl.exchange.torch_graph import TorchGraph
from ernn_myhdl.exchange.torch_whole_cells import whole_cells
from ernn_myhdl.golden.output_loss import OutputLoss


def import_module(
    model: Any,
    example: Any,
    host_functions: bool = False,
    all_frames: bool = False,
    max_frames: int | None = None,
    **options: Any,
) -> Imported:
    """A PyTorch module as a design: order, functions between the layers and axes are those of its forward.

    The module is traced by `torch.export`, in evaluation mode; loops of nn.LSTMCell, nn.GRUCell and nn.RNNCell over the
    frames become layers. The layers, dense and not rounded, are compared with the module on random inputs, of other
    sizes too where it takes them.

    Parameters
    ----------
    model : torch.nn.Module
    example : tensor or tuple of tensors
        x as the module takes it, or x and the states before the first frame, (x, h0) or (x, h0, c0): the design then
        has initial_states; x of integers goes to an nn.Embedding. Only sizes and types matter.
    host_functions, all_frames : bool
        As in `import_model`.
    max_frames : int, optional
        As in `import_model`. Without it a mean over the frames is of as many as the example has.
    **options
        Those of `import_model` that are not of a file.

    Returns
    -------
    Imported

    Raises
    ------
    DesignError
        Where the layers and the module differ by more than 1e-4 of the span of its outputs, and for what no core
        computes, by name.
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
    loss, frames = followed.compared()
    states = graph.graph.given_states
    notes = [*graph.graph.notes, *lowered.notes]
    if states:
        notes.append(state_inputs_note(states))
    if graph.graph.single_step:
        notes.append(STEP_NOTE)
    elif graph.loops:
        notes.append("cells in a loop over the frames became layers, for sequences of any length")
    source = Source(lowered.layers, None, tuple(notes), lowered.normalisation, lowered.steps, "PyTorch module", bool(states), lowered.graph)  # fmt: skip
    told = (
        f"checked: the layers, dense and not rounded, differ from the module by at most {loss.relative:.2g} of its span "
        f"({frames} frames of random inputs)"
    )
    origin = Origin("PyTorch module", type(model).__name__, _digest(model))
    return source, origin, told, loss


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
            return compared(self, own)


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
    # one tensor in two places, such as zeros for h and c, would be one input of the program
    arguments = torch.utils._pytree.tree_unflatten([t.detach().clone() for t in given], form)

    def run(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        return _run(model, arrays, given, form, torch)

    with evaluated(model):
        graph = TorchGraph(_exported(model, arguments, torch), torch)
        called = {name: f"{i} (from 0)" for i, name in enumerate(graph.outputs)}
        outputs = graph.graph.result(graph.outputs, called)
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
    export = getattr(getattr(torch, "export", None), "export", None)
    if export is None or "strict" not in inspect.signature(export).parameters:
        raise ToolError(
            f"PyTorch {torch.__version__} has no torch.export.export that takes strict, by which modules are followed; install a newer "
            "one (2.13 is tested), or import the state dict of a plain stack"
        )
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
        with _quiet(), torch.no_grad(), whole_cells():
            return torch.export.export(model, given, strict=False)
    except Exception as error:  # whatever the module's own code raises
        raise DesignError(
            f"model {type(model).__name__}: cannot be traced by torch.export ({short(error)}); it must run on the example "
            "alone, without decisions by values of x; or import its state dict"
        ) from error


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
