"""One step of cells, whose states are arguments of the module and what it gives back: y, h = module(x, h).

A step is a sequence of one frame that starts from a state; the frames of a sequence are the calls, each of which takes the states that
the one before gave. So x has no axis of frames, and the core, which keeps the states itself, takes a frame a call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.onnx_values import GivenState, Signal
from ernn_myhdl.exchange.recurrent_kinds import RecurrentKind
from ernn_myhdl.exchange.torch_recurrent import recurrent

if TYPE_CHECKING:
    from ernn_myhdl.exchange.torch_graph import TorchGraph


class SingleStep:
    """The step of a graph whose states are inputs."""

    def __init__(self, graph: TorchGraph) -> None:
        self.graph = graph

    def value(self, name: str, node: Any, kind: str, given: list) -> Any:
        """The value of a node that takes the only frame out of x, takes states apart, or puts those behind the step together; None for
        others."""
        values, first = self.graph.graph.values, given[0] if given else None
        if not self.graph.takes_states:
            return None
        if kind == "unbind" and isinstance(first, str) and isinstance(values[first], GivenState):
            if len(given) < 2 or given[1] == 0:
                count = len(node.meta["val"])
                return [self.graph.emit(name, "Gather", [first, np.array(i)], axis=0)[0] for i in range(count)]  # fmt: skip
        if kind in ("select", "unbind") and self.graph.is_signal(first):
            shape = node.args[0].meta["val"].shape
            axis = (int(given[1]) if len(given) > 1 else 0) % len(shape)
            if int(shape[axis]) == 1:
                (made,) = self.graph.emit(name, "Squeeze", [first, np.array([axis])])
                return made if kind == "select" else [made]
        if kind == "stack" and isinstance(first, list) and self.graph.graph.single_step:
            axis = int(given[1]) if len(given) > 1 else 0
            parts = [self.graph.emit(name, "Unsqueeze", [v, np.array([axis])])[0] for v in first]
            return self.graph.emit(name, "Concat", parts, axis=axis)[0]
        return None

    def cell(
        self, where: str, name: str, form: RecurrentKind, activation: str, x: Any, states: list, params: list
    ) -> Any:  # fmt: skip
        """y of a cell, of an LSTM with the cell state, behind one step."""
        values = self.graph.graph.values
        signal = values.get(x) if isinstance(x, str) else None
        given = [isinstance(s, str) and isinstance(values.get(s), GivenState) for s in states]
        if not isinstance(signal, Signal) or not all(given):
            raise DesignError(
                f"{where}: takes no frame of a loop, and no state that is an argument of the module; a core runs over the frames of a sequence: call "
                "the cell in a loop over one axis of x, let a module of one step take its states and give them back, or use nn.LSTM, nn.GRU or nn.RNN"
            )
        single = len(signal.axes) == 1  # without a batch
        (frames,) = self.graph.emit(name, "Unsqueeze", [x, np.array([0, 1] if single else [0])])
        y, ends = recurrent(
            self.graph, where, name, form, activation, frames, params, len(params) > 2, states
        )
        (y,) = self.graph.emit(name, "Squeeze", [y, np.array([0, 1] if single else [0])])
        return y if len(ends) == 1 else [y, ends[1]]
