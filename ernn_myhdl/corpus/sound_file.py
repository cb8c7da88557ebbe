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
#: Of samples, which are within -1..1 but for what overshoots.
LARGEST = 10.0
#: From so many on the size in a header is none.
MOST_BYTES = 0x7FFF_0000


def read_sound(file: Path, where: str) -> np.ndarray:
    """Samples in -1..1 at 16 kHz, float32 (n,), at least those of one frame. where: names it in a DesignError."""
    soundfile = speech_module("soundfile")
    _check_whole(file, where)
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
    if (largest := float(np.abs(samples).max(initial=0))) > LARGEST:
        raise DesignError(
            f"{where}: holds samples up to {largest:.3g}, must be within -1..1 (up to {LARGEST:g} is taken for overshoot); scale the recording, of integers by 1 / 32768"
        )
    if len(samples) < WINDOW:
        raise DesignError(
            f"{where}: {len(samples)} samples at {RATE} Hz, must be at least {WINDOW}, those of a frame"
        )
    return np.asarray(samples, dtype=np.float32)


def _check_whole(file: Path, where: str) -> None:
    """DesignError for a WAV file that is shorter than its header tells, of which a part would be read."""
    try:
        with file.open("rb") as stream:
            head = stream.read(12)
        wanted, size = int.from_bytes(head[4:8], "little") + 8, file.stat().st_size
    except OSError:
        return  # told by what reads it
    # what is written into a pipe does not know its size, and tells none or the largest
    if head[:4] + head[8:] == b"RIFFWAVE" and size < wanted < MOST_BYTES:
        raise DesignError(
            f"{where}: {size} bytes, its header tells {wanted}: it is cut off; copy it again, or leave it out"
        )


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
