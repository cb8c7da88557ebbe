"""The cycle model computes several passes at once; the reference takes them one by one."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pass_by_pass import times_pass_by_pass
from random_designs import random_design

from ernn_myhdl.cycle_model.schedule import frame_times, layer_cycles, schedule_for
from ernn_myhdl.program.program import X, Y, program_for


def _times(frames) -> list[tuple]:
    return [(f.accepted, f.blocks, f.issued, f.heads, f.cells, f.outputs, f.beats) for f in frames]


def _arrivals(rng: np.random.Generator, frames: int, beats: int) -> list[list[int]]:
    """Beats with gaps, and longer ones between frames."""
    gaps = rng.choice([1, 1, 1, 2, 9], size=(frames, beats))
    gaps[:, 0] += rng.choice([0, 5, 60], size=frames)
    return np.cumsum(gaps).reshape(frames, beats).tolist()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1 << 32), mixed=st.booleans())
def test_several_passes_at_once_are_the_passes_one_by_one(seed, mixed):
    rng = np.random.default_rng(seed)
    design = random_design(
        rng, kind=None, max_word=10, max_state_word=12, stress=False, mixed=mixed
    )
    streams = design.hardware.streams
    turns = [int(s) for s in rng.integers(streams, size=9)]
    assert _times(frame_times(design, turns)) == times_pass_by_pass(design, turns)
    beats = -(-design.cell.inputs // design.hardware.samples_per_beat)
    arrivals = _arrivals(rng, len(turns), beats)
    assert _times(frame_times(design, turns, arrivals)) == times_pass_by_pass(
        design, turns, arrivals
    )
    words = [getattr(design.formats, name).word for name in design.cell.state_sizes]
    if design.cell.recurrent and design.hardware.sample_bits >= max(words, default=0):
        design = design.with_hardware(initial_states=True)
        loaded = [bool(b) for b in rng.integers(2, size=len(turns))]
        assert _times(frame_times(design, turns, arrivals, loaded)) == times_pass_by_pass(
            design, turns, arrivals, loaded
        )
    for number in {1, streams}:
        schedule = schedule_for(design, number)
        in_turn = [f.stream for f in schedule.frames]
        assert _times(schedule.frames) == times_pass_by_pass(design, in_turn)
        cycles = layer_cycles(design.cell, design.hardware, number)
        assert (cycles.latency, cycles.interval) == (schedule.latency, schedule.interval)


def test_the_operations_are_those_of_the_phases():
    for seed in range(12):
        program = program_for(
            random_design(seed, kind=None, max_word=10, stress=False, mixed=seed % 2 == 1)
        )
        most = {n: max(int(getattr(o, n)) for o in program.operations) for n in program.field_bits}
        assert len(program.operations) == program.length
        for name, bits in program.field_bits.items():
            assert most[name] < 1 << bits
            assert bits in (1, 2) or most[name] >= 1 << (bits - 1), name


def test_behind_the_last_reader_of_a_frame_the_next_frame_begins_as_the_sequencer_takes_it_to():
    """What `gate_operands` and `second_operands` rely on: they compare no count after a frame was taken off it but with that need; and
    `count_outputs`: behind the first operation of a frame its first pass alone says whether y is read."""
    kinds, early = set(), set()
    for seed in range(60):
        design = random_design(seed, kind=None, max_word=10, stress=False, mixed=seed % 2 == 1)
        program = program_for(design)
        kinds.add((design.cell.kind, design.cell.split, bool(design.cell.second_phase)))
        gates = program.operations[: program.gate_length]
        assert gates[0].source == X and gates[0].start
        assert not any(gate.start for gate in gates[1:])
        behind = [source for source, *_ in program.first.columns_of(0)][1:2] == [Y]
        assert behind == (len(gates) > 1 and gates[1].source == Y)
        early.add(behind)
        for this, following in zip(gates, (*gates[1:], gates[0]), strict=True):
            assert following.start or not this.y_done
            assert following.start or following.source != X or not this.x_done
        for operation in program.operations[program.gate_length :]:
            assert operation.final == (operation is program.operations[-1])
        if program.second_passes:
            assert len(gates) > 1  # so that no frame begins in the cycle behind another
    assert len(kinds) > 6 and len(early) == 2
