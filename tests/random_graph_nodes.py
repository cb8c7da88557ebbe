"""Nodes of random ONNX graphs, with what each does to the axes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class GraphBuilder:
    rng: np.random.Generator
    onnx: object
    name: str = "x"
    nodes: list = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    #: Coordinates in x of every element of the current tensor, the last axis holding them; None behind the
    #: first recurrent node.
    coordinates: np.ndarray | None = None
    shape: tuple[int, ...] = ()
    feature: int | None = None
    frame: int | None = None
    mixed: bool = False
    layers: int = 0
    count: int = 0

    def constant(self, array) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(array)
        return name

    def random(self, *shape) -> np.ndarray:
        return self.rng.standard_normal(shape).astype(np.float32)

    def add(self, kind: str, *constants: str, move=None, output: int = 0, **attributes) -> None:
        """A node on the current tensor; move: what it does to the axes of an array."""
        names = ["", "", ""][: output + 1]
        self.count += 1
        names[output] = f"{kind.lower()}{self.count}"
        inputs = [self.name, *constants]
        node = self.onnx.helper.make_node(kind, inputs, names, f"n{self.count}", **attributes)
        self.nodes.append(node)
        self.name = names[output]
        if move is not None:
            whole = np.zeros(self.shape, np.int8)
            self.shape = move(whole).shape
            if self.coordinates is not None:
                each = [move(self.coordinates[..., i]) for i in range(self.coordinates.shape[-1])]
                self.coordinates = np.stack(each, axis=-1)

    # axes

    def transpose(self) -> None:
        if not self.shape:
            return
        perm = [int(i) for i in self.rng.permutation(len(self.shape))]
        self.add("Transpose", perm=perm, move=lambda a: a.transpose(perm))

    def reshape(self) -> None:
        rng, shape = self.rng, self.shape
        if not shape:
            return
        wanted = list(shape)
        if rng.random() < 0.5 and len(shape) > 1:  # two become one
            i = int(rng.integers(len(shape) - 1))
            wanted[i : i + 2] = [shape[i] * shape[i + 1]]
        elif rng.random() < 0.6:  # one becomes two
            i = int(rng.integers(len(shape)))
            parts = [n for n in range(1, shape[i] + 1) if shape[i] % n == 0]
            n = int(rng.choice(parts))
            wanted[i : i + 1] = [n, shape[i] // n]
        elif rng.random() < 0.5:  # the same sizes in another order: mixes unless they are equal
            wanted = [int(n) for n in rng.permutation(wanted)]
        written: list[int] = list(wanted)
        if rng.random() < 0.6:
            written[int(rng.integers(len(written)))] = -1
        for i, n in enumerate(wanted[: len(shape)]):
            if written[i] != -1 and n == shape[i] and rng.random() < 0.3:
                written[i] = 0
        # or sizes of the tensor itself, as exporters compute them
        if rng.random() < 0.3 and len(shape) > 1:
            self._computed(written, wanted)
        else:
            self.add(
                "Reshape",
                self.constant(np.array(written, np.int64)),
                move=lambda a: a.reshape(wanted),
            )

    def _computed(self, written: list[int], wanted: list[int]) -> None:
        make = self.onnx.helper.make_node
        self.count += 1
        own = f"sizes{self.count}"
        self.nodes.append(make("Shape", [self.name], [own], f"{own}_shape"))
        parts = []
        for i, n in enumerate(written):
            if n > 0 and n in self.shape:
                axis = int(self.rng.choice([j for j, m in enumerate(self.shape) if m == n]))
                parts.append(f"{own}_{i}")
                index = self.constant(np.array([axis], np.int64))
                self.nodes.append(make("Gather", [own, index], [parts[-1]], parts[-1], axis=0))
            else:
                parts.append(self.constant(np.array([n], np.int64)))
        self.nodes.append(make("Concat", parts, [f"{own}_all"], f"{own}_all", axis=0))
        self.add("Reshape", f"{own}_all", move=lambda a: a.reshape(wanted))

    def flatten(self) -> None:
        axis = int(self.rng.integers(0, len(self.shape) + 1))

        def move(a):
            return a.reshape(int(np.prod(a.shape[:axis])), -1)

        self.add("Flatten", axis=axis, move=move)

    def squeeze(self) -> None:
        ones = tuple(i for i, n in enumerate(self.shape) if n == 1)
        if not ones or len(ones) == len(self.shape):
            return
        if self.rng.random() < 0.7:
            ones = (int(self.rng.choice(ones)),)
        self.add("Squeeze", self.constant(np.array(ones, np.int64)), move=lambda a: a.squeeze(ones))

    def unsqueeze(self) -> None:
        axis = int(self.rng.integers(len(self.shape) + 1))
        self.add(
            "Unsqueeze",
            self.constant(np.array([axis], np.int64)),
            move=lambda a: np.expand_dims(a, axis),
        )

    def same(self) -> None:
        self.add(str(self.rng.choice(["Identity", "Dropout"])), move=lambda a: a)

    def part(self) -> None:
        """The last of an axis, or now and then another."""
        if not self.shape:
            return
        axis = int(self.rng.integers(len(self.shape)))
        size = self.shape[axis]
        index = int(self.rng.choice([-1, size - 1, 0], p=[0.5, 0.35, 0.15]))
        if self.rng.random() < 0.5:
            self.add(
                "Gather",
                self.constant(np.array(index, np.int64)),
                axis=axis,
                move=lambda a: a.take(index, axis),
            )
            return
        end = int(np.iinfo(np.int64).max) if index in (-1, size - 1) else index + 1
        values = [self.constant(np.array([n], np.int64)) for n in (index, end, axis)]
        self.add("Slice", *values, move=lambda a: a.take([index], axis))

    # layers

    def take_features(self) -> None:
        """Tell which axis of x is the last of the current tensor."""
        if self.coordinates is not None and not self.layers:
            axis = self._axis_along(len(self.shape) - 1)
            self.feature, self.mixed = axis, self.mixed or axis is None

    def _axis_along(self, axis: int) -> int | None:
        """The axis of x along which an axis of the current tensor goes, from its first element to its last;
        None where it is no single one; -1 where it has one element."""
        along = np.moveaxis(self.coordinates, axis, 0)
        if len(along) == 1:
            return -1
        varies = [i for i in range(along.shape[-1]) if np.any(along[..., i] != along[:1, ..., i])]
        if len(varies) != 1:
            return None
        steps = along[..., varies[0]].reshape(len(along), -1)
        whole = np.array_equal(steps, np.broadcast_to(np.arange(len(along))[:, None], steps.shape))
        return varies[0] if whole else None

    def _made(self, size: int) -> None:
        """The last axis is of a layer's outputs."""
        self.layers += 1
        self.shape = (*self.shape[:-1], size)
        if self.coordinates is not None:
            self.coordinates = np.repeat(self.coordinates[..., :1, :], size, axis=-2)
            if self.feature is not None and self.feature >= 0:
                self.coordinates[..., self.feature] = 0

    def matmul(self, size: int) -> None:
        if not self.shape:
            self.unsqueeze()
        self.take_features()
        rows = self.shape[-1]
        rng = self.rng
        if len(self.shape) == 2 and rng.random() < 0.5:
            turned = int(rng.integers(2))
            w = self.random(rows, size)
            bias = self.random(
                *[(size,), (1, size), (self.shape[0], 1)][int(rng.choice(3, p=[0.6, 0.3, 0.1]))]
            )
            self.add(
                "Gemm", self.constant(w.T if turned else w), self.constant(bias), transB=turned
            )
            self._made(size)
            return
        self.add("MatMul", self.constant(self.random(rows, size)))
        self._made(size)
        if rng.random() < 0.3:
            getattr(self, str(rng.choice(["transpose", "unsqueeze", "squeeze", "reshape"])))()
        if rng.random() < 0.8:
            self.bias(size)

    def bias(self, size: int) -> None:
        """A vector along the last axis, now and then along another."""
        rng = self.rng
        if not self.shape:
            return
        shape = [1] * len(self.shape)
        axis = len(shape) - 1 if rng.random() < 0.8 else int(rng.integers(len(shape)))
        shape[axis] = self.shape[axis]
        if rng.random() < 0.5:
            shape = shape[axis:]
        elif rng.random() < 0.1:
            shape = [1, *shape]
        wide = tuple(np.broadcast_shapes(self.shape, tuple(shape)))
        self.add("Add", self.constant(self.random(*shape)), move=lambda a: np.broadcast_to(a, wide))

    def scale(self) -> None:
        """Arithmetic with one number, or with a vector along the last axis, now and then along another."""
        rng = self.rng
        if not self.shape:
            return
        shape = [1] * len(self.shape)
        axis = len(shape) - 1 if rng.random() < 0.8 else int(rng.integers(len(shape)))
        shape[axis] = self.shape[axis]
        wide = [(), (1,), tuple(shape), tuple(shape[axis:])][
            int(rng.choice(4, p=[0.2, 0.1, 0.2, 0.5]))
        ]
        kind = str(rng.choice(["Mul", "Add", "Sub", "Div", "Neg"]))
        if kind == "Neg":
            self.add("Neg", move=lambda a: a)
            return
        name = self.constant(rng.uniform(0.5, 2.0, wide).astype(np.float32))
        self.add(kind, name, move=lambda a: a)
        if kind != "Div" and rng.random() < 0.4:  # the constant first, c - x
            inputs = list(self.nodes[-1].input)[::-1]
            del self.nodes[-1].input[:]
            self.nodes[-1].input.extend(inputs)

    def norm(self) -> None:
        """Batch normalisation along axis 1, behind a transposition that has the elements there, or not."""
        if len(self.shape) < 2:
            return
        turned = self.rng.random() < 0.7
        perm = list(range(len(self.shape)))
        perm[1], perm[-1] = perm[-1], perm[1]
        if turned:
            self.add("Transpose", perm=perm, move=lambda a: a.transpose(perm))
        size = self.shape[1]
        arrays = [
            self.random(size),
            self.random(size),
            self.random(size),
            abs(self.random(size)) + 0.2,
        ]
        self.add("BatchNormalization", *map(self.constant, arrays), move=lambda a: a)
        if turned:
            self.add("Transpose", perm=perm, move=lambda a: a.transpose(perm))

    def convolution(self, size: int) -> None:
        """A convolution of kernel 1 along axis 1, behind a transposition that has the elements there."""
        while len(self.shape) < 3:
            self.unsqueeze()
        perm = list(range(len(self.shape)))
        perm[1], perm[-1] = perm[-1], perm[1]
        self.take_features()
        self.add("Transpose", perm=perm, move=lambda a: a.transpose(perm))
        rows = self.shape[1]
        groups = int(
            self.rng.choice([g for g in range(1, rows + 1) if rows % g == 0 and size % g == 0])
        )
        kernel = self.random(size, rows // groups, *[1] * (len(self.shape) - 2))
        more = [self.constant(self.random(size))] if self.rng.random() < 0.7 else []
        self.add("Conv", self.constant(kernel), *more, group=groups)
        self.add("Transpose", perm=perm, move=lambda a: a.transpose(perm))
        self.shape = (*self.shape[:-1], self.shape[-1])
        self._made(size)

    def function(self) -> None:
        """A last function: softmax along an axis, or one that needs to be asked for."""
        if not self.shape:
            return
        kind = str(self.rng.choice(["Softmax", "LogSoftmax", "Sigmoid"], p=[0.6, 0.3, 0.1]))
        axis = -1 if self.rng.random() < 0.8 else int(self.rng.integers(len(self.shape)))
        self.add(kind, **({} if kind == "Sigmoid" else {"axis": axis}), move=lambda a: a)

    def activation(self, rng: np.random.Generator) -> None:
        """A function of single elements; most are those that a linear layer computes of its sums."""
        kinds = ["Relu", "LeakyRelu", "Tanh", "Sigmoid", "HardSigmoid", "Clip", "PRelu", "Elu"]
        kind = str(rng.choice(kinds, p=[0.2, 0.15, 0.12, 0.12, 0.12, 0.17, 0.06, 0.06]))
        given, attributes = [], {}
        if kind == "LeakyRelu" and rng.random() < 0.7:
            attributes["alpha"] = float(rng.choice([0.1, 0.3, 0.75, 1.0, 1.5]))
        if kind == "HardSigmoid" and rng.random() < 0.7:
            attributes = {"alpha": float(rng.choice([0.1, 1 / 6])), "beta": float(rng.choice([0.5, 0.4]))}  # fmt: skip
        if kind == "Clip":
            limits = [(0.0, 6.0), (0.0, 0.5), (-1.0, 1.0), (-0.5, 0.5), (0.0, None), (-1.0, 2.0)]
            low, high = limits[int(rng.integers(len(limits)))]
            ends = [low, *([] if high is None else [high])]
            given = [self.constant(np.float32(v)) for v in ends]
        if kind == "PRelu":
            wide = () if rng.random() < 0.7 else self.shape[-1:]
            given = [self.constant(rng.uniform(0.1, 0.9, wide).astype(np.float32))]
        self.add(kind, *given, move=lambda a: a, **attributes)

    def recurrent(self, hidden: int) -> None:
        """An LSTM or GRU, after axes were dropped or added until there are three."""
        while len(self.shape) > 3:
            i = int(self.rng.integers(len(self.shape) - 1))
            wanted = [*self.shape[:i], self.shape[i] * self.shape[i + 1], *self.shape[i + 2 :]]
            written = [-1 if j == i else n for j, n in enumerate(wanted)]
            self.add(
                "Reshape",
                self.constant(np.array(written, np.int64)),
                move=lambda a, w=wanted: a.reshape(w),
            )
        while len(self.shape) < 3:
            self.unsqueeze()
        self.take_features()
        if self.coordinates is not None:
            self.frame = self._axis_along(0)
            self.mixed = self.mixed or self.frame is None
        kind = str(self.rng.choice(["LSTM", "GRU"]))
        gates = 4 if kind == "LSTM" else 3
        frames, batch, size = self.shape
        names = [self.constant(0.7 * self.random(1, gates * hidden, n)) for n in (size, hidden)] + [
            self.constant(self.random(1, 2 * gates * hidden))
        ]
        attributes = {} if kind == "LSTM" else {"linear_before_reset": int(self.rng.integers(2))}
        state = self.rng.random() < 0.15
        self.add(kind, *names, output=int(state), hidden_size=hidden, **attributes)
        self._made(hidden)
        self.coordinates = None
        if state:
            self.shape = (1, batch, hidden)
            return
        self.shape = (frames, 1, batch, hidden)
        if self.rng.random() < 0.5:
            self.add("Squeeze", self.constant(np.array([1], np.int64)), move=lambda a: a[:, 0])
            return
        self.add("Transpose", perm=[0, 2, 1, 3], move=lambda a: a.transpose(0, 2, 1, 3))
        written = [0, 0, -1] if self.rng.random() < 0.7 else [frames, -1, hidden]
        self.add("Reshape", self.constant(np.array(written, np.int64)), move=lambda a: a[:, :, 0])
