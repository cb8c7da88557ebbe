"""Cases of the matrix: packets of x of all lengths, and the packets of y that the golden model gives for them.

A configuration is a core with the width of its bus, and a shape of packets. Frames of wrong length are among the shapes: what the
system is to make of them is worked out here, from the bytes alone. So are the frames of y where windows leave some out or joins over time stand for
sequences, and the states of cores that take them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from ernn_myhdl.host.packets import pack
from ernn_myhdl.host.registers import FRAME, FRAMES, SEQUENCE
from ernn_myhdl.host.sequences import state_words
from ernn_myhdl.numerics.formats import to_real
from ernn_myhdl.system.loadable import weight_image
from ernn_myhdl.system.writer import system_description

#: Traffic -> probabilities of a cycle without tvalid, and without tready.
TRAFFICS = {"none": (0.0, 0.0), "idle": (0.5, 0.0), "back-pressure": (0.0, 0.5), "both": (0.5, 0.5)}


@dataclass(frozen=True)
class Case:
    """mode, sequence, streams: registers. sent, expected: packets of x and of y, in hexadecimal. errors: of ERRORS, afterwards.

    finish: whether the last packet, of one frame, is sent behind a write of CONTROL.finish, when `before` frames, all others, have entered. states: the words of the
    states before the sequences, in their order; by_stream: sent to the stream of states.
    """

    name: str
    mode: int
    sequence: int
    sent: list[str]
    expected: list[str]
    errors: int
    streams: int = 1
    finish: bool = False
    before: int = 0
    states: list[list[int]] = field(default_factory=list)
    by_stream: bool = False


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
    """`count` cases of a core, as JSON holds them; of one with several streams, the last of them are of two."""
    system = system_description(design, bus_bits)
    random = np.random.default_rng(seed)
    low, high = design.input_format.minimum, design.input_format.maximum
    ends, frame = system.frames_out.ends, system.input_bytes
    chosen = [(*shape, 1) for shape in shapes(frame, bus_bits // 8)]
    if ends or system.states:  # where a sequence that has not ended would be begun anew
        chosen = [s for s in chosen if not (ends and s[1] == FRAME and s[2] == 0)]
        chosen.append(("frames until the end is told", FRAME, 0, [frame] * 5, 1))
    chosen = chosen[:count]
    if system.streams > 1:
        chosen[-2:] = [
            (f"sequences of {n} frames in turn", SEQUENCE, n, [2 * n * frame, 4 * n * frame], 2)
            for n in (1, 3)
        ]
    made = []
    for number, (name, mode, sequence, sizes, streams) in enumerate(chosen):
        sent, frames, lengths, errors = [], [], [], 0
        finish = ends and mode != SEQUENCE and sequence == 0
        for size in [*sizes, frame] if finish and sizes[-1] != frame else sizes:
            whole = -(-size // frame)
            raw = random.integers(low, high + 1, (whole, design.inputs))
            data = pack(raw, system)
            sent.append(data[:size])
            taken, error = repaired(data[:size], mode, system)
            errors |= error
            frames += taken
            lengths.append(len(taken))
        cut = sequences(mode, sequence, lengths, streams)
        states = [_state(design, random) for _ in cut] if system.states else None
        expected = _expected(design, system, mode, frames, lengths, cut, states)
        words = []
        for state, (stream, _) in zip(states or [], cut, strict=False):
            words += state_words(
                system.states, system.layers, state, stream, system.sample_bits, system.samples_per_beat
            )  # fmt: skip
        longest = max(len(numbers) for _, numbers in cut)
        made.append(
            asdict(
                Case(
                    name, mode, sequence, [s.hex() for s in sent], expected, errors, streams, finish,
                    len(frames) - 1, words, bool(longest > 3 or number % 2),
                )
            )
        )  # fmt: skip
    return made


def _state(design, random):
    """Raw words of a state of each layer that has one."""
    made = []
    for layer in design.layers:
        formats = {n: getattr(layer.formats, n) for n in layer.cell.state_sizes}
        own = {
            name: random.integers(formats[name].minimum, formats[name].maximum + 1, size)
            for name, size in layer.cell.state_sizes.items()
        }
        made.append(own if layer.loads_states else None)
    return made if len(made) > 1 else made[0]


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
        cut = sequences(SEQUENCE, 0, ends, 1)
        expected = _expected(new, system, SEQUENCE, frames, ends, cut, None)
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


def sequences(
    mode: int, count: int, lengths: list[int], streams: int
) -> list[tuple[int, list[int]]]:
    """The stream of each sequence and the numbers of its frames, in the order in which they start.

    lengths: frames of each packet. count: SEQUENCE. Of several streams packets are whole sequences of `count` frames.
    """
    made, at = [], 0
    for size in lengths if mode == SEQUENCE else [sum(lengths)]:
        turns = [list(range(at + s, at + size, streams)) for s in range(min(streams, size))]
        most = count or max(size, 1)
        for start in range(0, len(turns[0]) if turns else 0, most):
            for stream, turn in enumerate(turns):
                made.append((stream, turn[start : start + most]))
        at += size
    return made


def _expected(design, system, mode, frames, lengths, cut, states) -> list[str]:
    """Packets of y in hexadecimal; cut: sequences, states: before each of them."""
    # what is cut by bytes may be no word of the format: the core reads the lowest bits
    fmt = design.input_format
    x = np.array(frames) & ((1 << fmt.word) - 1)
    x = x - ((x >> (fmt.word - 1)) << fmt.word)
    out = system.frames_out
    # the model refuses sequences that windows leave without a y
    whole = [to_real(x[numbers], fmt) for _, numbers in cut if out.ends or len(numbers) > out.first]
    raw = np.empty((0, design.outputs), dtype=np.int64)
    if whole:
        raw = design.run(whole, engine="golden", initial=states).raw
    kind = np.dtype(f"<i{system.sample_bits // 8}")
    y = np.zeros((len(raw), system.output_bytes // kind.itemsize), dtype=kind)
    y[:, : design.outputs] = raw
    # the frames of y that come behind each frame of x
    behind = [np.empty((0, y.shape[1]), kind)] * len(frames)
    at = 0
    for _, numbers in cut:
        for i, number in enumerate(numbers):
            if out.ends:
                due = out.per_sequence if number == numbers[-1] else 0
            else:
                due = i >= out.first and (i - out.first) % out.step == 0
            behind[number] = y[at : at + due]
            at += due
    assert at == len(y)
    if out.ends and mode != SEQUENCE:  # a packet for each sequence
        packets = [behind[numbers[-1]] for _, numbers in cut]
    else:
        cuts = np.cumsum(lengths)
        packets = [np.concatenate(behind[e - n : e]) for n, e in zip(lengths, cuts, strict=True)]
    return [packet.tobytes().hex() for packet in packets if len(packet)]
