"""Frames as the bytes of packets, and back.

A frame is whole beats of the core: its samples one after the other, each in `sample_bits` bits, little-endian, two's
complement; behind the last one zeros up to the end of the beat.
"""

from __future__ import annotations

import reprlib

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.host.arguments import array_of, check_kind
from ernn_myhdl.host.description import SystemDescription
from ernn_myhdl.numerics.formats import quantise


def raw_frames(x: np.ndarray, system: SystemDescription) -> np.ndarray:
    """Frames (n, inputs) as raw words int64: values are scaled and quantised, whole numbers are words already.

    Raises DesignError for another shape, for NaN and infinity, for words that the format does not have, and for numbers that are of no row of
    an embedding.
    """
    x = array_of(x, "x")
    if x.ndim != 2 or x.shape[1] != system.inputs:
        raise DesignError(f"x of shape {x.shape}: must be (frames, {system.inputs})")
    if system.rows is not None and x.dtype.kind in "fiu":
        wrong = (x != np.floor(x)) | (x < 0) | (x >= system.rows)
        if wrong.any():
            raise DesignError(
                f"x: {x[wrong][0]:.12g} is the number of no row of the embedding, must be a whole number from 0 to {system.rows - 1}"
            )
    if x.dtype.kind == "f":
        scaled = x if system.input_scaling is None else system.input_scaling.apply(x)
        return quantise(scaled, system.input_format)
    if x.dtype.kind not in "iu":
        raise DesignError(f"x of type {x.dtype}: must be values (float) or raw words (int)")
    low, high = system.input_format.minimum, system.input_format.maximum
    if x.size and (int(x.min()) < low or int(x.max()) > high):
        raise DesignError(
            f"x: raw words from {x.min()} to {x.max()}, must be {low} to {high} in the input format "
            f"{system.input_format}; give values as float"
        )
    return x.astype(np.int64)


def raw_frame(x: np.ndarray, system: SystemDescription) -> np.ndarray:
    """One frame (inputs,) as `raw_frames` (1, inputs)."""
    x = array_of(x, "x")
    if x.shape != (system.inputs,):
        raise DesignError(f"x of shape {x.shape}: must be ({system.inputs},), one frame")
    return raw_frames(x[None], system)


def pack(raw: np.ndarray, system: SystemDescription) -> bytes:
    """Raw frames (n, inputs), as `raw_frames` gives them, as the bytes of a packet; DesignError for another array."""
    shape: tuple[int, ...] = getattr(raw, "shape", ())
    kind = getattr(raw, "dtype", np.dtype(object)).kind
    if len(shape) != 2 or shape[1] != system.inputs or kind not in "iu":
        raise DesignError(
            f"x = {reprlib.repr(raw)}: must be an array of whole numbers (frames, {system.inputs}), as raw_frames makes it"
        )
    return _packed(raw, system.input_bytes, system)


def _packed(raw: np.ndarray, frame_bytes: int, system: SystemDescription) -> bytes:
    kind = np.dtype(f"<i{system.sample_bits // 8}")
    frames = np.zeros((len(raw), frame_bytes // kind.itemsize), dtype=kind)
    frames[:, : raw.shape[1]] = raw
    return frames.tobytes()


def unpack(data: bytes, system: SystemDescription) -> np.ndarray:
    """Raw frames (n, outputs) int64 of the bytes of a packet of y; DesignError where they are no whole frames."""
    check_kind(data, (bytes, bytearray), "packet of y", "bytes")
    size = system.output_bytes
    if len(data) % size:
        raise DesignError(f"packet of y of {len(data)} bytes: must be frames of {size}")
    kind = np.dtype(f"<i{system.sample_bits // 8}")
    frames = np.frombuffer(data, kind).reshape(-1, size // kind.itemsize)
    return frames[:, : system.outputs].astype(np.int64)
