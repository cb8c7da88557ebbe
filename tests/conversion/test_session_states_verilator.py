"""Sessions of the compiled core of graphs: saved within sequences, and on with frames that another engine has taken."""

from __future__ import annotations

import numpy as np
import pytest
from convolutions import convolution
from random_designs import random_inputs
from safetensors.numpy import load_file, save_file
from tools import build_without_optimisation, require_verilator

from ernn_myhdl import GruCell, LinearCell, LstmCell, RnnCell, new_network
from ernn_myhdl.design.graph import Graph, Window
from ernn_myhdl.design.time_joins import LastFrame, Mean
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.network_models import integer_model
from ernn_myhdl.runs import sequence_history

pytestmark = [pytest.mark.verilator, pytest.mark.slow]

LAST = Graph(
    ("join_0", "layer_0", "layer_1", "join_1"),
    (Window(inputs=("x",), size=2, padding=False), LastFrame(("layer_2",))),
    "layer_3",
)
MEAN = Graph(
    ("join_0", "layer_0"), (Window(inputs=("x",), size=2), Mean(("layer_1",), frames=6)), "join_1"
)


def last():
    """Every recurrent cell between a window and a join over time."""
    cells = [LinearCell(4, 3, 1), LstmCell(3, 3, block=1), GruCell(3, 2, 1), LinearCell(2, 2, 1)]
    return new_network(cells, lanes=1, graph=LAST, samples_per_beat=2, streams=2)


def mean():
    return new_network(
        [LinearCell(4, 3, 1), RnnCell(3, 2, 1)], lanes=1, graph=MEAN, samples_per_beat=2
    )


CORES = {
    "last": last,
    "mean": mean,
    "stride": lambda: convolution(3, kernel=3, stride=2, padding=False, streams=2),
    "window": lambda: convolution(3, kernel=2, dilation=2),
}


@pytest.fixture(autouse=True)
def compiler(monkeypatch):
    require_verilator()
    build_without_optimisation(monkeypatch)


def fed(session, x, stream, ends=False):
    timed = session.design.graph.over_time
    made = []
    for i, frame in enumerate(x):
        y = session.step(frame, stream, **({"last": ends and i == len(x) - 1} if timed else {}))
        made += [] if y is None else list(y) if timed else [y]
    return made


@pytest.mark.parametrize("name", CORES)
def test_a_sequence_goes_on_in_the_compiled_core_and_behind_it(name, tmp_path):
    core = CORES[name]()
    x = [random_inputs(s, core, 6) for s in range(3)]
    whole = [run.outputs for run in integer_model(core).run(x)]
    file, at, made = tmp_path / "states.safetensors", (2, 2, 1), [[], [], []]
    engines = ("integer", "verilator", "golden")
    for number, engine in enumerate(engines):
        with core.open(engine, streams=3) as session:
            if number:
                session.restore(file)
            for s in (1, 0, 2):
                start = at[s] * number
                stop = 6 if number == 2 else start + at[s]
                made[s] += fed(session, x[s][start:stop], s, ends=number == 2)
            if number < 2:
                session.save(file, force=True)
    for s in range(3):
        np.testing.assert_array_equal(made[s], whole[s], f"stream {s}")


@pytest.mark.parametrize("name", ("last", "stride"))
def test_a_state_is_loaded_while_other_sequences_go_on(name):
    """Into a core that has no hardware for it, then into one whose layers have not taken the last one."""
    core = CORES[name]()
    x = [random_inputs(s, core, 7) for s in range(3)]
    layers = [
        {n: np.full(size, 0.25) for n, size in layer.cell.state_sizes.items()} or None
        for layer in core.layers
    ]
    wanted = integer_model(core).run(x, initial=[layers, None, layers])
    with core.open("verilator", streams=3) as session:
        made = [[], fed(session, x[1][:3], 1), []]
        session.start(2, layers)
        for again in range(2):  # of stream 0: the second one while the first has not been taken
            session.start(0, layers)
            made[0] = fed(session, x[0][: 1 + again], 0)
        for s, done in ((2, 0), (1, 3), (0, 2)):
            made[s] += fed(session, x[s][done:], s, ends=True)
    for s in range(3):
        np.testing.assert_array_equal(made[s], wanted[s].outputs, f"stream {s}")


def test_what_a_compiled_core_cannot_go_on_with_is_refused(tmp_path, monkeypatch):
    core, x = CORES["window"](), np.random.default_rng(1).normal(size=(6, 3))
    file = tmp_path / "states.safetensors"
    with core.open() as session:
        fed(session, x[:4], 0)
        session.save(file)
    arrays = load_file(file)
    state = next(n for n in arrays if n.startswith("layer_"))
    for changes, message in (
        ({"sequence_0.x": None}, "restore it on 'integer' or 'golden'"),
        ({state: -arrays[state]}, "lead to other states"),
        ({"join_0.frames": -arrays["join_0.frames"]}, "lead to other states"),
    ):
        save_file({n: a for n, a in (arrays | changes).items() if a is not None}, file)
        with core.open("verilator") as session:
            made = fed(session, x[:2], 0)
            with pytest.raises(DesignError, match=message):
                session.restore(file)
            made += fed(session, x[2:], 0)
        np.testing.assert_array_equal(made, integer_model(core).run(x).outputs)
    monkeypatch.setattr(sequence_history, "MOST_FRAMES", 3)
    with core.open("verilator") as session:
        made = fed(session, x[:4], 0)
        with pytest.raises(DesignError, match="keeps 3 at most"):
            session.save(tmp_path / "more.safetensors")
        made += fed(session, x[4:], 0)
    np.testing.assert_array_equal(made, integer_model(core).run(x).outputs)
    behind = new_network(
        [RnnCell(2, 2, 1), RnnCell(2, 2, 1)],
        graph=Graph(("x", "join_0"), (LastFrame(("layer_0",)),), "layer_1"),
    )
    with behind.open("verilator") as session:
        fed(session, x[:2, :2], 0)
        with pytest.raises(DesignError, match="layer_1 stands behind a join over time"):
            session.start(0, [{"output": np.array([0.5, 0.5])}, None])
        y = fed(session, x[2:4, :2], 0, ends=True)
    np.testing.assert_array_equal(y, integer_model(behind).run(x[:4, :2]).outputs)
