"""The flow graphs of `ernn_myhdl.numerics.transform` as a few small matrices, for batches.

Between two roundings a flow graph is linear, so its stages multiply into one integer matrix:

    forward, k = 8:  y = M2 @ round(M1 @ x * 2**-14)      M1: two sum stages and the rotations

Words that are not rotated enter the rounding times 2**14 and pass unchanged. The products are
float64 matrix products where all sums stay below 2**53, so they are exact; int64 otherwise.
"""

from __future__ import annotations

import numpy as np

from ernn_myhdl.numerics.formats import round_shift
from ernn_myhdl.numerics.transform import TWIDDLE_FRAC, Graph, SumStage, TwiddleStage

#: Integers up to this magnitude are exact in float64.
EXACT = 1 << 53


def stage_matrix(stage: SumStage | TwiddleStage, points: int) -> np.ndarray:
    """The stage as an int64 matrix (out, in); rotations scaled by 2**TWIDDLE_FRAC."""
    if isinstance(stage, SumStage):
        matrix = np.zeros((points, points), dtype=np.int64)
        for term in stage.terms:
            matrix[term.out, term.a] += term.scale * term.sign_a
            if term.b is not None:
                matrix[term.out, term.b] += term.scale * term.sign_b
        return matrix
    matrix = np.eye(points, dtype=np.int64) << TWIDDLE_FRAC
    for t in stage.twiddles:
        sine = -t.sine if t.inverse else t.sine
        matrix[t.re, [t.re, t.im]] = t.cosine, sine
        matrix[t.im, [t.re, t.im]] = -sine, t.cosine
    return matrix


class MatrixTransform:
    """One direction of the transform on int64 arrays (..., k), rounded half up at its end.

    graph: stages of `forward_graph` or `inverse_graph`; limit: largest magnitude of an input word. up, down:
    x times 2**up goes in, and what comes out is rounded to a multiple of 2**down.
    """

    def __init__(self, graph: Graph, points: int, limit: int, up: int = 0, down: int = 0) -> None:
        self._steps: list[tuple[np.ndarray, int]] = []
        matrix = np.eye(points, dtype=np.int64)
        self._exact = True
        limit <<= up
        for stage in graph:
            matrix = stage_matrix(stage, points) @ matrix
            if isinstance(stage, TwiddleStage):
                limit = self._append(matrix, TWIDDLE_FRAC, limit)
                matrix = np.eye(points, dtype=np.int64)
        self._append(matrix, down, limit)
        first, shift = self._steps[0]
        self._steps[0] = first << up, shift
        # a factor 2**-shift changes no digit of a float, so that it is part of the matrix
        self._scaled = [(m * 2.0**-shift, shift > 0) for m, shift in self._steps]

    def _append(self, matrix: np.ndarray, shift: int, limit: int) -> int:
        """Add a step; returns the largest magnitude after it."""
        limit = int(np.abs(matrix).sum(axis=1).max()) * limit
        half = 1 << max(TWIDDLE_FRAC, shift)
        self._exact = self._exact and limit + half < EXACT
        self._steps.append((np.ascontiguousarray(matrix.T), shift))
        return (limit >> shift) + 1

    def apply(self, x: np.ndarray) -> np.ndarray:
        """The transform over the last axis of x (..., k) int64."""
        shape, k = x.shape, x.shape[-1]
        x = x.reshape(-1, k)
        if not self._exact:
            for matrix, shift in self._steps:
                x = round_shift(x @ matrix, shift)
            return x.reshape(shape)
        words = x.astype(np.float64)
        for scaled, rounds in self._scaled:
            words = words @ scaled
            if rounds:
                words += 0.5
                np.floor(words, out=words)
        return words.astype(np.int64).reshape(shape)
