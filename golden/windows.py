"""The windows of a graph, in every model: frames of a signal behind frames before it, the oldest first; nothing is rounded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ernn_myhdl.design.joins import Window


def windowed(window: Window, x: np.ndarray) -> np.ndarray:
    """The windows (windows, kernel x size) of a sequence x (frames, size), values or words."""
    before = np.zeros((window.reach, window.size), dtype=x.dtype)
    frames = np.concatenate([before, x])
    newest = np.arange(window.skipped, len(x), window.stride)
    places = newest[:, None] + np.arange(window.kernel) * window.dilation
    made: np.ndarray = frames[places].reshape(len(newest), window.elements)
    return made


class WindowSteps:
    """A window frame by frame, of independent streams whose frames are kept between the calls; all begin with none."""

    def __init__(self, window: Window, streams: int) -> None:
        self.window = window
        self._frames = np.zeros((streams, window.reach + 1, window.size), dtype=np.int64)
        self._seen = np.zeros(streams, dtype=np.int64)

    def start(self, stream: int) -> None:
        """A sequence begins on a stream."""
        self._frames[stream] = 0
        self._seen[stream] = 0

    def held(self, stream: int) -> np.ndarray:
        """The frames (reach, size) that the next window of a stream may take, the oldest first."""
        held: np.ndarray = self._frames[stream, 1:].copy()
        return held

    def resume(self, stream: int, frames: np.ndarray, seen: int) -> None:
        """A sequence goes on behind `seen` frames, of which `held` gave the last ones."""
        self._frames[stream, 1:] = frames
        self._seen[stream] = seen

    def step(self, x: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The windows (m, elements) that one frame x (n, size) of each of n streams completes, and which of the n have one."""
        window, frames = self.window, self._frames
        kept = np.concatenate([frames[places][:, 1:], x[:, None]], axis=1)
        frames[places] = kept
        number = self._seen[places]
        self._seen[places] = number + 1
        has = (number >= window.skipped) & ((number - window.skipped) % window.stride == 0)
        made = kept[has][:, :: window.dilation][:, : window.kernel]
        return made.reshape(len(made), window.elements), has


def window_steps(windows: Sequence[tuple[str, Window]], streams: int) -> dict[str, WindowSteps]:
    """The windows of a graph by their names."""
    return {name: WindowSteps(window, streams) for name, window in windows}
