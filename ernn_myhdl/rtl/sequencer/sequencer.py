"""The sequencer: steps through the program, one operation a cycle.

Two streams of words: one for the passes of a frame's first phase (gates), one for those of the second phase (a
projection, or the candidate of a GRU), which may belong to an earlier frame. A pass, once begun, is not
interrupted. An operation is issued when what it needs is there: enough columns of its source, an idle
drain if it ends a row, a free output page if it starts a frame. Otherwise it waits, and everything already
issued goes on. Between passes,

* a second phase whose m is complete goes first;
* else a gate pass, if no earlier frame is owed its second phase, or if all of its x and y are there, so
  that it cannot keep the lanes waiting for that second phase (which y may depend on); in a split cell, a
  pass of x needs its x and one of y its y;
* else a second phase whose first columns are there.

The words of each part of the program are read ahead (`ernn_myhdl.rtl.sequencer.prefetch`), and whether the next operation of each phase
can be issued, and whose turn it is, is found a cycle ahead (`ernn_myhdl.rtl.sequencer.operands`, `ernn_myhdl.rtl.sequencer.readiness`), for
all that the decision of that cycle may be; so a decision is made of three registers, and the first operation is
issued `operands.READY` cycles after a reset at the earliest. Frames are numbered by arrival, and everything but the
choice above happens in that order. A frame's tag (stream, page of y that it writes, first of a
sequence, and whether that starts from a loaded state) travels with its operations.

Availability is counted in groups as the spectrum stores are written (x: 1 block; y: output_width;
m: E blocks) and reduced by a whole frame when its last reader is issued; y separately for each stream.
The second phase's columns of x need no count: the first phase of the frame has read them all. A page of x
is given back with the last operation of either phase that reads it.
Latency: an operation's tags and addresses are valid one cycle after the decision.
"""

from __future__ import annotations

from collections.abc import Mapping

from ernn_myhdl.design.structure import Structure
from ernn_myhdl.hdl.components import Type
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.parts import BlockPart, join, part
from ernn_myhdl.hdl.types import Bit, Word, bits_for
from ernn_myhdl.program.program import FLAGS, Y, program_for
from ernn_myhdl.rtl import stages
from ernn_myhdl.rtl.sequencer import (
    choice,
    frames,
    groups,
    operands,
    operation,
    prefetch,
    readiness,
)
from ernn_myhdl.rtl.sequencer.tags import tag_bits
from ernn_myhdl.rtl.stream_user import user_type

ISSUE_LATENCY = stages.latency(stages.ISSUE)
#: Fields of a program word that the passes of the second phase use, and those of one that reads x.
SECOND_FIELDS = ("index", "need", "first", "last", "chunks", "final")
SECOND_X_FIELDS = ("source", "x_done")
#: Fields of the words behind those whose operations may be issued.
NEXT_FIELDS = {"gate": ("source", "need", "last", "start"), "second": ("need", "last")}
#: Words of each part of the program: whose operation may be issued, and the one behind it.
WORDS = ("word", "next_word")
#: Of a split cell, in both phases.
PART = "part"
#: What stands before the names of its nets and of its blocks' labels in a core.
LABEL = "sequencer"
#: The net that is zero: of a cell without a second phase none is ever owed, so that synthesis leaves out what would issue it.
NEVER = "never"


def fields(design: Structure) -> dict[str, Type]:
    """The fields of the two program words that the sequencer uses: gate_*, second_*."""
    cell, widths = design.cell, program_for(design).field_bits
    more = (*SECOND_X_FIELDS, *((PART,) if cell.split else ())) if cell.second_reads_x else ()
    used = [f"gate_{name}" for name in widths]
    used += [f"second_{name}" for name in (*SECOND_FIELDS, *more)]

    names = ((field, field.partition("_")[2]) for field in used)
    return {field: _field(name, widths[name]) for field, name in names}


def inputs(design: Structure) -> dict[str, Type]:
    """What `add` is given.

    gate_read, second_read: words of the program at gate_fetch and second_fetch, READ_LATENCY later. frame_start with
    frame_fresh, frame_stream: a frame begins to arrive, first of a sequence (and, with initial states, from a loaded one; with
    ends of sequences, the last of one); x_coming, y_coming with y_coming_stream, m_coming: a group of spectra
    is written in the next cycle; output_release: the last beat of a frame is read.
    """
    stream, word = Word(bits_for(design.hardware.streams)), _program_word(design)
    return {
        "gate_read": word,
        "second_read": word,
        "frame_start": Bit(),
        "frame_fresh": user_type(design.inner_shape),
        "frame_stream": stream,
        "x_coming": Bit(),
        "y_coming": Bit(),
        "y_coming_stream": stream,
        "m_coming": Bit(),
        "output_release": Bit(),
    }


def parts(design: Structure) -> list[BlockPart]:
    """The blocks of the sequencer of `design`; nets of one name are joined."""
    program, cell, hw = program_for(design), design.cell, design.hardware
    fresh, pages = inputs(design)["frame_fresh"], hw.frames_in_flight
    widths, reads_x = program.field_bits, cell.second_reads_x
    base = program.gate_length if program.second_passes else 0

    def words(phase: str, there: str, first: int, last: int) -> BlockPart:
        bits = _program_word(design).width
        leaf = prefetch.prefetch_leaf(phase, program.address_bits, bits, first, last)
        names = {
            name: f"{phase}_{name}" for name in ("read", "fetch", "address", "word", "next_word")
        }
        return part(f"{phase}_prefetch", leaf, issue=f"issue_{phase}", there=there, **names)

    def groups_of(source: str, count: int, last_reader: str, kept: int) -> BlockPart:
        return part(
            f"{source}_groups", groups.groups_leaf(f"{source}_groups", count, kept),
            coming=f"{source}_coming", taken=last_reader, available=f"{source}_available",
            index=f"{source}_write_index", page=f"{source}_write_page",
        )  # fmt: skip

    def next_words(phase: str, *names: str) -> dict[str, str]:
        return {f"next_{name}": f"{phase}_next_{name}" for name in names}

    early = [source for source, *_ in program.first.columns_of(0)][1:2] == [Y]
    owed = {} if program.second_passes else dict.fromkeys(readiness.OWED, NEVER)
    return [
        words("gate", "loaded", 0, program.gate_length - 1),
        words("second", "second_loaded", base, program.length - 1),
        groups_of("x", cell.input_blocks, "x_taken", 2),
        part(
            "y_groups", groups.outputs_leaf(program.output_groups, hw.streams, not cell.split, early),
            coming="y_coming", coming_stream="y_coming_stream", taken="y_taken", index="y_write_index",
        ),
        groups_of("m", program.cell_groups, "second_done", pages),
        part(
            "arriving", frames.arriving_leaf(fresh, hw.streams),
            start="frame_start", fresh="frame_fresh", **({"stream": "frame_stream"} if hw.streams > 1 else {}),
        ),
        part("tags", frames.tags_leaf(fresh, hw.streams, tag_bits(design), pages)),
        part("under_way", frames.under_way_leaf(pages), released="output_release"),
        part("gate_operands", operands.gate_leaf(design), **next_words("gate", "source", "need")),
        part("second_operands", operands.second_leaf(design), **next_words("second", "need")),
        part("drain_timer", readiness.timer_leaf(widths["chunks"])),
        part("gate_readiness", readiness.gate_leaf(), **next_words("gate", "last", "start")),
        part("second_readiness", readiness.second_leaf(), **next_words("second", "last"), **owed),
        part(
            "gate_turn", readiness.turn_leaf(design), turn="gate_turn",
            **next_words("gate", "start", *(("source",) if cell.split else ())), **owed,
        ),
        part("choice", choice.choice_leaf(reads_x)),
        part("operation", operation.operation_leaf(design)),
        part(
            "x_pages", operation.x_pages_leaf(widths["source"] if reads_x else 0),
            taken="x_taken", freed="x_freed" if reads_x else "x_taken", page="x_page", given_back="x_release",
            second_x="op_second_x", second_page="second_x_page",
        ),
    ]  # fmt: skip


def add(n: Netlist, design: Structure, given: Mapping[str, Net]) -> dict[str, Net]:
    """Add the blocks to a netlist; returns all their nets by name.

    given: clk, rst, `inputs`, and of the results those that have a net of their own. Results: gate_fetch,
    second_fetch: addresses of the words that are read; op_*: the operation; x_page, y_page, m_page: pages
    that it reads; x_write_page, m_write_page, *_write_index: where the next group goes; x_release: the last
    reader of a frame of x is issued; op_second_x, second_x_page: the second phase reads x, and its page;
    op_part: of a split cell, the pass is of x and its rows are added to those of the next; shifting: the
    drain chain moves.
    """
    nets, places = dict(given), program_for(design).field_bits
    nets[NEVER] = n.zero(f"{LABEL}_{NEVER}", Bit())
    if design.hardware.streams == 1:
        nets["head_stream"] = n.zero(f"{LABEL}_head_stream", Word(1))
    kinds = fields(design)
    for phase in ("gate", "second"):
        word, following = (n.net(f"{phase}_{name}", _program_word(design)) for name in WORDS)
        nets |= dict(zip((f"{phase}_{name}" for name in WORDS), (word, following), strict=True))
        low = 0
        for name, width in places.items():
            field = f"{phase}_{name}"
            if field in kinds:
                nets[field] = n.bundle(field, kinds[field], (word, low, width))
            if name in NEXT_FIELDS[phase]:
                field = f"{phase}_next_{name}"
                nets[field] = n.bundle(field, _field(name, width), (following, low, width))
            low += width
    return join(n, parts(design), nets, f"{LABEL}_")


def _field(name: str, width: int) -> Type:
    """Type of a field of a program word."""
    return Bit() if name in FLAGS else Word(width)


def _program_word(design: Structure) -> Word:
    """Type of a word of the program."""
    return Word(sum(program_for(design).field_bits.values()))
