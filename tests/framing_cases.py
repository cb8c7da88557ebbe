"""Tests of the FIFO and of the framing of x and y: drivers that keep the protocol, and models of the blocks."""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace

from block_bench import Values
from block_case import BlockCase, columns, flags

from ernn_myhdl.design.design import StreamShape
from ernn_myhdl.hdl.types import pack_fields
from ernn_myhdl.rtl import fifo, input_frames, output_frames
from ernn_myhdl.streams.framing import framed
from ernn_myhdl.streams.traffic import Beat


def fifo_case(width: int, depth: int = fifo.DEPTH) -> BlockCase:
    """Phases in which it runs full, runs empty and is balanced, and resets."""

    def vectors(rng):
        rates = [(0.9, 0.2), (0.2, 0.9), (0.5, 0.5), (1.0, 1.0), (1.0, 0.0)]
        valid = sum((flags(rng, 60, a) for a, _ in rates), [])
        ready = sum((flags(rng, 60, b) for _, b in rates), [])
        number = len(valid)
        words = [int(v) for v in rng.integers(0, 1 << width, number)]
        return columns(rst=flags(rng, number, 0.02), in_valid=valid, in_word=words, out_ready=ready)

    def expected(inputs):
        held: deque[int] = deque()
        results = []
        since = 0  # cycles since the last reset
        for v in inputs:
            room = len(held) < depth and since >= fifo.READY
            since = 0 if v["rst"] else since + 1
            results.append(
                {
                    "in_ready": int(room),
                    "out_valid": int(bool(held)),
                    "out_word": held[0] if held else None,
                    "count": len(held),
                }
            )
            if held and v["out_ready"]:
                held.popleft()
            if room and v["in_valid"]:
                held.append(v["in_word"])
            if v["rst"]:
                held.clear()
        return results

    return BlockCase(
        f"fifo of {depth} words of {width} bits",
        lambda: fifo.fifo_leaf(width, depth),
        vectors,
        expected,
    )


def beats_from(inputs: list[Values], outputs: list[Values]) -> list[Beat]:
    """The beats that were taken."""
    return [
        Beat(pack_fields(v["samples"], 16), bool(v["tlast"]), bool(v["user"]), v["stream"])
        for v, out in zip(inputs, outputs, strict=True)
        if v["beat_valid"] and out["beat_ready"]
    ]


def input_case(points: int, samples: int, inputs: int, streams: int, broken: bool) -> BlockCase:
    """Random beats of all streams, of wrong length too if `broken`; the reader frees pages late."""
    full = -(-inputs // samples)
    word = 7

    def vectors(rng):
        def offers():
            number = 0
            for frame in range(40):
                # the last frames are good, so that all ends well
                good = not broken or frame >= 35 or rng.random() < 0.5
                length = full if good else int(rng.integers(1, 2 * full + 2))
                stream = int(rng.integers(streams))
                for i in range(length):
                    user = i == 0 and (frame in (0, 35) or rng.random() < 0.2)
                    last = i == length - 1
                    if not good:
                        user |= rng.random() < 0.15
                        last &= rng.random() < 0.8
                        if rng.random() < 0.1:
                            stream = int(rng.integers(streams))
                    number += 1
                    data = rng.integers(-(1 << word - 1), 1 << word - 1, samples).tolist()
                    yield {
                        "samples": data,
                        "user": int(user),
                        "tlast": int(last),
                        "stream": stream,
                    }

        def drive():
            waiting = offers()
            offer = next(waiting)
            started = freed = quiet = 0
            values = {"rst": 1, "beat_valid": 0, "page_free": 0} | offer
            valid = 0
            outputs = yield values
            while quiet < 150:
                if valid and outputs["beat_ready"]:
                    offer, valid, quiet = next(waiting, None), 0, 0
                quiet += 1
                started += outputs["frame_start"]
                free = started > freed and rng.random() < 0.08
                freed += free
                if offer is not None:
                    valid = valid or int(rng.random() < 0.8)
                    values = values | offer
                outputs = yield values | {"rst": 0, "beat_valid": valid, "page_free": int(free)}

        return drive

    return BlockCase(
        f"input frames of {inputs}, {samples} samples a beat, blocks of {points}, {streams} streams"
        + (", broken" if broken else ""),
        lambda: input_frames.input_frames(points, word, samples, inputs, streams),
        vectors,
        lambda rows: [{}] * len(rows),  # `check_input` tells what must come
    )


#: Points of a block, samples of a beat, inputs, streams.
INPUT_SIZES = [(8, 2, 13, 1), (4, 1, 3, 2), (4, 4, 10, 4), (2, 8, 11, 1), (1, 4, 7, 8), (4, 16, 5, 2),
               (4, 2, 8, 4)]  # fmt: skip
INPUT_CASES = {
    (size, broken): input_case(*size, broken) for size in INPUT_SIZES for broken in (False, True)
}


def check_input(
    size: tuple[int, int, int, int], inputs: list[Values], outputs: list[Values]
) -> SimpleNamespace:
    """Compare the blocks with the frames that the beats stand for; returns what these are."""
    points, samples, count, _ = size
    design = SimpleNamespace(
        inputs=count, stream_shape=StreamShape(samples, sample_bits=16, streams=1)
    )
    meaning = framed(beats_from(inputs, outputs), design)
    frames = [meaning.sequences[t.sequence][t.frame] for t in meaning.turns]
    blocks = -(-count // points)
    wanted = [x for frame in frames for x in frame + [0] * (blocks * points - count)]
    got = [x for row in outputs if row["block_valid"] for x in row["sample_block"]]
    assert got == wanted
    starts = [(row["frame_stream"], row["frame_fresh"]) for row in outputs if row["frame_start"]]
    assert starts == [(t.stream, int(t.frame == 0)) for t in meaning.turns]
    assert bool(outputs[-1]["error"]) == meaning.error
    held = 0
    for v, row in zip(inputs, outputs, strict=True):
        held += row["frame_start"]
        assert held <= 2, "more frames than the store has pages"
        held -= v["page_free"]
    return meaning


def output_case(
    groups: int, group_samples: int, samples: int, outputs: int, pages: int = 2, streams: int = 1
) -> BlockCase:
    beats = -(-outputs // samples)
    tags = 4 * streams

    def vectors(rng):
        def drive():
            group = 0
            free = pages  # that may be written
            result = yield {"rst": 1, "write": 0, "write_tag": 0, "held": 0}
            tag = 1
            for _ in range(600):
                free += result["page_free"]
                write = free > 0 and rng.random() < 0.5
                held = int(rng.integers(0, fifo.DEPTH + 1))
                values = {"rst": 0, "write": int(write), "write_tag": tag, "held": held}
                if write:
                    group += 1
                    if group == groups:
                        group, free, tag = 0, free - 1, int(rng.integers(tags))
                result = yield values

        return drive

    def expected(inputs):
        written, tag = [0] * pages, [0] * pages
        group = beat = page_in = page_out = 0
        made: Values = {"beat_valid": 0, "page_free": 0}
        results = []
        for v in inputs:
            needed = min(groups, -(-(beat + 1) * samples // group_samples))
            issue = needed <= written[page_out] and v["held"] <= fifo.DEPTH - 2
            results.append(
                made
                | {"write_index": group, "write_page": page_in}
                | {"read_index": beat, "read_page": page_out}
            )
            last = beat == beats - 1
            made = {"beat_valid": int(issue), "page_free": int(issue and last)}
            if issue:
                made |= {
                    "beat_last": int(last),
                    "beat_user": int(tag[page_out] & 1 and beat == 0),
                    "beat_stream": tag[page_out] >> 2,
                }
            if v["write"]:
                written[page_in] += 1
                tag[page_in] = v["write_tag"]
                group += 1
                if group == groups:
                    group, page_in = 0, (page_in + 1) % pages
            if issue:
                beat += 1
                if last:
                    written[page_out], beat, page_out = 0, 0, (page_out + 1) % pages
            if v["rst"]:
                written = [0] * pages
                group = beat = page_in = page_out = 0
                made = {"beat_valid": 0, "page_free": 0}
        return [{}, *results[1:]]

    return BlockCase(
        f"output frames of {outputs}, {groups} groups of {group_samples}, {samples} a beat, "
        f"{pages} pages",
        lambda: output_frames.output_frames(
            groups, group_samples, samples, outputs, pages, streams
        ),
        vectors,
        expected,
    )
