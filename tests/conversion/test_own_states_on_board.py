"""States that are the design's own, on the simulated board: both drivers, the command and the serial line give the words of `Design.run`."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from test_uart_system_hdl import FAST, TIMEOUT
from tools import UNOPTIMISED, require_verilator

from ernn_myhdl import GruCell, LinearCell, LstmCell, new_network, save_design
from ernn_myhdl.cli.main import main
from ernn_myhdl.host.board import Board
from ernn_myhdl.host.description import load_description, load_vectors
from ernn_myhdl.host.selftest import selftest
from ernn_myhdl.host.serial_port import SerialPort, SerialTransport
from ernn_myhdl.system.rtl.uart_system import BUS_BITS
from ernn_myhdl.system.simulation import build
from ernn_myhdl.system.simulation.build import LIBRARY
from ernn_myhdl.system.simulation.serial_board import SerialBoard, SerialModel
from ernn_myhdl.system.simulation.transport import SimulatedBoard

pytestmark = pytest.mark.verilator
BUS = 64
RANDOM = np.random.default_rng(6)
#: Pairs of one length, which share packets of two streams.
X = [RANDOM.standard_normal((frames, 3)) for frames in (4, 4, 2, 2)]
LSTM = {"output": np.array([0.25, -0.5, 0.0, 0.75]), "cell_state": np.array([0.375, 0.625, -1.25, 0.5])}  # fmt: skip
GRU = {"cell_state": np.array([0.5, -0.25, 0.75, -0.5])}


@cache
def design(kind: str):
    """One LSTM; or two recurrent layers with a linear one behind them, which has no state."""
    cells = [LstmCell(3, 4, block=2)]
    states = [LSTM]
    if kind == "network":
        cells = [GruCell(3, 4, block=2), LstmCell(4, 4, block=2), LinearCell(4, 2, 1)]
        states = [GRU, LSTM, None]
    made = new_network(cells, lanes=1, samples_per_beat=2, streams=2, initial_states=True)
    made = made.with_initial(states) if kind == "network" else made.layers[0].with_initial(states)
    return replace(made, name="small")


@cache
def wanted(kind: str, zero: bool = False) -> list[np.ndarray]:
    states = {"initial": [None] * len(X)} if zero else {}
    raw = design(kind).run(X, "golden", **states).raw
    return np.split(raw, np.cumsum([len(x) for x in X])[:-1])


@pytest.fixture(scope="module")
def board_of(tmp_path_factory):
    """Folder of the design, and of the converted system with its library; compiled fast."""
    require_verilator()

    @cache
    def made(kind: str, link=None):
        folder = tmp_path_factory.mktemp(kind) / "design"
        save_design(design(kind), folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(build, "MAKE_FLAGS", UNOPTIMISED)
            bits = BUS if link is None else BUS_BITS
            return folder, build.built_board(design(kind), bits, link).parent

    return made


def checked(board: Board, kind: str, streams: int) -> None:
    """Two runs, frame by frame, and from zero."""
    for _ in range(2):
        assert all(map(np.array_equal, board.run_raw(X, streams), wanted(kind)))
    for start in (True, True):
        steps = [board.step_raw(frame, start and not i) for i, frame in enumerate(X[0])]
        assert np.array_equal(steps, wanted(kind)[0])
    zero = board.run_raw(X, streams, [None] * len(X))
    assert all(map(np.array_equal, zero, wanted(kind, True)))


@pytest.mark.parametrize("kind", ["lstm", "network"])
def test_python_driver_and_command(kind, board_of, tmp_path, capsys):
    assert not np.array_equal(wanted(kind)[0], wanted(kind, True)[0])
    folder, made = board_of(kind)
    system = load_description(made)
    with Board(SimulatedBoard(made / LIBRARY), system) as board:
        assert selftest(board, load_vectors(made, system)).passed
        for streams in (1, 2):
            checked(board, kind, streams)
    names = {f"s{i}": x for i, x in enumerate(X)}
    np.savez(tmp_path / "x.npz", **names)
    common = ["--port", "sim", "--design", str(folder), "--bus", str(BUS)]
    files = ["--input", str(tmp_path / "x.npz"), "-o", str(tmp_path / "y.npz"), "--streams", "2"]
    assert main(["host", "run", *common, *files]) == 0
    with np.load(tmp_path / "y.npz") as y:
        for name, expected in zip(names, wanted(kind), strict=True):
            assert np.array_equal(y[name], expected * 2.0 ** -design(kind).output_format.frac)
    capsys.readouterr()
    assert main(["host", "selftest", *common, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["passed"]


def groups(kind: str) -> str:
    """What the program in C reads."""
    lines, layer = [], design(kind)
    frac = layer.input_format.frac
    low, high = layer.input_format.minimum, layer.input_format.maximum
    raw = [np.clip(np.floor(x * 2.0**frac + 0.5), low, high).astype(int) for x in X]
    for zero in (0, 1, 0):
        y = wanted(kind, bool(zero))
        for numbers in ((0,), (1,), (0, 1), (2, 3)):
            turns = [np.stack([a[i] for i in numbers], 1).reshape(-1, a[0].shape[1]) for a in (raw, y)]  # fmt: skip
            lines.append(f"{zero} {len(numbers)} {len(turns[0])}")
            lines += [" ".join(map(str, [*a, *b])) for a, b in zip(*turns, strict=True)]
    return f"{sum(len(line.split()) == 3 for line in lines)}\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize("kind", ["lstm", "network"])
def test_c_driver(kind, board_of, tmp_path):
    _, made = board_of(kind)
    command = [
        "gcc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O1", f"-I{made / 'driver'}",
        str(Path(__file__).with_name("own_states_main.c")), str(made / "driver" / "small.c"), str(made / LIBRARY),
        "-o", str(tmp_path / "main"),
    ]  # fmt: skip
    subprocess.run(command, check=True)
    (tmp_path / "groups.txt").write_text(groups(kind))
    done = subprocess.run(
        [tmp_path / "main", tmp_path / "groups.txt"], capture_output=True, text=True
    )
    frames = (4 + 4 + 8 + 4) * (4 + 2 + 4)
    assert (done.returncode, done.stdout) == (0, f"{frames * design(kind).outputs} words\n")


def test_serial_line_and_command(board_of, tmp_path, capsys):
    folder, made = board_of("network", FAST)
    system = load_description(made)
    with SerialBoard(SerialModel(made / LIBRARY, FAST)) as simulated:
        port = SerialPort(simulated.device, FAST.baud)
        with Board(SerialTransport(port, FAST, TIMEOUT), system, TIMEOUT) as board:
            assert selftest(board, load_vectors(made, system)).passed
            checked(board, "network", 2)
        common = ["--port", simulated.device, "--timeout", str(TIMEOUT), "--design", str(made)]
        np.save(tmp_path / "x.npy", X[0])
        files = ["--input", str(tmp_path / "x.npy"), "-o", str(tmp_path / "y.npy")]
        assert main(["host", "run", *common, *files]) == 0
        expected = wanted("network")[0] * 2.0 ** -design("network").output_format.frac
        assert np.array_equal(np.load(tmp_path / "y.npy"), expected)
        capsys.readouterr()
        assert main(["host", "selftest", *common, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["passed"]
