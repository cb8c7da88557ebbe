"""Single-block tests of streams and control: drivers that keep the protocols, and models of the blocks.

Same form as `block_cases`: the driver makes the inputs cycle by cycle, the model tells from them what
the outputs must be. The inputs of the simulation are replayed in the converted block.
"""

from __future__ import annotations

from collections import deque
from functools import cache
from types import SimpleNamespace

from block_bench import Values
from block_cases import BlockCase, columns, flags
from sequencer_model import SequencerModel

from ernn_myhdl import new_design
from ernn_myhdl.design.design import Design, StreamShape
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.types import Bit, pack_fields
from ernn_myhdl.program.program import program_for
from ernn_myhdl.rtl import fifo, input_frames, output_frames
from ernn_myhdl.rtl.sequencer import sequencer
from ernn_myhdl.streams.framing import framed
from ernn_myhdl.streams.traffic import Beat

# FIFO


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


# framing of x


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


# framing of y


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


# sequencer


#: Outputs of the sequencer that only some cores have.
SOME_OUTPUTS = ("op_second_x", "second_x_page", "op_part")
OUTPUTS = (
    "gate_fetch", "second_fetch", "op_valid", "op_recurrent", "op_second", "op_index", "op_first",
    "op_last", "op_tag", "op_address", "x_page", "y_page", "m_page", "x_write_page", "m_write_page",
    "x_write_index", "y_write_index", "m_write_index", "x_release", "shifting", *SOME_OUTPUTS,
)  # fmt: skip


def sequencer_alone(design: Design) -> Netlist:
    """The blocks of the sequencer with ports for all that goes in and comes out."""
    n = Netlist("sequencer_alone")
    given = {name: n.input(name, Bit()) for name in ("clk", "rst")}
    for name, kind in sequencer.inputs(design).items():
        given[name] = n.input(name, kind)
    nets = sequencer.add(n, design, given)
    for name in OUTPUTS:
        if name in nets or name not in SOME_OUTPUTS:
            n.wire(n.output(name, nets[name].type), nets[name])
    return n


def sequencer_case(name: str, streams: int = 1, **sizes) -> BlockCase:
    """The program of a small design; spectra are written late and results released late."""

    @cache
    def made_design():
        return new_design(**sizes).with_hardware(streams=streams)

    @cache
    def component():
        return sequencer_alone(made_design())

    quiet_inputs = {
        "frame_start": 0, "frame_fresh": 0, "frame_stream": 0, "x_write": 0, "y_write": 0,
        "y_write_stream": 0, "m_write": 0, "output_release": 0,
    }  # fmt: skip

    def vectors(rng):
        design = made_design()
        program = program_for(design)
        words = program.words()
        x_groups, m_groups, y_groups = (
            design.cell.input_blocks, program.cell_groups, program.output_groups,
        )  # fmt: skip
        operations = program.operations
        second_phase = bool(design.cell.second_phase)

        def drive():
            """Frames enter when a page is free; m, y and releases follow the operations."""
            outputs = yield {"rst": 1} | quiet_inputs | {"gate_read": 0, "second_read": 0}
            x_pages, x_left, m_left, releases = 2, 0, 0, 0
            y_left: deque[int] = deque()  # streams of the groups to come
            for t in range(2000):
                if outputs["op_valid"]:
                    done = operations[outputs["op_address"]]
                    frame_ends = outputs["op_address"] == program.length - 1
                    if done.y_done and second_phase:
                        m_left += m_groups
                    if frame_ends and not design.cell.recurrent:
                        releases += 1
                    elif frame_ends:
                        y_left += [(outputs["op_tag"] >> 2) % streams] * y_groups
                x_pages += outputs["x_release"]
                values = {"rst": int(t == 0)} | quiet_inputs
                for part in ("gate", "second"):
                    values[f"{part}_read"] = words[outputs[f"{part}_fetch"]]
                slow = 0.15 if t // 200 % 2 else 0.8
                if t and not x_left and x_pages and rng.random() < slow:
                    x_pages, x_left = x_pages - 1, x_groups
                    values |= {
                        "frame_start": 1,
                        "frame_fresh": int(rng.random() < 0.3),
                        "frame_stream": int(rng.integers(streams)),
                    }
                elif x_left and rng.random() < slow:
                    x_left -= 1
                    values["x_write"] = 1
                if m_left and rng.random() < slow:
                    m_left -= 1
                    values["m_write"] = 1
                if releases and rng.random() < slow / 3:
                    releases -= 1
                    values["output_release"] = 1
                if y_left and rng.random() < slow:
                    values |= {"y_write": 1, "y_write_stream": y_left.popleft()}
                    releases += len(y_left) % y_groups == 0
                outputs = yield values

        return drive

    def expected(inputs):
        design = made_design()
        machine = SequencerModel(design)
        made: Values = {}
        results = []
        for v in inputs:
            issued = machine.decide()
            now = machine.fetches() | {"shifting": int(machine.busy > 0)}
            results.append(made | now if made else {})
            made = machine.outputs(issued)
            machine.advance(issued, v)
            if v["rst"]:
                machine = SequencerModel(design)
                made = machine.outputs("")
        return results

    return BlockCase(f"sequencer, {name}", component, vectors, expected)


CASES = [
    fifo_case(1),
    fifo_case(34),
    fifo_case(3, 1),
    fifo_case(3, 2),
    *INPUT_CASES.values(),
    output_case(3, 4, 4, 11),
    output_case(2, 8, 2, 13, 4, 4),
    output_case(5, 2, 8, 10, 8, 8),
    output_case(1, 4, 16, 3),
    output_case(4, 1, 1, 4),
    sequencer_case("projection", inputs=6, hidden=10, projection=5, block=2, lanes=4, ifft_units=2),
    sequencer_case("no projection", inputs=9, hidden=7, block=4, lanes=3),
    sequencer_case("one column", inputs=1, hidden=2, block=2, lanes=4, ifft_units=4),
    sequencer_case(
        "projection, four streams", 4, inputs=6, hidden=10, projection=5, block=2, lanes=4,
        ifft_units=2,
    ),
    sequencer_case("no projection, two streams", 2, inputs=9, hidden=7, block=4, lanes=3),
    sequencer_case(
        "candidate", 4, cell="gru", inputs=6, hidden=10, block=2, lanes=4, ifft_units=2
    ),
    sequencer_case("candidate, one stream", cell="gru", inputs=3, hidden=6, block=4, lanes=2),
    sequencer_case("reset after", 2, cell="gru", reset="after", inputs=6, hidden=9, block=4, lanes=3),
    sequencer_case(
        "split, projection", 2, inputs=6, hidden=10, projection=5, block=2, input_block=4, lanes=4,
        ifft_units=2,
    ),
    sequencer_case("split, one stream", inputs=6, hidden=7, block=1, input_block=2, lanes=3),
    sequencer_case("split candidate", 4, cell="gru", inputs=6, hidden=9, block=4, input_block=2, lanes=3),
    # the tag of a frame of one operation was that of the frame before
    sequencer_case("linear, one operation", 2, cell="linear", inputs=4, hidden=4, block=4, lanes=1),
    sequencer_case(
        "passes of one operation", 8, inputs=2, hidden=4, projection=4, block=4, lanes=4,
        ifft_units=1,
    ),
]  # fmt: skip
