"""Random designs: golden, integer and MyHDL agree on every bit of every named stage, and the
simulation takes exactly the scheduled cycles."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from random_designs import corner_inputs, random_design, random_inputs

from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.cycle_model.schedule import frame_times
from ernn_myhdl.design.cells import BLOCK_SIZES
from ernn_myhdl.golden.tensors import tensor_names
from ernn_myhdl.program.program import program_for
from ernn_myhdl.streams.traffic import Traffic

#: Block size -> (LSTM, GRU and RNN designs, largest size, frames of the two sequences). Large blocks
#: simulate slowly.
PLAN = {
    1: (10, 7, 4, 8, (2, 1)),
    2: (10, 7, 4, 10, (2, 1)),
    4: (9, 5, 4, 14, (2, 1)),
    8: (6, 3, 3, 18, (2, 1)),
    16: (3, 1, 1, 20, (1, 1)),
    32: (1, 0, 1, 34, (1, 1)),
}


#: What a design is asked to have, in turn, because a random one seldom has it.
WANTED = {
    "anything": lambda design, program: True,
    "lanes that share a row of the second phase": lambda design, program: program.groups > 1,
    "several element-wise blocks": lambda design, program: design.hardware.element_width > 1,
    "several passes of the second phase": lambda design, program: program.second_passes > 1,
}


#: Of the cases whose first draw does not have what is wanted: the first that has it, which need not be searched for each time.
DRAWS: dict[tuple[str, int, int], int] = {
    ("lstm", 1, 3): 37, ("lstm", 1, 5): 2, ("lstm", 1, 8): 2, ("lstm", 1, 9): 39,
    ("gru", 1, 1): 8, ("gru", 1, 4): 1, ("lstm", 2, 2): 1, ("lstm", 2, 3): 134, ("lstm", 2, 5): 1,
    ("lstm", 2, 6): 1, ("lstm", 2, 9): 9, ("gru", 2, 1): 1, ("gru", 2, 2): 1, ("gru", 2, 3): 9,
    ("gru", 2, 4): 2, ("gru", 2, 6): 10, ("rnn", 2, 1): 1, ("rnn", 2, 2): 1, ("rnn", 2, 3): 1,
    ("lstm", 4, 1): 3, ("lstm", 4, 2): 5, ("lstm", 4, 3): 46, ("lstm", 4, 4): 3,
    ("lstm", 4, 5): 4, ("lstm", 4, 6): 1, ("lstm", 4, 8): 2, ("gru", 4, 1): 1, ("gru", 4, 2): 5,
    ("gru", 4, 3): 6, ("gru", 4, 4): 5, ("rnn", 4, 2): 5, ("rnn", 4, 3): 4, ("lstm", 8, 1): 3,
    ("lstm", 8, 2): 3, ("lstm", 8, 3): 285, ("lstm", 8, 4): 1, ("gru", 8, 1): 12,
    ("gru", 8, 2): 3, ("rnn", 8, 1): 4, ("rnn", 8, 2): 3, ("lstm", 16, 2): 32,
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A random design by its cell, block size and number; all cell options come in turn."""

    kind: str
    block: int
    number: int

    def design(self):
        """The first of a row of draws that has what is wanted, from `DRAWS` on."""
        draws = range(self.first, 500)
        return next(d for d in map(self.draw, draws) if self.has_what_is_wanted(d))

    @property
    def first(self) -> int:
        return DRAWS.get((self.kind, self.block, self.number), 0)

    def has_what_is_wanted(self, design) -> bool:
        wanted = list(WANTED.values())[(self.number + self.number // 4) % len(WANTED)]
        return wanted(design, program_for(design)) or self.impossible(design)

    def draw(self, draw: int):
        *_, largest, _ = PLAN[self.block]
        return random_design(
            100_000 * self.block + 1000 * self.number + draw,
            kind=self.kind,
            block=self.block,
            max_inputs=largest,
            max_hidden=largest,
            projection=bool(self.number & 1),
            peepholes=bool(self.number & 2),
            reset="after" if self.number % 3 == 2 else "before",
            g_activation="sigmoid" if self.number & 4 else "tanh",
            activation="relu" if self.number & 1 else "tanh",
            mixed=self.mixed,
        )

    @property
    def mixed(self) -> bool:
        """Whether the matrices have block sizes of their own."""
        return self.number % 4 >= 2 and self.block > 1

    def impossible(self, design) -> bool:
        """Without a second phase nothing can be wanted of it, and with large blocks it would be large:
        then several blocks of cells are enough."""
        large = self.block == 32 or (self.mixed and self.block == 16)
        limited = not design.cell.second_phase or large
        return limited and design.cell.hidden_blocks > 1

    def sequences(self, design) -> list[np.ndarray]:
        """One sequence of random kinds of numbers, one of extreme frames."""
        random, extreme = PLAN[self.block][4]
        corners = corner_inputs(design, 6)
        start = self.number % 6
        return [
            random_inputs(self.number, design, random),
            np.roll(corners, -start, axis=0)[:extreme],
        ]


CASES = [
    Case(kind, block, n)
    for block, (lstm, gru, rnn, *_) in PLAN.items()
    for kind, count in (("lstm", lstm), ("gru", gru), ("rnn", rnn))
    for n in range(count)
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.kind}_k{c.block}_{c.number}")
def test_all_models_agree_to_the_bit_and_to_the_cycle(case):
    design = case.design()
    sequences = case.sequences(design)
    frames = sum(len(s) for s in sequences)
    golden, integer = (design.run(sequences, engine=engine) for engine in ("golden", "integer"))
    # with several streams the sequences take turns, in order or at random
    traffic = Traffic(shuffle=bool(case.number & 1), seed=case.number)
    myhdl = design.run(sequences, engine="myhdl", traffic=traffic)
    assert golden.raw.shape == (frames, design.cell.outputs)
    for name in tensor_names(design.cell):
        expected = golden.stages[name]
        assert len(expected) == frames
        for run in (integer, myhdl):
            assert np.array_equal(run.stages[name], expected), f"{run.engine}: {name}"
    for run in (integer, myhdl):
        assert np.array_equal(run.raw, golden.raw), run.engine
    turns = traffic.turns([len(s) for s in sequences], design.hardware.streams)
    assert_scheduled(design, myhdl.trace, [turn.stream for turn in turns])


def assert_scheduled(design, trace, streams: list[int]) -> None:
    """Every beat of m_axis is delivered in the cycle that the schedule names."""
    accepted, delivered = (
        np.flatnonzero(trace[f"{side}_axis_tvalid"] & trace[f"{side}_axis_tready"]) for side in "sm"
    )
    expected = [cycle for frame in frame_times(design, streams) for cycle in frame.beats]
    assert len(expected) == len(streams) * -(
        -design.cell.outputs // design.hardware.samples_per_beat
    )
    assert (delivered - accepted[0]).tolist() == expected


@pytest.mark.parametrize(("hidden", "block"), [(1, 1), (2, 2)])
def test_a_pass_of_one_operation_that_waits_for_the_drain_leaves_its_turn(hidden, block):
    """A second phase that is owed then goes first; the cycle model was early by the cycles of its pass."""
    design = new_design(
        5, hidden, cell="gru", reset="before", block=block, input_block=2 * block, lanes=2, ifft_units=1,
        samples_per_beat=8, streams=2,
    )  # fmt: skip
    x = [random_inputs(i, design, 3) for i in range(2)]
    assert_scheduled(design, design.run(x, "myhdl").trace, [0, 1] * 3)


def test_the_designs_cover_the_options():
    """The test above would say little if the draw left out a kind of design."""
    assert len(CASES) >= 60
    seen: Counter[str] = Counter()
    options = set()
    for case in CASES:
        design = case.draw(case.first)
        assert case.has_what_is_wanted(design), f"DRAWS of {case}: must be searched for again"
        cell, hw, program = design.cell, design.hardware, program_for(design)
        if case.kind == "lstm":
            options.add((case.block, bool(cell.projection), cell.peepholes))
        run = design.run(case.sequences(design), engine="integer")
        seen.update(
            name
            for name, true in {
                "lanes no power of two": hw.lanes & (hw.lanes - 1),
                "several streams": hw.streams > 1,
                "several gate passes": program.gate_passes > 1,
                "several passes of the second phase": program.second_passes > 1,
                "lanes share a row of the second phase": program.groups > 1,
                "several IFFT units": hw.ifft_units > 1,
                "several element-wise blocks": hw.element_width > 1,
                "beats of less than a block": hw.samples_per_beat < cell.block,
                "beats of several blocks": hw.samples_per_beat > cell.block,
                "several input beats": cell.inputs > hw.samples_per_beat,
                "several output beats": cell.outputs > hw.samples_per_beat,
                "inputs no multiple of k": cell.inputs % cell.block,
                "hidden no multiple of k": cell.hidden % cell.block,
                "outputs no multiple of k": cell.outputs % cell.block,
                "x in passes of its own": cell.split,
                "x in larger blocks": cell.x_block > cell.y_block,
                "x in smaller blocks": cell.x_block < cell.y_block,
                "projection in blocks of its own": cell.projection and cell.m_block != cell.y_block,
                "split candidate": cell.split and cell.second_phase == "candidate",
                "several input blocks": cell.input_blocks > 1,
                "several output blocks": cell.output_blocks > 1,
                "reset before": case.kind == "gru" and cell.reset == "before",
                "reset after": case.kind == "gru" and cell.reset == "after",
                "candidate of several columns of x": program.input_steps > 1,
                "sigmoid candidate": getattr(cell, "g_activation", None) == "sigmoid",
                "short words": design.formats.weight_word <= 8,
                "long words": design.formats.weight_word >= 16,
                "saturation inside": any(n for t, n in run.saturations.items() if t != "input"),
                "outputs change": len(np.unique(run.raw)) > 2,
            }.items()
            if true
        )
    assert {block for block, *_ in options} == set(BLOCK_SIZES)
    assert len(options) == sum(min(4, lstm) for lstm, *_ in PLAN.values())
    rare = {name: count for name, count in seen.items() if count < 3}
    assert not rare, rare
    assert len(seen) == 29, sorted(seen)
