"""Sessions of graphs that are saved within sequences and go on in another session, on another engine: the bits of whole runs."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from convolutions import convolution
from layer_graphs import convolution_graph, numbered_graph
from random_designs import random_inputs
from safetensors.numpy import load_file, save_file
from time_join_graphs import numbered_time_graph

from ernn_myhdl import GruCell, LinearCell, LstmCell, RnnCell, new_network
from ernn_myhdl.cli.main import main
from ernn_myhdl.design.graph import Graph, Window
from ernn_myhdl.design.storage import save_design
from ernn_myhdl.design.time_joins import LastFrame, Maximum, Mean, Sum, taken_lengths
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.network_models import integer_model
from ernn_myhdl.runs import sequence_history
from ernn_myhdl.runs.session import Session

ENGINES = ("integer", "golden")
CELLS = {
    "lstm": LstmCell(4, 6, projection=4, block=2, peepholes=True),
    "gru, reset after": GruCell(4, 4, block=2),
    "gru, reset before": GruCell(4, 4, block=2, reset="before"),
    "rnn": RnnCell(4, 4, block=2),
    "linear": LinearCell(4, 4, block=2, activation="tanh"),
}
TIME_JOINS = {
    "last": LastFrame(("layer_1",)),
    "maximum": Maximum(("layer_1",)),
    "sum": Sum(("layer_1",), frames=9),
    "mean": Mean(("layer_1",), frames=7),
}


def behind_a_convolution(cell, **window):
    """A cell behind a convolution over frames of x, and a window over the frames of its y."""
    joins = (Window(inputs=("x",), size=3, **window), Window(inputs=("layer_1",), size=4, kernel=3))
    graph = Graph(("join_0", "layer_0", "join_1"), joins, "layer_2")
    cells = [LinearCell(joins[0].elements, 4, 1, activation="relu"), cell, LinearCell(12, 3, 1)]
    return new_network(cells, lanes=1, graph=graph, samples_per_beat=2)


def over_time(kind, cell=None, **window):
    """A convolution, a cell, and a join over time of its y, a recurrent layer behind it."""
    window = Window(inputs=("x",), size=3, **(window or {"kernel": 2}))
    graph = Graph(("join_0", "layer_0", "join_1"), (window, TIME_JOINS[kind]), "layer_2")
    cells = [LinearCell(window.elements, 4, 1), cell or GruCell(4, 4, block=2), RnnCell(4, 2, 1)]
    return new_network(cells, lanes=1, graph=graph, samples_per_beat=2)


def fed(session: Session, x: np.ndarray, stream: int, ends: bool = False) -> list[np.ndarray]:
    """Frames of y that frames x give; ends: the last one ends the sequence."""
    timed = session.design.graph is not None and session.design.graph.over_time
    made: list[np.ndarray] = []
    for i, frame in enumerate(x):
        y = session.step(frame, stream, **({"last": ends and i == len(x) - 1} if timed else {}))
        made += [] if y is None else list(y) if timed else [y]
    return made


@lru_cache(maxsize=4)
def whole_runs(core, lengths: tuple[int, ...]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Sequences of the lengths, and their outputs in a whole run."""
    x = [random_inputs(40 + i, core, n) for i, n in enumerate(lengths)]
    return x, [run.outputs for run in integer_model(core).run(x)]


def goes_on(core, tmp_path: Path, first: str, second: str, lengths=(7, 7), at=(3, 5)) -> None:
    """Sequences of two streams are left after some frames, and go on in a session of another engine."""
    x, whole = whole_runs(core, tuple(lengths))
    file = tmp_path / "states.safetensors"
    with core.open(first, streams=2) as session:
        made = [fed(session, x[s][: at[s]], s) for s in range(2)]
        session.save(file, force=True)
    with core.open(second, streams=2) as session:
        session.step(
            x[0][:2], **({"last": False} if core.graph.over_time else {})
        )  # is left behind
        session.restore(file)
        assert session.frames == list(at)
        for s in (1, 0):
            made[s] += fed(session, x[s][at[s] :], s, ends=True)
            np.testing.assert_array_equal(made[s], whole[s], f"stream {s}")
        # the next sequences know nothing of those
        session.end(0)
        again = fed(session, x[0], 0, ends=True)
    np.testing.assert_array_equal(again, whole[0])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "window",
    [{"kernel": 3, "dilation": 2}, {"kernel": 3, "padding": False}, {"kernel": 2, "stride": 2}],
    ids=["padded", "unpadded", "stride"],
)
def test_every_cell_behind_a_convolution_goes_on_where_it_was_saved(cell, window, tmp_path):
    core = behind_a_convolution(CELLS[cell], **window)
    for at in ((0, 1), (2, 3), (4, 6)):
        goes_on(core, tmp_path, "integer", "integer", at=at)
    goes_on(core, tmp_path, "integer", "golden")
    goes_on(core, tmp_path, "golden", "integer")


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_in_front_of_a_join_over_time(cell, tmp_path):
    core = over_time("last", CELLS[cell])
    goes_on(core, tmp_path, "integer", "golden")
    goes_on(core, tmp_path, "golden", "integer", at=(0, 6))


@pytest.mark.parametrize("kind", TIME_JOINS)
@pytest.mark.parametrize("first", ENGINES)
def test_every_join_over_time_keeps_what_it_has_taken(kind, first, tmp_path):
    core = over_time(kind)
    for second in ENGINES:
        for at in ((1, 6), (0, 4)):
            goes_on(core, tmp_path, first, second, at=at)


def test_a_window_in_front_of_a_mean_that_has_had_no_frame_yet(tmp_path):
    core = over_time("mean", kernel=3, dilation=2, padding=False)
    lengths = taken_lengths(core.graph, (1, 1))
    goes_on(core, tmp_path, "integer", "golden", lengths, (2, 6))
    goes_on(core, tmp_path, "golden", "integer", lengths, (4, 5))


@pytest.mark.parametrize("number", range(8))
def test_random_graphs_go_on(number, tmp_path):
    engines = ENGINES if number % 2 else ENGINES[::-1]
    core = numbered_time_graph(number)
    lengths = taken_lengths(core.graph, (5, 4))
    goes_on(core, tmp_path, *engines, lengths, (lengths[0] - 1, lengths[1] // 2))
    goes_on(convolution_graph(number), tmp_path, *engines)
    rows = numbered_graph(number)  # without windows only layers have states
    if not (rows.graph and rows.graph.windows) and any(d.cell.state_sizes for d in rows.layers):
        x = random_inputs(3, rows, 6)
        whole = integer_model(rows).run(x).outputs
        file = tmp_path / "rows.safetensors"
        with rows.open(engines[0]) as session:
            made = [session.step(frame) for frame in x[:2]]
            session.save(file)
        with rows.open(engines[1]) as session:
            session.restore(file)
            made += [session.step(frame) for frame in x[2:]]
        np.testing.assert_array_equal(made, whole)


def test_a_saved_sequence_is_saved_again_and_begins_from_a_state(tmp_path):
    """Frames of three sessions in turn; the sequence began from a state, which the file tells too."""
    core = behind_a_convolution(CELLS["gru, reset after"], kernel=3, padding=False)
    x = random_inputs(5, core, 8)
    begin = [None, {"cell_state": np.array([0.5, -0.25, 0.125, 0.75])}, None]
    whole = integer_model(core).run(x, initial=begin).outputs
    file, made = tmp_path / "states.safetensors", []
    for number, engine in enumerate(("integer", "golden", "integer")):
        with core.open(engine) as session:
            if number:
                session.restore(file)
            else:
                session.start(0, begin)
            made += fed(session, x[3 * number : 3 * number + 3], 0)
            session.save(file, force=True)
    np.testing.assert_array_equal(made, whole)
    arrays = load_file(file)
    np.testing.assert_array_equal(arrays["begin.layer_1.cell_state"][0], begin[1]["cell_state"])
    assert arrays["sequence.frames"].tolist() == [8]
    assert arrays["join_0.frames"].shape == (1, 2, 3)


def test_a_run_refuses_what_only_a_session_can_go_on_with(tmp_path, capsys):
    graph = Graph(("join_0", "layer_0"), (Window(inputs=("x",), size=3),), "layer_1")
    core = new_network([LinearCell(6, 4, 1), RnnCell(4, 4, 1)], graph=graph, initial_states=True)
    save_design(core, tmp_path / "core")
    np.save(tmp_path / "x.npy", random_inputs(1, core, 4))
    with core.open() as session:
        fed(session, random_inputs(2, core, 3), 0)
        file = session.save(tmp_path / "states.safetensors")
    arguments = ["simulate", str(tmp_path / "core"), "--input", str(tmp_path / "x.npy")]
    assert main([*arguments, "--initial-states", str(file), "-o", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert "is of sequences under way" in said and "session.restore" in said
    assert not (tmp_path / "run").exists()


def test_a_file_that_does_not_fit_is_refused_and_nothing_changes(tmp_path):
    core = behind_a_convolution(CELLS["rnn"], kernel=2)
    x = random_inputs(1, core, 6)
    with core.open() as session:
        fed(session, x[:3], 0)
        file = session.save(tmp_path / "states.safetensors")
    arrays = load_file(file)
    others = {
        "no tensor 'join_1.frames'": {"join_1.frames": None},
        "no tensor 'sequence.frames'": {"sequence.frames": None},
        r"join_0.frames: shape \(1, 2, 3\), must be \(1, 1, 3\)": {"join_0.frames": np.zeros((1, 2, 3))},
        r"sequence_0.x: shape \(2, 3\), must be \(3, 3\)": {"sequence_0.x": np.zeros((2, 3))},
        "join_1.frames holds values that are no words": {"join_1.frames": arrays["join_1.frames"] + 1e-6},
        "join_0.frames: holds NaN": {"join_0.frames": arrays["join_0.frames"] * np.nan},
        "whole numbers of frames": {"sequence.frames": np.array([2.5])},
        "tensor 'sequence_1.x': is none": {"sequence_1.x": np.zeros((1, 3))},
        "tensor 'join_7.frames': is none": {"join_7.frames": np.zeros((1, 1, 3))},
        "tensor 'begin.layer_9.output': must be of layer_0 to layer_2": {"begin.layer_9.output": np.zeros(4)},
    }  # fmt: skip
    with core.open() as session:
        made = fed(session, x[:2], 0)
        for message, changes in others.items():
            changed = {n: a for n, a in (arrays | changes).items() if a is not None}
            save_file(changed, tmp_path / "changed.safetensors")
            with pytest.raises(DesignError, match=message) as error:
                session.restore(tmp_path / "changed.safetensors")
            assert "\n" not in str(error.value)
        made += fed(session, x[2:], 0)
    np.testing.assert_array_equal(made, integer_model(core).run(x).outputs)
    with core.open(streams=2) as session, pytest.raises(DesignError, match="must be"):
        session.restore(file)
    row = new_network([LinearCell(3, 4, 1), RnnCell(4, 4, 2), LinearCell(4, 3, 1)])
    with row.open() as session, pytest.raises(DesignError, match="has neither windows"):
        session.restore(file)


def test_a_sequence_that_is_too_long_is_saved_without_its_frames(tmp_path, monkeypatch):
    monkeypatch.setattr(sequence_history, "MOST_FRAMES", 4)
    core = convolution(3, kernel=3)
    x = random_inputs(1, core, 9)
    file = tmp_path / "states.safetensors"
    with core.open() as session:
        made = fed(session, x[:5], 0)
        session.save(file)
    assert "sequence_0.x" not in load_file(file)
    with core.open("golden") as session:
        session.restore(file)
        made += fed(session, x[5:], 0)
        session.save(file, force=True)
        with pytest.raises(DesignError, match="save"):
            session.state()
    assert "sequence_0.x" not in load_file(file)
    np.testing.assert_array_equal(made, integer_model(core).run(x).outputs)


def test_the_pipe_goes_on_within_a_sequence(tmp_path, monkeypatch, capsys):
    """`--save-states` leaves the sequences open where the input ends; an empty line ends them."""
    import io
    import sys

    core = over_time("sum")
    save_design(core, tmp_path / "core")
    x = random_inputs(2, core, 6)
    whole = integer_model(core).run(x).outputs
    file = str(tmp_path / "states.safetensors")

    def piped(frames, *options):
        text = "".join(" ".join(map(repr, row)) + "\n" for row in frames.tolist())
        source = io.TextIOWrapper(io.BytesIO(text.encode()))
        monkeypatch.setattr(sys, "stdin", source)
        assert main(["stream", str(tmp_path / "core"), *options]) == 0
        return capsys.readouterr().out

    assert piped(x[:4], "--save-states", file) == ""
    made = piped(x[4:], "--initial-states", file)
    np.testing.assert_array_equal(np.loadtxt(io.StringIO(made), ndmin=2), whole)
