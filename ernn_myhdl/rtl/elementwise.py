"""The element-wise unit: from drained gate rows to the new cell state and the cell's output.

Per block of k cells (the unit has E of them side by side):

    z_q = saturate(a_q + bias_q + round(p_q * c))      q = input, forget, output with peepholes
    i, f, o = sigmoid(z),  g = tanh or sigmoid(z_g)
    c' = saturate(round(f * c + i * g))                 both products exact
    m  = saturate(round(o * tanh(c'))), masked

The peephole of the output gate sees c'. The old state is zero at the first frame of a sequence.
`cell_block` is one block of cells; its latency is `CellTiming.total`, one block a cycle; no reset.
`gather` collects drained rows until the four gates of E blocks are there.
"""

from __future__ import annotations

from dataclasses import dataclass

from myhdl import always, block, intbv

from ernn_myhdl.design import Design
from ernn_myhdl.netlist import Leaf, Netlist, ins, outs
from ernn_myhdl.pwl import tables
from ernn_myhdl.rtl import pwl, rounding
from ernn_myhdl.rtl.delay import delayed
from ernn_myhdl.rtl.signals import Array, Bit, Word, array, bits_for, unsigned

GATHER_LATENCY = 1
BIAS_LATENCY = 1  # sum of row and bias
PEEPHOLE_LATENCY = 3  # operands; product; rounding, sum and saturation
STATE_LATENCY = 3 + rounding.LATENCY  # operands; products; sum; rounding
OUTPUT_LATENCY = 2 + rounding.LATENCY  # operands and mask; product; rounding


@dataclass(frozen=True)
class CellTiming:
    """Cycles from the operands (rows, parameters, state) of a block to each of its results."""

    peepholes: bool

    @property
    def preactivation(self) -> int:
        return PEEPHOLE_LATENCY if self.peepholes else BIAS_LATENCY + rounding.LATENCY

    @property
    def gates(self) -> int:
        """Input, forget and candidate gates."""
        return self.preactivation + pwl.LATENCY

    @property
    def state(self) -> int:
        return self.gates + STATE_LATENCY

    @property
    def tanh(self) -> int:
        return self.state + pwl.LATENCY

    @property
    def output_preactivation(self) -> int:
        if not self.peepholes:
            return self.preactivation
        return self.state + PEEPHOLE_LATENCY

    @property
    def output_gate(self) -> int:
        return self.output_preactivation + pwl.LATENCY

    @property
    def total(self) -> int:
        return max(self.tanh, self.output_gate) + OUTPUT_LATENCY


@block
def gather(clk, rst, chunk_valid, chunk, chunk_tag, rows, valid, index, tag, size, slots,
           chunks, groups):  # fmt: skip
    """Collects chunks of `size` words into groups of `slots` chunks; `chunks` of them are a frame.

    valid: rows holds group number index of the frame that tag names. The last group of a frame may be incomplete.
    """
    slot = unsigned(bits_for(slots))
    count = unsigned(bits_for(chunks))
    group = unsigned(bits_for(groups))
    last_slot, last_chunk = slots - 1, chunks - 1

    @always(clk.posedge)
    def control():
        if rst:
            slot.next = 0
            count.next = 0
            group.next = 0
            valid.next = False
            index.next = 0
            tag.next = 0
        else:
            valid.next = False
            if chunk_valid:
                if count == last_chunk:
                    count.next = 0
                    slot.next = 0
                    group.next = 0
                    valid.next = True
                else:
                    count.next = count + 1
                    if slot == last_slot:
                        slot.next = 0
                        group.next = group + 1
                        valid.next = True
                    else:
                        slot.next = slot + 1
                index.next = group
                tag.next = chunk_tag

    @always(clk.posedge)
    def store_one():
        # a chunk is a group and passes with its valid bit, so no net must enable all registers
        for i in range(size):
            rows[i].next = chunk[i]

    @always(clk.posedge)
    def store():
        if chunk_valid:
            for s in range(slots):
                if slot == s:
                    for i in range(size):
                        rows[s * size + i].next = chunk[i]

    return (control, store) if slots > 1 else (control, store_one)


@block
def add_bias(clk, row, bias, total, count):
    """total = row + bias"""

    @always(clk.posedge)
    def add():
        for i in range(count):
            total[i].next = row[i] + bias[i]

    return add


@block
def add_peephole(clk, fresh, total, peephole, state, target, count, state_word, peephole_word,
                 total_word, target_word, shift):  # fmt: skip
    """target = saturate(total + round(peephole * state)); the state counts as zero where fresh.

    total comes BIAS_LATENCY after the operands, so that it may be made beside their registers.
    """
    product_word = state_word + peephole_word
    right, left = max(shift, 0), max(-shift, 0)
    kept = max(right - 1, 0)  # the half bit becomes the lowest, as in `rounding`
    wide = max(product_word - kept + left, total_word + 1) + 1
    limit = 1 << (wide - 1)
    sign = target_word - 1
    highest, lowest = (1 << sign) - 1, -(1 << sign)
    peephole_1, state_1 = array(count, peephole_word), array(count, state_word)
    product = array(count, product_word)
    total_2 = array(count, total_word)
    # made once: MyHDL counts the digits of both limits whenever it makes an intbv
    word = intbv(0, min=-limit, max=limit)
    twice = intbv(0, min=-limit, max=limit)
    beyond = intbv(0, min=-limit, max=limit)

    @always(clk.posedge)
    def operands():
        for i in range(count):
            peephole_1[i].next = peephole[i]
            if fresh:
                state_1[i].next = 0
            else:
                state_1[i].next = state[i]

    @always(clk.posedge)
    def multiply():
        for i in range(count):
            product[i].next = peephole_1[i] * state_1[i]
            total_2[i].next = total[i]

    @always(clk.posedge)
    def add_right():
        for i in range(count):
            word[:] = product[i] >> kept
            twice[:] = total_2[i]
            twice[:] = twice << 1
            twice[0] = True  # plus half an LSB
            word[:] = word + twice
            word[:] = word >> 1
            beyond[:] = word >> sign
            if word < 0:
                beyond[:] = ~beyond
            if beyond != 0:
                if word < 0:
                    target[i].next = lowest
                else:
                    target[i].next = highest
            else:
                target[i].next = word

    @always(clk.posedge)
    def add_left():
        for i in range(count):
            word[:] = product[i]
            word[:] = word << left
            word[:] = word + total_2[i]
            beyond[:] = word >> sign
            if word < 0:
                beyond[:] = ~beyond
            if beyond != 0:
                if word < 0:
                    target[i].next = lowest
                else:
                    target[i].next = highest
            else:
                target[i].next = word

    return operands, multiply, (add_right if right else add_left)


@block
def update_state(clk, fresh, forget, state, enter, candidate, total, count, gate_word, state_word,
                 forget_shift, enter_shift, total_word):  # fmt: skip
    """total = (forget * state << forget_shift) + (enter * candidate << enter_shift), exact.

    The state counts as zero where fresh.
    """
    limit = 1 << (total_word - 1)
    forget_1, state_1 = array(count, gate_word), array(count, state_word)
    enter_1, candidate_1 = array(count, gate_word), array(count, gate_word)
    kept, added = array(count, gate_word + state_word), array(count, 2 * gate_word)
    remembered = intbv(0, min=-limit, max=limit)
    entered = intbv(0, min=-limit, max=limit)

    @always(clk.posedge)
    def operands():
        for i in range(count):
            forget_1[i].next = forget[i]
            enter_1[i].next = enter[i]
            candidate_1[i].next = candidate[i]
            if fresh:
                state_1[i].next = 0
            else:
                state_1[i].next = state[i]

    @always(clk.posedge)
    def multiply():
        for i in range(count):
            kept[i].next = forget_1[i] * state_1[i]
            added[i].next = enter_1[i] * candidate_1[i]

    @always(clk.posedge)
    def add():
        for i in range(count):
            remembered[:] = kept[i]
            entered[:] = added[i]
            remembered[:] = remembered << forget_shift
            entered[:] = entered << enter_shift
            total[i].next = remembered + entered

    return operands, multiply, add


@block
def multiply_output(clk, gate, squashed, mask, product, count, gate_word):
    """product = gate * squashed, or zero where the mask bit is 0."""
    gate_1, squashed_1 = array(count, gate_word), array(count, gate_word)

    @always(clk.posedge)
    def operands():
        for i in range(count):
            gate_1[i].next = gate[i]
            if mask[i]:
                squashed_1[i].next = squashed[i]
            else:
                squashed_1[i].next = 0

    @always(clk.posedge)
    def multiply():
        for i in range(count):
            product[i].next = gate_1[i] * squashed_1[i]

    return operands, multiply


def _arrays(name, function, count, inputs, outputs, parameters, bits=()):
    """A leaf whose array ports are given by their widths."""
    ports = ins(clk=Bit()) | ins(**{b: Bit() for b in bits})
    ports |= ins(**{p: Array(count, w) for p, w in inputs.items()})
    ports |= outs(**{p: Array(count, w) for p, w in outputs.items()})
    return Leaf(name, function, ports, {"count": count} | parameters)


def gather_leaf(
    points: int, word: int, units: int, width: int, chunks: int, groups: int, tag_bits: int
) -> Leaf:
    """Collects chunks of `units` rows into the 4 * width rows of a group."""
    size = units * points
    slots = 4 * width // units
    return Leaf(
        "gather",
        gather,
        ins(clk=Bit(), rst=Bit(), chunk_valid=Bit(), chunk=Array(size, word))
        | ins(chunk_tag=Word(tag_bits))
        | outs(
            rows=Array(slots * size, word),
            valid=Bit(),
            index=Word(bits_for(groups)),
            tag=Word(tag_bits),
        ),
        {"size": size, "slots": slots, "chunks": chunks, "groups": groups},
    )


def cell_block(design: Design) -> Netlist:
    """One block of k cells.

    Ports: clk, rst, valid, fresh; row_0..3 and bias_0..3 in the order of the gates, peephole_0..2
    (with peepholes), state, mask; new_state after CellTiming.state cycles, result after
    CellTiming.total. valid only marks the stages for traces.
    """
    f, cell = design.formats, design.cell
    k, time = cell.block, CellTiming(cell.peepholes)
    z, c, gate = f.preactivation, f.cell_state, f.gate
    n = Netlist("cell_block")
    clk = n.input("clk", Bit())
    n.input("rst", Bit())
    fresh = n.input("fresh", Bit())
    rows = [n.input(f"row_{q}", Array(k, z.word)) for q in range(4)]
    biases = [n.input(f"bias_{q}", Array(k, z.word)) for q in range(4)]
    peepholes = []
    if cell.peepholes:
        peepholes = [n.input(f"peephole_{q}", Array(k, f.peephole.word)) for q in range(3)]
    state = n.input("state", Array(k, c.word))
    mask = n.input("mask", Word(k))
    new_state = n.output("new_state", Array(k, c.word))
    result = n.output("result", Array(k, f.cell_output.word))
    names = ("input", "forget", "candidate", "output")

    word = z.word + 1
    bias_leaf = _arrays(
        "add_bias", add_bias, k, {"row": z.word, "bias": z.word}, {"total": word}, {}
    )
    totals = [
        n.add(f"bias_{name}", bias_leaf, clk=clk, row=row, bias=bias)["total"]
        for name, row, bias in zip(names, rows, biases, strict=True)
    ]

    def saturated(name: str, total):
        return n.add(
            f"saturate_{name}",
            rounding.leaf(k, total.type.width, z.word, 0),
            clk=clk,
            source=total,
        )["target"]

    if cell.peepholes:
        peephole_leaf = _arrays(
            "add_peephole",
            add_peephole,
            k,
            {"total": word, "peephole": f.peephole.word, "state": c.word},
            {"target": z.word},
            {
                "state_word": c.word,
                "peephole_word": f.peephole.word,
                "total_word": word,
                "target_word": z.word,
                "shift": f.peephole.frac + c.frac - z.frac,
            },
            ("fresh",),
        )

        def with_peephole(name, cleared, total, peephole, seen):
            return n.add(
                f"peephole_{name}", peephole_leaf, clk=clk, fresh=cleared, total=total,
                peephole=peephole, state=seen,
            )["target"]  # fmt: skip

        entering = with_peephole("input", fresh, totals[0], peepholes[0], state)
        forgetting = with_peephole("forget", fresh, totals[1], peepholes[1], state)
        waits = PEEPHOLE_LATENCY - BIAS_LATENCY - rounding.LATENCY
        candidate = saturated("candidate", delayed(n, "hold_candidate", totals[2], waits))
    else:
        entering, forgetting, candidate = (
            saturated(name, total) for name, total in zip(names, totals[:3], strict=False)
        )

    functions = {
        f"pwl_{name}": pwl.leaf(f"pwl_{name}", k, table) for name, table in tables(design).items()
    }

    def activated(name, function, source):
        return n.add(f"activate_{name}", functions[function], clk=clk, source=source)["target"]

    gates = [
        activated("input", "pwl_gate", entering),
        activated("forget", "pwl_gate", forgetting),
        activated("candidate", "pwl_candidate", candidate),
    ]
    frac = max(gate.frac + c.frac, 2 * gate.frac)
    forget_shift, enter_shift = frac - gate.frac - c.frac, frac - 2 * gate.frac
    total_word = max(gate.word + c.word + forget_shift, 2 * gate.word + enter_shift) + 1
    waiting = delayed(n, "hold_state", state, time.gates)
    exact = n.add(
        "update_state",
        _arrays(
            "update_state",
            update_state,
            k,
            {"forget": gate.word, "state": c.word, "enter": gate.word, "candidate": gate.word},
            {"total": total_word},
            {
                "gate_word": gate.word,
                "state_word": c.word,
                "forget_shift": forget_shift,
                "enter_shift": enter_shift,
                "total_word": total_word,
            },
            ("fresh",),
        ),
        clk=clk,
        fresh=delayed(n, "hold_fresh", fresh, time.gates),
        forget=gates[1],
        state=waiting,
        enter=gates[0],
        candidate=gates[2],
    )["total"]
    n.add(
        "round_state",
        rounding.leaf(k, total_word, c.word, frac - c.frac),
        clk=clk,
        source=exact,
        target=new_state,
    )
    squashed = activated("state", "pwl_state", new_state)

    if cell.peepholes:
        total = delayed(n, "hold_output", totals[3], time.state)
        peephole = delayed(n, "hold_peephole_2", peepholes[2], time.state)
        never = n.zero("never", Bit())
        opening = with_peephole("output", never, total, peephole, new_state)
    else:
        opening = saturated("output", totals[3])
    gates.append(activated("output", "pwl_gate", opening))
    ready = max(time.tanh, time.output_gate)
    product = n.add(
        "multiply_output",
        Leaf(
            "multiply_output",
            multiply_output,
            ins(clk=Bit(), gate=Array(k, gate.word), squashed=Array(k, gate.word), mask=Word(k))
            | outs(product=Array(k, 2 * gate.word)),
            {"count": k, "gate_word": gate.word},
        ),
        clk=clk,
        gate=delayed(n, "hold_output_gate", gates[3], ready - time.output_gate),
        squashed=delayed(n, "hold_squashed", squashed, ready - time.tanh),
        mask=delayed(n, "hold_mask", mask, ready),
    )["product"]
    n.add(
        "round_output",
        rounding.leaf(k, 2 * gate.word, f.cell_output.word, 2 * gate.frac - f.cell_output.frac),
        clk=clk,
        source=product,
        target=result,
    )

    # stages for traces: a valid bit travels beside the data
    valid = n.input("valid", Bit())
    marks = {
        cycles: delayed(n, f"valid_{cycles}", valid, cycles)
        for cycles in sorted(
            {time.preactivation, time.gates, time.state, time.tanh}
            | {time.output_preactivation, time.output_gate}
        )
    }
    n.probe("preactivations_0", marks[time.preactivation], entering)
    n.probe("preactivations_1", marks[time.preactivation], forgetting)
    n.probe("preactivations_2", marks[time.preactivation], candidate)
    n.probe("preactivations_3", marks[time.output_preactivation], opening)
    for q in range(3):
        n.probe(f"gates_{q}", marks[time.gates], gates[q])
    n.probe("gates_3", marks[time.output_gate], gates[3])
    n.probe("cell_state", marks[time.state], new_state)
    n.probe("cell_tanh", marks[time.tanh], squashed)
    return n
