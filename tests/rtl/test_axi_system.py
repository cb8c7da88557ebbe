"""The AXI system in MyHDL: packets of frames and sequences against the golden model, registers, errors, resets."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from axi_bench import BusMaster, bench_netlist
from block_bench import run_myhdl

from ernn_myhdl import DesignError, GruCell, LinearCell, LstmCell, RnnCell, new_network
from ernn_myhdl.host.registers import BY_NAME, DIGEST_WORDS, IDENTITY, MODES
from ernn_myhdl.numerics.formats import to_real
from ernn_myhdl.streams.traffic import packed_samples
from ernn_myhdl.system.rtl.axi_system import axi_system


@lru_cache
def design_of(kind: str):
    if kind == "two streams":
        return new_network([RnnCell(5, 6, block=2)], lanes=1, streams=2, samples_per_beat=2).layers[
            0
        ]
    if kind == "network":
        return new_network(
            [RnnCell(3, 4, block=2), LinearCell(4, 5, block=1)], samples_per_beat=2, lanes=1
        )
    if kind == "lstm":  # several words in each part of the program
        return new_network([LstmCell(6, 4, 2, block=2)], lanes=1, samples_per_beat=2).layers[0]
    if kind == "gru":
        return new_network([GruCell(6, 4, block=2)], lanes=1, samples_per_beat=2).layers[0]
    if kind == "echo":  # as many outputs as inputs
        return new_network([LinearCell(5, 5, block=1)], lanes=1, samples_per_beat=4).layers[0]
    return new_network([RnnCell(5, 6, block=2)], lanes=2, samples_per_beat=4).layers[0]


def frames_of(design, lengths, seed=3):
    """Raw sequences of these lengths."""
    random = np.random.default_rng(seed)
    low, high = design.input_format.minimum, design.input_format.maximum
    return [random.integers(low, high + 1, (n, design.inputs)) for n in lengths]


def packet(design, frames) -> bytes:
    """Frames of x, or of y, as the bytes of a packet."""
    size = design.stream_shape.data_bits // 8
    return b"".join(
        word.to_bytes(size, "little") for frame in frames for word in packed_samples(frame, design)
    )


def golden(design, sequences) -> list[np.ndarray]:
    """Raw y of sequences."""
    raw = design.run([to_real(s, design.input_format) for s in sequences], engine="golden").raw
    return np.split(raw, np.cumsum([len(s) for s in sequences])[:-1])


def simulated(design, bus_bits, test, echoes=False, **traffic):
    """Run a test of a BusMaster."""
    bus = BusMaster(bus_bits, **traffic)
    done = []

    def steps():
        yield from bus.reset(2)
        yield from test(bus)
        done.append(True)

    run_myhdl(bench_netlist(design, bus_bits, echoes), steps)
    assert done


@pytest.mark.parametrize(
    ("kind", "bus_bits", "idle", "stall"),
    [("rnn", 32, 0, 0), ("network", 128, 0.3, 0.6)],
)
def test_packets_of_a_frame_of_a_sequence_and_of_some_frames(kind, bus_bits, idle, stall):
    design = design_of(kind)
    sequences = frames_of(design, [3, 2])
    y = [packet(design, s) for s in golden(design, sequences)]
    x = [packet(design, s) for s in sequences]
    frames = [packet(design, [f]) for s in sequences for f in s]
    size = len(y[0]) // 3

    def test(bus):
        yield from bus.write("PACKET", MODES["sequence"])
        bus.send(x)
        assert (yield from bus.receive(2)) == y
        yield from bus.write("PACKET", MODES["frame"])
        yield from bus.write("CONTROL", 1)  # else the second sequence would go on
        bus.send(frames[:3])
        got = yield from bus.receive(3)
        assert b"".join(got) == y[0] and {len(p) for p in got} == {size}
        yield from bus.write("CONTROL", 1)
        bus.send(frames[3:])
        assert b"".join((yield from bus.receive(2))) == y[1]
        yield from bus.write("CONTROL", 1)
        yield from bus.write("PACKET", MODES["frames"])
        bus.send([x[0][: len(x[0]) // 3], x[0][len(x[0]) // 3 :]])
        assert b"".join((yield from bus.receive(2))) == y[0]
        yield from bus.write("SEQUENCE", 1)  # every frame is a sequence: golden of each alone
        yield from bus.write("PACKET", MODES["sequence"])
        bus.send([x[0]])
        alone = golden(design, [f[None] for f in sequences[0]])
        assert (yield from bus.receive(1)) == [packet(design, np.concatenate(alone))]
        assert (yield from bus.read("ERRORS")) == (0, 0)
        assert (yield from bus.read("FRAMES_IN")) == (16, 0)
        assert (yield from bus.read("FRAMES_OUT")) == (16, 0)
        assert (yield from bus.read("PACKETS_OUT")) == (10, 0)

    simulated(design, bus_bits, test, idle=idle, stall=stall)


def test_frames_of_a_packet_take_turns_over_the_streams():
    design = design_of("two streams")
    sequences = frames_of(design, [3, 3])
    y = golden(design, sequences)
    both = [s[i] for i in range(3) for s in sequences]

    def test(bus):
        assert (yield from bus.write("STREAMS", 3)) == 2  # there are two
        assert (yield from bus.write("STREAMS", 0)) == 2
        assert (yield from bus.write("STREAMS", 2)) == 0
        yield from bus.write("PACKET", MODES["sequence"])
        bus.send([packet(design, both)])
        wanted = packet(design, [s[i] for i in range(3) for s in y])
        assert (yield from bus.receive(1)) == [wanted]
        yield from bus.write("SEQUENCE", 3)  # two sequences of each stream in one packet
        bus.send([packet(design, [*both, *both])])
        assert (yield from bus.receive(1)) == [wanted + wanted]
        assert (yield from bus.read("ERRORS")) == (1 << 4, 0)

    simulated(design, 32, test, idle=0.2, stall=0.2)


def test_packets_of_wrong_length_are_told_and_the_next_one_is_right():
    design = design_of("echo")
    (x,) = frames_of(design, [2])
    short = x[:1].copy()
    short[:, 3:] = 0
    whole = packet(design, x)
    size = len(whole) // 2
    wanted = {"short": packet(design, short), "one": packet(design, x[:1])}

    def test(bus):
        errors = {f.name: 1 << f.low for f in BY_NAME["ERRORS"].fields}
        yield from bus.write("SEQUENCE", 1)
        cases = [
            ([whole[:6]], "short", "short"),  # ends in the first of two beats
            ([whole], "one", "long"),
            (
                [whole[: size - 7]],
                "short",
                None,
            ),  # what is missing is beyond the last input, but for one byte
        ]
        for packets, kind, error in cases[:2]:
            bus.send([*packets, whole[:size]])
            assert (yield from bus.receive(2)) == [wanted[kind], wanted["one"]]
            assert (yield from bus.read("ERRORS")) == (errors[error], 0)
            yield from bus.write("ERRORS", errors[error])
            assert (yield from bus.read("ERRORS")) == (0, 0)
        # the unused samples of the last beat need not be sent
        bus.send([whole[: 5 * 2]])
        assert (yield from bus.receive(1)) == [wanted["one"]]
        assert (yield from bus.read("ERRORS")) == (0, 0)
        # a hole in the middle
        bus.send([whole[:size]])
        data, keep, last = bus.source[0]
        bus.source[0] = (data, keep & ~2, last)
        yield from bus.receive(1)
        assert (yield from bus.read("ERRORS")) == (errors["gap"], 0)
        yield from bus.write("CONTROL", 4)
        assert (yield from bus.read("ERRORS")) == (0, 0)
        yield from bus.write("PACKET", MODES["sequence"])
        bus.send([whole[: size + 6], whole[:size]])
        got = yield from bus.receive(2)
        assert [len(p) for p in got] == [2 * size_of_y, size_of_y] and got[1] == wanted["one"]
        assert (yield from bus.read("ERRORS")) == (errors["short"], 0)

    size_of_y = len(wanted["one"])
    simulated(design, 64, test, echoes=True, idle=0.3, stall=0.3)


def test_registers_tell_the_design_and_refuse_what_is_illegal():
    design = design_of("echo")

    def test(bus):
        assert (yield from bus.read("ID")) == (IDENTITY, 0)
        digits = ""
        for i in range(DIGEST_WORDS):
            digits += f"{(yield from bus.read(f'DIGEST_{i}'))[0]:08x}"
        assert digits == design.digest
        assert (yield from bus.read("INPUTS"))[0] == 5 and (yield from bus.read("OUTPUTS"))[0] == 5
        word, _ = yield from bus.read("INPUT_FORMAT")
        assert BY_NAME["INPUT_FORMAT"].field("word").of(word) == design.input_format.word
        assert BY_NAME["INPUT_FORMAT"].field("frac").signed(word) == design.input_format.frac
        assert (yield from bus.read("STREAMS")) == (1, 0)
        for address in (0x03, 0x78, 0xFFC):
            assert (yield from bus.read(address))[1] == 2
        for name, value in (("ID", 0), ("PACKET", 3), ("STREAMS", 2), ("FRAMES_IN", 0), (0x0F0, 1)):
            assert (yield from bus.write(name, value)) == 2, name
        assert (yield from bus.write("SEQUENCE", 7, strobe=3)) == 2
        assert (yield from bus.read("SEQUENCE")) == (0, 0)
        assert (yield from bus.read("ERRORS")) == (1 << 4, 0)
        assert not any(bus.irqs)

    simulated(design, 32, test, echoes=True)


def test_interrupts_of_packets_errors_and_idleness():
    design = design_of("echo")
    (x,) = frames_of(design, [1])

    def test(bus):
        yield from bus.write("IRQ_ENABLE", 1)
        bus.send([packet(design, x)])
        yield from bus.receive(1)
        yield from bus.wait(3)
        assert bus.irqs[-1]
        assert (yield from bus.read("IRQ_STATUS")) == (0b101, 0)
        yield from bus.write("IRQ_STATUS", 1)
        yield from bus.wait(2)
        assert not bus.irqs[-1] and (yield from bus.read("IRQ_STATUS")) == (0b100, 0)
        yield from bus.write("IRQ_STATUS", 4)
        yield from bus.write("IRQ_ENABLE", 2)
        yield from bus.write("ID", 0)  # refused
        yield from bus.wait(3)
        assert bus.irqs[-1] and (yield from bus.read("IRQ_STATUS")) == (0b010, 0)
        assert (yield from bus.read("STATUS"))[0] == 0b100

    simulated(design, 32, test, echoes=True)


@pytest.mark.parametrize("soft", [False, True])
def test_a_reset_while_a_packet_is_stalled_forgets_it(soft):
    design = design_of("echo")
    (x,) = frames_of(design, [2])
    whole = packet(design, x)
    wanted = packet(design, x)

    def test(bus):
        yield from bus.write("PACKET", MODES["sequence"])
        bus.stall = 1.0
        bus.send([whole * 12])
        yield from bus.wait(300)
        assert (yield from bus.read("STATUS"))[0] & 3 == 3
        if soft:
            bus.source.clear()  # a DMA is stopped before the core is
            bus.inputs["s_axis_tvalid"] = 0
            bus.checks_stay = False
            yield from bus.write("CONTROL", 2)
            yield from bus.wait(3)
            bus.checks_stay = True
            assert (yield from bus.read("PACKET")) == (MODES["sequence"], 0)
            bus.stall = 0.0
        else:
            yield from bus.reset(1)
            bus.stall = 0.0
            assert (yield from bus.read("PACKET")) == (0, 0)
            yield from bus.write("PACKET", MODES["sequence"])
        assert (yield from bus.read("STATUS")) == (0, 0)
        bus.send([whole])
        assert (yield from bus.receive(1)) == [wanted]

    simulated(design, 32, test, echoes=True)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_a_soft_reset_leaves_no_word_of_the_program_behind(kind):
    """Words are read ahead: one from before the reset, of any place in the program, must not be issued behind it."""
    design = design_of(kind)
    sequences = frames_of(design, [2])
    (x,), (y,) = (
        [packet(design, s) for s in each] for each in (sequences, golden(design, sequences))
    )

    def test(bus):
        yield from bus.write("PACKET", MODES["sequence"])
        for place in range(5):
            bus.send([x])
            if place:  # while its operations are issued
                yield from bus.wait(8 + 7 * place)
                bus.source.clear()
                bus.inputs["s_axis_tvalid"] = 0
                bus.checks_stay = False
                yield from bus.write("CONTROL", 2)
                yield from bus.wait(1 + place % 3)
                bus.checks_stay = True
                bus.send([x])
            assert (yield from bus.receive(1)) == [y]
        assert (yield from bus.read("ERRORS")) == (0, 0)

    simulated(design, 32, test)


def test_what_the_system_cannot_carry_is_refused():
    design = design_of("echo")
    with pytest.raises(DesignError, match="bus width = 48: must be one of 32, 64, 128, 256, 512"):
        axi_system(design, 48)
    with pytest.raises(DesignError, match="bus width = True"):
        axi_system(design, True)
