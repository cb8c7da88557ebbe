"""States that sequences start from, from a file to the driver, and what the selftest says of loaded weights."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save_file

from ernn_myhdl import DesignError, GruCell, LinearCell, LstmCell, new_network, save_design
from ernn_myhdl.cli import host as command
from ernn_myhdl.cli.main import main
from ernn_myhdl.host.board import Board as Driver
from ernn_myhdl.host.registers import register
from ernn_myhdl.host.state_file import read_states
from ernn_myhdl.host.transport import BoardTimeout
from ernn_myhdl.host.weight_loading import weight_status
from ernn_myhdl.system.rtl.constant_words import constant_words
from ernn_myhdl.system.writer import system_description


def description(*cells, loads):
    network = new_network(list(cells), lanes=1, initial_states=loads)
    return system_description(network if len(cells) > 1 else network.layers[0], 64)


def test_states_of_a_file_are_those_of_its_sequences(tmp_path):
    system = description(GruCell(3, 4, block=2), LstmCell(4, 6, block=2), LinearCell(6, 2, block=1), loads=True)  # fmt: skip
    random = np.random.default_rng(1)
    arrays = {
        "layer_1.cell_state": random.uniform(-0.5, 0.5, (3, 6)).astype(np.float32),
        "layer_1.output": random.uniform(-0.5, 0.5, 6).astype(np.float32),
    }
    np.savez(tmp_path / "states.npz", **arrays)
    save_file(arrays, tmp_path / "states.safetensors")
    for name in ("states.npz", "states.safetensors"):
        states, notes = read_states(tmp_path / name, system, 3)
        assert notes == [] and len(states) == 3
        for number, (first, second, third) in enumerate(states):
            assert first is third is None
            assert np.array_equal(second["cell_state"], arrays["layer_1.cell_state"][number])
            assert np.array_equal(second["output"], arrays["layer_1.output"])


def test_a_state_that_saturates_is_told(tmp_path):
    system = description(GruCell(3, 4, block=2), loads=True)
    limit = -system.states[0].parts[0].format.minimum / 2.0 ** system.states[0].parts[0].format.frac
    np.savez(tmp_path / "s.npz", **{"layer_0.cell_state": np.array([limit, -limit, 0, 9 * limit])})
    (state,), (note,) = read_states(tmp_path / "s.npz", system, 1)
    assert "2 of 4 values of layer_0.cell_state are beyond its format" in note
    assert state["cell_state"][3] == 9 * limit  # the driver rounds


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("layer_0.cell", np.zeros(4), "tensor 'layer_0.cell': must be one of layer_0.cell_state"),
        ("layer_1.cell_state", np.zeros(4), "must be one of layer_0.cell_state"),
        ("layer_0.cell_state", np.zeros((3, 4)), "must be (4,), or (2, 4)"),
        ("layer_0.cell_state", np.full(4, np.nan), "NaN or infinity"),
        ("layer_0.cell_state", np.zeros(4, bool), "must be numbers"),
        ("layer_0.cell_state", np.full(4, 1 << 40), "raw words"),
    ],
)
def test_what_is_no_state_of_the_core_is_named(name, array, message, tmp_path):
    system = description(GruCell(3, 4, block=2), loads=True)
    np.savez(tmp_path / "s.npz", **{name: array})
    with pytest.raises(DesignError) as error:
        read_states(tmp_path / "s.npz", system, 2)
    assert message in str(error.value)


def test_states_are_refused_before_a_port_is_opened(tmp_path, capsys):
    save_design(new_network([GruCell(3, 4, block=2)], lanes=1).layers[0], tmp_path / "zero")
    np.save(tmp_path / "x.npy", np.zeros((2, 3)))
    np.save(tmp_path / "s.npy", np.zeros(4))
    output = ["--input", str(tmp_path / "x.npy"), "-o", str(tmp_path / "y.npy"), "--initial-states"]
    arguments = ["host", "run", "--port", "./none", "--design", str(tmp_path / "zero"), *output]
    assert main([*arguments, str(tmp_path / "s.npy")]) == 2
    assert "the core starts every sequence from zero" in capsys.readouterr().err
    states = new_network([GruCell(3, 4, block=2)], lanes=1, initial_states=True).layers[0]
    save_design(states, tmp_path / "states")
    arguments[5] = str(tmp_path / "states")
    for file, message in (("s.npy", "is one array"), ("none.npz", "does not exist")):
        assert main([*arguments, str(tmp_path / file)]) == 2
        assert message in capsys.readouterr().err
    assert main(["host", "selftest", *arguments[2:6], *output[-1:], "s.npz"]) == 2
    assert "selftest: takes no initial states" in capsys.readouterr().err


class Board:
    """Answers with zeros; its weights were loaded."""

    def __init__(self, system, loaded):
        self.system, self.loaded = system, loaded

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def weights(self):
        return weight_status(2 * self.loaded)

    def run(self, sequences, streams, states):
        self.given = states
        return [np.zeros((len(s), self.system.outputs)) for s in sequences]

    def run_raw(self, sequences):
        return [np.zeros((len(s), self.system.outputs), dtype=np.int64) for s in sequences]

    def step_raw(self, frame, start, last):
        return np.zeros(self.system.outputs, dtype=np.int64)

    def status(self):
        return weight_status(0)


def test_run_gives_the_states_of_the_file_to_the_driver(tmp_path, monkeypatch, capsys):
    system = description(GruCell(3, 4, block=2), loads=True)
    np.savez(tmp_path / "x.npz", a=np.zeros((2, 3)), b=np.zeros((3, 3)))
    np.savez(tmp_path / "s.npz", **{"layer_0.cell_state": np.array([[0.5] * 4, [9.0] * 4])})
    board = Board(system, False)
    monkeypatch.setattr(command, "opened", lambda args: (board, None))
    files = ["--input", str(tmp_path / "x.npz"), "-o", str(tmp_path / "y.npz")]
    arguments = ["host", "run", "--port", "sim", "--design", "d", *files]
    assert main([*arguments, "--initial-states", str(tmp_path / "s.npz")]) == 0
    assert [list(s["cell_state"]) for s in board.given] == [[0.5] * 4, [9.0] * 4]
    assert "4 of 8 values of layer_0.cell_state" in capsys.readouterr().out
    assert main([*arguments, "--force"]) == 0 and board.given is None


class SlowEntry:
    """Registers of a system whose frames enter the core one with each look at FRAMES_IN, and what was written while some had not."""

    def __init__(self, words):
        self.words, self.sent, self.entered, self.hit = words, 0, 0, []
        self.stuck = False

    def read(self, address):
        if address == register("FRAMES_IN").address:
            self.entered += self.entered < self.sent and not self.stuck
            return self.entered
        if address == register("STATUS").address:
            return 2 * (self.entered < self.sent)
        return self.words.get(address, 0)

    def write(self, address, value):
        control = register("CONTROL")
        if address == control.address and value & control.field("clear_counters").mask:
            self.sent = self.entered = 0
        elif self.entered < self.sent:
            self.hit.append((address, value))

    def exchange(self, packets, sizes, timeout):
        self.sent += len(packets)
        if sizes[0]:
            self.entered = self.sent
        return [bytes(size) for size in sizes]


def test_the_end_of_a_sequence_is_told_when_its_other_frames_have_entered():
    core = new_network([GruCell(3, 4, block=2)], lanes=1, outputs=["last"])
    words = {register(n).address: v for n, v in constant_words(core, 64).items()}
    transport = SlowEntry(words)
    board = Driver(transport, system_description(core, 64), timeout=0.05)
    for frame in range(5):
        y = board.step_raw(np.zeros(3, dtype=np.int64), last=frame == 4)
        assert len(y) == (frame == 4)
    assert transport.hit == []
    transport.stuck = True
    with pytest.raises(BoardTimeout, match="have not entered the core in 0.05 s"):
        board.step_raw(np.zeros(3, dtype=np.int64), last=False)


@pytest.mark.parametrize("loaded", [False, True])
def test_a_selftest_behind_loaded_weights_says_so(loaded, monkeypatch, capsys):
    network = new_network([GruCell(3, 4, block=2)], lanes=1).layers[0]
    board = Board(system_description(network.with_weights("loadable"), 64), loaded)
    vectors = [(np.zeros((2, 3), dtype=np.int64), np.ones((2, 4), dtype=np.int64))]
    monkeypatch.setattr(command, "opened", lambda args: (board, lambda: vectors))
    assert main(["host", "selftest", "--port", "sim", "--design", "d"]) == 1
    told = capsys.readouterr().out
    assert "failed: 16 of 16 words differ" in told
    assert ("the core has weights that were loaded" in told) is loaded
