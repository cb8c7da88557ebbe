"""The AXI-Stream side of the core: gaps, back-pressure, frames of wrong length, resets.

Whatever the traffic, the transfers are those of the integer model; what a malformed stream stands for
is told by `ernn_myhdl/streams/framing.py`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lazy_designs import Lazily
from malformed_frames import malformed
from stream_model import expected_beats, raw_frames, sequence_beats
from stream_runs import DESIGNS, check, delivered, run

from ernn_myhdl import ToolError, new_design
from ernn_myhdl.engines.myhdl.simulation import simulate
from ernn_myhdl.golden.integer import IntegerModel
from ernn_myhdl.hdl.types import pack_fields
from ernn_myhdl.streams.traffic import Beat, Traffic, beats_of_frame

LAYERS = Lazily(
    {
        "projection": lambda: new_design(6, 7, 5, 4, True, lanes=6, ifft_units=2),
        "no projection": lambda: new_design(9, 6, 0, 4, lanes=4),
    }
)
TRAFFIC = [Traffic(0.3, 0.5), Traffic(0.8, 0.0), Traffic(0.0, 0.85), Traffic(0.6, 0.7)]
CROSS = [
    (layer, samples, replace(traffic, seed=10 * samples + n))
    for n, traffic in enumerate(TRAFFIC)
    for samples, layer in [
        (1, "projection"),
        (2, "no projection"),
        (4, "projection"),
        (8, "no projection"),
        (32, "projection"),
    ]
][::2]


@pytest.mark.parametrize(
    ("layer", "samples", "traffic"),
    CROSS,
    ids=lambda v: f"idle{v.idle}-stall{v.stall}" if isinstance(v, Traffic) else str(v),
)
def test_traffic_does_not_change_the_results(layer, samples, traffic):
    design = LAYERS[layer].with_hardware(samples_per_beat=samples)
    raw = raw_frames(design, 5, traffic.seed)
    beats = sequence_beats([raw[:3], raw[3:4], raw[4:]], design)
    record, monitor = check(design, beats, traffic=traffic)
    assert [b for _, b in record.accepted] == beats
    assert bool(monitor.stalled) == bool(traffic.stall)
    offered = record.accepted[-1][0] + 1
    if traffic.idle:
        assert offered > len(beats) + monitor.waited  # there were gaps
    else:
        assert offered == len(beats) + monitor.waited


class LateSink(Traffic):
    """m_axis_tready is low for the first cycles and then high."""

    cycles = 500

    def patterns(self):
        class Late:
            drawn = 0

            def random(self) -> float:
                self.drawn += 1
                return 0.0 if self.drawn < LateSink.cycles else 1.0

        return super().patterns()[0], Late()


@pytest.mark.parametrize("name", ["narrow", "wide"])
def test_a_sink_that_waits_long_stops_the_source(name):
    design = DESIGNS[name]
    raw = raw_frames(design, 14, 5)  # more than the core and its FIFOs hold
    beats = sequence_beats([raw[:13], raw[13:]], design)
    record, monitor = check(design, beats, traffic=LateSink(0.0, 0.5), limit=2 * LateSink.cycles)
    early = sum(cycle < LateSink.cycles - 10 for cycle, _ in record.accepted)
    assert 0 < early < len(beats), "the source was never stopped"
    assert monitor.stalled > LateSink.cycles // 2
    assert record.delivered[0][0] >= LateSink.cycles - 10


@pytest.mark.parametrize("name", DESIGNS)
def test_beats_between_the_words_of_a_frame_are_marked(name):
    design = DESIGNS[name]
    raw = raw_frames(design, 4, 6)
    record, _ = check(design, sequence_beats([raw[:2], raw[2:]], design))
    per_frame = beats_of_frame(design.cell.outputs, design.hardware.samples_per_beat)
    beats = delivered(record)
    assert len(beats) == 4 * per_frame
    assert [i for i, b in enumerate(beats) if b.last] == [per_frame * (f + 1) - 1 for f in range(4)]
    assert [i for i, b in enumerate(beats) if b.user] == [0, 2 * per_frame]


@pytest.mark.parametrize("name", DESIGNS)
def test_sequences_of_one_frame_do_not_see_each_other(name):
    design = DESIGNS[name]
    raw = raw_frames(design, 2, 7)
    frames = [raw[0], raw[1], raw[0], raw[0], raw[1]]
    record, _ = check(design, sequence_beats([[f] for f in frames], design))
    size = len(record.delivered) // len(frames)
    parts = [delivered(record)[i * size : (i + 1) * size] for i in range(len(frames))]
    assert parts[0] == parts[2] == parts[3]
    assert parts[1] == parts[4] != parts[0]
    # in one sequence the same frame gives something else the second time
    together = IntegerModel(design).run(raw[[0, 0]])
    assert not np.array_equal(together.raw[0], together.raw[1])


#: Those whose last beat holds samples beyond the inputs.
PARTLY_FILLED = ["narrow", "equal", "wide", "one beat", "dense"]


def test_the_partly_filled_are_all_named():
    assert [
        name
        for name, design in DESIGNS.items()
        if design.cell.inputs % design.hardware.samples_per_beat
    ] == PARTLY_FILLED


@pytest.mark.parametrize("name", PARTLY_FILLED)
def test_samples_beyond_the_inputs_are_ignored(name):
    design = DESIGNS[name]
    hw, raw = design.hardware, raw_frames(design, 3, 8)
    unused = -design.cell.inputs % hw.samples_per_beat
    rng = np.random.default_rng(9)
    clean = sequence_beats([raw], design)
    dirty = []
    for beat in clean:
        data = beat.data
        if beat.last:
            garbage = rng.integers(1, 1 << hw.sample_bits, unused)
            used = (hw.samples_per_beat - unused) * hw.sample_bits
            data |= pack_fields(garbage, hw.sample_bits) << used
        dirty.append(Beat(data, beat.last, beat.user))
    assert dirty != clean
    record, _ = run(design, dirty, 3)
    assert delivered(record) == expected_beats([raw], design)
    assert not record.error


@pytest.mark.parametrize("name", ["wide"])
def test_reset_in_the_middle_of_a_frame(name):
    """What happens before a reset is deterministic: a first run tells which beats are lost in it."""
    design = DESIGNS[name]
    before, after = raw_frames(design, 9, 14), raw_frames(design, 1, 15)
    lost = sequence_beats([before], design)
    dry, _ = run(design, lost, 3)
    assert len(dry.accepted) < len(lost)  # so that there was always a beat on offer
    own = expected_beats([after], design)
    per_frame = beats_of_frame(design.cell.inputs, design.hardware.samples_per_beat)
    first, last = dry.accepted[per_frame - 1][0], dry.delivered[-1][0]
    # in the input, the computation and the output of a frame
    times = sorted(
        {1, first, (first + dry.delivered[0][0]) // 2, dry.delivered[0][0] + 1, last - 1}
    )
    for reset in times:
        taken = sum(cycle < reset for cycle, _ in dry.accepted)
        made = [beat for cycle, beat in dry.delivered if cycle < reset]
        frames = sum(b.last for b in made) + len(after)
        beats = lost[:taken] + sequence_beats([after], design)
        record, monitor = run(design, beats, frames, reset_at=reset)
        assert monitor.resets == [reset]
        assert delivered(record) == [*made, *own], f"reset in cycle {reset}"
        assert not record.error


@pytest.mark.parametrize("name", ["narrow", "wide"])
def test_reset_clears_the_error_and_starts_a_sequence(name):
    """The first beat after a reset starts a sequence, with tuser or without."""
    design = DESIGNS[name]
    case = malformed("first beat only", design)
    after = raw_frames(design, 2, 16)
    dry, _ = run(design, case.beats, len(case.meaning[0]))
    assert dry.error
    reset = dry.cycles + 20
    beats = [*case.beats, *(Beat(b.data, b.last, False) for b in sequence_beats([after], design))]

    class Pause(Traffic):
        """The source waits for the reset."""

        def patterns(self):
            class Late:
                drawn = 0

                def random(self) -> float:
                    # a draw is made for every beat that is not on offer yet
                    self.drawn += 1
                    return 1.0 if not len(case.beats) < self.drawn < 2 * reset else 0.0

            return Late(), super().patterns()[1]

    frames = len(case.meaning[0]) + len(after)
    record, monitor = run(
        design, beats, frames, traffic=Pause(0.5), reset_at=reset, limit=9 * reset
    )
    assert monitor.resets == [reset]
    assert monitor.errors and max(monitor.errors) == reset - 1
    assert not record.error
    own = expected_beats([after], design)
    assert delivered(record)[-len(own) :] == own
    assert sum(cycle < reset for cycle, _ in record.accepted) == len(case.beats)


def test_a_simulation_without_input_ends_with_an_error():
    design = DESIGNS["dense"]
    beats = sequence_beats([raw_frames(design, 1, 17)], design)
    with pytest.raises(ToolError, match="no transfer for 300 cycles, 1 of 2 frames"):
        simulate(design, beats, 2, limit=300)


def test_a_simulation_whose_output_is_never_taken_ends_with_an_error():
    class Deaf(LateSink):
        def patterns(self):
            class Never:
                def random(self) -> float:
                    return 0.0

            return Traffic.patterns(self)[0], Never()

    design = DESIGNS["dense"]
    beats = sequence_beats([raw_frames(design, 8, 17)], design)
    with pytest.raises(ToolError, match="no transfer for 400 cycles, 0 of 8 frames"):
        simulate(design, beats, 8, traffic=Deaf(0.0, 0.5), limit=400)
