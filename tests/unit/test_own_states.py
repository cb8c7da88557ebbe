"""States that a model holds as constants: every way to run its design starts from them, to the bit."""

from __future__ import annotations

import importlib
from functools import cache

import numpy as np
import pytest
from tools import require_module

from ernn_myhdl import (
    DesignError,
    GruCell,
    LinearCell,
    LstmCell,
    import_model,
    import_module,
    load_design,
    new_network,
    save_design,
)
from ernn_myhdl.cli.main import main
from ernn_myhdl.corpus.inputs import DataSet
from ernn_myhdl.design.graph import Graph
from ernn_myhdl.design.own_states import STATES_NAME
from ernn_myhdl.design.time_joins import LastFrame
from ernn_myhdl.exchange.importing import save_imported
from ernn_myhdl.golden.network_models import float_model
from ernn_myhdl.host.board import Board
from ernn_myhdl.host.description import description_of
from ernn_myhdl.host.sequences import state_words
from ernn_myhdl.runs.evaluate import evaluate
from ernn_myhdl.runs.run import load_run
from ernn_myhdl.system.writer import system_description, vectors

X = np.random.default_rng(3).standard_normal((5, 3))
STATES = [
    {"cell_state": np.array([0.5, -0.25, 0.75, -0.5])},
    {"output": np.array([0.25, -0.5]), "cell_state": np.array([0.375, 0.625])},
    None,
]


@cache
def plain():
    cells = [GruCell(3, 4, block=2), LstmCell(4, 2, block=2), LinearCell(2, 2, 1)]
    return new_network(cells, lanes=1, initial_states=True)


@cache
def own():
    return plain().with_initial(STATES)


def steps(design, engine, x=X):
    with design.open(engine) as session:
        first = np.stack([session.step(frame) for frame in x])
        session.end()
        again = np.stack([session.step(frame) for frame in x])
        session.start()
        third = np.stack([session.step(frame) for frame in x])
    assert np.array_equal(first, again) and np.array_equal(first, third)
    return first


def test_every_engine_and_session_starts_from_them():
    wanted = plain().run(X, "golden", initial=STATES)
    assert not np.array_equal(wanted.raw, plain().run(X, "golden").raw)
    for engine in ("golden", "integer", "myhdl"):
        assert np.array_equal(own().run(X, engine).raw, wanted.raw)
    for engine in ("golden", "integer"):
        assert np.array_equal(steps(own(), engine), wanted.outputs)
    several = own().run([X, X[:2]], "integer")
    assert np.array_equal(several.raw, np.concatenate([wanted.raw, wanted.raw[:2]]))


@pytest.mark.ghdl
def test_ghdl_starts_from_them():
    assert np.array_equal(own().run(X, "ghdl").raw, own().run(X, "golden").raw)


@pytest.mark.verilator
def test_compiled_sessions_and_runs_start_from_them():
    wanted = own().run(X, "golden")
    assert np.array_equal(own().run(X, "verilator").raw, wanted.raw)
    assert np.array_equal(steps(own(), "verilator"), wanted.outputs)


def test_states_that_are_given_take_their_place():
    zero = plain().run(X, "integer").raw
    assert np.array_equal(own().run([X, X], "integer", initial=[None, None]).raw[:5], zero)
    nothing = [s and {n: np.zeros_like(a) for n, a in s.items()} for s in STATES]
    assert np.array_equal(own().run(X, "integer", initial=nothing).raw, zero)
    with own().open() as session:
        session.start(0, nothing)
        assert np.array_equal(session.step(X[0]), plain().run(X[:1], "integer").outputs[0])


def test_a_sequence_behind_a_join_over_time_starts_from_them_again():
    graph = Graph(("x", "join_0"), (LastFrame(("layer_0",)),), "layer_1")
    network = new_network([GruCell(3, 4, block=2), LinearCell(4, 2, 1)], lanes=1, graph=graph, initial_states=True)  # fmt: skip
    network = network.with_initial([STATES[0], None])
    (wanted,) = network.run(X, "golden").outputs
    with network.open() as session:
        for _ in range(3):
            *_, y = [session.step(frame, last=i == 4) for i, frame in enumerate(X)]
            assert np.array_equal(y, [wanted])


def test_folders_and_runs_keep_them(tmp_path):
    save_design(own(), tmp_path / "d")
    loaded = load_design(tmp_path / "d")
    assert loaded == own() and loaded.digest != plain().digest
    assert np.array_equal(loaded.layers[1].initial["output"], STATES[1]["output"])
    np.save(tmp_path / "x.npy", X)
    for options, design in (([], own()), (["--no-initial-states"], plain())):
        command = [
            "simulate",
            str(tmp_path / "d"),
            "--input",
            str(tmp_path / "x.npy"),
            "--check",
            "-o",
        ]
        assert main([*command, str(tmp_path / "run"), "--force", *options]) == 0
        run = load_run(tmp_path / "run")
        assert np.array_equal(run.raw, design.run(X, "integer").raw)
        assert run.design.digest == own().digest


def test_a_damaged_file_of_them_is_named(tmp_path):
    save_design(own(), tmp_path / "d")
    (tmp_path / "d" / STATES_NAME).write_bytes(b"no")
    with pytest.raises(DesignError, match=STATES_NAME):
        load_design(tmp_path / "d")


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ([{"cell_state": np.zeros(3)}, None, None], "shape (3,)"),
        ([{"output": np.zeros(4)}, None, None], "must have cell_state"),
        ([None, None, {"output": np.zeros(2)}], "the core of this linear layer loads none"),
        ([{"cell_state": np.full(4, np.inf)}, None, None], "NaN or infinity"),
        ([{"cell_state": np.zeros(4, np.int64)}, None, None], "floating point"),
    ],
)
def test_what_is_no_state_of_a_layer_is_refused(states, message):
    with pytest.raises(DesignError) as error:
        plain().with_initial(states)
    assert message in str(error.value)


def test_a_core_that_loads_no_states_has_none_of_its_own():
    design = new_network([GruCell(3, 4, block=2)], lanes=1).layers[0]
    with pytest.raises(DesignError, match="initial_states = true"):
        design.with_initial(STATES[:1])


def test_evaluation_starts_from_them():
    data = DataSet([X], None)
    assert evaluate(own(), data).sqnr == evaluate(plain(), data, initial=STATES).sqnr
    assert evaluate(own(), data).sqnr != evaluate(plain(), data).sqnr


def test_the_plot_of_errors_takes_the_float_model_from_the_states_of_the_run():
    errors = require_module("matplotlib", "pip install matplotlib") and importlib.import_module(
        "ernn_myhdl.plots.error"
    )
    _, reference = errors.stage_errors(own().run(X, "integer"))
    assert np.array_equal(reference, float_model(own()).run(X, initial=STATES))


def test_the_driver_starts_sequences_from_them(monkeypatch):
    system = description_of(system_description(own(), 64).record())
    board = Board.__new__(Board)
    board.system, board._kept, board._broken, written = system, {}, False, []
    monkeypatch.setattr(board, "_write", lambda name, value: written.append((name, value)), False)
    monkeypatch.setattr(board, "_keep", lambda name, value: written.append((name, value)), False)
    monkeypatch.setattr(board, "_exchange", lambda x, due: np.zeros((due, system.outputs)), False)
    board.run_raw([X])
    words = [w for n, w in written if n.startswith("STATE_")]
    told = state_words(system.states, 3, STATES, 0, system.sample_bits, system.samples_per_beat)
    assert words == sum(told, []) and ("STATES", 1) in written
    written.clear()
    board.run_raw([X], initial=[None])
    assert ("STATES", 0) in written and not [n for n, _ in written if n.startswith("STATE_")]


def test_vectors_of_a_system_start_from_them():
    made = vectors(own())
    first = made["x"][: made["lengths"][0]]
    assert np.array_equal(
        made["y"][: len(first)], own().run(first / 2.0 ** own().input_format.frac, "integer").raw
    )


@pytest.mark.torch
@pytest.mark.onnx
@pytest.mark.parametrize("kind", ["GRU", "LSTM", "RNN"])
def test_models_of_pytorch_with_constant_states_are_what_they_compute(kind, tmp_path, capsys):
    torch = require_module("torch", "pip install 'ernn-myhdl[torch]'")
    require_module("onnx", "pip install 'ernn-myhdl[onnx]'")
    torch.manual_seed(2)

    class Constant(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = getattr(torch.nn, kind)(3, 4, batch_first=True)
            self.h = torch.nn.Parameter(torch.randn(1, 1, 4) / 2)
            self.c = torch.nn.Parameter(torch.randn(1, 1, 4) / 2)

        def forward(self, x):
            h, c = (s.expand(1, len(x), 4).contiguous() for s in (self.h, self.c))
            return self.rnn(x, (h, c) if kind == "LSTM" else h)[0]

    model, x = Constant(), torch.tensor(X[None], dtype=torch.float32)
    with torch.no_grad():
        wanted = model(x)[0].numpy()
    imported = import_module(model, x, word=16)
    save_imported(imported, tmp_path / "d")
    design = load_design(tmp_path / "d")
    run = design.run(X, "golden")
    assert np.abs(run.outputs - wanted).max() < 1e-3
    assert np.array_equal(imported.design.run(X, "integer").raw, run.raw)
    assert np.array_equal(steps(design, "integer"), run.outputs)
    np.save(tmp_path / "x.npy", X)
    assert main(["simulate", str(tmp_path / "d"), "--input", str(tmp_path / "x.npy"), "-o", str(tmp_path / "run")]) == 0  # fmt: skip
    assert np.array_equal(load_run(tmp_path / "run").raw, run.raw)
    assert main(["export", str(tmp_path / "d"), "-o", str(tmp_path / "m.onnx")]) == 0
    assert "WARNING" not in capsys.readouterr().out
    again = import_model(tmp_path / "m.onnx", word=16)
    assert np.array_equal(
        again.initial_states[0]["cell_state" if kind != "RNN" else "output"],
        imported.initial_states[0]["cell_state" if kind != "RNN" else "output"],
    )
    assert np.abs(again.design.run(X, "integer").outputs - wanted).max() < 1e-3
    assert main(["export", str(tmp_path / "d"), "-o", str(tmp_path / "m.safetensors")]) == 0
    assert (
        "WARNING: the initial states of layer_0 are not part of the file" in capsys.readouterr().out
    )
