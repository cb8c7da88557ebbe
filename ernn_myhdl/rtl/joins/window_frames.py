"""The frames of a signal on their way into the memory of a window, counted by streams and sequences."""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block

from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.types import Bit, Word, bits_for, unsigned
from ernn_myhdl.rtl.joins.window_layout import WindowLayout


@block
def window_frames(
    clk, rst, valid, user, stream, begins, idle, ready, write, write_address, offer, newest, history, first, of_stream,
    beats, region, reach, stride, skipped, streams, newest_bits,
):  # fmt: skip
    """Writes the frames of a signal, and counts them; see `frames_leaf`."""
    beat = unsigned(bits_for(beats))
    waiting, done, starts, whole, now_due, enough = (Signal(bool(0)) for _ in range(6))
    known = unsigned(len(history))
    phase = unsigned(bits_for(stride))
    now_first = unsigned(len(user))
    frame_user = unsigned(len(user))
    frame_stream = unsigned(len(stream))
    address = unsigned(len(newest))
    # of every stream, one for each value of the index: the address of the frame to be written, the frames known before the next
    # one, the frames until the next window, tuser of its first
    places = [unsigned(len(newest)) for _ in range(1 << len(stream))]
    counts = [unsigned(len(history)) for _ in range(1 << len(stream))]
    phases = [unsigned(bits_for(stride)) for _ in range(1 << len(stream))]
    firsts = [unsigned(len(user)) for _ in range(1 << len(stream))]
    last_beat, last_place, last_phase = beats - 1, region - beats, stride - 1
    lead = skipped % stride
    starting = (1 << len(user)) - 1 - newest_bits

    @always_comb
    def look():
        starts.next = (frame_user & 1) != 0
        whole.next = beat == last_beat

    @always_comb
    def accept():
        ready.next = not waiting and not rst
        write.next = valid and not waiting and not rst

    @always_comb
    def place():
        write_address.next = places[stream] + beat

    @always_comb
    def count():
        if starts:
            known.next = 0
            phase.next = lead
            now_first.next = frame_user & starting
        else:
            known.next = counts[frame_stream]
            phase.next = phases[frame_stream]
            now_first.next = firsts[frame_stream]

    @always_comb
    def reach_back():
        enough.next = known >= skipped

    @always_comb
    def decide():
        now_due.next = phase == 0 and enough

    @always_comb
    def tell():
        offer.next = waiting and now_due
        # the memory has room for the frames between two windows, not for those of another sequence's beginning
        done.next = waiting and (begins or (not now_due and (enough or idle)))
        newest.next = address
        history.next = known
        first.next = now_first | (frame_user & newest_bits)
        of_stream.next = frame_stream

    @always(clk.posedge)
    def control():
        if rst:
            beat.next = 0
            waiting.next = False
            for s in range(streams):
                places[s].next = 0
                counts[s].next = 0
                phases[s].next = 0
                firsts[s].next = 0
        else:
            if done:
                waiting.next = False
                if known == reach:
                    counts[frame_stream].next = known
                else:
                    counts[frame_stream].next = known + 1
                if phase == 0:
                    phases[frame_stream].next = last_phase
                else:
                    phases[frame_stream].next = phase - 1
                if now_due:
                    firsts[frame_stream].next = 0
                else:
                    firsts[frame_stream].next = now_first
            if valid and not waiting:
                if beat == 0:
                    frame_user.next = user
                    frame_stream.next = stream
                if whole:
                    beat.next = 0
                    waiting.next = True
                    address.next = places[stream]
                    if places[stream] == last_place:
                        places[stream].next = 0
                    else:
                        places[stream].next = places[stream] + beats
                else:
                    beat.next = beat + 1

    return look, accept, place, count, reach_back, decide, tell, control


def frames_leaf(
    name: str, layout: WindowLayout, user_bits: int, streams: int, newest_bits: int = 0
) -> Leaf:
    """The frames of a signal on their way into the memory.

    Ports: valid, ready, user, stream: of a beat; write, write_address: of the memory, within the words of its stream. offer: a window
    is due, whose newest frame is at `newest`, with `history` frames of its sequence before that, as many as it reaches at most;
    first: its tuser, of the first one with what tells a start; newest_bits: a mask of what tuser has of the newest frame, the end of a
    sequence and the bank of weights; of_stream: its tid; begins: it is taken; idle: no window is being read.
    """
    window, tid, user = layout.window, Word(bits_for(streams)), Word(user_bits)
    address, known = Word(bits_for(layout.region)), Word(bits_for(window.reach + 1))
    return Leaf(
        f"{name}_frames",
        window_frames,
        ins(clk=Bit(), rst=Bit(), valid=Bit(), user=user, stream=tid, begins=Bit(), idle=Bit())
        | outs(ready=Bit(), write=Bit(), write_address=address, offer=Bit(), newest=address)
        | outs(history=known, first=user, of_stream=tid),
        {
            "beats": layout.beats,
            "region": layout.region,
            "reach": window.reach,
            "stride": window.stride,
            "skipped": window.skipped,
            "streams": streams,
            "newest_bits": newest_bits,
        },
    )
