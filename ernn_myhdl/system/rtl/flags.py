"""Beats of frames into the core, and the flags that make packets of what comes out of it.

Each frame of x has a frame of y: a flag for each. Windows leave frames out: a flag for each that has one. y stands for sequences: a flag for each
of them, and frames of x wait until it is known whether they are the last of theirs (`frames_out`).
"""

from __future__ import annotations

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.design.joins import Cadence
from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.netlist import Net
from ernn_myhdl.hdl.types import Bit, Word, bits_for
from ernn_myhdl.rtl.fifo import DEPTH, fifo_leaf, stream_fifo
from ernn_myhdl.streams.traffic import beats_of_frame
from ernn_myhdl.system.rtl import frames_out
from ernn_myhdl.system.rtl.register_side import SystemNets

#: Frames that a layer may hold between the framing of packets and its m_axis, beside those in flight: two at its
#: input, and one for each beat of its two FIFOs.
FRAMES_OF_A_LAYER = 2 + 2 * 4


def flag_depth(design: CoreSpecification) -> int:
    """Frames whose flags are kept: a power of two, no fewer than the core holds."""
    held = sum(FRAMES_OF_A_LAYER + layer.hardware.frames_in_flight for layer in design.layers)
    return 1 << (held - 1).bit_length()


def cadence(design: CoreSpecification) -> Cadence:
    """Which frames of x have one of y, where they do not stand for sequences."""
    return Cadence() if design.graph is None else design.graph.cadence


def entering_beat(s: SystemNets, last: Net, data: Net) -> dict[str, Net]:
    """Connect the beats of frames to the core; last, data: of the beat. Returns the nets valid, ready, starts and, with several streams, stream."""
    n, core, shape = s.n, s.y, s.shape
    starts = n.net("beat_starts", Bit())
    beat = {"starts": starts}
    fields = {"tdata": data, "tlast": last}
    if shape.streams > 1:
        fields["tid"] = beat["stream"] = n.net("beat_stream", core["s_axis_tid"].type)
    user = [starts]
    if shape.initial_states:
        use = n.bundle("states_in_use", Bit(), s.kept["STATES"])
        user.append(n.add("beat_loads", frames_out.both_leaf(), a=starts, b=use)["q"])
    if not shape.sequence_ends:
        for field, net in fields.items():
            n.wire(core[f"s_axis_{field}"], net)
        n.wire(core["s_axis_tuser"], *user)
        return beat | {"valid": core["s_axis_tvalid"], "ready": core["s_axis_tready"]}
    fields["tuser"] = n.bundle("beat_user", Word(len(user)), *user)
    return beat | _whole_frames(s, fields)


def _whole_frames(s: SystemNets, fields: dict[str, Net]) -> dict[str, Net]:
    """Beats to the core by way of a FIFO, in which they wait for what the end of their frame tells."""
    n, core, common = s.n, s.y, {"clk": s.clk, "rst": s.resets["core"]}
    beats = beats_of_frame(s.design.inputs, s.shape.samples_per_beat)
    depth = max(DEPTH, 1 << (2 * beats - 1).bit_length())
    word = n.bundle(
        "held_beat", Word(sum(net.type.bits for net in fields.values())), *fields.values()
    )
    valid, ready = n.net("held_valid", Bit()), n.net("held_ready", Bit())
    head = n.add(
        "held_beats", fifo_leaf(word.type.bits, depth), **common, in_valid=valid, in_ready=ready, in_word=word,
        out_ready=n.net("held_taken", Bit()),
    )  # fmt: skip
    n.add(
        "held_ends", fifo_leaf(1, DEPTH), **common, in_valid=n.net("frame_told", Bit()), in_ready=n.net("ends_ready", Bit()),
        in_word=n.net("frame_end", Word(1)), out_ready=n.net("end_taken", Bit()),
    )  # fmt: skip
    made, low = {}, 0
    for field, net in fields.items():
        made[field] = (head["out_word"], low, net.type.bits)
        low += net.type.bits
    n.wire(core["s_axis_tdata"], made["tdata"])
    last = n.wire(core["s_axis_tlast"], made["tlast"])
    if "tid" in made:
        n.wire(core["s_axis_tid"], made["tid"])
    goes = n.add(
        "whole_frames", frames_out.whole_frames_leaf(), **common, in_valid=head["out_valid"], in_ready=n.nets["held_taken"],
        in_last=last, known=n.nets["held_ends_out_valid"], over=n.bundle("known_end", Bit(), n.nets["held_ends_out_word"]),
        taken=n.nets["end_taken"], out_valid=core["s_axis_tvalid"], out_ready=core["s_axis_tready"],
    )  # fmt: skip
    n.wire(core["s_axis_tuser"], made["tuser"], goes["ends"])
    return {"valid": valid, "ready": ready}


def add_flags(
    s: SystemNets, framed: dict[str, Net], sequences: dict[str, Net], whole: Net, flag_ready: Net
) -> Net:
    """Add the FIFO of flags with what goes into it; flag_ready: a frame's last beat may move. Returns: a frame, or a sequence, has a y."""
    n, depth, given = s.n, flag_depth(s.design), cadence(s.design)
    common = {"clk": s.clk, "rst": s.resets["core"]}
    ready, due, valid, flag = flag_ready, framed["entered"], framed["flag_valid"], framed["flag"]
    told = {"closes": valid, "last": flag}
    if s.shape.sequence_ends:
        made = n.add(
            "sequence_flags",
            frames_out.sequence_flags_leaf(),
            **told,
            whole=whole,
            ended=sequences["ended"],
        )
        n.wire(n.nets["frame_told"], valid)
        n.wire(n.nets["frame_end"], made["over"])
        ready = n.net("flags_ready", Bit())
        n.add(
            "frame_has_room", frames_out.both_leaf(), a=ready, b=n.nets["ends_ready"], q=flag_ready
        )
        due = valid = made["due"]
        flag = made["flag"]
    elif given != Cadence():
        ready = n.net("flags_ready", Bit())
        made = n.add(
            "frame_flags", frames_out.frame_flags_leaf(given), **common, **told, begins=sequences["begins"],
            closes_round=sequences["closes_round"], flag_ready=ready, ready=flag_ready,
        )  # fmt: skip
        due, valid, flag = made["entered"], made["due"], made["flag"]
    ports = ins(clk=Bit(), rst=Bit(), in_valid=Bit(), in_word=Word(1), out_ready=Bit())
    ports |= outs(
        in_ready=Bit(), out_valid=Bit(), out_word=Word(1), count=Word(bits_for(depth + 1))
    )
    n.add(
        "flags", Leaf("axi_flags", stream_fifo, ports, {"depth": depth}), **common, in_valid=valid, in_ready=ready,
        out_ready=n.net("flag_taken", Bit()), in_word=n.bundle("flag_word", Word(1), flag),
    )  # fmt: skip
    return due


def told(s: SystemNets) -> Net:
    """Whether the frame of y at m_axis of the core has a flag."""
    n, core = s.n, s.y
    if not s.shape.sequence_ends:
        return n.constant("each_frame_told", Bit(), 1)
    user = core["m_axis_tuser"]
    ends = n.bundle("y_ends", Bit(), (user, user.type.bits - 1, 1))
    return n.add(
        "kept_end", frames_out.kept_end_leaf(), clk=s.clk, rst=s.resets["core"], valid=core["m_axis_tvalid"],
        ready=core["m_axis_tready"], last=core["m_axis_tlast"], mark=ends,
    )["told"]  # fmt: skip
