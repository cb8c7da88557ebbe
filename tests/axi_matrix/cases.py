"""Cases of the matrix: packets of x of all lengths, and the packets of y that the golden model gives for them.

A configuration is a core with the width of its bus, and a shape of packets. Frames of wrong length are among the shapes: what the
system is to make of them is worked out here, from the bytes alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np

from ernn_myhdl.host.packets import pack
from ernn_myhdl.host.registers import FRAME, FRAMES, SEQUENCE
from ernn_myhdl.numerics.formats import to_real
from ernn_myhdl.system.loadable import weight_image
from ernn_myhdl.system.writer import system_description

#: Traffic -> probabilities of a cycle without tvalid, and without tready.
TRAFFICS = {"none": (0.0, 0.0), "idle": (0.5, 0.0), "back-pressure": (0.0, 0.5), "both": (0.5, 0.5)}


@dataclass(frozen=True)
class Case:
    """mode, sequence: registers. sent, expected: packets of x and of y, in hexadecimal. errors: of ERRORS, afterwards."""

    name: str
    mode: int
    sequence: int
    sent: list[str]
    expected: list[str]
    errors: int


def shapes(frame: int, beat: int) -> Iterator[tuple[str, int, int, list[int]]]:
    """(name, mode, sequence, bytes of each packet); frame: bytes of a frame of x, beat: of the bus."""
    lengths = sorted(
        {min(n * beat, 2 * frame) for n in range(1, 2 * frame // beat + 2)}
        | {frame, 2 * frame, 1, frame - 1}
    )
    for size in lengths[: 12 if len(lengths) > 12 else None]:
        yield f"sequence of {size} bytes", SEQUENCE, 0, [size, frame]
    yield "64 packets of a frame", FRAME, 0, [frame] * 64
    yield "64 sequences of a frame", SEQUENCE, 0, [frame] * 64
    for count in (3, 5, 8):
        yield f"sequences of {count} frames", SEQUENCE, 0, [count * frame] * 2
    for count in (1, 2, 3):
        yield f"packet of many sequences of {count}", SEQUENCE, count, [6 * frame, 6 * frame]
    yield "pieces of sequences", FRAMES, 5, [frame, 2 * frame, 4 * frame, 3 * frame]
    yield "pieces without an end", FRAMES, 0, [2 * frame] * 3
    for size in (1, frame - 1, frame + 1, 2 * frame, 2 * frame + beat):
        yield f"packet of a frame of {size} bytes", FRAME, 1, [size, frame, size, frame]
    yield "frames by themselves", FRAME, 1, [frame] * 5
    yield (
        "short ones in a sequence",
        SEQUENCE,
        0,
        [3 * frame - 1, 3 * frame, 2 * frame + 1, 2 * frame],
    )
    yield "sequences of 13 frames", SEQUENCE, 0, [13 * frame, frame]
    yield "many sequences of 4 in pieces", FRAMES, 4, [3 * frame, 5 * frame]


def cases(design, bus_bits: int, count: int, seed: int = 1) -> list[dict]:
    """`count` cases of a core, as JSON holds them."""
    system = system_description(design, bus_bits)
    random = np.random.default_rng(seed)
    low, high = design.input_format.minimum, design.input_format.maximum
    made = []
    for name, mode, sequence, sizes in list(shapes(system.input_bytes, bus_bits // 8))[:count]:
        sent, frames, ends, errors = [], [], [], 0
        for size in sizes:
            whole = -(-size // system.input_bytes)
            raw = random.integers(low, high + 1, (whole, design.inputs))
            data = pack(raw, system)
            sent.append(data[:size])
            taken, error = repaired(data[:size], mode, system)
            errors |= error
            frames += taken
            ends.append(len(taken))
        expected = _expected(design, system, mode, sequence, frames, ends)
        made.append(asdict(Case(name, mode, sequence, [s.hex() for s in sent], expected, errors)))
    return made


def loads(design, bus_bits: int, count: int = 4, seed: int = 5) -> list[dict]:
    """Images of other weights, each with a case of sequences and what it gives with them; the first is of the design's own."""
    system, random = system_description(design, bus_bits), np.random.default_rng(seed)
    low, high = design.input_format.minimum, design.input_format.maximum
    frames = list(random.integers(low, high + 1, (24, design.inputs)))
    ends = [4] * 6
    sent = [pack(np.array(frames[at : at + 4]), system).hex() for at in range(0, 24, 4)]
    made = []
    for factor in (1.0, *random.uniform(-1.5, 1.5, count)):
        layers = tuple(
            replace(layer, weights={n: factor * np.asarray(a) for n, a in layer.weights.items()})
            for layer in design.layers
        )
        new = replace(design, layers=layers) if len(layers) > 1 else layers[0]
        expected = _expected(new, system, SEQUENCE, 0, frames, ends)
        words = np.frombuffer(weight_image(new), "<u4").tolist()
        case = asdict(Case(f"weights x {factor:.3f}", SEQUENCE, 0, sent, expected, 0))
        made.append({"words": words, "case": case})
    return made


def repaired(data: bytes, mode: int, system) -> tuple[list[np.ndarray], int]:
    """The frames that the system makes of a packet, raw (inputs,), and the bits of its errors."""
    frame, errors = system.input_bytes, 0
    kind = np.dtype(f"<i{system.sample_bits // 8}")
    if mode == FRAME and len(data) > frame:
        data, errors = data[:frame], 2
    needed = system.inputs * kind.itemsize
    # the unused samples behind the last one of a frame need not be sent
    if 0 < len(data) % frame < needed:
        errors |= 1
    data += bytes(-len(data) % frame)
    words = np.frombuffer(data, kind).reshape(-1, frame // kind.itemsize)[:, : system.inputs]
    return list(words.astype(np.int64)), errors


def _expected(design, system, mode, sequence, frames, ends) -> list[str]:
    """Packets of y in hexadecimal."""
    starts, at = set(), 0
    for count in ends:
        if mode == SEQUENCE:
            starts |= set(range(at, at + count, sequence or count))
        at += count
    if mode != SEQUENCE:
        starts = set(range(0, at, sequence)) if sequence else {0}
    cuts = sorted(starts - {0})
    # what is cut by bytes may be no word of the format: the core reads the lowest bits
    fmt = design.input_format
    x = np.array(frames) & ((1 << fmt.word) - 1)
    x = x - ((x >> (fmt.word - 1)) << fmt.word)
    raw = design.run([to_real(s, fmt) for s in np.split(x, cuts)], engine="golden").raw
    kind = np.dtype(f"<i{system.sample_bits // 8}")
    y = np.zeros((len(raw), system.output_bytes // kind.itemsize), dtype=kind)
    y[:, : design.outputs] = raw
    return [part.tobytes().hex() for part in np.split(y, np.cumsum(ends)[:-1])]
