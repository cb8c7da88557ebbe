"""Images of weights to a core that loads them: from registers or from a stream of their own, one image at a time.

WEIGHT_DATA, WEIGHT_LAST -> FIFO ----------+
                                           +-> one of them, up to its last word -> s_weights of the core
s_weights -> register slice ---------------+
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, concat, instances

from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Bit, Word, bits_for, unsigned
from ernn_myhdl.host.registers import REFUSALS, WEIGHT_FIELDS, WINDOW_BITS, register
from ernn_myhdl.rtl.fifo import fifo_leaf
from ernn_myhdl.system.rtl import skid

#: Words of the FIFO, and the cycles that a write waits for room at most before it is refused.
FIFO_WORDS, MOST_WAIT = 4, 32
#: A word of an image, and whether it is its last.
WORD, MARKED = 32, 33
_REFUSED = sum(f.mask for f in REFUSALS)
_LOADING, _LOADED = (WEIGHT_FIELDS[i].mask for i in (0, 1))


@block
def weight_push(
    clk, rst, waits, valid, legal, address, data, ready, hold, room, put_valid, put_word, data_address,
    last_address, most,
):  # fmt: skip
    """See `weight_push_leaf`."""
    waited = unsigned(bits_for(most + 1))
    own, last = Signal(bool(0)), Signal(bool(0))

    @always_comb
    def look():
        last.next = address == last_address
        if address == data_address:
            own.next = True
        else:
            own.next = address == last_address

    @always_comb
    def outputs():
        hold.next = waits and own and not ready and waited != most
        room.next = ready
        put_valid.next = valid and legal and own

    @always_comb
    def word():
        put_word.next = concat(last, data)

    @always(clk.posedge)
    def count():
        if rst or not (waits and own) or ready:
            waited.next = 0
        elif waited != most:
            waited.next = waited + 1

    return instances()


def push_leaf(name: str, data: str, last: str, most: int = MOST_WAIT) -> Leaf:
    """Words by writes of the registers `data` and, the last one, `last`.

    A write waits while the FIFO is full, for at most `most` cycles, then it is refused: a bus never stands still because of a core that
    takes no words. Ports: waits, valid, legal, address, data: of a write; ready: the FIFO has room; hold: the write has to wait; room: it can be
    done; put_valid, put_word: to the FIFO.
    """
    ports = ins(clk=Bit(), rst=Bit(), waits=Bit(), valid=Bit(), legal=Bit(), ready=Bit())
    ports |= ins(address=Word(WINDOW_BITS), data=Word(WORD))
    ports |= outs(hold=Bit(), room=Bit(), put_valid=Bit(), put_word=Word(MARKED))
    places = {"data_address": register(data).address, "last_address": register(last).address}
    return Leaf(name, weight_push, ports, places | {"most": most})


def weight_push_leaf(most: int = MOST_WAIT) -> Leaf:
    """Words of an image of weights by writes of registers, see `push_leaf`."""
    return push_leaf("axi_weight_push", "WEIGHT_DATA", "WEIGHT_LAST", most)


@block
def weight_choice(
    clk, rst, first_valid, first_ready, first_word, second_valid, second_ready, second_word, out_valid, out_ready, out_word
):  # fmt: skip
    """See `weight_choice_leaf`."""
    # 0: nobody; 1: the first; 2: the second
    owner = unsigned(2)
    offered, ends = Signal(bool(0)), Signal(bool(0))
    shown = unsigned(MARKED)

    @always_comb
    def choose():
        if owner == 1:
            shown.next = first_word
            offered.next = first_valid
        else:
            shown.next = second_word
            offered.next = second_valid and owner == 2

    @always_comb
    def look():
        ends.next = offered and out_ready and shown[32]

    @always_comb
    def outputs():
        out_valid.next = offered
        out_word.next = shown
        first_ready.next = owner == 1 and out_ready
        second_ready.next = owner == 2 and out_ready

    @always(clk.posedge)
    def keep():
        if rst:
            owner.next = 0
        elif owner == 0:
            if first_valid:
                owner.next = 1
            elif second_valid:
                owner.next = 2
        elif ends:
            owner.next = 0

    return instances()


def weight_choice_leaf() -> Leaf:
    """One of two streams of images, each image whole. Ports: first_*, second_*: of both; out_*: of what passes."""
    ports = ins(clk=Bit(), rst=Bit(), out_ready=Bit())
    ports |= ins(first_valid=Bit(), second_valid=Bit())
    ports |= ins(first_word=Word(MARKED), second_word=Word(MARKED))
    ports |= outs(first_ready=Bit(), second_ready=Bit(), out_valid=Bit(), out_word=Word(MARKED))
    return Leaf("axi_weight_choice", weight_choice, ports)


@block
def weight_events(clk, rst, status, ended, refused, refusals, loading, ends, told):
    """See `weight_events_leaf`."""
    done, wrong, new = (Signal(bool(0)) for _ in range(3))
    before = unsigned(len(status))

    @always_comb
    def look():
        wrong.next = (status & refusals) != 0
        done.next = (status & loading) == 0 and (status & ends) != 0

    @always_comb
    def compare():
        # an image of one word may end in the cycle in which it begins
        new.next = (status & told) != (before & told)

    @always(clk.posedge)
    def keep():
        ended.next = False
        refused.next = False
        before.next = status
        if not rst:  # through which the status of the core stays
            ended.next = done and new
            refused.next = done and new and wrong

    return instances()


def weight_events_leaf() -> Leaf:
    """When an image ends. Ports: status: of the core; ended: for a cycle, an image was accepted or refused; refused: the latter."""
    ports = ins(clk=Bit(), rst=Bit(), status=Word(8)) | outs(ended=Bit(), refused=Bit())
    masks = {"refusals": _REFUSED, "loading": _LOADING, "ends": _REFUSED | _LOADED}
    masks["told"] = _REFUSED | _LOADED | _LOADING  # pending changes without an image
    return Leaf("axi_weight_events", weight_events, ports, masks)


def add_weight_port(
    n: Netlist, clk: Net, resets: dict[str, Net], core: dict[str, Net], write: dict[str, Net]
) -> dict[str, Net]:
    """Connect s_weights of the core to registers and to a stream of the system; of a core whose weights are fixed, nothing is taken.

    core: nets at its ports. write: those of the bus (waits, valid, legal, address, data; hold and room are driven here). Returns ended,
    refused and status.
    """
    if "s_weights_tdata" not in core:
        return _without_weights(n, write["hold"], write["room"])
    common = {"clk": clk, "rst": resets["core"]}
    taken = {"out_valid": core["s_weights_tvalid"], "out_ready": core["s_weights_tready"]}
    word = words_of_both(n, "weight", "s_weights", weight_push_leaf(), clk, resets, write, taken)[
        "out_word"
    ]
    n.wire(core["s_weights_tdata"], (word, 0, WORD))
    n.wire(core["s_weights_tlast"], (word, WORD, 1))
    status = core["weights_status"]
    seen = n.add("weight_events", weight_events_leaf(), **common, status=status)
    used = n.bundle("weights_of_status", Word(len(WEIGHT_FIELDS)), (status, 0, len(WEIGHT_FIELDS)))
    return {"ended": seen["ended"], "refused": seen["refused"], "status": used}


def words_of_both(
    n: Netlist, label: str, stream: str, push: Leaf, clk: Net, resets: dict[str, Net], write: dict[str, Net], taken: dict[str, Net]
) -> dict[str, Net]:  # fmt: skip
    """Words of registers and of a stream of the system's ports, one image of them after the other.

    push: of `push_leaf`; write: see `add_weight_port`; taken: nets at the ports out_valid, which may be missing, and out_ready of `weight_choice_leaf`. Returns the
    others, of words with their last bit above them.
    """
    common = {"clk": clk, "rst": resets["core"]}
    pushed = n.add(f"{label}_push", push, **common, **write, ready=n.net(f"{label}_room", Bit()))
    kept = n.add(
        f"{label}_fifo", fifo_leaf(MARKED, FIFO_WORDS), **common, in_valid=pushed["put_valid"], in_word=pushed["put_word"],
        in_ready=n.nets[f"{label}_room"], out_ready=n.net(f"{label}_kept_taken", Bit()),
    )  # fmt: skip
    data, last = n.input(f"{stream}_tdata", Word(WORD)), n.input(f"{stream}_tlast", Bit())
    streamed = n.add(
        f"{label}_entry", skid.skid_leaf("axi_weight_skid", MARKED), clk=clk, rst=resets["boundary"],
        in_valid=n.input(f"{stream}_tvalid", Bit()), in_ready=n.output(f"{stream}_tready", Bit()),
        in_word=n.bundle(f"{label}_beat", Word(MARKED), data, last), out_ready=n.net(f"{label}_streamed_taken", Bit()),
    )  # fmt: skip
    return n.add(
        f"{label}_choice", weight_choice_leaf(), **common, first_valid=kept["out_valid"], first_word=kept["out_word"],
        first_ready=n.nets[f"{label}_kept_taken"], second_valid=streamed["out_valid"], second_word=streamed["out_word"],
        second_ready=n.nets[f"{label}_streamed_taken"], **taken,
    )  # fmt: skip


def _without_weights(n: Netlist, hold: Net, room: Net) -> dict[str, Net]:
    n.wire(hold, n.zero("weights_hold_nothing", Bit()))
    n.wire(room, n.zero("weights_have_no_room", Bit()))
    never = n.zero("no_weights", Bit())
    return {"ended": never, "refused": never, "status": n.zero("no_weight_status", Word(len(WEIGHT_FIELDS)))}  # fmt: skip
