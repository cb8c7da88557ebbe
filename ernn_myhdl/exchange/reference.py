"""The layers of a model file against outputs of the model itself, which the user gives.

An .npz file holds pairs of arrays: `x` and `y`, or `x0` and `y0`, `x1` and `y1`, ... with any ending. x: a sequence
(frames, inputs). y: what the model gives for it, (frames, outputs), or (outputs,) for the last frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ernn_myhdl.corpus.inputs import check_input
from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.graph import Graph, Join, row
from ernn_myhdl.design.host_steps import HostStep, stepped
from ernn_myhdl.design.input_scaling import InputScaling
from ernn_myhdl.errors import DesignError, short
from ernn_myhdl.files.array_file import NoArrayFile, read_arrays
from ernn_myhdl.golden.float_reference import FloatModel
from ernn_myhdl.golden.initial_state import State
from ernn_myhdl.golden.joins import joined_values, walked
from ernn_myhdl.golden.output_loss import OutputLoss, output_loss

#: Of the span of the outputs: how far those of the layers may be from them.
TOLERANCE = 1e-4
KEYS = "x and y, or x0 and y0, x1 and y1, ..."


@dataclass(frozen=True)
class Reference:
    """Pairs of a sequence (frames, inputs) and of the outputs (frames, outputs) of its last frames, by the names of the
    outputs. where: what messages call it."""

    pairs: Mapping[str, tuple[np.ndarray, np.ndarray]]
    where: str

    @property
    def frames(self) -> int:
        """Frames with outputs."""
        return sum(len(y) for _, y in self.pairs.values())


def load_reference(
    given: str | Path | Mapping[str, np.ndarray],
    inputs: int,
    outputs: int,
    graph: Graph | None = None,
) -> Reference:
    """The reference in an .npz file, or in a dictionary with the same names; DesignError for anything else.

    graph: of the layers, which tells how many frames come out where these are not those that go in.
    """
    arrays: np.ndarray | Mapping[str, np.ndarray]
    if isinstance(given, str | Path):
        where = f"reference {given}"
        try:
            arrays = read_arrays(Path(given))
        except (NoArrayFile, OSError) as error:
            raise DesignError(f"{where}: cannot be read ({short(error)})") from error
    else:
        where, arrays = "reference", given
    if not isinstance(arrays, Mapping):
        raise DesignError(f"{where}: must be an .npz file, or a dictionary, with arrays {KEYS}")
    endings = [name[1:] for name in arrays if name.startswith("x")]
    strange = sorted(set(arrays) - {a + e for e in endings for a in "xy"})
    missing = [f"y{e}" for e in endings if f"y{e}" not in arrays]
    if strange or missing or not endings:
        what = (
            f"{missing[0]!r} is missing"
            if missing
            else f"holds {short(', '.join(strange) or 'nothing')}"
        )
        raise DesignError(f"{where}: {what}, must hold pairs of arrays {KEYS}")
    pairs = {}
    for e in endings:
        numbers = graph is not None and graph.embedding is not None
        (x,) = check_input({f"x{e}": arrays[f"x{e}"]}, inputs, where, numbers)
        frames = len(x) if graph is None else graph.output_frames(len(x))
        pairs[f"y{e}"] = x, _outputs(f"{where} y{e}", np.asarray(arrays[f"y{e}"]), frames, outputs)
    return Reference(pairs, where)


def _outputs(where: str, y: np.ndarray, frames: int, outputs: int) -> np.ndarray:
    """y as (frames, outputs), of all frames or of the last one."""
    if y.dtype.kind != "f":
        raise DesignError(f"{where}: type {y.dtype}, must be floating point values")
    shape = y.shape
    if y.ndim == 1:
        y = y[:, None] if outputs == 1 and len(y) == frames else y[None]
    if y.ndim != 2 or y.shape[1] != outputs or len(y) not in (1, frames):
        raise DesignError(
            f"{where}: shape {shape}, must be ({frames}, {outputs}), what the last layer gives for every frame of its "
            f"x, or ({outputs},) for the last one"
        )
    if not np.all(np.isfinite(y)):
        raise DesignError(f"{where}: holds NaN or infinity")
    return y.astype(np.float64)


def dense_outputs(
    layers: Sequence[DenseLayer],
    graph: Graph | None,
    x: list[np.ndarray],
    initial: Sequence[Sequence[State | None]],
) -> list[np.ndarray]:
    """Float outputs of dense layers, one after the other or of a graph; initial: of each layer a state for each sequence."""

    def layer(i: int, x: list[np.ndarray]) -> list[np.ndarray]:
        cell = layers[i].cell({"block": 1})
        states = list(initial[i]) if cell.state_sizes else None
        return FloatModel(cell, layers[i].circulant(cell)).run(x, initial=states)

    def join(name: str, how: Join, operands: list[list[np.ndarray]]) -> list[np.ndarray]:
        return [joined_values(how, each) for each in zip(*operands, strict=True)]

    return walked(graph or row(len(layers)), x, layer, join)


def check_reference(
    layers: Sequence[DenseLayer],
    reference: Reference,
    steps: Sequence[HostStep] = (),
    graph: Graph | None = None,
    scaling: InputScaling | None = None,
) -> OutputLoss:
    """How far the float outputs of the dense layers, behind the host's steps, are from the reference; DesignError
    above TOLERANCE. graph: how their signals go; None: from each to the next. scaling: of x, which may normalise it."""
    x = [values for values, _ in reference.pairs.values()]
    if scaling is not None:
        x = [scaling.normalised(each) for each in x]
    states = [[layer.initial or None] * len(x) for layer in layers]
    outputs = [
        stepped(steps, y, frames=np.full(len(y), len(sequence)))
        for y, sequence in zip(dense_outputs(layers, graph, x, states), x, strict=True)
    ]
    wanted = [y for _, y in reference.pairs.values()]
    made = [own[len(own) - len(y) :] for own, y in zip(outputs, wanted, strict=True)]
    loss = output_loss(wanted, made)
    limit = TOLERANCE * (loss.span or 1.0)
    for name, own, y, whole in zip(reference.pairs, made, wanted, outputs, strict=True):
        bad = np.argwhere(np.abs(own - y) > limit)
        if len(bad):
            frame, element = bad[0].tolist()
            raise DesignError(
                f"{reference.where}: {name} of frame {frame + len(whole) - len(y)}, element {element} is "
                f"{y[frame, element]:.6g}, layers {' -> '.join(layer.name for layer in layers)} give "
                f"{own[frame, element]:.6g}; the largest difference is {loss.relative:.2g} of the span, at most "
                f"{TOLERANCE:g} may be: the model does more than these layers (a function between them, a residual, a "
                "normalisation), joins them in another order (--order), or its outputs are not those of its last layer"
            )
    return loss
