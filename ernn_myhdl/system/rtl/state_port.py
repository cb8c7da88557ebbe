"""States of sequences to a core that loads them: from registers or from a stream of their own, as `weight_port` does it with weights.

STATE_DATA, STATE_LAST -> FIFO -+
                                +-> a state at a time -> its head aside -> width -> s_state of the core
s_states -> register slice -----+

The first word of a state is its head: the layer in its lower half, the stream in its upper half. The others are the beats of s_state, the
lowest bits first; a beat of fewer than 32 bits has a word of its own, in whose lowest bits it is.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, instances

from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Array, Bit, Word, bits_for, unsigned
from ernn_myhdl.system.rtl import width
from ernn_myhdl.system.rtl.weight_port import MARKED, WORD, push_leaf, words_of_both

HALF = 16
#: Cycles that a write waits for room at most: a core takes in the state before, with its transform.
MOST_WAIT = 1024


@block
def state_words(
    clk, rst, in_valid, in_ready, in_word, busy, out_valid, out_ready, out_last, stream, layer, wrong, streams, layers,
):  # fmt: skip
    """See `state_words_leaf`."""
    inside, dropping, known = (Signal(bool(0)) for _ in range(3))
    kept_stream, kept_layer = unsigned(len(stream)), unsigned(len(layer))

    @always_comb
    def look():
        known.next = in_word[32:16] < streams and in_word[16:0] < layers

    @always_comb
    def outputs():
        in_ready.next = (inside and (dropping or out_ready)) or (not inside and not busy)
        out_valid.next = in_valid and inside and not dropping
        out_last.next = in_word[32]
        stream.next = kept_stream
        layer.next = kept_layer

    @always(clk.posedge)
    def heads():
        wrong.next = False
        if rst:
            inside.next = False
            dropping.next = False
        elif not inside:
            if in_valid and not busy:
                inside.next = not in_word[32]
                dropping.next = not known
                wrong.next = not known or in_word[32]
        elif in_valid and (dropping or out_ready):
            inside.next = not in_word[32]

    @always(clk.posedge)
    def places():
        if in_valid and not inside and not busy:
            kept_stream.next = in_word[16 + len(kept_stream) : 16]
            kept_layer.next = in_word[len(kept_layer) :]

    return instances()


def state_words_leaf(streams: int, layers: int) -> Leaf:
    """Heads of states are taken off.

    Ports: in_*: words, with the last bit above them; busy: a beat of the state before still waits; out_valid, out_ready, out_last: words behind a head,
    as they come in; stream, layer: of the state; wrong: a head names none, or has no words behind it: they are dropped.
    """
    ports = ins(
        clk=Bit(), rst=Bit(), in_valid=Bit(), in_word=Word(MARKED), busy=Bit(), out_ready=Bit()
    )
    ports |= outs(in_ready=Bit(), out_valid=Bit(), out_last=Bit(), wrong=Bit())
    ports |= outs(stream=Word(bits_for(streams)), layer=Word(bits_for(layers)))
    return Leaf("axi_state_words", state_words, ports, {"streams": streams, "layers": layers})


def add_state_port(
    n: Netlist, clk: Net, resets: dict[str, Net], core: dict[str, Net], write: dict[str, Net], counts: tuple[int, int]
) -> Net:  # fmt: skip
    """Connect s_state of the core to registers and to a stream of the system; of a core without it, nothing is taken.

    core: nets at its ports. write: those of the bus (waits, valid, legal, address, data; hold and room are driven here). counts: streams and layers of
    the core. Returns: a state was dropped.
    """
    if "s_state_tdata" not in core:
        n.wire(write["hold"], n.zero("states_hold_nothing", Bit()))
        n.wire(write["room"], n.zero("states_have_no_room", Bit()))
        return n.zero("no_states", Bit())
    common = {"clk": clk, "rst": resets["core"]}
    word = words_of_both(
        n, "state", "s_states", push_leaf("axi_state_push", "STATE_DATA", "STATE_LAST", MOST_WAIT), clk, resets, write,
        {"out_ready": n.net("state_word_taken", Bit())},
    )  # fmt: skip
    taken = {
        "out_valid": core["s_state_tvalid"],
        "out_ready": core["s_state_tready"],
        "out_last": core["s_state_tlast"],
    }
    bits = core["s_state_tdata"].type.bits
    wide = bits > WORD
    made = n.add(
        "state_words", state_words_leaf(*counts), **common, in_valid=word["out_valid"], in_ready=n.nets["state_word_taken"],
        in_word=word["out_word"], busy=taken["out_valid"] if wide else n.zero("state_never_busy", Bit()),
        **({"out_ready": n.net("state_beat_taken", Bit())} if wide else taken),
    )  # fmt: skip
    for name, port in (("stream", "s_state_tid"), ("layer", "s_state_tdest")):
        if port in core:
            n.wire(core[port], made[name])
    if not wide:
        n.wire(core["s_state_tdata"], (word["out_word"], 0, bits))
        return made["wrong"]
    beat = n.add(
        "state_gather", width.gather_leaf("axi_state_gather", WORD, bits // WORD), **common, in_valid=made["out_valid"],
        in_ready=n.nets["state_beat_taken"], in_last=made["out_last"],
        in_data=n.bundle("state_part", Array(1, WORD), (word["out_word"], 0, WORD)),
        in_keep=n.constant("state_part_kept", Array(1, WORD // 8), -1), **taken,
    )  # fmt: skip
    n.wire(core["s_state_tdata"], beat["out_data"])
    return made["wrong"]
