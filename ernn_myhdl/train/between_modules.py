"""Whether each module of a chain takes what the one before it gives, vector for vector, in a forward pass.

A design joins its layers directly. Behind a linear layer may be a function of single elements that the layer computes as its
activation (`ernn_myhdl.exchange.activations`). Between two of them the frames of a sequence may be left out at the end, or but
for some of them in front of a linear layer (the last frame), or be averaged there, which a linear layer does not
distinguish; vectors of zeros may fill sequences up. Everything else is refused: other functions, sums with other
values, states, another order of the frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from ernn_myhdl.errors import DesignError
from ernn_myhdl.train.forward_calls import ForwardCalls, LayerCalls, check_calls, tensors, vectors

#: Of a mean over frames, relative to the largest element: float32 in another order of summation.
MEAN_TOLERANCE = 1e-5
#: What a function between two modules is called in messages.
FUNCTIONS = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "leaky_relu": functional.leaky_relu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "elu": functional.elu,
    "softplus": functional.softplus,
    "softmax": lambda x: torch.softmax(x, -1),
    "a rounding": lambda x: torch.round(x),
}


@dataclass
class Path:
    """A sequence on its way: rows of what the first layer takes, and of what the present one gives for them, -1
    where it is not run for a frame. mean: the present layer is run for the mean over all frames, its only row.
    """

    first: np.ndarray
    now: np.ndarray
    mean: bool = False


def followed(chain: Sequence[str], calls: ForwardCalls) -> list[Path]:
    """The paths of all sequences through the modules of a chain to what the last one gives.

    Linear layers get the activations that are computed behind them (`LayerCalls.activate`), but for the last one. DesignError where a module takes anything but what the one before it gives.
    """
    layers = []
    for name in chain:
        if name not in calls.layers:
            raise DesignError(
                f"module {name!r}: is not called by the forward of the model, so the design must not hold it; "
                "name the modules of the design with modules=[...]"
            )
        check_calls(calls.layers[name])
        layers.append(calls.layers[name])
    for this, following in zip(layers, layers[1:], strict=False):
        gives, takes = this.given().shape[1], following.taken().shape[1]
        if gives != takes:
            raise DesignError(
                f"module {following.name!r}: takes {takes} elements, {this.name!r} before it gives {gives}"
                f"{_other_source(this, following, calls)}; {_cure(chain, following.name)}"
            )
    anchor = next((i for i, layer in enumerate(layers) if layer.recurrent), 0)
    rows = (
        layers[anchor].sequences()
        if layers[anchor].recurrent
        else [np.arange(len(layers[anchor].taken()))]
    )
    paths = [Path(r, r) for r in rows]
    for i in reversed(range(anchor)):
        taken = layers[i + 1].taken()
        if not _activated(layers[i], calls, lambda: _begun(paths, layers[i].given(), taken)):
            raise _differs(layers[i], layers[i + 1], calls, chain)
    for this, following in zip(layers[anchor:], layers[anchor + 1 :], strict=False):
        step = _into_recurrent if following.recurrent else _into_linear
        made: list[list[Path]] = []

        def through() -> bool:
            found = step(paths, this.given(), following)
            made[:] = [] if found is None else [found]
            return found is not None

        if not _activated(this, calls, through):
            raise _differs(this, following, calls, chain)
        check_mean(this, paths)
        (paths,) = made
    return [path for path in paths if len(path.first)]


def _activated(layer: LayerCalls, calls: ForwardCalls, fits: Callable[[], bool]) -> bool:
    """Whether what a layer gives fits, as it is or behind one of the functions that follow it, which is its activation
    then."""
    if fits():
        layer.activate_unseen(calls.functions)
        return True
    for function, given in layer.activations(calls.functions):
        layer.activate(function, given)
        if fits():
            return True
        layer.activation = layer.activated = None
    return False


def check_mean(layer: LayerCalls, paths: Sequence[Path]) -> None:
    """DesignError where a layer with an activation is run for the mean over frames, which the host takes behind the core."""
    if layer.activation is not None and any(path.mean for path in paths):
        raise DesignError(
            f"module {layer.name!r}: computes {layer.activation.activation} of a mean over the frames, which a core would "
            "compute of every frame; take the mean behind it, or name the modules of the design with modules=[...]"
        )


def _begun(paths: Sequence[Path], given: np.ndarray, taken: np.ndarray) -> bool:
    """`_traced_back`, of frames of zeros too where the layer before gives some, as a ReLU may; else these fill a sequence up."""
    if _traced_back(paths, given, taken):
        return True
    kept = [len(_without_padding(taken, path.first)) for path in paths]
    cut = [Path(p.first[:n], p.now[:n], p.mean) for p, n in zip(paths, kept, strict=True)]
    if not _traced_back(cut, given, taken):
        return False
    for path, own in zip(paths, cut, strict=True):
        path.first, path.now = own.first, own.now
    return True


def _traced_back(paths: Sequence[Path], given: np.ndarray, taken: np.ndarray) -> bool:
    """Whether all vectors that a layer takes are given by the one before it; then the paths begin there."""
    before = _by_vector(given)
    found = [
        np.array([before.get(taken[r].tobytes(), -1) for r in path.first], int) for path in paths
    ]
    if any(np.any(rows < 0) for rows in found):
        return False
    for path, rows in zip(paths, found, strict=True):
        path.first = rows
    return True


def _by_vector(rows: np.ndarray) -> dict[bytes, int]:
    """The first row of each vector."""
    found: dict[bytes, int] = {}
    for i, row in enumerate(rows):
        found.setdefault(row.tobytes(), i)
    return found


def _without_padding(rows: np.ndarray, sequence: np.ndarray) -> np.ndarray:
    """A sequence of rows without the vectors of zeros at its end."""
    used = np.flatnonzero(rows[sequence].any(axis=1))
    return sequence[: used[-1] + 1 if len(used) else 0]


def _into_recurrent(
    paths: Sequence[Path], given: np.ndarray, following: LayerCalls
) -> list[Path] | None:
    """The paths through a recurrent layer, which takes every frame of a sequence; None where it does not."""
    taken = following.taken()
    starts: dict[bytes, list[Path]] = {}
    for path in paths:
        if not path.mean and len(path.now):
            starts.setdefault(given[path.now[0]].tobytes(), []).append(path)
    made = []
    for sequence in following.sequences():
        cut = _without_padding(taken, sequence)
        may = starts.get(taken[sequence[0]].tobytes(), []) if len(sequence) else []
        if not len(cut) and not may:
            continue
        for path in may:
            ways = (own for own in (sequence, cut) if len(own))
            whole = next((own for own in ways if _goes_on(path, given, taken[own])), None)
            if whole is not None:
                made.append(Path(path.first[: len(whole)], whole))
                break
        else:
            return None
    return made or None


def _goes_on(path: Path, given: np.ndarray, taken: np.ndarray) -> bool:
    """Whether a path gives these vectors from its beginning on."""
    now = path.now[: len(taken)]
    return bool(len(now) == len(taken) and now.min() >= 0 and np.array_equal(given[now], taken))


def _into_linear(
    paths: Sequence[Path], given: np.ndarray, following: LayerCalls
) -> list[Path] | None:
    """The paths through a linear layer, which takes some of the frames or their mean; None where it does not."""
    taken = following.taken()
    known = {given[r].tobytes() for path in paths for r in path.now if r >= 0}
    strange = np.array([row.tobytes() not in known for row in taken])
    if not strange.any() or (not strange.all() and _is_padding(following, strange)):
        rows = _by_vector(taken)
        return [
            Path(
                path.first,
                np.array(
                    [rows.get(given[r].tobytes(), -1) if r >= 0 else -1 for r in path.now], int
                ),
                path.mean,
            )
            for path in paths
        ]
    if len(taken) > len(paths) or any(path.mean for path in paths):
        return None
    return _means(paths, given, taken)


def _is_padding(layer: LayerCalls, strange: np.ndarray) -> bool:
    """Whether the strange rows are zeros that fill up sequences: at the end along one axis."""
    end = 0
    for x in layer.inputs:
        rows = vectors(x)
        begin, end = end, end + len(rows)
        mask = strange[begin:end]
        if not mask.any():
            continue
        if rows[mask].any() or isinstance(x, tuple) or x.dim() != 3:
            return False
        mask = mask.reshape(x.shape[:2])
        if not any(np.all(np.diff(mask.astype(int), axis=axis) >= 0) for axis in (0, 1)):
            return False
    return True


def _means(paths: Sequence[Path], given: np.ndarray, taken: np.ndarray) -> list[Path] | None:
    """Paths of which each row taken is the mean over the frames of one from its beginning."""
    made = []
    for i, row in enumerate(taken):
        for path in [*paths[i:], *paths[:i]]:
            if not len(path.now) or path.now.min() < 0:
                continue
            values = given[path.now].astype(np.float64)
            means = np.cumsum(values, axis=0) / np.arange(1, len(values) + 1)[:, None]
            apart = np.abs(means - row).max(axis=1)
            n = int(apart.argmin()) + 1
            if apart[n - 1] <= MEAN_TOLERANCE * max(float(np.abs(values).max()), 1e-30):
                made.append(Path(path.first[:n], np.array([i]), mean=True))
                break
        else:
            return None
    return made


def _differs(
    this: LayerCalls, following: LayerCalls, calls: ForwardCalls, chain: Sequence[str]
) -> DesignError:
    """What to say about a module that does not take what the one before it gives."""
    return DesignError(
        f"module {following.name!r}: does not take what {this.name!r} before it gives"
        f"{_reason(this, following, calls)}; {_cure(chain, following.name)}"
    )


def _cure(chain: Sequence[str], name: str) -> str:
    at = list(chain).index(name)
    return (
        "a design joins its layers directly: train a model without it, or cut it there and leave the rest to the "
        f"host with modules={list(chain[:at])} or modules={list(chain[at:])}"
    )


def _reason(this: LayerCalls, following: LayerCalls, calls: ForwardCalls) -> str:
    given, taken = this.given(), following.taken()
    names = calls.between(this.name, following.name)
    if names:
        return f": {', '.join(names)} lies between them"
    function = function_between(given, taken)
    if function:
        return f": {function} lies between them"
    if source := _other_source(this, following, calls):
        return source
    given_set = {row.tobytes() for row in given}
    if all(row.tobytes() in given_set for row in taken):
        return (
            ": the frames come in another order, or the axes of frames and sequences are exchanged (batch_first of "
            "both)"
        )
    if given.shape == taken.shape:
        for name, other in _sources(calls, following.name):
            if other.shape == given.shape and np.allclose(taken - given, other, atol=1e-6):
                return f": {name} is added to it"
    return ": it takes other values, such as a state (h_n), a sum, or what a function makes"


def function_between(given: np.ndarray, taken: np.ndarray) -> str:
    """The name of the function that makes one of the other, element by element; empty where none is known."""
    if given.shape != taken.shape or np.array_equal(given, taken):
        return ""
    values = torch.from_numpy(given)
    for name, function in FUNCTIONS.items():
        if np.allclose(function(values).numpy(), taken, rtol=1e-5, atol=1e-6):
            return name
    used = np.abs(given) > 1e-3 * np.abs(given).max()
    if used.any():
        factor = float(np.median(taken[used] / given[used]))
        if np.allclose(given * factor, taken, rtol=1e-5, atol=1e-6):
            return f"a factor of {factor:.6g}"
    return ""


def _sources(calls: ForwardCalls, but: str) -> Iterable[tuple[str, np.ndarray]]:
    """What else there is in the model: its inputs, and what its layers take and give."""
    for values in tensors(calls.arguments):
        if not isinstance(values, torch.Tensor) or (values.dim() and values.is_floating_point()):
            yield "the input of the model", vectors(values)
    for name, layer in calls.layers.items():
        if name != but:
            yield f"what {name!r} gives", layer.given()
            yield f"what {name!r} takes", layer.taken()


def _other_source(this: LayerCalls, following: LayerCalls, calls: ForwardCalls) -> str:
    """Where the vectors come from that a module takes, if from one place that is not the one before it."""
    taken = following.taken()
    for name, rows in _sources(calls, following.name):
        if rows.shape[1] == taken.shape[1] and name != f"what {this.name!r} gives":
            known = {row.tobytes() for row in rows}
            if all(row.tobytes() in known for row in taken):
                return f": it takes {name}"
    return ""
