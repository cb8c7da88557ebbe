"""What the host does to the outputs of a core: `HostStep`, one after the other, in the order of a design's list.

A model's last functions that need no hardware, such as softmax, are kept with the design that computes what lies
before them: `Run.outputs`, `ernn evaluate` and exported files have them, the words of the core do not.

    affine       y * scale + offset, for each element
    sigmoid, tanh, relu
    softmax, log_softmax      over the elements of a frame
    per_frame    over the frames of x in the sequence: the mean of what a join over time has summed
    argmax       the number of a frame's largest element, the first of equal ones
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ernn_myhdl.errors import DesignError, alternatives
from ernn_myhdl.whole_numbers import is_number, is_whole


def _sigmoid(y: np.ndarray) -> np.ndarray:
    made: np.ndarray = 0.5 * (1.0 + np.tanh(0.5 * y))
    return made


def _log_softmax(y: np.ndarray) -> np.ndarray:
    moved = y - y.max(axis=-1, keepdims=True)
    made: np.ndarray = moved - np.log(np.exp(moved).sum(axis=-1, keepdims=True))
    return made


def _softmax(y: np.ndarray) -> np.ndarray:
    made: np.ndarray = np.exp(_log_softmax(y))
    return made


def _relu(y: np.ndarray) -> np.ndarray:
    made: np.ndarray = np.maximum(y, 0.0)
    return made


def _tanh(y: np.ndarray) -> np.ndarray:
    made: np.ndarray = np.tanh(y)
    return made


#: Functions that have no numbers of their own and keep the size of a frame.
_FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sigmoid": _sigmoid, "tanh": _tanh, "relu": _relu, "softmax": _softmax, "log_softmax": _log_softmax,
}  # fmt: skip
PER_FRAME = "per_frame"
STEP_KINDS = ("affine", *_FUNCTIONS, PER_FRAME, "argmax")
#: Keys of a step's `record`.
_KEYS = ("kind", "elements", "scale", "offset")


@dataclass(frozen=True)
class HostStep:
    """kind: of `STEP_KINDS`. elements: (first, behind the last) of a frame that the step is for; None: all.
    scale, offset: of an affine step, one number for each of these elements, or one for all.

    Raises DesignError where they are anything else.
    """

    kind: str
    elements: tuple[int, int] | None = None
    scale: tuple[float, ...] = ()
    offset: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.kind, str) or self.kind not in STEP_KINDS:
            raise DesignError(
                f"host output kind = {self.kind!r}: must be {alternatives(STEP_KINDS)}"
            )
        if self.elements is not None:
            object.__setattr__(self, "elements", tuple(self.elements))
            legal = len(self.elements) == 2 and all(map(is_whole, self.elements))
            if not legal or not 0 <= self.elements[0] < self.elements[1]:
                raise DesignError(
                    f"host output elements = {self.elements!r}: must be the first element and the one "
                    "behind the last, such as [0, 4]"
                )
        for name in ("scale", "offset"):
            object.__setattr__(self, name, self._numbers(name))
        if self.kind == "affine" and not (self.scale and self.offset):
            raise DesignError("host output affine: needs scale and offset, lists of numbers")
        if self.kind == "argmax" and self.elements is not None:
            raise DesignError("host output argmax: is of all elements; remove elements")

    def _numbers(self, name: str) -> tuple[float, ...]:
        values = tuple(getattr(self, name))
        if values and self.kind != "affine":
            raise DesignError(f"host output {self.kind}: has no {name}; remove it")
        for value in values:
            if not is_number(value) or not abs(value) < math.inf:
                raise DesignError(
                    f"host output {name} = {value!r}: must hold numbers, neither infinite nor NaN"
                )
        return tuple(float(value) for value in values)

    def check(self, outputs: int) -> None:
        """Raise DesignError unless the step fits frames of `outputs` elements."""
        first, end = self.elements or (0, outputs)
        if end > outputs:
            raise DesignError(
                f"host output elements = [{first}, {end}]: there are only {outputs} outputs"
            )
        for name in ("scale", "offset"):
            if len(getattr(self, name)) not in (0, 1, end - first):
                raise DesignError(
                    f"host output {name}: {len(getattr(self, name))} numbers, must be 1 or {end - first}, "
                    "one for each element"
                )

    def apply(self, y: np.ndarray, frames: np.ndarray | int | None = None) -> np.ndarray:
        """Values (..., outputs) behind the step, float64; (..., 1) behind argmax.

        frames: of x in the sequence that each frame of y is of, one number or one for each; what only `per_frame` takes.
        """
        y = np.asarray(y, dtype=np.float64)
        if self.kind == "argmax":
            numbers: np.ndarray = np.argmax(y, axis=-1)[..., None].astype(np.float64)
            return numbers
        part = slice(*self.elements) if self.elements else slice(None)
        made: np.ndarray = y.copy()
        if self.kind == PER_FRAME:
            if frames is None:
                raise DesignError(
                    "host output per_frame: the frames of the sequences are not known here; run whole sequences"
                )
            made[..., part] = y[..., part] / np.asarray(frames, dtype=np.float64)[..., None]
        elif self.kind == "affine":
            made[..., part] = y[..., part] * np.array(self.scale) + np.array(self.offset)
        else:
            made[..., part] = _FUNCTIONS[self.kind](y[..., part])
        return made

    def record(self) -> dict[str, Any]:
        """As design.toml and the metadata of exported files hold it."""
        record: dict[str, Any] = {"kind": self.kind}
        if self.elements is not None:
            record["elements"] = list(self.elements)
        if self.kind == "affine":
            record |= {"scale": list(self.scale), "offset": list(self.offset)}
        return record

    def __str__(self) -> str:
        text = "scale and offset" if self.kind == "affine" else self.kind
        return text if self.elements is None else f"{text} of elements {self.elements[0]} to {self.elements[1] - 1}"  # fmt: skip


def check_steps(steps: Sequence[HostStep], outputs: int, over_time: bool = False) -> None:
    """DesignError unless the steps fit frames of `outputs` elements, and each other. over_time: whether frames of y stand
    for sequences."""
    for i, step in enumerate(steps):
        if not isinstance(step, HostStep):
            raise DesignError(f"host output {i}: is {type(step).__name__}, must be a HostStep")
        step.check(outputs)
        if step.kind == PER_FRAME and not over_time:
            raise DesignError(
                "host output per_frame: y has a frame for each of x, so there is nothing to divide; remove it"
            )
        if step.kind == "argmax" and i + 1 < len(steps):
            raise DesignError("host output argmax: must be the last step")


def step_of(record: object) -> HostStep:
    """The step of a `record`; DesignError where it is damaged."""
    if not isinstance(record, Mapping):
        raise DesignError(f"host output = {record!r}: must be a table with a kind")
    for name in record:
        if name not in _KEYS:
            raise DesignError(
                f"host output {name}: unknown key; remove it, or use {', '.join(_KEYS)}"
            )
    if "kind" not in record:
        raise DesignError("host output kind: is missing; add it")
    for name in _KEYS[1:]:
        if not isinstance(record.get(name, []), list):
            raise DesignError(f"host output {name} = {record[name]!r}: must be a list")
    elements = record.get("elements")
    return HostStep(
        record["kind"],
        None if elements is None else tuple(elements),
        tuple(record.get("scale", ())),
        tuple(record.get("offset", ())),
    )


def stepped(
    steps: Iterable[HostStep],
    y: np.ndarray,
    argmax: bool = True,
    frames: np.ndarray | int | None = None,
) -> np.ndarray:
    """Values (..., outputs) of the core behind all steps; argmax: whether behind that one too, which leaves one
    number of a frame. frames: as in `HostStep.apply`."""
    for step in steps:
        if argmax or step.kind != "argmax":
            y = step.apply(y, frames)
    return y
