"""Samples of WAV and FLAC files of others, at the rate of the features."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ernn_myhdl.corpus.extra import speech_module
from ernn_myhdl.corpus.features import RATE, WINDOW
from ernn_myhdl.errors import DesignError

SUFFIXES = (".wav", ".flac")
#: Rates that are taken, Hz; others than RATE are resampled.
LEAST_RATE, MOST_RATE = 8_000, 192_000
MAX_SECONDS = 600


def read_sound(file: Path, where: str) -> np.ndarray:
    """Samples in -1..1 at 16 kHz, float32 (n,), at least those of one frame. where: names it in a DesignError."""
    soundfile = speech_module("soundfile")
    try:
        with soundfile.SoundFile(file) as sound:
            _check(where, sound)
            rate, samples = sound.samplerate, sound.read(dtype="float32")
    except soundfile.SoundFileError as error:
        raise DesignError(
            f"{where}: cannot be read ({' '.join(str(error).split())}); it must be a WAV or FLAC file"
        ) from error
    if rate != RATE:
        samples = speech_module("soxr").resample(samples, rate, RATE)
    if not np.isfinite(samples).all():
        raise DesignError(f"{where}: holds samples that are no numbers; clean the recording")
    if len(samples) < WINDOW:
        raise DesignError(
            f"{where}: {len(samples)} samples at {RATE} Hz, must be at least {WINDOW}, those of a frame"
        )
    return np.asarray(samples, dtype=np.float32)


def _check(where: str, sound) -> None:
    if sound.channels != 1:
        raise DesignError(
            f"{where}: {sound.channels} channels, must be 1; mix them or take one of them first"
        )
    if not LEAST_RATE <= sound.samplerate <= MOST_RATE:
        raise DesignError(
            f"{where}: {sound.samplerate} Hz, must be {LEAST_RATE} to {MOST_RATE}; record it at another rate"
        )
    if sound.frames > MAX_SECONDS * sound.samplerate:
        raise DesignError(
            f"{where}: {sound.frames / sound.samplerate:.0f} s, must be at most {MAX_SECONDS}; cut it"
        )
