"""Groups of a linear layer: each has rows and elements of x of its own, and only their products are stored.

x is that of a window of `taps` frames, the oldest first, each cut into `groups` equal parts; a group of the outputs multiplies its part
of every frame, as a convolution with groups does (depthwise: one element each). taps is 1 for a single frame. Blocks lie within a group.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.whole_numbers import whole


def check_groups(inputs: int, hidden: int, block: int, groups: Any, taps: Any) -> None:
    """DesignError unless the sizes of a layer can be cut into its groups."""
    whole("cell groups", groups, 1, hidden)
    whole("cell taps", taps, 1, inputs)
    if groups == 1:
        if taps > 1:
            raise DesignError(
                f"cell taps = {taps}: are the frames of a window that groups are cut out of, must be 1 where groups = 1"
            )
        return
    if inputs % (taps * groups) or hidden % groups:
        raise DesignError(
            f"cell groups = {groups}: must divide hidden = {hidden} and the {inputs} inputs in {taps} frames (taps)"
        )
    legal = largest_block(inputs, hidden, groups, taps)
    if legal % block:
        raise DesignError(
            f"cell block = {block}: blocks lie within groups, must be at most {legal} for {groups} groups of "
            f"{inputs // taps // groups} elements of x and {hidden // groups} of y"
        )


def largest_block(inputs: int, hidden: int, groups: int, taps: int) -> int:
    """The largest power of two that divides the elements of x and of y of a group."""
    both = (inputs // taps // groups) | (hidden // groups)
    return both & -both


def group_columns(columns: int, groups: int, taps: int) -> np.ndarray:
    """(groups, columns / groups) block columns of x that each group multiplies, in order."""
    each = columns // groups // taps
    places: np.ndarray = np.arange(columns).reshape(taps, groups, each)
    result: np.ndarray = places.swapaxes(0, 1).reshape(groups, -1)
    return result


def with_zeros(stored: np.ndarray, groups: int, taps: int) -> np.ndarray:
    """Blocks (..., rows, columns of a group, k) with zeros in the columns of other groups: (..., rows, columns, k)."""
    *lead, rows, each, k = stored.shape
    result = np.zeros((*lead, rows, groups * each, k), dtype=stored.dtype)
    for group, columns in enumerate(group_columns(groups * each, groups, taps)):
        own = slice(group * rows // groups, (group + 1) * rows // groups)
        result[..., own, columns, :] = stored[..., own, :, :]
    return result


def without_zeros(blocks: np.ndarray, groups: int, taps: int) -> np.ndarray:
    """The blocks (..., rows, columns of a group, k) of (..., rows, columns, k) that lie within groups."""
    *_, rows, columns, _ = blocks.shape
    parts = [
        blocks[..., group * rows // groups : (group + 1) * rows // groups, :, :][..., own, :]
        for group, own in enumerate(group_columns(columns, groups, taps))
    ]
    return np.concatenate(parts, axis=-3)
