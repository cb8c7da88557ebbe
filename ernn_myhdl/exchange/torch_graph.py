"""The graph that `torch.export` makes of a module, as nodes of the walk that reads ONNX graphs.

Every operator of PyTorch that is known becomes one of ONNX or several; what is made of constants alone is computed by
PyTorch itself. Cells in a loop over the frames, which tracing has unrolled, are followed by `ernn_myhdl.exchange.torch_loops`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ernn_myhdl.errors import DesignError, short
from ernn_myhdl.exchange.onnx_graph import OnnxGraph
from ernn_myhdl.exchange.onnx_parts import of_elements
from ernn_myhdl.exchange.onnx_values import GivenState, Signal
from ernn_myhdl.exchange.torch_loops import CELLS, LoopFrame, Loops, LoopState
from ernn_myhdl.exchange.torch_nodes import flat, kind_of
from ernn_myhdl.exchange.torch_operators import (
    ARITHMETIC,
    FUNCTIONS,
    MAKERS,
    SAME,
    check_options,
    check_refused,
)
from ernn_myhdl.exchange.torch_recurrent import STACKS, stack
from ernn_myhdl.exchange.torch_whole_cells import WHOLE_CELLS, whole_stack

#: Operators that take only the sizes of a tensor -> the place of the number that they fill in, or that number.
_FILLED: dict[str, tuple[int | None, float]] = {
    "new_zeros": (None, 0.0), "zeros_like": (None, 0.0), "new_ones": (None, 1.0), "ones_like": (None, 1.0),
    "new_full": (2, 0.0), "full_like": (1, 0.0),
}  # fmt: skip
_LAYERS = {"linear", "matmul", "mm", "addmm", "conv1d", WHOLE_CELLS, *STACKS, *CELLS}


@dataclass(frozen=True)
class Call:
    """A node as `Graph.walk` takes it."""

    name: str
    op_type: str
    input: Sequence[str]
    output: Sequence[str]
    domain: str = ""


class TorchGraph:
    """The walk over an exported program. torch: the package. graph: with the signals; a value of `values` is the name of one
    of its values, a constant, a frame of a loop, or several of these."""

    def __init__(self, program: Any, torch: Any) -> None:
        self.torch = torch
        self.program = program
        signature = program.graph_signature
        arrays = {**program.state_dict, **program.constants}
        places = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        self.values: dict[str, Any] = {}
        users = []
        for node in program.graph.nodes:
            if node.op != "placeholder":
                continue
            if node.name in places:
                tensor = arrays[places[node.name]].detach().cpu()
                self.values[node.name] = _array(tensor)
            else:
                users.append((node.name, node.meta["val"]))
        if not users or any(not isinstance(v, torch.Tensor) for _, v in users):
            raise DesignError("example: must be tensors, x first")
        self.inputs = {name: tuple(int(n) for n in value.shape) for name, value in users}
        #: Whether x holds integers, which only an embedding takes.
        self.whole = not users[0][1].dtype.is_floating_point
        if any(not value.dtype.is_floating_point for _, value in users[1:]):
            raise DesignError(
                "example: must hold floating-point numbers, states and x but for an embedding"
            )
        (self.x, _), *states = self.inputs.items()
        sizes_of_x: list[int | str | None] = [*self.inputs[self.x]]
        self.graph = OnnxGraph({}, {self.x: sizes_of_x}, self._fold)
        for name, shape in states:
            sizes = shape if len(shape) == 3 else (1, *shape)
            self.graph.values[name] = GivenState(name, sizes, (0, sizes[0]))
        #: Whether states are inputs beside x.
        self.takes_states = bool(states)
        self.values |= {name: name for name in self.inputs}
        kinds = [kind_of(node) for node in program.graph.nodes]
        layers = [i for i, kind in enumerate(kinds) if kind in _LAYERS]
        self.last_layer = layers[-1] if layers else -1
        self.loops = Loops(self) if any(kind in CELLS for kind in kinds) else None
        self.number = 0
        self.count = 0
        #: Whether a kernel holds all frames of the example: with more of them the module would take some.
        self.holds_frames = False
        self.outputs: list[str] = []
        self._walk()

    # values

    def emit(self, name: str, kind: str, given: Sequence[Any], outputs: int = 1, **attributes: Any) -> list[str]:  # fmt: skip
        """The names of what a node of ONNX gives. given: names, constants, or None for inputs that are left out."""
        names = [self.constant(v) if isinstance(v, np.ndarray) else v or "" for v in given]
        self.count += 1
        made = [f"torch{self.count}_{i}" for i in range(outputs)]
        self.graph.walk(Call(name, kind, names, made), attributes, self.number < self.last_layer)
        return made

    def constant(self, array: np.ndarray) -> str:
        self.count += 1
        name = f"torch{self.count}"
        self.graph.values[name] = array
        return name

    def is_signal(self, value: Any) -> bool:
        """Whether it is a value of the graph that follows from x."""
        return isinstance(value, str) and isinstance(self.graph.values.get(value), Signal)

    def _fold(self, node: Any, given: list) -> list[np.ndarray | None] | None:
        if node.op_type == "MatMul":  # of a recurrent matrix and a projection
            return [given[0] @ given[1]]
        return None

    # the walk

    def _walk(self) -> None:
        for number, node in enumerate(self.program.graph.nodes):
            self.number = number
            if node.op == "call_function":
                self.values[node.name] = self._value(node)
            elif node.op == "output":
                for value in flat(self._of(node.args[0])):
                    self.outputs.append(self._alone(self._output(value)))
            elif node.op != "placeholder":
                raise DesignError(f"node {node.name!r} ({node.op}): is not supported; call no other graphs")  # fmt: skip

    def _of(self, argument: Any) -> Any:
        if isinstance(argument, list | tuple):
            return [self._of(a) for a in argument]
        if isinstance(argument, self.torch.fx.Node):
            return self.values[argument.name]
        return argument

    def _value(self, node: Any) -> Any:
        kind, given = kind_of(node), self._of(node.args)
        name = _module(node) or node.name
        where = f"node {name!r} ({kind})"
        if kind.startswith("_assert"):
            return None
        if kind == "getitem":
            return given[0][given[1]]
        if kind in _FILLED:
            place, number = _FILLED[kind]
            sizes = [int(n) for n in node.meta["val"].shape]
            return np.full(sizes, number if place is None else given[place], dtype=np.float32)
        tensors = [
            v for v in flat(given) if isinstance(v, str | LoopFrame | LoopState | np.ndarray)
        ]
        if all(isinstance(v, np.ndarray) for v in tensors):
            return self._computed(where, node)
        if self.loops and (made := self.loops.value(where, name, node, kind, given)) is not None:
            return made
        return self.operator(where, name, node, kind, given)

    def _computed(self, where: str, node: Any) -> Any:
        """What PyTorch makes of constants."""

        def tensor(value: Any) -> Any:
            if isinstance(value, list):
                return [tensor(v) for v in value]
            return self.torch.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value

        try:
            with self.torch.no_grad():
                made = node.target(*tensor(self._of(node.args)), **node.kwargs)
        except Exception as error:
            raise DesignError(f"{where}: cannot be computed ({short(error)})") from error
        if isinstance(made, list | tuple):
            return [_array(m) for m in made]
        return _array(made) if isinstance(made, self.torch.Tensor) else made

    def operator(self, where: str, name: str, node: Any, kind: str, given: list) -> Any:
        """The value of a node on signals; DesignError where it is not known."""
        check_refused(where, kind, node, given)
        check_options(where, kind, node)
        if kind in STACKS:
            return stack(self, where, name, kind, given)
        if kind == WHOLE_CELLS:
            return whole_stack(self, name, given)
        if (make := MAKERS.get(kind)) is not None:
            return make(self, where, name, node, given)
        if kind in SAME:
            return given[0]
        if kind in FUNCTIONS:
            onnx, parts = FUNCTIONS[kind]
            numbers: dict[str, Any] = {}
            for i, part, default in parts:
                told = given[i] if i < len(given) else None
                numbers[part] = float(default if told is None else told)
            return self.emit(name, onnx, [given[0]], **numbers)[0]
        if kind in ARITHMETIC:
            return self.arithmetic(name, node, given)
        return self.emit(name, kind, [v for v in given if isinstance(v, str | np.ndarray)])[0]

    def arithmetic(self, name: str, node: Any, given: list) -> str:
        """The value of a node on two signals or numbers."""
        kind, factor = kind_of(node), node.kwargs.get("alpha", 1)
        first, second = (self._number(v) for v in given[:2])
        if kind == "rsub":
            first, second = second, first
        if factor != 1:  # of the second of torch.add and torch.sub, of the first of torch.rsub
            scale = self._number(float(factor))
            if isinstance(second, np.ndarray):
                second = second * scale
            else:
                (second,) = self.emit(name, "Mul", [second, scale])
        return self.emit(name, ARITHMETIC[kind], [first, second])[0]

    def is_frames(self, value: Any, axis: int) -> bool:
        """Whether an axis of a signal holds other than the elements of a frame, and more than one."""
        signal = self.graph.values[value]
        if not isinstance(signal, Signal):
            return False
        own = signal.axes[axis]
        return (
            self.graph.labels.size(own) != 1
            and of_elements(signal, axis, self.graph.labels) is None
        )

    def _number(self, value: Any) -> Any:
        """A number as a constant."""
        whole = isinstance(value, np.ndarray) and value.dtype.kind in "iub"
        return (
            np.array(value, dtype=np.float32) if whole or isinstance(value, int | float) else value
        )

    def _output(self, value: Any) -> str:
        if isinstance(value, LoopFrame):
            assert self.loops is not None
            return self.loops.last(value)
        if isinstance(value, LoopState):
            return value.name
        if not isinstance(value, str):
            raise DesignError(
                "an output of the module does not follow from x; return tensors that do"
            )
        return value

    def _alone(self, name: str) -> str:
        """The name of an output, another one where an output before has it."""
        other = name
        while other in self.outputs:
            other += "_again"
        if other != name:
            self.graph.values[other] = self.graph.values[name]
        return other


def _array(tensor: Any) -> np.ndarray:
    """A tensor with floating-point numbers of single precision, since NumPy has not all that PyTorch has."""
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()


def _module(node: Any) -> str:
    """The module whose forward has made a node."""
    stacked = list((node.meta.get("nn_module_stack") or {}).values())
    return str(stacked[-1][0]) if stacked else ""
