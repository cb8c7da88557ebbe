"""Beats of the AXI-Streams: frames of raw samples to tdata words and back, and idle patterns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ernn_myhdl.design import Design
from ernn_myhdl.netlist import pack_fields


@dataclass(frozen=True)
class Beat:
    """One transfer: tdata as an unsigned word, tlast, tuser."""

    data: int
    last: bool
    user: bool


@dataclass(frozen=True)
class Traffic:
    """Random gaps on s_axis and back-pressure on m_axis.

    idle, stall: probability of a cycle without tvalid, without tready. seed: of the generator.
    """

    idle: float = 0.0
    stall: float = 0.0
    seed: int = 0

    def patterns(self) -> tuple[np.random.Generator, np.random.Generator]:
        """Generators for the two sides."""
        source, sink = np.random.SeedSequence(self.seed).spawn(2)
        return np.random.default_rng(source), np.random.default_rng(sink)


def beats_of_frame(size: int, samples_per_beat: int) -> int:
    """Beats that carry `size` samples."""
    return -(-size // samples_per_beat)


def frame_beats(raw, design: Design, user: bool) -> list[Beat]:
    """Beats of one frame of raw samples; the last one is filled with zeros."""
    hw = design.hardware
    size = hw.samples_per_beat
    samples = [int(v) for v in raw]
    samples += [0] * (-len(samples) % size)
    count = len(samples) // size
    return [
        Beat(
            pack_fields(samples[b * size : (b + 1) * size], hw.sample_bits),
            b == count - 1,
            user and b == 0,
        )
        for b in range(count)
    ]


def unpack_beat(data: int, design: Design) -> list[int]:
    """Signed samples of a tdata word."""
    bits = design.hardware.sample_bits
    sign, mask = 1 << (bits - 1), (1 << bits) - 1
    words = ((data >> (i * bits)) & mask for i in range(design.hardware.samples_per_beat))
    return [(w ^ sign) - sign for w in words]
