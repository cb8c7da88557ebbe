"""Operators of ONNX that work on each element, or on the elements of a frame together, as operations of the graph.

Affine ones with constants are folded into the layers afterwards; functions are the host's, or are refused by name.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.graph import Affine, Function, Joined, Node, Unsupported, affine
from ernn_myhdl.exchange.lowering import ATTENTION_POOLING
from ernn_myhdl.exchange.onnx_features import taking_features, vector_of_features
from ernn_myhdl.exchange.onnx_values import Labels, Signal
from ernn_myhdl.exchange.rectifiers import sloped


def _arithmetic(
    where: str, kind: str, attributes: dict, given: list, labels: Labels
) -> Signal | None:
    """Add, Sub, Mul or Div of a signal and a constant; None where it is something else."""
    first, second = given
    signal, constant = (first, second) if isinstance(first, Signal) else (second, first)
    if not isinstance(constant, np.ndarray) or constant.dtype.kind != "f":
        return None
    behind = signal is second
    numbers, signal = _numbers(where, constant, signal, labels)
    numbers = numbers.astype(np.float64)
    if kind == "Add":
        return _after(where, signal, affine(where, 1.0, numbers, None))
    if kind == "Sub":
        sign = -1.0 if behind else 1.0
        return _after(where, signal, affine(where, sign, -sign * numbers, None))
    if kind == "Mul":
        return _after(where, signal, affine(where, numbers, 0.0, None))
    if behind:
        return None
    if not np.all(numbers):
        raise DesignError(f"{where}: divides by zero")
    return _after(where, signal, affine(where, 1.0 / numbers, 0.0, None))


def _numbers(
    where: str, constant: np.ndarray, signal: Signal, labels: Labels
) -> tuple[np.ndarray, Signal]:
    """One number for each element of a frame, or one for all."""
    return _vector(where, _one_for_all(constant, signal, labels), signal, labels)


def _vector(
    where: str, constant: np.ndarray, signal: Signal, labels: Labels
) -> tuple[np.ndarray, Signal]:
    """The same of a constant that is as it is, though all of its numbers may be equal."""
    if constant.size == 1:
        missing = constant.ndim - len(signal.axes)
        return constant.reshape(-1), signal.moved(
            (*(labels.new(1) for _ in range(missing)), *signal.axes)
        )
    if (
        signal.feature is None
    ):  # in front of the first layer: the only axis along which the numbers differ
        signal = _taken(where, constant, signal, labels)
    return vector_of_features(where, constant, signal, labels)


def _one_for_all(constant: np.ndarray, signal: Signal, labels: Labels) -> np.ndarray:
    """A constant as one number where it holds that alone, in a shape of the signal, as of torch.zeros_like."""
    sizes = [labels.size(axis) for axis in signal.axes[-constant.ndim :]] if constant.ndim else []
    fits = len(sizes) == constant.ndim and all(
        n in (1, size) for n, size in zip(constant.shape, sizes, strict=True)
    )
    same = constant.size > 1 and np.all(constant == constant.reshape(-1)[0])
    return constant.reshape(-1)[:1] if fits and same else constant


def _taken(where: str, constant: np.ndarray, signal: Signal, labels: Labels) -> Signal:
    """The signal with the elements of a frame along the axis along which a constant has several numbers."""
    wide = [i - constant.ndim for i, n in enumerate(constant.shape) if n != 1]
    if len(wide) != 1 or -wide[0] > len(signal.axes):
        raise DesignError(
            f"{where}: its constant has shape {constant.shape}; must be one number for each element of a frame"
        )
    core = labels.core(signal.axes[wide[0]])
    if len(core) != 1:
        raise DesignError(f"{where}: works along several axes as one; cut the model after it")
    return replace(signal, feature=core[0], taken=core[0])


def _after(where: str, signal: Signal, operation: Affine | Function) -> Signal:
    return replace(signal, node=Node(operation, (signal.node,), where), factors=None)


def _batch_norm(
    where: str, kind: str, attributes: dict, given: list, labels: Labels
) -> Signal | None:
    """(x - mean) / sqrt(var + epsilon) * scale + bias, along axis 1."""
    signal, *arrays = given
    if not isinstance(signal, Signal) or len(arrays) != 4 or attributes.get("training_mode", 0):
        return None
    if not all(isinstance(a, np.ndarray) and a.dtype.kind == "f" and a.ndim == 1 for a in arrays):
        return None
    scale, bias, mean, variance = (a.astype(np.float64) for a in arrays)
    if len({a.size for a in arrays}) > 1 or np.any(variance < 0) or len(signal.axes) < 2:
        raise DesignError(f"{where}: its numbers do not fit each other")
    shape = (1, len(scale), *[1] * (len(signal.axes) - 2))
    factor = scale / np.sqrt(variance + attributes.get("epsilon", 1e-5))
    offset = bias - mean * factor
    if len(scale) > 1:
        _, signal = _vector(where, factor.reshape(shape), signal, labels)
    return _after(where, signal, affine(where, factor, offset, None))


def _negative(
    where: str, kind: str, attributes: dict, given: list, labels: Labels
) -> Signal | None:
    return _after(where, given[0], affine(where, -1.0, 0.0, None))


#: Attributes that a node may leave out.
_DEFAULTS: dict[str, dict[str, float]] = {
    "LeakyRelu": {"alpha": 0.01},
    "HardSigmoid": {"alpha": 0.2, "beta": 0.5},
}
_NAMES = {
    "LogSoftmax": "log_softmax", "LeakyRelu": "leaky_relu", "HardSigmoid": "hard_sigmoid", "HardSwish": "hard_swish",
}  # fmt: skip


def _function(
    where: str, kind: str, attributes: dict, given: list, labels: Labels
) -> Signal | None:
    if not isinstance(given[0], Signal):
        return None
    name = _NAMES.get(kind, kind.lower())
    plain = _DEFAULTS.get(kind, {}) | {k: v for k, v in attributes.items() if k != "axis"}
    if kind == "Clip" and len(given) > 1:
        limits = dict(zip(("min", "max"), given[1:], strict=False))
        plain |= {k: v for k, v in limits.items() if v is not None}
        given = given[:1]
    if kind == "PRelu" and len(given) == 2:
        name, plain, given = "leaky_relu", {"alpha": given[1]}, given[:1]
    for key, value in plain.items():
        if isinstance(value, np.ndarray) and value.size == 1:
            plain[key] = float(value.reshape(-1)[0])
        elif not isinstance(value, int | float | str | bytes):
            return None  # one number for each element, or one that follows from the input
    parameters = tuple((k, float(v)) for k, v in plain.items() if isinstance(v, int | float))
    if len(given) > 1:
        parameters = (*parameters, ("inputs", float(len(given))))
    return _after(where, given[0], Function(name, parameters))


def _limited(where: str, kind: str, attributes: dict, given: list, labels: Labels) -> Signal | None:
    """Max or Min of a signal and constants."""
    (signal,) = (v for v in given if isinstance(v, Signal))
    sign = 1.0 if kind == "Max" else -1.0
    for constant in given:
        if constant is signal or constant is None:
            continue
        if not isinstance(constant, np.ndarray) or constant.dtype.kind != "f":
            return None
        numbers, moved = _numbers(where, constant, signal, labels)
        if np.any(np.isnan(numbers)):
            raise DesignError(f"{where}: one of its limits is NaN")
        signal = moved
        if np.all(numbers == numbers[0]):
            limit = (("min" if kind == "Max" else "max", float(numbers[0])),)
            signal = _after(where, signal, Function("clip", limit))
            continue
        numbers = numbers.astype(np.float64)
        # c + relu(x - c), c - relu(c - x)
        signal = _after(where, signal, affine(where, sign, -sign * numbers, None))
        signal = _after(where, signal, Function("relu"))
        signal = _after(where, signal, affine(where, sign, numbers, None))
    return signal


def _sloped(where: str, kind: str, attributes: dict, given: list, labels: Labels) -> Signal | None:
    """PRelu of one slope, or of one for each element of a frame."""
    signal, slopes = given
    if not isinstance(signal, Signal) or not isinstance(slopes, np.ndarray):
        return None
    if slopes.size == 1:
        return _function(where, kind, attributes, given, labels)
    numbers, signal = _numbers(where, slopes, signal, labels)
    return replace(
        signal, node=sloped(where, signal.node, numbers.astype(np.float64)), factors=None
    )


#: Powers that products make.
_POWERS = (2, 3, 4)


def _power(where: str, kind: str, attributes: dict, given: list, labels: Labels) -> Signal | None:
    """A signal to a whole power."""
    signal, exponent = given
    if not isinstance(signal, Signal) or not isinstance(exponent, np.ndarray) or exponent.size != 1:
        return None
    power = float(exponent.reshape(-1)[0])
    if power == 1.0:
        return signal
    if power not in _POWERS:
        raise DesignError(
            f"{where}: takes the power {power:g}, a core multiplies: must be 1, {', '.join(map(str, _POWERS))}; compute it before or after the core"
        )
    square = Node(Joined("product"), (signal.node, signal.node), where)
    other = square if power == 4.0 else signal.node
    node = square if power == 2.0 else Node(Joined("product"), (square, other), where)
    return replace(signal, node=node, factors=None)


def _over_elements(
    where: str, kind: str, attributes: dict, given: list, labels: Labels
) -> Signal | None:
    """Softmax, LogSoftmax or ArgMax over the elements of a frame."""
    signal = given[0]
    if not isinstance(signal, Signal):
        return None
    count = len(signal.axes)
    chosen = attributes.get("axis", -1)
    flattened = attributes.get("flattened", 0)
    if (
        kind != "ArgMax"
        and not flattened
        and -count <= chosen < count
        and signal.frame in signal.axes[chosen]
    ):
        raise DesignError(f"{where}: {ATTENTION_POOLING}")
    if signal.feature is None or not signal.layers:
        return None
    axis = attributes.get("axis", 0)
    if not -count <= axis < count or attributes.get("select_last_index", 0):
        return None
    axis %= count
    if attributes.get("flattened"):
        axis = _wide_axis(where, signal, axis, labels)
    last = [*signal.axes[:axis], *signal.axes[axis + 1 :], signal.axes[axis]]
    taking_features(where, signal.moved(last), labels)
    name = {"Softmax": "softmax", "LogSoftmax": "log_softmax", "ArgMax": "argmax"}[kind]
    made = _after(where, signal, Function(name))
    if kind != "ArgMax":
        return made
    one = labels.new(1)
    axes = [
        *signal.axes[:axis],
        *([one] if attributes.get("keepdims", 1) else []),
        *signal.axes[axis + 1 :],
    ]
    return replace(made, axes=tuple(axes), feature=one[0])


def _wide_axis(where: str, signal: Signal, first: int, labels: Labels) -> int:
    """The only axis from `first` on that has more than one element, the last one where all have one; DesignError where several
    have."""
    wide = [i for i in range(first, len(signal.axes)) if labels.core(signal.axes[i])]
    if len(wide) > 1:
        what = " and ".join(labels.meaning(signal.axes[i], signal) for i in wide)
        raise DesignError(
            f"{where}: is over {what} together, as Softmax is before version 13 of ONNX's operators; export it over the elements of a "
            "frame alone, axis = -1"
        )
    return wide[0] if wide else len(signal.axes) - 1


def top_of_elements(
    where: str, attributes: dict, given: list, labels: Labels
) -> tuple[Signal, Signal]:
    """TopK of one element: its value, which no core gives alone, and its number, the first of equal ones as ArgMax.

    Raises DesignError for another number of elements, the smallest, or another axis.
    """
    signal, count = given[0], given[1] if len(given) > 1 else attributes.get("k")
    if not isinstance(signal, Signal) or not isinstance(count, int | np.ndarray):
        raise DesignError(f"{where}: takes a number of elements that follows from x; must be 1")
    number = np.asarray(count).reshape(-1).tolist()
    if number != [1] or not attributes.get("largest", 1):
        end = "largest" if attributes.get("largest", 1) else "smallest"
        raise DesignError(
            f"{where}: takes the {', '.join(map(str, number))} {end} elements; a core and its host give the number of the largest one "
            "(k = 1, largest); cut the model before this node, and sort the core's outputs"
        )
    chosen = {"axis": attributes.get("axis", -1) % max(len(signal.axes), 1), "keepdims": 1}
    numbers = _over_elements(where, "ArgMax", chosen, given[:1], labels)
    if numbers is None:
        raise DesignError(
            f"{where}: is not of the elements of a layer's outputs; cut the model before this node"
        )
    what = Unsupported(
        "gives the value of the largest element, a core and its host give its number",
        "export the model with the indices alone, or with all elements",
    )
    return replace(numbers, node=Node(what, (signal.node,), where)), numbers


ELEMENT_WISE = {
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), _arithmetic),
    **dict.fromkeys(
        ("Sigmoid", "Tanh", "Relu", "LeakyRelu", "HardSigmoid", "HardSwish", "Swish", "Elu", "Celu", "Selu", "Softplus",
         "Softsign", "Mish", "Gelu", "Clip", "ThresholdedRelu", "Abs"),
        _function,
    ),
    **dict.fromkeys(("Softmax", "LogSoftmax", "ArgMax"), _over_elements),
    "BatchNormalization": _batch_norm,
    "Max": _limited,
    "Min": _limited,
    "Pow": _power,
    "PRelu": _sloped,
    "Neg": _negative,
}  # fmt: skip
