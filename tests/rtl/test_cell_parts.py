"""Element-wise units that take a part of a block of cells in a cycle: every stage to the bit, and the cycles."""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
import pytest
from state_model import random_states

from ernn_myhdl import load_design
from ernn_myhdl.calibration.generate import new_design, new_network
from ernn_myhdl.cli.main import main
from ernn_myhdl.console import whole_or_part
from ernn_myhdl.cycle_model.schedule import frame_times
from ernn_myhdl.design.cells import GruCell, LinearCell, LstmCell
from ernn_myhdl.errors import DesignError
from ernn_myhdl.streams.traffic import Traffic

LENGTHS = (2, 1, 2)
#: Every unit of the first phase; parts of a cell and of several; blocks of x that are smaller and larger than a part; states
#: from memory and from s_state; lanes whose blocks follow each other as closely as they may.
DESIGNS = {
    "lstm": lambda: new_design(12, 14, 0, 4, lanes=2, element_width=1 / 4),
    "lstm with all": lambda: new_design(
        9, 14, 7, 4, True, input_block=2, projection_block=1, lanes=4, element_width=1 / 2, streams=2, initial_states=True,
    ),
    "lstm as close as may be": lambda: new_design(2, 6, 2, 4, lanes=4, element_width=1 / 2),
    "gru before": lambda: new_design(
        5, 7, block=4, cell="gru", lanes=2, element_width=1 / 4, streams=4, initial_states=True
    ),
    "gru after": lambda: new_design(
        5, 6, block=2, input_block=4, cell="gru", reset="after", lanes=4, element_width=1 / 2, initial_states=True,
    ),
    "rnn": lambda: new_design(5, 7, block=4, cell="rnn", lanes=1, element_width=1 / 4, streams=2),
    "linear": lambda: new_design(9, 7, block=4, cell="linear", lanes=1, element_width=1 / 2),
}  # fmt: skip


@pytest.mark.parametrize("name", DESIGNS)
def test_parts_of_blocks_give_the_bits_and_take_the_cycles_of_the_models(name):
    design, rng = DESIGNS[name](), np.random.default_rng(1)
    x = [rng.standard_normal((n, design.inputs)) for n in LENGTHS]
    loads = design.hardware.initial_states
    states = random_states(design, len(x), 3) if loads else None
    traffic = Traffic(shuffle=True, seed=2)
    golden = design.run(x, "golden", initial=states)
    run = design.run(x, "myhdl", traffic=traffic, initial=states)
    assert np.array_equal(run.raw, golden.raw)
    for stage, expected in golden.stages.items():
        assert np.array_equal(run.stages[stage], expected), stage
    turns = traffic.turns(LENGTHS, design.hardware.streams)
    loaded = [t.frame == 0 and states[t.sequence] is not None for t in turns] if states else None
    times = frame_times(design, [t.stream for t in turns], loaded=loaded)
    delivered = np.sort(run.frame_cycles[:, 1]) - run.frame_cycles[:, 0].min()
    assert delivered.tolist() == [f.delivered for f in times]
    whole = replace(design, hardware=replace(design.hardware, element_width=1))
    assert np.array_equal(whole.run(x, "integer", initial=states).raw, golden.raw)


def test_layers_of_a_network_each_have_their_own():
    design = new_network(
        [GruCell(4, 6, 2, "after"), LstmCell(6, 5, 0, 4), LinearCell(5, 3, 1)],
        lanes=(4, 2, 1), element_width=(1 / 2, 1 / 4, 1), samples_per_beat=2,
    )  # fmt: skip
    x = np.random.default_rng(4).standard_normal((3, 4))
    assert np.array_equal(design.run(x, "myhdl").raw, design.run(x, "golden").raw)


def test_blocks_that_come_faster_than_they_are_taken_are_refused():
    with pytest.raises(
        DesignError,
        match=r"element_width = 1/4: 4 lanes .* every 3 cycles at times, must be at least 1/2",
    ):
        new_design(4, 8, 0, 4, lanes=4, element_width=1 / 4)
    with pytest.raises(
        DesignError, match=r"element_width = 1/8: must be at least 1/4, a cell a cycle"
    ):
        new_design(4, 8, 0, 4, lanes=1, element_width=1 / 8)
    for width in (0.3, 0.75, float("nan"), float("inf"), 1 / 64, 2.5):
        with pytest.raises(
            DesignError,
            match="element_width = .*must be a power of two, or one of 1/2, 1/4 .. 1/32",
        ):
            new_design(4, 8, 0, 4, lanes=1, element_width=width)


def test_a_part_is_written_as_a_fraction_and_kept_by_the_folder(tmp_path):
    assert main(["new", "--inputs", "4", "--hidden", "8", "--block", "4", "--lanes", "1", "--element-width", "1/4",
                 "-o", str(tmp_path / "layer")]) == 0  # fmt: skip
    assert load_design(tmp_path / "layer").hardware.element_width == 0.25
    assert [whole_or_part(text) for text in ("2", "1/2", "0.125", "4/2")] == [2, 0.5, 0.125, 2]
    for text in ("1/0", "x", "nan", "inf", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="is no number like 2, 1 or 1/4"):
            whole_or_part(text)
