"""Draws `corpus.png`: an utterance of the synthetic corpus, its clean sound, its features and its labels.

python docs/draw_corpus.py [-o docs/corpus.png]
"""

from __future__ import annotations

import argparse

import numpy as np

from ernn_myhdl.corpus.acoustics import distort
from ernn_myhdl.corpus.corpus import PARTS
from ernn_myhdl.corpus.espeak import Espeak
from ernn_myhdl.corpus.features import RATE, SHIFT, WINDOW, feature_function
from ernn_myhdl.corpus.phones import SYNTHETIC_PHONES
from ernn_myhdl.corpus.segments import frame_labels
from ernn_myhdl.corpus.speaker_job import record
from ernn_myhdl.corpus.synthetic import RECIPES, plan
from ernn_myhdl.plots.picture import picture

#: The utterance: the first one of this speaker, of the tiny corpus with seed 1.
SPEAKER = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", default="docs/corpus.png", help="picture")
    draw(parser.parse_args().output)


def draw(file: str) -> None:
    """Spectrogram of the clean speech and features of what is heard, with the phone of every frame."""
    job = plan(RECIPES["espeak-tiny"], 1, "mfcc39")[PARTS[0]][SPEAKER]
    rng = np.random.default_rng([*job.entropy, 0])
    clean = record(Espeak(), job.texts[0], job.speaker, rng)
    heard = distort(clean.samples, job.conditions, rng)
    numbers = np.array([SYNTHETIC_PHONES.index(phone) for phone in clean.phones])
    labels = frame_labels(clean.starts, numbers, len(heard))
    with picture(file, 9.5, 5.4) as figure:
        above, below = figure.subplots(2, 1, sharex=True)
        voice = job.speaker.voice.variant
        above.set_title(f'"{job.texts[0]}", voice {voice}: clean speech', loc="left", pad=16)
        above.set_ylabel("frequency (kHz)")
        _spectrogram(above, clean.samples)
        below.set_title(
            "log-mel features of what is heard, in a room with noise", loc="left", pad=16
        )
        below.set_ylabel("mel bin")
        below.set_xlabel("time (s)")
        _features(below, heard)
        for axes in (above, below):
            _labels(axes, labels)


def _spectrogram(axes, samples: np.ndarray) -> None:
    step = SHIFT // 2
    starts = np.arange(0, len(samples) - WINDOW, step)
    frames = samples[starts[:, None] + np.arange(WINDOW)] * np.hanning(WINDOW)
    level = 20 * np.log10(np.abs(np.fft.rfft(frames, 512)) + 1e-5)
    axes.imshow(
        level.T, origin="lower", aspect="auto", cmap="magma", vmin=level.max() - 75,
        extent=(WINDOW / 2 / RATE, (starts[-1] + WINDOW / 2) / RATE, 0, RATE / 2000),
    )  # fmt: skip
    axes.grid(False)


def _features(axes, samples: np.ndarray) -> None:
    levels = feature_function("logmel40")(samples)
    first = (WINDOW - SHIFT) / 2 / RATE
    end = first + len(levels) * SHIFT / RATE
    axes.imshow(
        levels.T, origin="lower", aspect="auto", cmap="magma", interpolation="nearest",
        extent=(first, end, 0, levels.shape[1]),
    )  # fmt: skip
    axes.grid(False)


def _labels(axes, labels: np.ndarray) -> None:
    """Lines where the label of the frames changes, between their middles, and the phones above."""
    axes.set_xlim(0, None)
    edges = np.concatenate([[0], np.flatnonzero(np.diff(labels)) + 1, [len(labels)]])
    time = (edges * SHIFT + WINDOW / 2 - SHIFT / 2) / RATE
    for first, a, b in zip(edges, time, time[1:], strict=False):
        axes.axvline(a, color="white", linewidth=0.6)
        axes.text(
            (a + b) / 2, axes.get_ylim()[1] * 1.01, SYNTHETIC_PHONES[labels[first]], fontsize=7, ha="center"
        )  # fmt: skip


if __name__ == "__main__":
    main()
