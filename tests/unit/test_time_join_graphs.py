"""Windows, joins over time and argmax in one graph: the models agree whatever way frames are given, and the commands take them."""

from __future__ import annotations

import io
import json
import sys

import numpy as np
import pytest
from random_designs import random_inputs
from time_join_graphs import numbered_time_graph, strided_decoder

from ernn_myhdl import (
    DesignError,
    GruCell,
    LinearCell,
    LstmCell,
    design_info,
    load_run,
    new_network,
    save_design,
)
from ernn_myhdl.cli.main import main
from ernn_myhdl.corpus.inputs import DataSet
from ernn_myhdl.design.graph import ArgMax, Graph, Join, Window
from ernn_myhdl.design.network import Network
from ernn_myhdl.design.time_joins import LastFrame, Maximum, Mean, Repeat, taken_lengths
from ernn_myhdl.runs.evaluate import evaluate
from ernn_myhdl.runs.report_text import info_text

LENGTHS = (3, 2, 4)


def recogniser(join, streams: int = 1, **window) -> Network:
    """A convolution, a GRU, its frames taken together, a dense layer, a head with the number of the largest element."""
    joins = (
        Window(inputs=("x",), size=3, **window), join, ArgMax(inputs=("layer_3",), size=3),
    )  # fmt: skip
    relu = {"activation": "relu"}
    cells = [LinearCell(6, 4, 2, **relu), GruCell(4, 4, 2), LinearCell(4, 4, 1, **relu), LinearCell(4, 3, 1)]  # fmt: skip
    graph = Graph(("join_0", "layer_0", "join_1", "layer_2"), joins, "join_2")
    return new_network(cells, graph=graph, streams=streams)


def decoder(streams: int = 1, **window) -> Network:
    """The last frame of a GRU, four times to an LSTM, whose frames a window joins."""
    joins = (
        LastFrame(("layer_0",)), Repeat(("join_0",), frames=4), Window(inputs=("layer_1",), size=4, **window),
    )  # fmt: skip
    cells = [GruCell(3, 4, 2), LstmCell(4, 4, block=2), LinearCell(8, 2, 1)]
    graph = Graph(("x", "join_1", "join_2"), joins, "layer_2")
    return new_network(cells, graph=graph, streams=streams)


CASES = {
    "last": lambda: recogniser(LastFrame(("layer_1",)), 2, dilation=2),
    "maximum": lambda: recogniser(Maximum(("layer_1",)), padding=False),
    "mean": lambda: recogniser(Mean(("layer_1",), frames=2), dilation=2, padding=False),
    "repeat": lambda: decoder(2, dilation=2, padding=False),
    "repeat and a stride": lambda: decoder(stride=3),
    "a stride that leaves the last out": lambda: strided_decoder(2, together=False),
    "and their maximum": strided_decoder,
}


def models_agree(core: Network, x: list[np.ndarray]):
    """The run of the golden model, which the integer model gives too."""
    golden, integer = core.run(x, "golden"), core.run(x, "integer")
    assert set(golden.stages) == set(integer.stages)
    for name, stage in golden.stages.items():
        assert np.array_equal(stage, integer.stages[name]), name
    assert np.array_equal(golden.raw, integer.raw)
    assert golden.saturations == integer.saturations
    return golden


def frame_by_frame(core: Network, x: list[np.ndarray], engine: str) -> np.ndarray:
    """Outputs of a session, each sequence behind one of the same stream that is given up."""
    made = []
    with core.open(engine) as session:
        for each in x:
            session.step(each[0] + 1, last=False)
            session.start()
            made += [session.step(row, last=i == len(each) - 1) for i, row in enumerate(each)]
    assert all(not len(y) for y, last in zip(made, ends(x), strict=True) if not last)
    return np.concatenate(made)


def ends(x: list[np.ndarray]) -> list[bool]:
    return [i == len(each) - 1 for each in x for i in range(len(each))]


@pytest.mark.parametrize("case", CASES)
def test_windows_before_and_behind_joins_over_time(case, tmp_path, capsys):
    core = CASES[case]()
    lengths = taken_lengths(core.graph, LENGTHS)
    x = [random_inputs(i, core, n) for i, n in enumerate(lengths)]
    golden = models_agree(core, x)
    for engine in ("golden", "integer"):
        assert np.array_equal(frame_by_frame(core, x, engine), golden.outputs), engine
    save_design(core, tmp_path / "design")
    np.savez(tmp_path / "x.npz", **{f"x{i}": each for i, each in enumerate(x)})
    paths = [str(tmp_path / name) for name in ("design", "x.npz", "run")]
    simulate = ["simulate", paths[0], "--input", paths[1], "-o", paths[2], "--engine", "integer"]
    assert main([*simulate, "--check"]) == 0
    loaded = load_run(paths[2])
    assert np.array_equal(loaded.raw, golden.raw) and loaded.frames == sum(lengths)
    assert main(["info", paths[0]]) == 0
    text = capsys.readouterr().out
    assert all(join.kind in text for join in core.graph.joins)
    record = design_info(core)
    assert info_text(record) and record["latency_cycles"] > 0


@pytest.mark.parametrize("number", range(8))
def test_random_graphs_agree_in_the_models_and_frame_by_frame(number):
    core = numbered_time_graph(number)
    lengths = taken_lengths(core.graph, (2, 1))
    x = [random_inputs(10 * number + i, core, n) for i, n in enumerate(lengths)]
    golden = models_agree(core, x)
    assert np.array_equal(frame_by_frame(core, x, "integer"), golden.outputs)


@pytest.mark.parametrize("number", range(8, 20))
def test_random_graphs_frame_by_frame(number):
    core = numbered_time_graph(number)
    lengths = taken_lengths(core.graph, (2, 1, 3))
    x = [random_inputs(10 * number + i, core, n) for i, n in enumerate(lengths)]
    whole = core.run(x, "integer")
    assert np.array_equal(frame_by_frame(core, x, "integer"), whole.outputs)
    assert np.array_equal(core.run(x, "golden", stages=False).raw, whole.raw)


def test_a_window_with_a_stride_has_no_last_frame_where_nobody_knows_how_many_there_are():
    joins = (Window(inputs=("x",), size=4, stride=2), Maximum(("layer_0",)))
    with pytest.raises(
        DesignError, match="join_1: takes the frames of layer_0 together.*no stride"
    ):
        Graph(("join_0", "join_1"), joins, "layer_1")


def test_formats_are_chosen_for_operands_behind_other_windows():
    """Of which the calibration has other numbers of frames."""
    joins = (
        Window(inputs=("x",), size=3, padding=False), LastFrame(("layer_0",)), LastFrame(("layer_1",)),
        Join("concatenation", ("join_1", "join_2")),
    )  # fmt: skip
    cells = [LinearCell(6, 4, 2), GruCell(3, 4, 2), LinearCell(8, 2, 1)]
    core = new_network(cells, graph=Graph(("join_0", "x", "join_3"), joins, "layer_2"))
    models_agree(core, [random_inputs(i, core, n) for i, n in enumerate((2, 3))])
    with pytest.raises(DesignError, match="first frame of y for 2"):
        core.run(np.zeros((1, 3)), "integer")


def test_a_stream_of_sequences_from_a_pipe(tmp_path, monkeypatch, capfdbinary):
    core = decoder(padding=False)
    save_design(core, tmp_path / "design")
    x = [random_inputs(i, core, n) for i, n in enumerate((2, 1, 3))]
    lines = ["".join(" ".join(map(repr, map(float, row))) + "\n" for row in each) for each in x]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(lines).encode())))
    assert main(["stream", str(tmp_path / "design")]) == 0
    out, err = capfdbinary.readouterr()
    outputs = core.run(x, "integer").outputs
    assert len(outputs) == 9 and np.array_equal(np.loadtxt(io.BytesIO(out)), outputs)
    both = np.stack([x[0], x[2][:2]], axis=1)  # two streams, turn by turn; the pipe ends both
    data = io.TextIOWrapper(io.BytesIO(both.astype("<f8").tobytes()))
    monkeypatch.setattr(sys, "stdin", data)
    options = ["--streams", "2", "--input-format", "float64"]
    assert main(["stream", str(tmp_path / "design"), *options]) == 0
    out, _ = capfdbinary.readouterr()
    wanted = core.run([x[0], x[2][:2]], "integer").outputs
    assert np.array_equal(np.frombuffer(out).reshape(-1, 2), wanted)


def test_evaluation_of_a_label_for_each_sequence(tmp_path, capsys):
    joins = (Window(inputs=("x",), size=3, padding=False), Mean(("layer_1",), frames=3))
    cells = [LinearCell(6, 4, 2, activation="relu"), GruCell(4, 4, 2), LinearCell(4, 3, 1)]
    core = new_network(cells, graph=Graph(("join_0", "layer_0", "join_1"), joins, "layer_2"))
    x = [np.random.default_rng(i).normal(size=(4, 3)) for i in range(5)]
    labels = np.array([y.argmax() for y in core.run(x, "integer").outputs])
    labels[2] = (labels[2] + 1) % 3
    assert evaluate(core, DataSet(x, labels)).accuracy == pytest.approx(0.8)
    save_design(core, tmp_path / "design")
    named = {f"x{i}": each for i, each in enumerate(x)}
    np.savez(tmp_path / "x.npz", **named, labels=labels)
    command = ["evaluate", str(tmp_path / "design"), "--data", str(tmp_path / "x.npz")]
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy_fixed"] == pytest.approx(0.8)
    np.savez(tmp_path / "x.npz", **named, labels=np.zeros(20, int))
    assert main(command) == 2
    assert "label for each sequence" in capsys.readouterr().err
    short = [*x[:4], x[4][:3]]
    with pytest.raises(DesignError, match="sequence 4: has 2 frames"):
        evaluate(core, DataSet(short, labels))
