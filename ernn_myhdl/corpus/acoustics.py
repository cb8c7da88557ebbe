"""Rooms, channels and noise that make the synthetic corpus harder than clean speech."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ernn_myhdl.corpus.features import RATE

#: Power of decay: 60 dB after the reverberation time.
_DECAY = np.log(10.0) * 3.0


@dataclass(frozen=True)
class Conditions:
    """Ranges that an utterance's conditions are drawn from, uniformly.

    reverberation: seconds until the room's tail has fallen by 60 dB. direct: power of the direct sound over
    that of the tail, dB. snr: power of the speech over that of the noise, dB. colour: the noise's power falls
    with frequency to this power. tilt: coefficient of the channel's first-order filter. peak: largest sample, dB.
    """

    reverberation: tuple[float, float] = (0.15, 0.4)
    direct: tuple[float, float] = (3.0, 12.0)
    snr: tuple[float, float] = (10.0, 25.0)
    colour: tuple[float, float] = (0.0, 2.0)
    tilt: tuple[float, float] = (-0.3, 0.3)
    peak: tuple[float, float] = (-15.0, -3.0)


def distort(speech: np.ndarray, conditions: Conditions, rng: np.random.Generator) -> np.ndarray:
    """Speech ``(n,)`` at 16 kHz in a room, through a channel, with noise; the direct sound stays in place."""
    room = room_response(
        rng.uniform(*conditions.reverberation), rng.uniform(*conditions.direct), rng
    )
    heard = convolved(speech, room)
    noise = coloured_noise(len(heard), rng.uniform(*conditions.colour), rng)
    loudness = np.sqrt(np.mean(heard**2)) * decibels(-rng.uniform(*conditions.snr))
    heard = heard + noise * loudness
    heard[1:] -= rng.uniform(*conditions.tilt) * heard[:-1]
    return heard * (decibels(rng.uniform(*conditions.peak)) / np.abs(heard).max())


def room_response(seconds: float, direct: float, rng: np.random.Generator) -> np.ndarray:
    """Impulse response of a room: the direct sound, and noise that decays (J.-D. Polack's model).

    seconds: until the tail has fallen by 60 dB. direct: power of the direct sound over the tail's, dB.
    """
    t = np.arange(1, int(seconds * RATE)) / RATE
    tail = rng.standard_normal(len(t)) * np.exp(-_DECAY * t / seconds)
    tail *= decibels(-direct) / np.sqrt(np.sum(tail**2))
    return np.concatenate([[1.0], tail])


def convolved(samples: np.ndarray, response: np.ndarray) -> np.ndarray:
    """The samples through a filter, as many as there were."""
    size = 1 << (len(samples) + len(response) - 2).bit_length()
    product = np.fft.rfft(samples, size) * np.fft.rfft(response, size)
    return np.fft.irfft(product, size)[: len(samples)]


def coloured_noise(samples: int, colour: float, rng: np.random.Generator) -> np.ndarray:
    """Noise of power 1 that falls with frequency to the power `colour`, flat below 50 Hz."""
    size = 1 << (samples - 1).bit_length()
    spectrum = np.fft.rfft(rng.standard_normal(size))
    frequency = np.fft.rfftfreq(size, 1.0 / RATE)
    noise = np.fft.irfft(spectrum * np.maximum(frequency, 50.0) ** (-colour / 2), size)[:samples]
    return noise / np.sqrt(np.mean(noise**2))


def decibels(level: float) -> float:
    """A level in dB as a factor of amplitudes."""
    return 10.0 ** (level / 20.0)
