"""Windows over frames: what they hold, what they refuse, how they are stored; models frame by frame and whole agree."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from convolutions import convolution
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_graphs import convolution_graph
from random_designs import random_inputs

from ernn_myhdl import (
    DesignError,
    Format,
    LinearCell,
    load_design,
    load_run,
    new_network,
    save_design,
)
from ernn_myhdl.cli.main import main
from ernn_myhdl.design.graph import Graph, Join, Window
from ernn_myhdl.golden.windows import WindowSteps, windowed

WINDOWS = st.builds(
    Window, inputs=st.just(("x",)), size=st.integers(1, 3), kernel=st.integers(2, 4), dilation=st.integers(1, 3),
    stride=st.integers(1, 3), padding=st.booleans(),
)  # fmt: skip


def by_hand(window: Window, x: np.ndarray) -> list[list[int]]:
    """Window by window, element by element."""
    made = []
    for newest in range(window.skipped, len(x), window.stride):
        one: list[int] = []
        for tap in range(window.kernel):
            frame = newest - (window.kernel - 1 - tap) * window.dilation
            one += [0] * window.size if frame < 0 else x[frame].tolist()
        made.append(one)
    return made


@settings(deadline=None, max_examples=60)
@given(WINDOWS, st.integers(0, 12))
def test_a_window_holds_the_frames_before_and_zeros_before_the_first(window, frames):
    x = np.arange(1, frames * window.size + 1).reshape(frames, window.size)
    made = windowed(window, x)
    assert made.shape == (window.cadence.frames(frames), window.elements)
    assert made.tolist() == by_hand(window, x)
    steps = WindowSteps(window, 2)
    steps.step(x[:1] + 100, np.array([1])) if frames else None
    steps.start(1)  # what was before a sequence is forgotten
    alone = [steps.step(frame[None], np.array([1])) for frame in x]
    assert [bool(has[0]) for _, has in alone] == [window.cadence.has(i) for i in range(frames)]
    assert [words[0].tolist() for words, has in alone if has[0]] == made.tolist()


def test_extreme_words_pass_a_window_unchanged():
    core = convolution(1, kernel=3)
    fmt = core.input_format
    x = np.array([[fmt.minimum], [fmt.maximum], [-1], [0], [fmt.minimum]])
    for engine in ("golden", "integer"):
        stage = core.run(x * 2.0**-fmt.frac, engine).stages["join_0.output"][:, 0]
        assert stage.tolist() == by_hand(core.graph.joins[0], x)


@pytest.mark.parametrize("number", range(12))
def test_integers_are_the_golden_model_in_random_graphs_with_convolutions(number):
    core = convolution_graph(number)
    sequences = [random_inputs(number + s, core, 4 + s) for s in range(2)]
    golden, integer = (core.run(sequences, engine) for engine in ("golden", "integer"))
    assert np.array_equal(integer.raw, golden.raw)
    for name, stage in golden.stages.items():
        assert np.array_equal(integer.stages[name], stage), name


@pytest.mark.parametrize(
    "options", [{}, {"stride": 2}, {"padding": False}, {"stride": 3, "padding": False}]
)
def test_a_session_gives_what_a_run_gives(options):
    core = convolution(2, kernel=3, streams=2, **options)
    x = [random_inputs(s, core, 8) for s in range(2)]
    for engine in ("integer", "golden"):
        runs = [core.run(each, engine).outputs for each in x]
        session = core.open(engine, 2)
        made: list[list] = [[], []]
        for stream, frames in enumerate(x):
            session.step(frames[0], stream)
            session.start(stream)
            for frame in frames:
                y = session.step(frame, stream)
                made[stream] += [] if y is None else [y]
        assert np.array_equal(np.concatenate(made), np.concatenate(runs))
        both = core.open(engine, 2)
        counts = [len(both.step(np.stack([x[0][i], x[1][i]]))) for i in range(8)]
        assert sum(counts) == 2 * len(runs[0])
        with pytest.raises(DesignError, match="no part of a state"):
            both.state(0)


@pytest.mark.parametrize("block", (1, 4))
def test_a_window_and_a_linear_layer_are_a_convolution(block):
    """Of the float reference: the columns of a tap, one after the other, times the frames."""
    core = convolution(4, outputs=4, block=block, kernel=3, dilation=2)
    layer = core.layers[0]
    matrix = layer.weights["input_weight"][0]
    if block == 1:
        matrix = matrix[..., 0]
        x = random_inputs(1, core, 9)
        padded = np.concatenate([np.zeros((4, 4)), x])
        kernel = matrix.reshape(4, 3, 4)
        wanted = (
            sum(padded[2 * t : 2 * t + 9] @ kernel[:, t].T for t in range(3))
            + layer.weights["bias"][0]
        )
        from ernn_myhdl.golden.float_reference import FloatModel

        made = FloatModel(layer.cell, layer.weights).run(windowed(core.graph.joins[0], x))
        assert np.allclose(made, np.maximum(wanted, 0), atol=1e-12)
    golden, integer = (core.run(random_inputs(1, core, 5), e).raw for e in ("golden", "integer"))
    assert np.array_equal(golden, integer)


REFUSED = {
    "kernel of nothing": (lambda: Window(inputs=("x",), kernel=0), "kernel"),
    "no window": (lambda: Window(inputs=("x",), kernel=1), "is the signal itself"),
    "far back": (lambda: Window(inputs=("x",), kernel=200, dilation=4000), "reaches 796000 frames back"),
    "too wide": (lambda: Window(inputs=("x",), size=60000), "120000 elements"),
    "two signals": (lambda: Window(inputs=("x", "layer_0")), "must be 1"),
    "padding of a word": (lambda: Window(inputs=("x",), padding="same"), "true or false"),
    "a join of that kind": (lambda: Join("window", ("x",)), "make a Window"),
    "another size": (
        lambda: new_network([LinearCell(6, 2, 1)], graph=Graph(("join_0",), (Window(inputs=("x",), size=2),), "layer_0")),
        "6 inputs",
    ),
    "frames that do not belong together": (
        lambda: Graph(
            ("join_0", "x"), (Window(inputs=("x",), padding=False), Join("concatenation", ("layer_0", "layer_1"))), "join_1"
        ),
        "leave frames out",
    ),
    "too few frames": (lambda: convolution(2, kernel=4, padding=False).run(np.zeros((3, 2)), "integer"), "for 4"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_window_is_refused_on_one_line(name):
    make, what = REFUSED[name]
    with pytest.raises(DesignError, match=what) as error:
        make()
    assert "\n" not in str(error.value)


def test_a_network_with_a_window_survives_its_folder(tmp_path, capsys):
    core = convolution(3, kernel=3, dilation=2, stride=2, padding=False)
    save_design(core, tmp_path / "design")
    loaded = load_design(tmp_path / "design")
    assert loaded == core and loaded.graph == core.graph
    text = (tmp_path / "design" / "network.toml").read_text()
    (tmp_path / "design" / "network.toml").write_text(text.replace("kernel = 3", "kernel = 0"))
    with pytest.raises(DesignError, match="network.toml: graph join 0: window kernel"):
        load_design(tmp_path / "design")
    (tmp_path / "design" / "network.toml").write_text(text.replace(", padding = false", ""))
    with pytest.raises(DesignError, match="padding: is missing"):
        load_design(tmp_path / "design")
    (tmp_path / "design" / "network.toml").write_text(text)
    run = core.run([random_inputs(s, core, 7 + s) for s in range(2)], "integer")
    run.save(tmp_path / "run")
    assert np.array_equal(load_run(tmp_path / "run").raw, run.raw)
    assert main(["info", str(tmp_path / "design")]) == 0
    assert "window of x" in capsys.readouterr().out


def test_a_graph_without_windows_has_the_digest_that_it_had():
    graph = Graph(("x",), (Join("addition", ("layer_0", "x"), Format(12, 9)),), "join_0")
    digest = hashlib.sha256(repr(graph).encode()).hexdigest()
    assert "Join(kind='addition', inputs=('layer_0', 'x'), format=Format(word=12, frac=9))" in repr(
        graph
    )
    assert digest == hashlib.sha256(repr(replace(graph)).encode()).hexdigest()
