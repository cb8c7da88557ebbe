"""Random ONNX graphs of layers and of what lies between them, made node by node, with their meaning.

Sizes are drawn so that frames, sequences, elements and cells often are equally many. Some graphs mix them:
a layer along the frames, a shape that stacks frames. Which axis of x the first layer takes for the elements
of a frame, and which the first recurrent node runs over, is found from the numbers themselves: the
coordinates of x go through the same operators.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.random_graph_nodes import GraphBuilder

OPSET = 17


@dataclass
class RandomGraph:
    """model: of onnx. shape: of x. fixed: for each axis of x, whether the file fixes its size. feature: axis of
    x that the first layer takes, frame: that the first recurrent node runs over; None where it is no single one.
    mixed: one of both could not be told."""

    model: object
    shape: tuple[int, ...]
    fixed: tuple[bool, ...]
    feature: int | None
    frame: int | None
    mixed: bool


#: Steps between the layers, with how often.
_BETWEEN = {
    "transpose": 5,
    "reshape": 6,
    "flatten": 1,
    "squeeze": 2,
    "unsqueeze": 2,
    "same": 1,
    "part": 2,
    "scale": 3,
    "norm": 1,
}


def random_graph(seed: int, onnx) -> RandomGraph:
    """The graph of a seed; onnx: the package."""
    rng = np.random.default_rng([12, seed])
    equal = rng.random() < 0.5
    common = int(rng.integers(1, 6))

    def size() -> int:
        return common if equal and rng.random() < 0.85 else int(rng.integers(1, 7))

    shape = tuple(size() for _ in range(int(rng.choice([2, 3, 4], p=[0.2, 0.7, 0.1]))))
    fixed = tuple(bool(rng.random() < 0.5) or i == len(shape) - 1 for i in range(len(shape)))
    # along a single element no coordinate goes, so that its meaning could not be told
    shape = tuple(n if keeps else max(n, 2) for n, keeps in zip(shape, fixed, strict=True))
    builder = GraphBuilder(rng, onnx, shape=shape)
    # of a generator of its own, so that the rest of a graph is what it was before there were activations
    own = np.random.default_rng([14, seed])
    lively = own.random() < 0.5
    builder.coordinates = np.stack(np.indices(shape), axis=-1)
    steps = np.array(list(_BETWEEN.values()), dtype=float)
    between = list(_BETWEEN)
    calm = rng.random() < 0.5  # few steps between layers: most such graphs are chains of layers
    for _ in range(int(rng.integers(1, 4))):
        for _ in range(int(rng.integers(0, 2 if calm else 4))):
            step = str(rng.choice(between, p=steps / steps.sum()))
            if not (calm and step in ("reshape", "part", "flatten") and rng.random() < 0.7):
                getattr(builder, step)()
        kinds = [builder.recurrent, builder.matmul, builder.convolution]
        chosen = int(rng.choice(3, p=[0.5, 0.42, 0.08]))
        kinds[chosen](size())
        if lively and own.random() < (0.7 if chosen else 0.4):
            builder.activation(own)
    for _ in range(int(rng.integers(0, 2))):
        getattr(builder, str(rng.choice(between)))()
    if rng.random() < 0.2:
        builder.function()
    helper = onnx.helper
    dims = [
        n if keeps else f"size{i}" for i, (n, keeps) in enumerate(zip(shape, fixed, strict=True))
    ]
    graph = helper.make_graph(
        builder.nodes,
        "graph",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, dims)],
        [helper.make_tensor_value_info(builder.name, onnx.TensorProto.FLOAT, None)],
        [
            onnx.numpy_helper.from_array(np.ascontiguousarray(a), n)
            for n, a in builder.constants.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    return RandomGraph(model, shape, fixed, builder.feature, builder.frame, builder.mixed)
