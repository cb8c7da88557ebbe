"""A test of a single block: a component, vectors with the corners, and a reference on integers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from block_bench import Values

from ernn_myhdl.numerics.formats import Format


@dataclass(frozen=True)
class BlockCase:
    """vectors(rng): inputs of every cycle. expected(inputs): outputs of every cycle, None: any.

    constant: the outputs are always the same, so that they tell nothing of the latency.
    """

    name: str
    component: Callable[[], object]
    vectors: Callable[[np.random.Generator], list[Values]]
    expected: Callable[[list[Values]], list[Values]]
    constant: bool = False


def pipeline(latency: int, function: Callable[[Values], Values]):
    """Reference of a block whose outputs depend on the inputs `latency` cycles before only."""

    def expected(inputs: list[Values]) -> list[Values]:
        return [{}] * latency + [function(v) for v in inputs[: len(inputs) - latency]]

    return expected


def corners(word: int, shift: int = 0, target: int | None = None) -> list[int]:
    """Extremes, small numbers, half an LSB at a rounding by `shift`, the edges of saturation."""
    low, high = -(1 << (word - 1)), (1 << (word - 1)) - 1
    values = {low, low + 1, high - 1, high, -2, -1, 0, 1, 2}
    if shift > 0:
        half = 1 << (shift - 1)
        values |= {s * half + d for s in (-3, -1, 1, 3) for d in (-1, 0, 1)}
    if target is not None:
        fmt = Format(target, 0)
        for edge in (fmt.minimum, fmt.maximum):
            for near in (edge - 1, edge, edge + 1):
                at = near << shift if shift > 0 else near >> -shift
                half = (1 << shift) >> 1 if shift > 0 else 0
                values |= {at - half - 1, at - half, at - half + 1, at, at + half - 1, at + half}
    return sorted(v for v in values if low <= v <= high)


def arrays(rng, count: int, word: int, number: int, extra: list[int] | None = None) -> list:
    """`number` arrays: random, with every corner value at least once."""
    special = corners(word) if extra is None else extra
    low, high = -(1 << (word - 1)), 1 << (word - 1)
    drawn = rng.integers(low, high, (number, count))
    mask = rng.random((number, count)) < 0.4
    drawn[mask] = rng.choice(special, int(mask.sum()))
    flat = drawn.reshape(-1)
    flat[: len(special)] = special  # number * count is larger in every case
    assert len(flat) >= len(special)
    return flat.reshape(number, count).tolist()


def columns(**ports: list) -> list[Values]:
    """Vectors from one list a port."""
    return [dict(zip(ports, row, strict=True)) for row in zip(*ports.values(), strict=True)]


def flags(rng, number: int, probability: float = 0.5) -> list[int]:
    return (rng.random(number) < probability).astype(int).tolist()


def padded(inputs: list[Values], cycles: int) -> list[Values]:
    """The last inputs held for some more cycles, so that everything comes out."""
    return inputs + [inputs[-1]] * cycles
