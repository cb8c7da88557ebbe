"""What lies before the first module of a chain and behind the last one: in a model that is nothing, or known.

In front of the first module the vectors may be arranged otherwise. Behind the last one a model may take some of
the frames, their mean, sum or largest, and a softmax, its logarithm, a sigmoid or tanh: the host can make the
same of what the design gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from ernn_myhdl.errors import DesignError
from ernn_myhdl.train.between_modules import Path, check_mean, function_between
from ernn_myhdl.train.forward_calls import ForwardCalls, LayerCalls, tensors, vectors

#: Functions of the vectors that a model may end with.
ENDINGS = {
    "": lambda x: x,
    "log_softmax": lambda x: torch.log_softmax(x, -1),
    "softmax": lambda x: torch.softmax(x, -1),
    "sigmoid": torch.sigmoid,
    "logsigmoid": torch.nn.functional.logsigmoid,
    "tanh": torch.tanh,
}
POOLS = {
    "mean over the frames": lambda x: np.cumsum(x, 0) / np.arange(1, len(x) + 1)[:, None],
    "sum over the frames": lambda x: np.cumsum(x, 0),
    "largest over the frames": lambda x: np.maximum.accumulate(x, 0),
}
#: Relative to the largest element: float32 in another order.
TOLERANCE = 2e-5
#: Vectors of an output that are looked at, evenly spread over it.
MOST_VECTORS = 48


def arranged(values: Tensor | PackedSequence, size: int) -> Iterator[np.ndarray]:
    """The vectors (rows, size) that a tensor may hold, by the axis that is taken as the elements."""
    if isinstance(values, PackedSequence):
        values = values.data
    if values.dtype == torch.bool or values.is_complex() or not values.dim():
        return
    for axis in reversed(range(values.dim())):
        if values.shape[axis] == size:
            yield vectors(values.movedim(axis, -1))
    if size == 1 and values.shape[-1] != 1:
        yield vectors(values[..., None])
    elif size > 1 and values.shape[-1] != size and values.shape[-1] % size == 0:
        yield vectors(values.reshape(-1, size))


def check_front(first: LayerCalls, paths: Sequence[Path], calls: ForwardCalls) -> None:
    """DesignError unless the first module takes vectors of the model's input."""
    if not calls.whole:
        raise DesignError(
            "step: does not call the model itself, so what its forward does besides is not known; call model(x), or "
            f"name the modules of the design with modules=['{first.name}', ...]: the host does the rest"
        )
    taken = first.taken()
    own = taken[np.concatenate([path.first for path in paths])]
    own = own[own.any(axis=1)]
    inputs = list(tensors(calls.arguments))
    for values in inputs:
        for rows in arranged(values, taken.shape[1]):
            known = {row.tobytes() for row in rows.astype(own.dtype)}
            if all(row.tobytes() in known for row in own):
                return
    names = calls.between(None, first.name)
    reason = f": {', '.join(names)} lies before it" if names else ""
    for values in inputs if not names else ():
        for rows in arranged(values, taken.shape[1]):
            function = function_between(rows.astype(taken.dtype), taken)
            reason = reason or (f": {function} lies before it" if function else "")
    raise DesignError(
        f"module {first.name!r}: does not take the input of the model{reason}; do that before the model is called, or "
        f"name the modules of the design with modules=['{first.name}', ...]: its input, and the calibration data, "
        "are then what this module takes"
    )


def ending(
    first: LayerCalls, last: LayerCalls, paths: Sequence[Path], calls: ForwardCalls
) -> list[str]:
    """What the model makes of what the last module gives, in the order in which it does; empty: nothing.

    A function that the last module computes as its activation becomes part of it, where the host knows none. DesignError where
    that is not known.
    """
    given = last.given()
    used = np.any(first.taken(), axis=1)
    lengths = [int(np.flatnonzero(used[path.first]).max(initial=-1)) + 1 for path in paths]
    found = next((v for v in tensors(calls.output) if not isinstance(v, Tensor) or v.dim()), None)
    if found is not None:
        for rows in arranged(found, given.shape[1]):
            known = _made(rows, given, paths, lengths)
            if known is not None:
                last.activate_unseen(calls.functions)
                check_mean(last, paths)
                return known
        for own, activated in last.activations(calls.functions):
            for rows in arranged(found, given.shape[1]):
                known = [] if _are_among(_some(rows), activated) else _made(rows, activated, paths, lengths)  # fmt: skip
                if known is not None:
                    last.activate(own, activated)
                    check_mean(last, paths)
                    return known
    names = calls.between(last.name, None)
    seen = ""
    for rows in [] if found is None else arranged(found, given.shape[1]):
        seen = seen or function_between(given, rows)
    reason = ", ".join(names) or seen
    what = f"{reason} lies behind it" if reason else "the model gives other values"
    shape = "numbers only" if found is None else f"shape {tuple(vectors(found).shape)}"
    raise DesignError(
        f"module {last.name!r}: {what} ({shape}), which the design would leave out; behind the last module may be a "
        f"choice of frames, their mean, sum or largest, and {', '.join(n for n in ENDINGS if n)}; let forward give "
        "what this module gives first, or name the modules of the design with modules=[...]: the host does the rest"
    )


def _made(
    output: np.ndarray, given: np.ndarray, paths: Sequence[Path], lengths: Sequence[int]
) -> list[str] | None:
    """What makes vectors of an output of those that a module gives; None where that is not known.

    lengths: frames of each sequence without those that fill it up.
    """
    used = _without_padding(output, lengths)
    if used is None:
        return None
    chosen = _some(output[used])
    values = torch.from_numpy(given)
    for name, function in ENDINGS.items():
        if _are_among(chosen, function(values).numpy()):
            return [name] if name else []
    if len(output) > len(paths):
        return None
    for first, before in ENDINGS.items():
        made = before(values).double().numpy()
        whole = [made[path.now[path.now >= 0]] for path in paths]
        for pool, function in POOLS.items():
            pooled = torch.from_numpy(np.concatenate([function(each) for each in whole]))
            for second, after in ENDINGS.items():
                if _are_among(chosen, after(pooled).numpy()):
                    return [name for name in (first, pool, second) if name]
    return None


def _some(rows: np.ndarray) -> np.ndarray:
    """At most MOST_VECTORS rows, evenly spread."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, MOST_VECTORS).astype(int))]


def _without_padding(output: np.ndarray, lengths: Sequence[int]) -> np.ndarray | None:
    """The rows of an output but those of zeros behind the ends of sequences; None where zeros are elsewhere too."""
    used = output.any(axis=1)
    count = len(lengths)
    if used.all():
        return np.arange(len(output))
    if len(output) % count:
        return None
    for by_sequence in (used.reshape(count, -1), used.reshape(-1, count).T):
        at_the_end = np.all(np.diff(by_sequence.astype(int), axis=1) <= 0)
        if at_the_end and sorted(by_sequence.sum(axis=1)) == sorted(lengths):
            return np.flatnonzero(used)
    return None


def _are_among(chosen: np.ndarray, made: np.ndarray) -> bool:
    """Whether every chosen vector is one of those that were made."""
    limit = TOLERANCE * max(float(np.abs(made).max(initial=0)), 1e-30)
    return all(bool((np.abs(made - row).max(axis=1) <= limit).any()) for row in chosen)
