"""The Pareto front: what nothing else beats in every respect."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def front(points: Sequence[Sequence[float]]) -> list[int]:
    """Places of the points that no other is at least as good as in all and better in one; less is better.

    Of equal points the first one stays.
    """
    if not len(points):
        return []
    values, first = np.unique(np.asarray(points, dtype=float), axis=0, return_index=True)
    # in lexical order nothing is beaten by what comes after it
    kept: list[int] = []
    best = np.empty_like(values)
    for i, value in enumerate(values):
        if not np.any(np.all(best[: len(kept)] <= value, axis=1)):
            best[len(kept)] = value
            kept.append(i)
    return sorted(int(first[i]) for i in kept)
