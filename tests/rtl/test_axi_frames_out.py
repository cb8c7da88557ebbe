"""The AXI system in MyHDL around cores that give other frames than they take, and around those that load initial states."""

from __future__ import annotations

import numpy as np
import pytest
from axi_bench import BusMaster, bench_netlist
from block_bench import run_myhdl
from convolutions import convolution
from test_axi_system import frames_of, packet

from ernn_myhdl import GruCell, LinearCell, LstmCell, RnnCell, new_network
from ernn_myhdl.design.graph import Graph
from ernn_myhdl.design.time_joins import LastFrame, Repeat
from ernn_myhdl.host.registers import BY_NAME, MODES
from ernn_myhdl.numerics.formats import to_real
from ernn_myhdl.streams.initial_states import layer_beats

ERRORS = {f.name: f.mask for f in BY_NAME["ERRORS"].fields}
FINISH = BY_NAME["CONTROL"].field("finish").mask


def design_of(kind):
    if kind == "last":  # frames of two beats
        return new_network(
            [RnnCell(3, 4, block=2), LinearCell(4, 2, block=1)], lanes=1, samples_per_beat=2, outputs=["last", "all"]
        )  # fmt: skip
    if kind == "streams":
        return new_network(
            [RnnCell(2, 2, block=1)], lanes=1, samples_per_beat=2, streams=2, outputs=["last"]
        )
    joins = (LastFrame(("layer_0",)), Repeat(("join_0",), frames=3))
    cells = [RnnCell(2, 2, block=1), RnnCell(2, 3, block=1)]
    return new_network(cells, lanes=1, samples_per_beat=2, graph=Graph(("x", "join_1"), joins, "layer_1"))  # fmt: skip


def golden(design, sequences, initial=None):
    """Raw y of sequences of raw frames."""
    run = design.run(
        [to_real(s, design.input_format) for s in sequences], engine="golden", initial=initial
    )
    return np.split(run.raw, np.cumsum(run.output_lengths)[:-1])


def simulated(design, bus_bits, test, states=False, **traffic):
    bus, done = BusMaster(bus_bits, states=states, **traffic), []

    def steps():
        yield from bus.reset(2)
        yield from test(bus)
        done.append(True)

    run_myhdl(bench_netlist(design, bus_bits), steps)
    assert done


@pytest.mark.parametrize(
    ("kind", "bus_bits", "chance"),
    [("last", 32, 0), pytest.param("repeat", 64, 0.4, marks=pytest.mark.further)],
)
def test_a_sequence_ends_with_its_packet_its_count_or_the_trigger(kind, bus_bits, chance):
    design = design_of(kind)
    sequences = frames_of(design, [3, 1, 2, 2])
    x = [packet(design, s) for s in sequences]
    y = [packet(design, s) for s in golden(design, sequences)]
    frames = [packet(design, f[None]) for f in sequences[0]]

    def test(bus):
        yield from bus.write("PACKET", MODES["sequence"])
        bus.send(x)
        assert (yield from bus.receive(4)) == y
        yield from bus.write("SEQUENCE", 2)
        bus.send([x[2] + x[3] + x[1]])  # the last one by the packet's end
        assert (yield from bus.receive(1)) == [y[2] + y[3] + y[1]]
        for mode in ("frame", "frames"):
            yield from bus.write("PACKET", MODES[mode])
            yield from bus.write("SEQUENCE", 3)
            yield from bus.write("CONTROL", 1)
            bus.send([*frames, *frames] if mode == "frame" else [frames[0] + frames[1], frames[2]])
            count = 2 if mode == "frame" else 1
            assert (yield from bus.receive(count)) == [y[0]] * count
        yield from bus.write("SEQUENCE", 0)
        yield from bus.write("PACKET", MODES["frame"])
        yield from bus.write("CONTROL", 1)
        for _ in range(2):  # what follows an end is a start
            bus.send(frames[:2])
            yield from bus.wait(150)
            assert not bus.packets
            yield from bus.write("CONTROL", FINISH)
            bus.send(frames[2:])
            assert (yield from bus.receive(1)) == [y[0]]
        assert (yield from bus.read("ERRORS")) == (0, 0)
        assert (yield from bus.read("STATUS")) == (0, 0)
        assert (yield from bus.read("FRAMES_IN")) == (28, 0)
        bus.send(frames[:1])
        yield from bus.wait(100)
        yield from bus.write("CONTROL", 1)  # begun anew: the core gives nothing for it, and tells
        yield from bus.write("CONTROL", FINISH)
        bus.send([x[1]])
        assert (yield from bus.receive(1)) == [y[1]]
        assert (yield from bus.read("ERRORS")) == (ERRORS["core"], 0)

    simulated(design, bus_bits, test, idle=chance, stall=chance)


def test_sequences_of_streams_end_in_the_round_that_their_length_tells():
    design = design_of("streams")
    sequences = frames_of(design, [3, 3, 3, 3])
    y = [packet(design, s) for s in golden(design, sequences)]
    pairs = [[s[i] for i in range(3) for s in sequences[at : at + 2]] for at in (0, 2)]

    def test(bus):
        yield from bus.write("STREAMS", 2)
        yield from bus.write("PACKET", MODES["sequence"])
        yield from bus.write("SEQUENCE", 3)
        bus.send([packet(design, p) for p in pairs] + [packet(design, pairs[0] + pairs[1])])
        assert (yield from bus.receive(3)) == [y[0] + y[1], y[2] + y[3], b"".join(y)]
        yield from bus.write("SEQUENCE", 0)
        yield from bus.write("PACKET", MODES["frames"])
        yield from bus.write("CONTROL", 1)
        bus.send([packet(design, pairs[0][:4])])
        yield from bus.wait(150)
        yield from bus.write("CONTROL", FINISH)  # of both streams
        bus.send([packet(design, pairs[0][4:])])
        assert (yield from bus.receive(2)) == y[:2]
        assert (yield from bus.read("ERRORS")) == (0, 0)

    simulated(design, 32, test, idle=0.2, stall=0.2)


@pytest.mark.parametrize(
    ("window", "streams", "lengths"),
    [
        ({"kernel": 2, "stride": 3, "padding": False}, 1, [2, 4, 5, 8]),
        pytest.param({"kernel": 1, "stride": 2}, 2, [1, 4, 5], marks=pytest.mark.further),
        pytest.param({"kernel": 3, "padding": False}, 1, [3, 5], marks=pytest.mark.further),
    ],
)
def test_packets_end_with_the_last_frame_that_has_a_y(window, streams, lengths):
    design = convolution(2, samples_per_beat=2, streams=streams, **window)
    many = [frames_of(design, [n] * streams, seed=n) for n in lengths]
    turns = [[s[i] for i in range(len(group[0])) for s in group] for group in many]
    y = []
    for group in many:
        made = golden(design, group)
        y.append(packet(design, [s[i] for i in range(len(made[0])) for s in made]))

    def test(bus):
        yield from bus.write("STREAMS", streams)
        yield from bus.write("PACKET", MODES["sequence"])
        bus.send([packet(design, t) for t in turns])
        assert (yield from bus.receive(len(y))) == y
        yield from bus.write("PACKET", MODES["frame"])  # a packet of y is a frame
        yield from bus.write("CONTROL", 1)
        bus.send([packet(design, [f]) for f in turns[-1]])
        count = len(golden(design, many[-1])[0]) * streams
        assert b"".join((yield from bus.receive(count))) == y[-1]
        yield from bus.write("PACKET", MODES["sequence"])
        if window.get("padding") is False:  # too short a sequence has no y, and no packet
            bus.send([packet(design, turns[0][:1]), packet(design, turns[1])])
            assert (yield from bus.receive(1)) == [y[1]]
        assert (yield from bus.read("ERRORS")) == (0, 0)
        assert (yield from bus.read("STATUS")) == (0, 0)

    simulated(design, 32, test, idle=0.3, stall=0.3)


STATES = {
    "lstm": ([LstmCell(3, 3, 2, block=2)], {"streams": 2, "samples_per_beat": 4}, 32),
    "network": ([GruCell(3, 4, block=2), LinearCell(4, 4, block=1), RnnCell(4, 2, block=1)], {"samples_per_beat": 2}, 64),
    "bytes": ([RnnCell(2, 3, block=1)], {"samples_per_beat": 1, "sample_bits": 16}, 32),
}  # fmt: skip


def words_of_states(design, state, stream):
    """States of all layers as the words of STATE_DATA and STATE_LAST, beat by beat."""
    states = [state] if len(design.layers) == 1 else state
    bits = design.stream_shape.data_bits
    for number, (layer, own) in enumerate(zip(design.layers, states, strict=True)):
        if layer.loads_states:
            words = [number | stream << 16]
            for beat in layer_beats(layer, own):
                words += [beat.data >> at & 0xFFFFFFFF for at in range(0, bits, 32)]
            yield words


@pytest.mark.parametrize(
    "kind", ["bytes", *(pytest.param(k, marks=pytest.mark.further) for k in ("lstm", "network"))]
)
def test_sequences_start_from_the_states_that_came_by_registers_or_stream(kind):
    cells, options, bus_bits = STATES[kind]
    network = new_network(cells, lanes=1, initial_states=True, **options)
    design = network if len(cells) > 1 else network.layers[0]
    streams = design.stream_shape.streams
    rng = np.random.default_rng(4)
    states = []
    for _ in range(streams):
        one = [
            {n: rng.uniform(-0.9, 0.9, size) for n, size in layer.cell.state_sizes.items()}
            if layer.loads_states
            else None
            for layer in design.layers
        ]
        states.append(one if len(cells) > 1 else one[0])
    sequences = frames_of(design, [2] * streams)
    x = packet(design, [s[i] for i in range(2) for s in sequences])
    y, zero = (
        packet(design, [s[i] for i in range(2) for s in golden(design, sequences, initial)])
        for initial in (states, None)
    )
    assert y != zero

    def test(bus):
        yield from bus.write("PACKET", MODES["sequence"])
        yield from bus.write("STREAMS", streams)
        bus.send([x])
        assert (yield from bus.receive(1)) == [zero]
        assert (yield from bus.write("STATES", 1)) == 0
        for by_stream in (False, True):
            bus.send([x])
            for stream, state in enumerate(states):
                for words in words_of_states(design, state, stream):
                    if by_stream:
                        bus.states += [(word, 0) for word in words[:-1]] + [(words[-1], 1)]
                        continue
                    for word in words[:-1]:
                        assert (yield from bus.write("STATE_DATA", word)) == 0
                    assert (yield from bus.write("STATE_LAST", words[-1])) == 0
            assert (yield from bus.receive(1)) == [y]
        yield from bus.write("STATES", 0)
        # of a layer and of a stream that are not there
        for head in (len(design.layers), streams << 16):
            yield from bus.write("STATE_DATA", head)
            yield from bus.write("STATE_DATA", 5)
            yield from bus.write("STATE_LAST", 7)
            yield from bus.wait(20)
            assert (yield from bus.read("ERRORS")) == (ERRORS["states"], 0)
            yield from bus.write("ERRORS", ERRORS["states"])
        yield from bus.write("STATE_LAST", 0)  # a head alone
        yield from bus.wait(20)
        assert (yield from bus.read("ERRORS")) == (ERRORS["states"], 0)
        bus.send([x])
        assert (yield from bus.receive(1)) == [zero]

    simulated(design, bus_bits, test, states=True, idle=0.2, stall=0.2)


def test_states_are_refused_where_the_core_has_none():
    design = convolution(2, samples_per_beat=2, kernel=2)

    def test(bus):
        for name, value in (("STATES", 1), ("STATE_DATA", 0), ("STATE_LAST", 0)):
            assert (yield from bus.write(name, value)) == 2, name
        assert (yield from bus.write("STATES", 0)) == 0
        assert (yield from bus.read("STATES")) == (0, 0)

    simulated(design, 32, test)
