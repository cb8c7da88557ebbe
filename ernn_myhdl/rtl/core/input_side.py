"""From s_axis to the spectra of x: FIFO, framing, forward transform."""

from __future__ import annotations

from dataclasses import dataclass

from ernn_myhdl.hdl.netlist import Net
from ernn_myhdl.hdl.types import Bit
from ernn_myhdl.rtl import input_frames
from ernn_myhdl.rtl.core import stream_fifo
from ernn_myhdl.rtl.core.state_loading import StateLoading
from ernn_myhdl.rtl.core.stream_fifo import Head
from ernn_myhdl.rtl.core.wiring import Wiring


@dataclass(frozen=True)
class InputSide:
    """spectrum: of a block of x, written with `Wiring.x_write`. head: the beat at the head of the FIFO. cut:
    outputs of the framing. frame: what the sequencer is told of a frame that begins."""

    spectrum: Net
    head: Head
    cut: dict[str, Net]
    frame: dict[str, Net]


def input_side(w: Wiring, states: StateLoading | None) -> InputSide:
    """Add the input side of a core."""
    n, hw, word = w.n, w.hw, w.formats.input.word
    head = stream_fifo.received(w, "s_axis", "s", word, w.user, "input_fifo")
    more: dict[str, Net] = {}
    if hw.initial_states:
        held = states.held if states is not None else n.zero("never_held", Bit())
        more = {"from_state": head.user[1], "held": held}
    if hw.sequence_ends:
        more["closing"] = head.user[1 + hw.initial_states]
    if hw.weight_banks > 1:
        more["bank"] = head.user[-1]
    framing = input_frames.input_frames(
        w.cell.x_block,
        word,
        hw.samples_per_beat,
        w.cell.inputs,
        hw.streams,
        hw.initial_states,
        hw.sequence_ends,
        hw.weight_banks,
    )
    error = states.input_error if states is not None else n.output("frame_error", Bit())
    cut = n.add(
        "input_frames", framing, clk=w.clk, rst=w.rst, beat_valid=head.valid,
        beat_ready=head.ready, samples=head.samples, tlast=head.last, user=head.user[0],
        stream=head.stream, page_free=w.x_release, error=error, **more,
    )  # fmt: skip
    frame = {f"frame_{name}": cut[f"frame_{name}"] for name in ("start", "fresh", "stream")}
    if w.user.bits > 1:
        names = "frame_fresh", "frame_loaded", "frame_closes", "frame_bank"
        frame["frame_fresh"] = n.bundle("frame_kind", w.user, *[cut[k] for k in names if k in cut])
    n.probe("input", cut["block_valid"], cut["sample_block"])
    spectrum = w.forward("fft_x", "input", cut["sample_block"], w.formats.input_spectrum)
    w.written("x", cut["block_valid"], w.time.forward_x)
    n.probe("input_spectrum", w.x_write, spectrum)
    return InputSide(spectrum, head, cut, frame)
