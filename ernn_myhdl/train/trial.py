"""The check of a model's chain of layers against the model itself, before a training and before a design is made.

The first batch of the data goes through the model (`forward_calls`). Each module must take what the one before it
gives (`between_modules`), what lies before the first and behind the last one must be known (`model_ends`), and the
float reference of the layers must give what the modules give. What is no chain is followed as a graph
(`ernn_myhdl.train.branching`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import nn

from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.design import Design
from ernn_myhdl.design.graph import Graph
from ernn_myhdl.design.host_steps import HostStep
from ernn_myhdl.design.network import Network
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.joining import joined, layers_of
from ernn_myhdl.exchange.state_dict import Module, modules, one_direction
from ernn_myhdl.golden.float_reference import FloatModel
from ernn_myhdl.train.between_modules import Path, followed
from ernn_myhdl.train.branching import TOLERANCE, Branching, Owner, branching
from ernn_myhdl.train.forward_calls import ForwardCalls, LayerCalls, forward_calls
from ernn_myhdl.train.generators import Batches
from ernn_myhdl.train.hardware_modules import check_modules
from ernn_myhdl.train.model_ends import check_front, ending
from ernn_myhdl.train.recurrent_modules import cell_options

#: Sequences and frames of each that go through the float reference.
SEQUENCES, FRAMES = 4, 64


@dataclass(repr=False)
class Trial:
    """model, step and batches of a training; names: of the modules of the design, None: all of them."""

    model: nn.Module
    step: object
    batches: Batches
    names: Sequence[str] | None = None

    def __repr__(self) -> str:
        """The model and the modules of the design, on one line."""
        named = "all modules" if self.names is None else ", ".join(self.names)
        return f"Trial({type(self.model).__name__}: {named})"

    def run(self, order: Sequence[str] | None = None) -> Checked | Branching:
        """The chain of the model as it is now, or its graph, checked; DesignError where it is no design.

        order: names of the modules, None: those of the trial, in the order in which forward calls them.
        """
        return self.check(self.calls(), order)

    def check(self, calls: ForwardCalls, order: Sequence[str] | None = None) -> Checked | Branching:
        """`run` for calls that were made before."""
        if not calls.layers:
            raise DesignError(
                "step: calls no layer of the model, so there is nothing to compare with"
            )
        check_modules(self.model, self.names)
        try:
            return self._chain(calls, order)
        except DesignError:
            if self.names is not None or order is not None:
                raise
            found = branching(self.model, calls, called_modules(self.model, calls))
            if found is None:
                raise
            return found

    def _chain(self, calls: ForwardCalls, order: Sequence[str] | None) -> Checked:
        """The modules one after the other, each of which takes what the one before it gives."""
        whole, what = calls.convolution, "a convolution"
        if whole is None and self.names is None:
            whole, what = calls.embedding, "an embedding"
        if whole is not None:
            raise DesignError(
                f"module {whole!r}: is {what}; a model with one is followed as a whole: its forward must take one tensor x and "
                "no more, or give the same for x alone as for x with a state of zero, and neither modules nor an order may be given"
            )
        chain = model_chain(self.model, calls, self.names, order)
        found = [prefix(module, dict(self.model.named_modules())) for module in chain]
        paths = followed(found, calls)
        host = []
        if any(path.mean for path in paths):
            host.append("mean over the frames")
        if self.names is None:
            check_front(calls.layers[found[0]], paths, calls)
            host += ending(calls.layers[found[0]], calls.layers[found[-1]], paths, calls)
        chain = [_with_activation(m, calls.layers[n]) for m, n in zip(chain, found, strict=True)]
        checked = Checked(chain, found, calls, paths, host)
        models = []
        for module in chain:
            cells = [(layer, layer.cell({"block": 1})) for layer in module.layers]
            models.append([FloatModel(cell, layer.circulant(cell)) for layer, cell in cells])
        checked.compare(models)
        return checked

    def calls(self) -> ForwardCalls:
        """Of the first batch of the first epoch; the generators are as before afterwards."""
        state = self.batches.state()
        try:
            for batch in self.batches.epoch(0):
                return forward_calls(self.model, self.step, batch)
        finally:
            self.batches.restore(state)
        raise DesignError("data: an epoch has no batches; give at least one")


@dataclass(repr=False)
class Checked:
    """chain: modules one after the other. names: of them in the model. host: what the model does behind them."""

    chain: list[Module]
    names: list[str]
    calls: ForwardCalls
    paths: list[Path]
    host: list[str]

    def __repr__(self) -> str:
        """The chain, on one line."""
        host = f"; host: {', '.join(self.host)}" if self.host else ""
        return f"Checked({' -> '.join(self.names)}{host})"

    @property
    def layers(self) -> list[DenseLayer]:
        """Of all modules."""
        return layers_of(self.chain)

    @property
    def module_names(self) -> list[str]:
        """As files name them."""
        return [module.name for module in self.chain]

    @property
    def owners(self) -> list[Owner]:
        """Of each layer its module, and its number there."""
        pairs = zip(self.names, self.chain, strict=True)
        return [(name, i) for name, module in pairs for i in range(len(module.layers))]

    @property
    def graph(self) -> Graph | None:
        """None: from each layer to the next."""
        return None

    @property
    def tables(self) -> list[str]:
        """Modules of embeddings, of which a chain has none."""
        return []

    @property
    def steps(self) -> tuple[HostStep, ...]:
        """Of the host; what it does behind a chain is not followed."""
        return ()

    def compare_design(self, design: Design | Network) -> None:
        """DesignError where the float model of a design gives anything but the modules."""
        models = iter(
            [FloatModel(d.cell, d.weights, scaling=d.input_scaling) for d in design.layers]
        )
        self.compare([[next(models) for _ in module.layers] for module in self.chain])

    def compare(self, models: Sequence[Sequence[FloatModel]]) -> float:
        """The largest difference between the float models of each module's layers, one after the other, and
        what the modules gave, over its span; DesignError above TOLERANCE.
        """
        first = self.calls.layers[self.names[0]].taken()
        chosen = self.paths[:SEQUENCES]
        if not any(path.mean for path in chosen):
            chosen = [Path(path.first[:FRAMES], path.now[:FRAMES]) for path in chosen]
        y = [first[path.first].astype(np.float64) for path in chosen]
        for layers in models:
            for model in layers:
                y = model.run(y)
        last = self.names[-1]
        given = self.calls.layers[last].given().astype(np.float64)
        pairs = []
        for outputs, path in zip(y, chosen, strict=True):
            if path.mean:
                pairs.append((outputs.mean(axis=0)[None], given[path.now]))
            else:
                used = path.now >= 0
                pairs.append((outputs[used], given[path.now[used]]))
        mine, wanted = (np.concatenate(each) for each in zip(*pairs, strict=True))
        if not len(wanted):
            raise DesignError(
                f"module {last!r}: is not run for the first frames of the first batch"
            )
        span = float(np.ptp(given)) or 1.0
        apart = float(np.abs(mine - wanted).max()) / span
        if not apart <= TOLERANCE:
            raise DesignError(
                f"design: its outputs without rounding differ from those of module {last!r} by {apart:.2g} of their "
                f"span, at most {TOLERANCE:g} may be: modules {', '.join(self.names)} compute something else than "
                "their layers (a forward of their own, hooks); take PyTorch's modules as they are"
            )
        return apart


def _with_activation(module: Module, calls: LayerCalls) -> Module:
    """A linear module with the activation that was found behind it."""
    function = calls.activation
    if function is None:
        return module
    (layer,) = module.layers
    if function.offset:
        raise DesignError(f"module {module.name!r}: {function} is behind it, which no layer has")
    named = replace(
        layer, activation=function.activation, slope=function.slope, limit=function.limit
    )
    return replace(module, layers=(named,))


def module_options(model: nn.Module) -> dict[str, dict[str, Any]]:
    """What a state dict does not tell about the modules."""
    options = {name: cell_options(module) for name, module in model.named_modules()}
    return {name: each for name, each in options.items() if each}


def prefix(module: Module, names) -> str:
    """Name of a module in the model: that of a model that is one layer itself is empty."""
    return module.name if module.name in names else ""


def called_modules(model: nn.Module, calls: ForwardCalls) -> list[Module]:
    """The modules that the forward calls, in that order, by their names in the model."""
    known = dict(model.named_modules())
    found = {prefix(m, known): m for m in _state_modules(model, None)}
    return [replace(found[name], name=name) for name in calls.layers if name in found]


def _state_modules(model: nn.Module, names: Sequence[str] | None) -> list[Module]:
    """The modules of a model from its tensors; names: only these."""
    tables = {n for n, m in model.named_modules() if isinstance(m, nn.Embedding)}
    state = {n: t for n, t in model.state_dict().items() if n.rpartition(".")[0] not in tables}
    if names is not None:
        state = {n: t for n, t in state.items() if n.rpartition(".")[0] in names}
    arrays = {n: t.detach().cpu().double().numpy() for n, t in state.items()}
    return modules(one_direction(arrays, None), module_options(model))


def model_chain(
    model: nn.Module,
    calls: ForwardCalls,
    names: Sequence[str] | None,
    order: Sequence[str] | None,
) -> list[Module]:
    """The modules of the design one after the other.

    names: of them, in their order; None: all, in the order in which forward calls them. order: another order.
    """
    known = dict(model.named_modules())
    found = _state_modules(model, names)
    if order is not None:
        return joined(found, order, ordered=True)
    called = list(calls.layers) if names is None else list(names)
    place = {name: i for i, name in enumerate(called)}
    return sorted(found, key=lambda m: place.get(prefix(m, known), len(called)))
