"""What is proven of blocks of streams, of the register slave and of the queues of the serial link: `tests/formal_proofs.py` proves it.

tests/formal/NAME.sv has what a block promises and what it may expect; `BLOCKS` has how deep the search goes, whether induction closes the
proof, and planted faults, each of which must be found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ernn_myhdl.design.joins import Cadence
from ernn_myhdl.hdl.components import Leaf
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.types import bits_for
from ernn_myhdl.host.registers import WINDOW_BITS, register
from ernn_myhdl.rtl.fifo import DEPTH, fifo_leaf
from ernn_myhdl.rtl.input_frames import input_frames
from ernn_myhdl.rtl.output_frames import output_frames
from ernn_myhdl.rtl.sequencer.tags import flags
from ernn_myhdl.system.rtl import (
    bus,
    frames_out,
    link_queues,
    packets,
    skid,
    state_port,
    weight_port,
    width,
)

#: Bits of a word and streams of the core's framing; it treats all words alike.
WORD, STREAMS = 2, 2
#: A queue treats all bits of a word alike.
WIDTH, PARTS, BEATS, QUEUE_WIDTH, QUEUE_DEPTH = 8, 4, 3, 2, 2
#: Cycles that a write waits at most.
WAIT = 5


@dataclass(frozen=True)
class Block:
    """leaf: what is proven, a leaf or what is made of some. harness: file in tests/formal. depth: cycles of the bounded search. induction: the depth at which it
    closes, None where it does not. sizes: constants of the harness. faults: what is wrong -> (text, its replacement)."""

    leaf: Callable[[], Leaf | Netlist]
    harness: str
    depth: int
    induction: int | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    faults: dict[str, tuple[str, str]] = field(default_factory=dict)


def _input_framing(
    points: int,
    samples: int,
    inputs: int,
    faults: dict[str, tuple[str, str]],
    options: bool = False,
) -> Block:
    """Framing of x; options: with initial states, ends of sequences and two banks of weights."""
    blocks, parts = -(-inputs // points), max(1, samples // points)
    sizes = {"WORD": WORD, "POINTS": points, "SAMPLES": samples, "INPUTS": inputs, "BLOCKS": blocks}
    sizes |= {"BEATS": -(-inputs // samples), "BOUND": blocks + parts + 1, "OPTIONS": int(options)}
    more = (True, True, 2) if options else ()
    return Block(
        lambda: input_frames(points, WORD, samples, inputs, STREAMS, *more),
        "input_frames",
        20,
        None,
        sizes,
        faults,
    )


def _output_framing(
    groups: int,
    group: int,
    size: int,
    outputs: int,
    faults: dict[str, tuple[str, str]],
    options: bool = False,
) -> Block:
    """Framing of y; options: as of x."""
    beats, flag_bits = -(-outputs // size), flags(options, options, 1 + options)
    sizes = {
        "GROUPS": groups,
        "GROUP": group,
        "SIZE": size,
        "OUTPUTS": outputs,
        "BEATS": beats,
        "PAGES": 2,
        "OPTIONS": int(options),
    }
    sizes |= {
        "FLAGS": flag_bits,
        "TAG_BITS": flag_bits + bits_for(STREAMS),
        "GROUP_BITS": bits_for(groups),
        "BEAT_BITS": bits_for(beats),
    }
    more = (True, True, 2) if options else ()
    return Block(
        lambda: output_frames(groups, group, size, outputs, 2, STREAMS, *more),
        "output_frames",
        20,
        None,
        sizes,
        faults,
    )


BLOCKS = {
    "framing of x, beats of a part of a block": _input_framing(
        2, 1, 3,
        {"long frames are not dropped": (r"discarding <= 1'b1;", "discarding <= 1'b0;"),
         "third frame is taken": (r"room <= \(\S*pages == 0\);", "room <= 1'b1;"),
         "cut frame is not told": (r"wrong <= 1'b1;(?=\s+\S*filling <= 1'b1;\s+\S*reading <= 1'b0;\s+end\s+if)", "wrong <= wrong;")},
    ),
    "framing of x, beats of several blocks": _input_framing(
        2, 4, 7,
        {"short frames are not filled": (r"filling <= 1'b1;", "filling <= 1'b0;"),
         "stream of the next beat": (r"current <= stream;", "current <= current ^ stream;"),
         "word behind the end is kept": (r"empty \|\| \(short && ", "empty || (1'b0 && ")},
        True,
    ),
    "framing of y, beats of several groups": _output_framing(
        3, 1, 2, 3,
        {"beat before its groups": (r"(needed\)?) < ", r"\1 <= "),
         "frame of another page": (r"page_out <= \(\S*page_out \+ 1\);", "page_out <= 0;")},
    ),
    "framing of y, groups of several beats": _output_framing(
        2, 4, 2, 7,
        {"beat without room": (r"<= \(4 - 2\)", "<= 3"),
         "start of a sequence with every beat": (r"tag\[0\] && \(\S*beat == 0\)", "tag[0]")},
        True,
    ),
    "fifo": Block(
        lambda: fifo_leaf(QUEUE_WIDTH), "queue", 20, None, {"WIDTH": QUEUE_WIDTH, "ROOM": DEPTH, "QUICK": 2},
        {"one word too many": (r"held != 4", "held != 5"), "read pointer stays": (r"read <= \((\S*read) \+ 1\)", r"read <= \1")},
    ),
    "skid buffer": Block(
        lambda: skid.skid_leaf("skid", QUEUE_WIDTH), "queue", 20, None, {"WIDTH": QUEUE_WIDTH, "ROOM": 2, "QUICK": 2},
        {"ready stays high": (r"ready <= 1'b0;(?=\s+end\s+else)", "ready <= 1'b1;"),
         "word aside is always replaced": (r"if \(skid_buffer0_ready\) begin", "if (1'b1) begin")},
    ),
    "width, gathering": Block(
        lambda: width.gather_leaf("gather", WIDTH, PARTS), "gather", 20, None, {"WIDTH": WIDTH, "PARTS": PARTS},
        {"rest of a wide word stays": (r"gather_words0_data\[p\] <= 0;", "gather_words0_data[p] <= gather_words0_data[p];"),
         "word lost under a stall": (r"\(out_ready \|\| \(!gather_words0_full\)\)", "(1'b1)")},
    ),
    "width, splitting": Block(
        lambda: width.split_leaf("split", WIDTH, PARTS), "split", 20, None, {"WIDTH": WIDTH, "PARTS": PARTS},
        {"parts without bytes are sent": (r"in_last && \(!split_words0_more\)", "1'b0"),
         "part is skipped under a stall": (r"if \(in_valid && out_ready\)|else if \(\(?in_valid && out_ready\)?\)", "else if (in_valid)")},
    ),
    "framing of packets": Block(
        lambda: packets.packet_beats_leaf(BEATS), "packet_beats", 20, None, {"BEATS": BEATS},
        {"long packets are not dropped": (r"dropping <= \([^;]*\);", "dropping <= 1'b0;"),
         "short frames are not filled": (r"filling <= packet_beats0_ended;", "filling <= 1'b0;")},
    ),
    "stream merger": Block(
        packets.packet_merge_leaf, "packet_merge", 20, 3, {},
        {"flag used a frame early": (r"flag_ready = [^;]*;", "flag_ready = (in_valid && out_ready);"),
         "does not wait for the flag": (r"packet_merge0_known = [^;]*;", "packet_merge0_known = 1'b1;")},
    ),
    "flags of frames with a y": Block(
        lambda: frames_out.frame_flags_leaf(Cadence(1, 2)), "frame_flags", 20, None, {"FIRST": 1, "STEP": 2},
        {"the last one is not raised": (r"flag = \(frame_flags0_closing \|\| [^;]*;", "flag = frame_flags0_closing;"),
         "a frame too early": (r"left_out = 1;", "left_out = 0;")},
    ),
    "frames that wait for their end": Block(
        frames_out.whole_frames_leaf, "whole_frames", 20, None, {},
        {"does not wait": (r"out_valid = [^;]*;", "out_valid = in_valid;"),
         "end taken with every beat": (r"taken = [^;]*;", "taken = (in_valid && out_ready);")},
    ),
    "words of states": Block(
        lambda: state_port.state_words_leaf(2, 3), "state_words", 20, None, {"STREAMS": 2, "LAYERS": 3},
        {"head of another layer is taken": (r"dropping <= \(!state_words0_known\);", "dropping <= 1'b0;"),
         "head does not wait": (r"if \(\(in_valid && \(!busy\)\) && |in_valid && \(!busy\)", "in_valid")},
    ),
    "register slave, writes": Block(
        lambda: bus.bus_write_leaf(WINDOW_BITS), "bus_write", 20, None, {},
        {"answer overwritten": (r"\(bready \|\| \(!bus_write0_answer\)\)", "(1'b1)"),
         "address taken twice": (r"awready = \(!bus_write0_have_address\)", "awready = 1'b1")},
    ),
    "images of two streams": Block(
        weight_port.weight_choice_leaf, "weight_choice", 20, None, {},
        {"streams are mixed": (r"else if \(weight_choice0_ends\) begin", "else begin"),
         "word of the other": (r"shown = first_word;", "shown = second_word;")},
    ),
    "words of images by registers": Block(
        lambda: weight_port.weight_push_leaf(WAIT), "weight_push", 20, None,
        {"MOST": WAIT, "DATA": register("WEIGHT_DATA").address, "LAST": register("WEIGHT_LAST").address},
        {"waits for ever": (r"waited <= \(weight_push0_waited \+ 1\);", "waited <= 0;"),
         "word lost where there is no room": (r"room = ready;", "room = 1'b1;")},
    ),
    "register slave, reads": Block(
        lambda: bus.bus_read_leaf(WINDOW_BITS), "bus_read", 20, None, {},
        {"answer overwritten": (r"\(rready \|\| \(!bus_read0_answer\)\)", "(1'b1)"),
         "refusal not told": (r"bus_read0_response <= 2;", "bus_read0_response <= 0;")},
    ),
    "queue of x of the serial link": Block(
        lambda: link_queues.sent_queue_leaf(QUEUE_DEPTH, QUEUE_WIDTH), "sent_queue", 20, None, {"WIDTH": QUEUE_WIDTH, "DEPTH": QUEUE_DEPTH},
        {"bytes count at once": (r"if \(keep\) begin", "if (1'b1) begin"),
         "what was wrong stays": (r"put <= sent_queue0_kept;", "put <= sent_queue0_put;")},
    ),
    "queue of y of the serial link": Block(
        lambda: link_queues.taken_queue_leaf(QUEUE_DEPTH, QUEUE_WIDTH), "taken_queue", 20, None, {"WIDTH": QUEUE_WIDTH, "DEPTH": QUEUE_DEPTH},
        {"bytes go with the reply": (r"held = \(taken_queue0_put - taken_queue0_base\)", "held = (taken_queue0_put - taken_queue0_read)"),
         "told too early": (r"taken_queue0_seen <= taken_queue0_put;", "taken_queue0_seen <= taken_queue0_put + (in_valid && taken_queue0_space);")},
    ),
}  # fmt: skip
