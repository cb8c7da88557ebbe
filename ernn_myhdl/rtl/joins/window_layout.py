"""Where the beats of a window are in its memory, and where its samples go."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ernn_myhdl.design.joins import Window
from ernn_myhdl.numerics.circulant import blocks_for
from ernn_myhdl.rtl.joins.concatenation import layout_of


@dataclass(frozen=True)
class WindowLayout:
    """Where the beats of a window are in the memory, and where its samples go.

    beats: of a frame. offsets: of a tap in every place of the period with which they come again, the place of its first sample
    in a beat; leaving: whether a beat leaves with its last one. flushes: as in `Layout` of a concatenation.
    """

    window: Window
    beats: int
    offsets: tuple[int, ...]
    leaving: tuple[bool, ...]
    flushes: bool

    @property
    def region(self) -> int:
        """Words of a stream: frames that are reached, the newest, and those that are written until the next window."""
        return (self.window.reach + 1 + self.window.stride) * self.beats

    @property
    def carries(self) -> bool:
        """Whether samples ever wait for those of the next tap."""
        return any(self.offsets) or not all(self.leaving)


def window_layout(window: Window, beat: int) -> WindowLayout:
    """The layout of a window in beats of `beat` samples."""
    period = min(beat // math.gcd(window.size, beat), window.kernel)
    layout = layout_of([window.size] * window.kernel, beat)
    return WindowLayout(
        window, blocks_for(window.size, beat), layout.offsets[:period], layout.leaving[:period],
        layout.flushes,
    )  # fmt: skip
