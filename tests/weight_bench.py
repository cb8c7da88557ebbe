"""A stand-in of a core that loads weights: an echo of x beside a port that takes images of a kind of its own."""

from __future__ import annotations

from axi_bench import echo
from myhdl import Signal, always, always_comb, block, concat, instances

from ernn_myhdl import LinearCell, new_network
from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.types import Bit, Word, unsigned


@block
def stand_in(clk, rst, tdata, tvalid, tready, tlast, status, pause, most):
    """Takes a word in one of `pause` cycles, `most` words between resets; an image is right if its last word is what its others give."""
    turn, taken, mixed = unsigned(8), unsigned(16), unsigned(32)
    kept = unsigned(8)
    ready = Signal(bool(0))

    @always_comb
    def look():
        ready.next = turn == 0 and taken != most
        status.next = kept

    @always_comb
    def outputs():
        tready.next = ready

    @always(clk.posedge)
    def take():
        if rst:
            turn.next = 0
            taken.next = 0
            mixed.next = 0
            if kept == 1:  # the status of the last image outlives a reset
                kept.next = 32
        else:
            if turn == pause - 1:
                turn.next = 0
            else:
                turn.next = turn + 1
            if tvalid and ready:
                taken.next = taken + 1
                if tlast:
                    mixed.next = 0
                    if tdata == mixed:
                        kept.next = 2
                    else:
                        kept.next = 32
                else:
                    kept.next = 1
                    mixed.next = concat(mixed[31:], mixed[31]) ^ tdata

    return instances()


def stand_in_image(*words: int) -> list[int]:
    """Words with the last one that the stand-in wants."""
    mixed = 0
    for word in words:
        mixed = (mixed << 1 | mixed >> 31) & 0xFFFFFFFF ^ word
    return [*words, mixed]


def weight_design():
    """Frames of two beats; two banks."""
    layer = new_network([LinearCell(5, 5, block=1)], lanes=1, samples_per_beat=4).layers[0]
    return layer.with_weights("loadable", 2)


def weight_core(design=None, pause: int = 1, most: int = 60000) -> Netlist:
    """An echo with the stand-in beside it. design: None: `weight_design`."""
    n = echo(weight_design() if design is None else design)
    ports = ins(clk=Bit(), rst=Bit(), tdata=Word(32), tvalid=Bit(), tlast=Bit())
    leaf = Leaf(
        "weight_stand_in", stand_in, ports | outs(tready=Bit(), status=Word(8)),
        {"pause": pause, "most": most},
    )  # fmt: skip
    n.add(
        "weights", leaf, clk=n.nets["clk"], rst=n.nets["rst"], status=n.output("weights_status", Word(8)),
        tdata=n.input("s_weights_tdata", Word(32)), tvalid=n.input("s_weights_tvalid", Bit()),
        tlast=n.input("s_weights_tlast", Bit()), tready=n.output("s_weights_tready", Bit()),
    )  # fmt: skip
    return n
