"""Features of speech, by kaldi-native-fbank, and the frames that they stand for.

Audio is 16 kHz. A frame is 25 ms, every 10 ms, and lies wholly within the audio. Δ is the regression
over two frames to each side, `(x[t+1] - x[t-1] + 2 (x[t+2] - x[t-2])) / 10`, with the first and last
frame repeated beyond the ends; ΔΔ is the Δ of Δ. Features of a longer shift are those of every so many-th frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ernn_myhdl.corpus.extra import speech_module
from ernn_myhdl.errors import DesignError

RATE = 16_000
WINDOW, SHIFT = RATE * 25 // 1000, RATE * 10 // 1000


@dataclass(frozen=True)
class Features:
    """A kind of features.

    cepstra: MFCC with c0, of 23 mel bins, or 0: log-mel. bins: mel bins of log-mel. energy: log-mel with
    the frame's log energy in front. deltas: with Δ and ΔΔ behind. every: the first of so many frames is kept.
    """

    cepstra: int = 0
    bins: int = 23
    energy: bool = False
    deltas: bool = True
    every: int = 1

    @property
    def size(self) -> int:
        """Elements of a frame."""
        static = self.cepstra or self.bins + self.energy
        return static * (3 if self.deltas else 1)

    @property
    def shift(self) -> int:
        """Samples from a frame to the next."""
        return self.every * SHIFT

    def hours(self, frames: int) -> float:
        """Of so many frames."""
        return frames * self.shift / RATE / 3600


#: Name -> features. `logmel153` has the 153 elements of the E-RNN paper's input.
FEATURES = {
    "mfcc39": Features(cepstra=13),
    "mfcc39-20ms": Features(cepstra=13, every=2),
    "logmel40": Features(bins=40, deltas=False),
    "logmel153": Features(bins=50, energy=True),
}
DEFAULT_FEATURES = "mfcc39"


def check_features(name: str) -> None:
    """DesignError unless there are features of this name."""
    if name not in FEATURES:
        raise DesignError(f"features = {name!r}: must be one of {', '.join(FEATURES)}")


def frame_count(samples: int, shift: int = SHIFT) -> int:
    """Frames of so many samples."""
    return max(0, 1 + (samples - WINDOW) // shift)


def frame_centres(samples: int, shift: int = SHIFT) -> np.ndarray:
    """Position of the middle sample of every frame, ``(frames,)``."""
    return np.arange(frame_count(samples, shift)) * shift + WINDOW // 2


def feature_function(name: str) -> Callable[[np.ndarray], np.ndarray]:
    """What makes features `name` of samples in -1..1: ``(n,)`` to ``(frames, size)`` float32."""
    kind = FEATURES[name]
    knf = speech_module("kaldi_native_fbank")
    options = knf.MfccOptions() if kind.cepstra else knf.FbankOptions()
    options.frame_opts.samp_freq = RATE
    options.frame_opts.dither = 0.0
    options.mel_opts.num_bins = kind.bins
    if kind.cepstra:
        options.num_ceps = kind.cepstra
    options.use_energy = kind.energy
    extractor = knf.OnlineMfcc if kind.cepstra else knf.OnlineFbank

    def compute(samples: np.ndarray) -> np.ndarray:
        computer = extractor(options)
        computer.accept_waveform(RATE, (samples * 32768.0).astype(np.float32))
        computer.input_finished()
        count = computer.num_frames_ready
        x = np.array([computer.get_frame(i) for i in range(count)], dtype=np.float32)
        parts = [x]
        for _ in range(2 if kind.deltas else 0):
            parts.append(slopes(parts[-1]))
        return np.concatenate(parts, axis=1)[:: kind.every]

    return compute


def slopes(x: np.ndarray) -> np.ndarray:
    """The Δ of features ``(frames, n)`` float32."""
    frames = len(x)
    at = [np.pad(x.astype(np.float64), ((2, 2), (0, 0)), "edge")[i : i + frames] for i in range(5)]
    return ((at[3] - at[1] + 2.0 * (at[4] - at[0])) / 10.0).astype(np.float32)
