"""Loops over the frames, which tracing has unrolled: nn.LSTMCell, nn.GRUCell and nn.RNNCell as layers.

A loop takes frame t of a signal, does the same to it for every t, and hands states on to frame t + 1. So an operation on frame t
of a signal is one on the whole signal, made once; a cell must start at frame 0, from a constant or from an input of the
graph, and go on with its own states of the frame before. What does not is refused.

Without a loop, where states are inputs of the graph, a cell on x itself is one step (`ernn_myhdl.exchange.torch_steps`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.onnx_values import State
from ernn_myhdl.exchange.recurrent_kinds import OPERATORS
from ernn_myhdl.exchange.torch_recurrent import recurrent
from ernn_myhdl.exchange.torch_steps import SingleStep

if TYPE_CHECKING:
    from ernn_myhdl.exchange.torch_graph import TorchGraph

#: Operators of PyTorch, as in `torch_recurrent.STACKS`.
CELLS: dict[str, tuple[str, str]] = {
    "lstm_cell": ("LSTM", ""), "gru_cell": ("GRU", ""), "rnn_tanh_cell": ("RNN", ""), "rnn_relu_cell": ("RNN", "Relu"),
}  # fmt: skip
#: Operators on a frame that are the same on all frames, as they are or with their axes counted on.
_EACH = {
    "linear", "add", "sub", "mul", "div", "neg", "relu", "sigmoid", "tanh", "leaky_relu", "hardtanh", "relu6", "clamp", "elu", "gelu",
    "dropout", "clone", "contiguous", "detach", "alias",
}  # fmt: skip
#: Those of them that take two frames of one time.
_PAIRS = {"add", "sub", "mul"}
_WITH_AXIS = {"softmax", "log_softmax", "unsqueeze", "squeeze"}


@dataclass(frozen=True)
class LoopFrame:
    """Frame number `time` of `frames` of a signal (frames, ...); name: of the signal in the graph."""

    name: str
    time: int
    frames: int


@dataclass(frozen=True)
class LoopState:
    """The cell state of an LSTM behind frame `time` of its outputs; name: of a value of the graph that stands for states, y: of
    these outputs."""

    name: str
    y: str
    time: int


class Loops:
    """The loops of a graph; made: what is known already, by operation and signals."""

    def __init__(self, graph: TorchGraph) -> None:
        self.graph = graph
        self.made: dict[Any, Any] = {}
        self.step = SingleStep(graph)

    def value(self, where: str, name: str, node: Any, kind: str, given: list) -> Any:
        """The value of a node that has to do with frames of a loop; None for others."""
        if kind in CELLS:
            return self._cell(where, name, kind, given)
        first = given[0] if given else None
        if (made := self.step.value(name, node, kind, given)) is not None:
            return made
        if kind in ("select", "unbind") and isinstance(first, str) and self.graph.is_signal(first):
            axis = int(given[1]) if len(given) > 1 else 0
            shape = node.args[0].meta["val"].shape
            base, frames = self._framed(name, first, axis % len(shape), len(shape)), int(shape[axis])  # fmt: skip
            if kind == "select":
                return LoopFrame(base, int(given[2]) % frames, frames)
            return [LoopFrame(base, time, frames) for time in range(frames)]
        parts = first if isinstance(first, list) else given
        times = [v for v in parts if isinstance(v, LoopFrame)]
        if not times:
            return None
        together = len(times) == len(parts) > 1 and len({v.time for v in times}) == 1
        if kind == "cat" and together:
            return self._joined(where, name, node, given, times)
        if kind in ("stack", "cat"):
            return self._together(where, name, node, kind, given)
        if kind in _PAIRS and len(times) == 2 and times[0].time == times[1].time:
            return self._each(where, name, node, kind, given, times[0])
        if len(times) > 1 or kind not in _EACH | _WITH_AXIS:
            raise DesignError(
                f"{where}: works on frames of a loop in a way that is not followed; use nn.LSTM, nn.GRU or nn.RNN in place of the "
                "loop"
            )
        return self._each(where, name, node, kind, given, times[0])

    def _framed(self, name: str, signal: str, axis: int, count: int) -> str:
        """A signal with the frames as its first axis."""
        order = [axis, *(i for i in range(count) if i != axis)]
        return self._once(("turn", signal, axis), lambda: self.graph.emit(name, "Transpose", [signal], perm=order)[0])  # fmt: skip

    def _once(self, key: Any, make: Callable[[], Any]) -> Any:
        if key not in self.made:
            self.made[key] = make()
        return self.made[key]

    def _each(
        self, where: str, name: str, node: Any, kind: str, given: list, frame: LoopFrame
    ) -> LoopFrame:
        """The same operation on the whole signal."""
        whole = [v.name if isinstance(v, LoopFrame) else v for v in given]
        if kind in _WITH_AXIS and len(whole) > 1 and isinstance(whole[1], int) and whole[1] >= 0:
            whole[1] += 1
        if kind == "squeeze" and len(whole) < 2:
            raise DesignError(f"{where}: name the axis that is dropped")
        key = (kind, *(id(v) if isinstance(v, np.ndarray) else repr(v) for v in whole), repr(node.kwargs))  # fmt: skip
        made = self._once(key, lambda: self.graph.operator(where, name, node, kind, whole))
        return LoopFrame(made, frame.time, frame.frames)

    def _joined(
        self, where: str, name: str, node: Any, given: list, frames: list[LoopFrame]
    ) -> LoopFrame:
        """Frames of one time as one, along an axis of theirs."""
        axis = int(given[1]) if len(given) > 1 else 0
        axis += axis >= 0
        names = [f.name for f in frames]
        made = self._once(
            ("cat", *names, axis),
            lambda: self.graph.operator(where, name, node, "cat", [names, axis]),
        )
        return LoopFrame(made, frames[0].time, frames[0].frames)

    def _cell(self, where: str, name: str, kind: str, given: list) -> Any:
        x, states, *params = given
        operator, activation = CELLS[kind]
        states = states if isinstance(states, list) else [states]
        params = [p for p in params if p is not None]
        if not isinstance(x, LoopFrame):
            return self.step.cell(where, name, OPERATORS[operator], activation, x, states, params)
        key = (kind, x.name, *map(id, params))
        if x.time == 0:
            if key in self.made:
                raise DesignError(
                    f"{where}: runs twice over the same frames; call it once for each"
                )
            before = [self._before(where, name, state) for state in states]
            self.made[key] = recurrent(
                self.graph, where, name, OPERATORS[operator], activation, x.name, params, len(params) > 2, before
            )  # fmt: skip
        elif key not in self.made:
            raise DesignError(f"{where}: begins with frame {x.time}, must begin with the first one")
        y, _ = self.made[key]
        if x.time and not self._goes_on(states, y, x.time):
            raise DesignError(
                f"{where}: does not go on from its own state of the frame before; use nn.LSTM, nn.GRU or nn.RNN in place of the loop"
            )
        frame = LoopFrame(y, x.time, x.frames)
        if len(states) == 1:
            return frame
        self.graph.graph.values[f"{y} cell state"] = State()
        return [frame, LoopState(f"{y} cell state", y, x.time)]

    def _before(self, where: str, name: str, state: Any) -> Any:
        """A state (batch, H) before the first frame, as (1, batch, H)."""
        if isinstance(state, np.ndarray):
            return state.reshape(1, -1, state.shape[-1])
        if not isinstance(state, str) or self.graph.is_signal(state):
            raise DesignError(
                f"{where}: starts from what follows from x, must start from a constant or an input"
            )
        return state

    def _goes_on(self, states: list, y: str, time: int) -> bool:
        output, *rest = states
        own = isinstance(output, LoopFrame) and (output.name, output.time) == (y, time - 1)
        return own and all(
            isinstance(c, LoopState) and (c.y, c.time) == (y, time - 1) for c in rest
        )

    def _together(self, where: str, name: str, node: Any, kind: str, given: list) -> Any:
        """All frames of a signal, in order."""
        frames = given[0]
        first = frames[0]
        whole = isinstance(first, LoopFrame) and frames == [
            LoopFrame(first.name, time, first.frames) for time in range(first.frames)
        ]
        if not whole:
            raise DesignError(
                f"{where}: joins other than all frames of one signal in their order; a core gives one output for each frame"
            )
        count = len(node.meta["val"].shape)
        axis = (int(given[1]) if len(given) > 1 else 0) % count
        base = first.name
        if kind == "cat":
            (base,) = self.graph.emit(name, "Squeeze", [base, np.array([axis + 1])])
        order = list(range(1, count))
        order.insert(axis, 0)
        return self.graph.emit(name, "Transpose", [base], perm=order)[0]

    def last(self, frame: LoopFrame) -> str:
        """The value of a frame that is an output of the module."""
        if frame.time != frame.frames - 1:
            raise DesignError(
                f"an output is frame {frame.time} of {frame.frames}; a core gives every frame, of which the last may be "
                "an output"
            )
        return self.graph.emit("last", "Gather", [frame.name, np.array(frame.frames - 1)], axis=0)[
            0
        ]
