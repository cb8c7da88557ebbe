"""What the layers of a model take and give in one forward pass on real inputs.

A pass is run by the user's own step, which knows how the model is called, on the first batch of the data, in
evaluation mode and without gradients. It ends where the model has given its output.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.activations import LayerFunction
from ernn_myhdl.train.function_calls import FunctionCall, FunctionRecord, activations_of
from ernn_myhdl.train.kernel_warnings import without_kernel_warnings
from ernn_myhdl.train.recurrent_modules import RECURRENT, STEPS

#: Modules of which the hardware has a layer.
LAYERS = (*RECURRENT, nn.Linear, nn.Conv1d)

Values: TypeAlias = Tensor | PackedSequence


class _Given(BaseException):
    """The model has given its output: the rest of the step is not run."""


@dataclass
class LayerCalls:
    """The calls of one module: what it took and gave, and the states that it was called with first. activated: what the
    function behind a linear layer gave, where it is its activation."""

    name: str
    module: nn.Module
    inputs: list[Values] = field(default_factory=list)
    outputs: list[Values] = field(default_factory=list)
    state: object = None
    activation: LayerFunction | None = None
    activated: np.ndarray | None = None

    @property
    def recurrent(self) -> bool:
        return isinstance(self.module, RECURRENT)

    def taken(self) -> np.ndarray:
        """The vectors (rows, inputs) that it took."""
        return np.concatenate([vectors(x) for x in self.inputs])

    def given(self) -> np.ndarray:
        """The vectors (rows, outputs) that it gave, in the same order, behind its activation."""
        if self.activated is not None:
            return self.activated
        return np.concatenate([vectors(y) for y in self.outputs])

    def activations(
        self, functions: Sequence[FunctionCall]
    ) -> list[tuple[LayerFunction, np.ndarray]]:
        """The functions of what a linear layer gave, with what they gave (rows, outputs)."""
        if self.recurrent or self.activation is not None:
            return []
        return activations_of([vectors(y) for y in self.outputs], functions)

    def activate(self, function: LayerFunction, given: np.ndarray) -> None:
        """The layer with this function as its activation."""
        self.activation, self.activated = function, given

    def activate_unseen(self, functions: Sequence[FunctionCall]) -> None:
        """Take the only function of what the layer gave that has changed no number of it, such as a ReLU of positive ones."""
        given = self.given()
        found = self.activations(functions)
        if len(found) == 1 and np.array_equal(found[0][1], given):
            self.activate(*found[0])

    def sequences(self) -> list[np.ndarray]:
        """Of a recurrent module: the rows of each sequence, frame by frame."""
        if isinstance(self.module, STEPS):
            count = len(vectors(self.inputs[0]))
            return [np.arange(len(self.inputs)) * count + i for i in range(count)]
        x = self.inputs[0]
        if isinstance(x, PackedSequence):
            first = np.concatenate([[0], np.cumsum(x.batch_sizes.numpy())])
            lengths = [int((x.batch_sizes > i).sum()) for i in range(int(x.batch_sizes[0]))]
            return [first[:n] + i for i, n in enumerate(lengths)]
        if x.dim() == 2:
            return [np.arange(len(x))]
        one, other = x.shape[:2]
        if self.module.batch_first:
            return [i * other + np.arange(other) for i in range(one)]
        return [np.arange(one) * other + i for i in range(other)]


@dataclass
class ForwardCalls:
    """layers: of which the hardware has a kind, in the order in which they were first called. order: names and
    modules without children, as they were called. whole: whether the model itself was called; then
    arguments and output are its own. functions: of single elements.
    """

    layers: dict[str, LayerCalls]
    order: list[tuple[str, nn.Module]]
    whole: bool = False
    arguments: tuple = ()
    output: object = None
    functions: list[FunctionCall] = field(default_factory=list)

    @property
    def convolution(self) -> str | None:
        """The name of the first convolution that was called."""
        layers = self.layers.items()
        return next((n for n, layer in layers if isinstance(layer.module, nn.Conv1d)), None)

    @property
    def embedding(self) -> str | None:
        """The name of the first embedding that was called."""
        return next((n for n, module in self.order if isinstance(module, nn.Embedding)), None)

    def between(self, first: str | None, last: str | None) -> list[str]:
        """Modules that were called after one layer and before another; None: the beginning, the end."""
        names = [name for name, _ in self.order]
        begin = 0 if first is None else names.index(first) + 1
        end = len(names) if last is None else names.index(last)
        idle = (nn.Dropout, nn.Identity, nn.Flatten)
        return [
            f"{type(module).__name__} {name!r}"
            for name, module in self.order[begin:end]
            if not isinstance(module, idle)
        ]


def vectors(values: Values) -> np.ndarray:
    """The vectors (rows, features) of a tensor, whose last axis they are, or of a packed sequence."""
    data = values.data if isinstance(values, PackedSequence) else values
    data = data.detach().cpu()
    if data.dtype not in (torch.float32, torch.float64):
        data = data.float()
    return (
        data.reshape(-1, data.shape[-1]).numpy() + 0.0
    )  # no negative zeros, equal numbers have equal bytes


def tensors(values: object) -> Iterator[Values]:
    """The tensors and packed sequences in nested tuples, lists, dictionaries and data classes."""
    if isinstance(values, PackedSequence | Tensor):
        yield values
    elif isinstance(values, dict):
        yield from tensors(list(values.values()))
    elif isinstance(values, Sequence) and not isinstance(values, str | bytes):
        for value in values:
            yield from tensors(value)
    elif hasattr(values, "__dict__") and not isinstance(values, nn.Module):
        yield from tensors(vars(values))


def forward_calls(model: nn.Module, step, batch) -> ForwardCalls:
    """What happens in step(model, batch) until the model has given its output."""
    names = {id(module): name for name, module in model.named_modules()}
    calls = ForwardCalls({}, [])

    def layer(module, args, kwargs, output):
        name = names[id(module)]
        found = calls.layers.setdefault(name, LayerCalls(name, module))
        given = [*args, *kwargs.values()]
        if not found.inputs and len(given) > 1:
            found.state = given[1]
        found.inputs.append(given[0])
        made = output[0] if _is_pair(output) else output
        # a function in place would change what a linear layer or a convolution gave
        single = isinstance(module, nn.Linear | nn.Conv1d)
        found.outputs.append(made.detach().clone() if single else made)

    def leaf(module, args, output):
        calls.order.append((names[id(module)], module))

    def whole(module, args, kwargs, output):
        calls.whole, calls.arguments, calls.output = True, (args, kwargs), output
        raise _Given

    hooks = []
    for module in model.modules():
        if isinstance(module, LAYERS):
            hooks.append(module.register_forward_hook(layer, with_kwargs=True))
        if isinstance(module, LAYERS) or not any(module.children()):
            hooks.append(module.register_forward_hook(leaf))
    hooks.append(model.register_forward_hook(whole, with_kwargs=True))
    with without_kernel_warnings(), FunctionRecord(vectors) as record:
        _step_with(hooks, model, step, batch)
    calls.functions = record.calls
    return calls


def _step_with(hooks: Sequence, model: nn.Module, step, batch) -> None:
    """step(model, batch) in evaluation mode, up to where a hook raises `_Given`; then all is as before."""
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        with torch.no_grad():
            step(model, batch)
    except _Given:
        pass
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes.items():
            module.training = mode


def vectors_taken(model: nn.Module, step, batch, name: str) -> np.ndarray:
    """The vectors (rows, inputs) that one module takes in step(model, batch), which ends there if it can."""
    module = dict(model.named_modules())[name]
    found: list[np.ndarray] = []

    def take(module, args, kwargs):
        found.append(vectors([*args, *kwargs.values()][0]))
        if not isinstance(module, (*STEPS, nn.Linear)):  # these may be called frame by frame
            raise _Given

    def given(module, args, output):
        raise _Given

    hooks = [module.register_forward_pre_hook(take, with_kwargs=True)]
    if module is not model:
        hooks.append(model.register_forward_hook(given))
    _step_with(hooks, model, step, batch)
    return np.concatenate(found)


def _is_pair(output: object) -> bool:
    """Whether a recurrent module gave its outputs with its state."""
    return isinstance(output, tuple) and not isinstance(output, PackedSequence)


def check_calls(layer: LayerCalls) -> None:
    """DesignError where a layer is run otherwise than a core runs it: once, from states of zero, in float32."""
    for y in layer.outputs:
        if y.data.dtype not in (torch.float32, torch.float64):
            raise DesignError(
                f"module {layer.name!r}: computes in {y.data.dtype}, too coarsely to be compared with a design; run "
                "the step without autocast, and the model in float32 (model.float())"
            )
    if layer.recurrent and not isinstance(layer.module, STEPS) and len(layer.inputs) > 1:
        raise DesignError(
            f"module {layer.name!r}: is called {len(layer.inputs)} times by one forward of the model; a layer of "
            "the hardware runs once, through all frames"
        )
    if not layer.recurrent:
        return
    states = (v.data if isinstance(v, PackedSequence) else v for v in tensors(layer.state))
    if any(bool(tensor.detach().count_nonzero()) for tensor in states):
        raise DesignError(
            f"module {layer.name!r}: starts from states that forward gives it, which are not zero; the design "
            "starts every sequence from zero: give it none in training"
        )
    shapes = {x.shape for x in layer.inputs if isinstance(x, Tensor)}
    if isinstance(layer.module, STEPS) and len(shapes) > 1:
        raise DesignError(
            f"module {layer.name!r}: takes another number of sequences in every frame; pad them to one length"
        )
