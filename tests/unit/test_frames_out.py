"""Joins over time: what they refuse, how they are stored, and that the models agree whatever way frames are given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ernn_myhdl import (
    DesignError,
    Format,
    LinearCell,
    RnnCell,
    design_info,
    load_design,
    new_design,
    new_network,
    save_design,
)
from ernn_myhdl.design.graph import Graph, Join
from ernn_myhdl.design.host_steps import HostStep
from ernn_myhdl.design.network import Network
from ernn_myhdl.design.time_joins import (
    LastFrame,
    Maximum,
    Mean,
    Repeat,
    Sum,
    with_outputs,
)
from ernn_myhdl.explore.resources import estimate
from ernn_myhdl.golden.joins import joined_numbers, joined_words
from ernn_myhdl.runs.report_text import info_text
from ernn_myhdl.runs.run import load_run

CELLS = [RnnCell(3, 4, 1), LinearCell(4, 2, 1)]
#: Name -> graph, and the lengths of sequences that it takes.
GRAPHS = {
    "last of the first layer": (with_outputs(None, ["last", "all"]), (2, 1, 3)),
    "last at the end": (with_outputs(None, ["all", "last"]), (2, 1, 3)),
    "maximum": (Graph(("x", "join_0"), (Maximum(("layer_0",)),), "layer_1"), (2, 1, 3)),
    "mean": (Graph(("x", "join_0"), (Mean(("layer_0",), frames=3),), "layer_1"), (3, 3)),
    "sum": (Graph(("x", "layer_0"), (Sum(("layer_1",), frames=3),), "join_0"), (2, 1, 3)),
    "repeat": (
        Graph(("x", "join_1"), (LastFrame(("layer_0",)), Repeat(("join_0",), frames=3)), "layer_1"),
        (2, 1, 3),
    ),
}


def network(case: str, **options) -> Network:
    return new_network(CELLS, graph=GRAPHS[case][0], **options)


def sequences(case: str) -> list[np.ndarray]:
    return [np.random.default_rng(i).normal(size=(n, 3)) for i, n in enumerate(GRAPHS[case][1])]


REFUSED = {
    "two signals": (lambda: Maximum(("layer_0", "x")), "2 signals, must be one"),
    "frames of a last": (lambda: LastFrame(("layer_0",), frames=2), "has none"),
    "no frames": (lambda: Mean(("layer_0",)), "frames = 0"),
    "format of a maximum": (lambda: Maximum(("layer_0",), Format(12, 9)), "remove it"),
    "repeat of all frames": (
        lambda: Graph(("x",), (Repeat(("layer_0",), frames=2),), "join_0"), "more than one frame",
    ),
    "a skip past a last frame": (
        lambda: Graph(("x",), (LastFrame(("layer_0",)), Join("concatenation", ("join_0", "x"))), "join_1"),
        "other numbers of frames",
    ),
    "mean of other frames": (
        lambda: Graph(
            ("x", "join_1"),
            (LastFrame(("layer_0",)), Repeat(("join_0",), frames=3), Mean(("layer_1",), frames=4)), "join_2",
        ),
        "3 frames a sequence, but its mean is of exactly 4",
    ),
    "mean without a format": (
        lambda: replace(network("mean"), graph=network("mean").graph.without_formats()), "no format",
    ),
    "a word too wide": (
        lambda: new_network(
            CELLS, graph=Graph(("x", "layer_0"), (Sum(("layer_1",), frames=60000),), "join_0"), sample_bits=16
        ),
        "must be at most sample_bits",
    ),
    "unknown output": (lambda: with_outputs(None, ["first"]), "'all' or 'last'"),
    "outputs of other layers": (lambda: new_network(CELLS, outputs=["last"]), "one for each of 2"),
    "states behind a join": (
        lambda: new_network([CELLS[0], RnnCell(4, 2, 1)], outputs=["last", "all"], initial_states=True),
        "behind a join over time",
    ),
    "nothing to divide": (
        lambda: new_design(3, 2, cell="linear").with_host_steps([HostStep("per_frame")]), "nothing to divide",
    ),
    "a sequence too long": (lambda: network("sum").run(np.zeros((4, 3))), "at most 3"),
    "a sequence too short": (lambda: network("mean").run([np.zeros((3, 3)), np.zeros((2, 3))]), "sequence 1"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_core_does_is_refused_on_one_line(case):
    make, words = REFUSED[case]
    with pytest.raises(DesignError, match=words) as error:
        make()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("case", GRAPHS)
def test_models_sessions_and_folders_agree(case, tmp_path):
    core, x = network(case), sequences(case)
    golden, integer = core.run(x), core.run(x, engine="integer")
    assert np.array_equal(golden.raw, integer.raw)
    for name, stage in golden.stages.items():
        assert np.array_equal(stage, integer.stages[name]), name
    for engine in ("golden", "integer"):
        with core.open(engine) as session:
            made = [
                session.step(frame, last=i == len(each) - 1)
                for each in x
                for i, frame in enumerate(each)
            ]
            with pytest.raises(DesignError, match="tell True"):
                session.step(x[0][0])
        assert np.array_equal(np.concatenate(made), golden.outputs)
    save_design(core, tmp_path / "core")
    loaded = load_design(tmp_path / "core")
    assert loaded == core and loaded.digest == core.digest
    golden.save(tmp_path / "run")
    assert np.array_equal(load_run(tmp_path / "run").raw, golden.raw)
    info = design_info(core)
    assert core.graph.joins[0].kind in info_text(info) and estimate(core).lut > 0
    assert len(golden.raw) == sum(golden.output_lengths) != golden.frames


def test_joins_compute_what_their_names_say():
    x, core = sequences("mean"), network("mean", word=16)
    rows, formats = core.run(x, engine="integer").stages, core.signals.formats
    fmt = formats["join_0"]
    y = (
        rows["layer_0.output"].reshape(2, 3, -1)[..., :4].mean(axis=1)
        * formats["layer_0"].lsb
        / fmt.lsb
    )
    assert np.abs(rows["join_0.output"][:, 0] - np.clip(y, fmt.minimum, fmt.maximum)).max() <= 0.75
    largest = network("maximum").run(x, engine="integer").stages
    words = largest["layer_0.output"].reshape(2, 3, -1)[..., :4]
    assert np.array_equal(largest["join_0.output"][:, 0], words.max(axis=1))


def test_the_host_divides_a_sum_by_the_frames_of_its_sequence():
    core, x = network("sum"), sequences("sum")
    divided = core.with_host_steps([HostStep("per_frame")]).run(x, engine="integer")
    assert np.allclose(divided.outputs, core.run(x, engine="integer").outputs / [[2], [1], [3]])


def test_outputs_may_be_written_for_each_layer(tmp_path):
    """network.toml of a row with `outputs` is the graph that takes the last frames."""
    save_design(new_network(CELLS), tmp_path / "row")
    toml = tmp_path / "row" / "network.toml"
    toml.write_text(toml.read_text() + 'outputs = ["last", "all"]\n')
    loaded = load_design(tmp_path / "row")
    assert loaded == network("last of the first layer")
    assert all(layer.hardware.sequence_ends for layer in loaded.layers)
    toml.write_text(toml.read_text().replace('"last"', '"first"'))
    with pytest.raises(DesignError, match="'all' or 'last'"):
        load_design(tmp_path / "row")


def test_designs_without_ends_are_what_they_were():
    plain = new_design(3, 4, block=1)
    told = plain.with_hardware(sequence_ends=True)
    assert plain.digest != told.digest and "sequence_ends" not in repr(plain.hardware)
    assert plain.stream_shape.user_bits == 1 and told.stream_shape.user_bits == 2


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.data())
def test_words_of_a_mean_are_the_rounded_product_at_every_corner(data):
    """fxpmath and integers agree; the constant is so fine that a mean of words of 16 bits is off by less than one word."""
    frames = data.draw(st.integers(1, 24) | st.sampled_from([100, 255]))
    word, frac = data.draw(st.integers(4, 16)), data.draw(st.integers(0, 12))
    fmt = Format(data.draw(st.integers(4, 18)), data.draw(st.integers(0, 14)))
    join = Mean(("layer_0",), fmt, frames=frames)

    class Signals:
        graph = Graph(("x",), (join,), "join_0")
        formats = {"layer_0": Format(word, frac), "join_0": fmt}

    low, high = -(1 << word - 1), (1 << word - 1) - 1
    corners = st.sampled_from([low, high, -1, 0, 1])
    row = data.draw(st.lists(corners | st.integers(low, high), min_size=1, max_size=3))
    words = np.array([row] * frames)
    words[0] = data.draw(st.integers(low, high))
    made, changed = joined_words(Signals, "join_0", [words])
    numbers, also = joined_numbers(Signals, "join_0", [words])
    assert np.array_equal(made, numbers) and np.array_equal(changed, also)
    exact = words.mean(axis=0) * 2.0 ** (fmt.frac - frac)
    inside = np.clip(exact, fmt.minimum, fmt.maximum)
    assert np.all(np.abs(made - inside) <= 0.5 + np.abs(exact) * 2.0**-17 + 1e-9)
