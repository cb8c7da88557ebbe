"""The check of a model whose modules are no chain: its forward is followed by `torch.export`, as an import does.

Each layer that is found must be that of a module, weight for weight, since it is the module's matrices that are
trained; and the layers must give what the model gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.design import Design
from ernn_myhdl.design.embedding import Embedding
from ernn_myhdl.design.graph import Graph
from ernn_myhdl.design.host_steps import HostStep, stepped
from ernn_myhdl.design.network import Network
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.frames_out import FramesOut
from ernn_myhdl.exchange.state_dict import Module
from ernn_myhdl.exchange.torch_module import FollowedModule, evaluated, follow
from ernn_myhdl.golden.network_models import float_model
from ernn_myhdl.train.forward_calls import ForwardCalls, tensors

#: Of the span of outputs: how far those of the layers, or of another call, may be from them.
TOLERANCE = 1e-4
#: Name of a module, and the number of its layer.
Owner: TypeAlias = tuple[str, int]


@dataclass(repr=False)
class Branching:
    """layers: of the design, in the order of the modules. owners: of each. graph: how their signals go, None: from each to the next. host: what the
    model does behind them. tables: of each embedding of the graph its module."""

    followed: FollowedModule
    layers: list[DenseLayer]
    owners: list[Owner]
    graph: Graph | None
    host: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        """The modules, on one line."""
        return f"Branching({', '.join(self.names)})"

    @property
    def names(self) -> list[str]:
        """Of the modules."""
        return list(dict.fromkeys(name for name, _ in self.owners))

    @property
    def module_names(self) -> list[str]:
        """As files name them."""
        return self.names

    @property
    def steps(self) -> tuple[HostStep, ...]:
        """Of the host, behind the layers."""
        return self.followed.lowered.steps

    def compare_design(self, design: Design | Network) -> None:
        """DesignError where the float model of a design gives anything but the model."""
        model = float_model(design)

        def own(sequences: list[np.ndarray]) -> np.ndarray:
            y = np.stack(model.run(sequences))
            return stepped(self.steps, y, frames=np.full(y.shape[:-1], len(sequences[0])))

        self.followed.compared(own)


def branching(model: nn.Module, calls: ForwardCalls, modules: Sequence[Module]) -> Branching | None:
    """The check of a model that branches; None where its forward takes anything but x (`_only_x`), or is a chain or
    cannot be followed.

    modules: of the state dict of the model. DesignError where its layers are not modules of the model, by name.
    """
    given = _only_x(model, calls)
    if given is None:
        return None
    whole = calls.convolution or calls.embedding  # a module for which the model cannot be a chain
    x = given.detach()
    x = x.float() if calls.embedding is None else x.to(torch.int64)
    try:
        followed = follow(model, x, frames_out=FramesOut(all_frames=True))
        if followed.lowered.normalisation is not None:
            raise DesignError(
                f"model {type(model).__name__}: normalises x ahead of its layers, which training does not carry into the design; "
                "normalise the data instead, and leave it out of the model"
            )
    except DesignError as error:  # what the chain is refused for is told by the names of the model
        if calls.embedding is not None:
            raise DesignError(
                f"module {calls.embedding!r} (Embedding): {error}; or name the modules behind it with modules=[...], and let the host look "
                "the vectors up"
            ) from error
        if whole is not None:
            raise
        return None
    graph = followed.lowered.graph
    if graph is not None and graph.over_time and whole is not None:
        raise DesignError(
            f"model {type(model).__name__}: takes the frames of a sequence together behind module {whole!r}, whose lengths differ "
            "from batch to batch; let the model give every frame, and take their mean, the largest or the last in the step"
        )
    if (graph is None and whole is None) or (graph is not None and graph.over_time):
        return None
    tables = _tables(model, graph)
    found = list(followed.lowered.layers)
    owners = [_owner(layer, modules) for layer in found]
    own = {module.name: module.layers for module in modules}
    found = [_with_zeros(layer, own[n][i]) for layer, (n, i) in zip(found, owners, strict=True)]
    if len(set(owners)) != len(owners):
        name = next(o for o in owners if owners.count(o) > 1)[0]
        raise DesignError(
            f"module {name!r}: is run more than once by one forward of the model; a layer of the hardware runs once, "
            "through all frames"
        )
    followed.compared()
    place = {(m.name, i): (n, i) for n, m in enumerate(modules) for i in range(len(m.layers))}
    order = sorted(range(len(owners)), key=lambda i: place[owners[i]])
    layers = [found[i] for i in order]
    steps = [str(step) for step in followed.lowered.steps]
    if graph is not None:
        graph = graph.renumbered(order)
    elif order != list(range(len(layers))):  # of a row, which a convolution of one frame stands in
        order = list(range(len(layers)))
        layers = found
    return Branching(followed, layers, [owners[i] for i in order], graph, steps, tables)


def _only_x(model: nn.Module, calls: ForwardCalls) -> Tensor | None:
    """x of a forward that takes nothing else, or that gives the same for it alone, as one with a state of zero and lengths does.

    Behind the end of a sequence the outputs may differ, where frames pad it; of the longest one of the batch they may not.
    """
    arguments, named = calls.arguments if calls.whole else ((), {})
    given = [v for v in (*arguments, *named.values()) if v is not None]
    if not arguments or not isinstance(arguments[0], Tensor):
        return None
    x = arguments[0]
    if len(given) == 1:
        return x
    try:
        with evaluated(model), torch.no_grad():
            alone = next(tensors(model(x)), None)
    except Exception:  # it takes x with something else only
        return None
    whole = next(tensors(calls.output), None)
    if not isinstance(alone, Tensor) or not isinstance(whole, Tensor):
        return None
    if alone.shape != whole.shape or alone.dim() != 3:
        return None
    span = float(whole.max() - whole.min()) or 1.0
    same = ((alone - whole).abs().amax(-1) <= TOLERANCE * span).int().cumprod(1).sum(1)
    return x if int(same.min()) > 0 and int(same.max()) == whole.shape[1] else None


def _tables(model: nn.Module, graph: Graph | None) -> list[str]:
    """The module of each embedding of a graph; DesignError where its table is not that of one."""
    found = []
    for join in graph.joins if graph is not None else ():
        if not isinstance(join, Embedding):
            continue
        names = [
            name
            for name, module in model.named_modules()
            if isinstance(module, nn.Embedding)
            and np.array_equal(module.weight.detach().cpu().double().numpy(), join.table.values)
        ]
        if not names:
            raise DesignError(
                f"model {type(model).__name__}: the table of an embedding is not that of one module, since something behind it, such "
                "as a factor, was folded into it; train a model without that"
            )
        found.append(names[0])
    return found


def _owner(layer: DenseLayer, modules: Sequence[Module]) -> Owner:
    """The module of a layer; DesignError where its weights are not those of one."""
    found = [
        (module.name, i)
        for module in modules
        for i, own in enumerate(module.layers)
        if _same(layer, own)
    ]
    if len(found) == 1:
        return found[0]
    named = [owner for owner in found if layer.name.startswith(owner[0])]
    if len(named) == 1:
        return named[0]
    raise DesignError(
        f"layer {layer.name!r}: its weights are not those of one module of the model, since something around it was folded "
        "into them or heads on one signal were merged; train a model without it, or one with a layer for both"
    )


def _same(layer: DenseLayer, own: DenseLayer) -> bool:
    """Whether two layers have the same weights."""
    layer = _with_zeros(layer, own)
    return (
        layer.kind == own.kind
        and layer.weights.keys() == own.weights.keys()
        and all(np.array_equal(layer.weights[n], own.weights[n]) for n in layer.weights)
    )


def _with_zeros(layer: DenseLayer, own: DenseLayer) -> DenseLayer:
    """The layer with peepholes that are zero before the training, of which an import makes none."""
    peephole = own.weights.get("peephole")
    if peephole is None or np.any(peephole) or "peephole" in layer.weights:
        return layer
    return replace(layer, weights={**layer.weights, "peephole": peephole})
