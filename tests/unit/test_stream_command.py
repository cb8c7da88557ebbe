"""`ernn stream`: frames from a pipe, outputs as they come; bad input says where and what."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from waiting import SECONDS, next_line

from ernn_myhdl.calibration.generate import new_design, new_network
from ernn_myhdl.cli.main import main
from ernn_myhdl.design.cells import LinearCell
from ernn_myhdl.design.graph import Embedding, Graph
from ernn_myhdl.design.storage import save_design
from ernn_myhdl.golden.network_models import integer_model
from ernn_myhdl.numerics.formats import quantise
from ernn_myhdl.streams.state_file import STATES_NAME

DESIGN = new_design(3, 4, block=2, lanes=2, name="small")
X = np.random.default_rng(0).normal(size=(6, 3))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_design(DESIGN, tmp_path / "small")
    return tmp_path


def stream(monkeypatch, capfdbinary, data: bytes, *options: str):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    code = main(["stream", "small", *options])
    out, err = capfdbinary.readouterr()
    return code, out, err.decode()


def text_of(x) -> bytes:
    return "".join(" ".join(map(str, row)) + "\n" for row in x).encode()


def outputs(*sequences):
    return np.concatenate([run.outputs for run in integer_model(DESIGN).run(list(sequences))])


def test_lines_and_empty_lines(folder, monkeypatch, capfdbinary):
    data = b"# x\n" + text_of(X[:4]).replace(b" ", b", ") + b"\n" + text_of(X[4:])
    code, out, err = stream(monkeypatch, capfdbinary, data)
    assert (code, err) == (0, "")
    np.testing.assert_array_equal(np.loadtxt(io.BytesIO(out)), outputs(X[:4], X[4:]))


def test_values_and_words_without_text(folder, monkeypatch, capfdbinary):
    for kind in ("float32", "float64"):
        x = X.astype(kind)
        code, out, _ = stream(monkeypatch, capfdbinary, x.tobytes(), "--input-format", kind)
        assert code == 0
        np.testing.assert_array_equal(np.frombuffer(out, kind), outputs(x.astype(float)).ravel())
    raw = quantise(X, DESIGN.input_format)
    for kind in ("int16", "int32"):
        data = raw.astype(kind).tobytes()
        code, out, _ = stream(monkeypatch, capfdbinary, data, "--input-format", kind)
        assert code == 0
        got = np.frombuffer(out, kind)
        np.testing.assert_array_equal(got, integer_model(DESIGN).run(raw).raw.ravel())


def test_streams_take_turns_and_states_go_on(folder, monkeypatch, capfdbinary):
    turns = text_of(X[[0, 3, 1, 4]])
    code, first, _ = stream(
        monkeypatch, capfdbinary, turns, "--streams", "2", "--save-states", "states.safetensors"
    )
    assert code == 0
    code, second, _ = stream(
        monkeypatch, capfdbinary, text_of(X[[2, 5]]), "--streams", "2",
        "--initial-states", "states.safetensors", "--engine", "golden",
    )  # fmt: skip
    assert code == 0
    expected = outputs(X[:3], X[3:])
    got = np.loadtxt(io.BytesIO(first + second))
    np.testing.assert_array_equal(got, expected[[0, 3, 1, 4, 2, 5]])


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (b"1 2\n", (), "line 1: 2 numbers, must be 3, the inputs of the design"),
        (b"1 2 3\n1 x 3\n", (), "line 2: 'x' is not a finite number"),
        (b"1 2 nan\n", (), "line 1: 'nan' is not a finite number"),
        (b"\xff\xfe\n", (), "line 1: is no text"),
        (b"1 2 3\n", ("--streams", "2"), "ends within a turn, behind 1 of 2 streams"),
        (b"1 2 3\n\n", ("--streams", "2"), "line 2: ends a turn of 1 of 2 streams"),
        (b"\0" * 13, ("--input-format", "float32"), r"ends within frame 1 (1 of 12 bytes)"),
        (
            b"\0\0\xc0\x7f" * 3,
            ("--input-format", "float32"),
            "standard input: frame 0 holds nan, must be finite",
        ),
        (
            b"\0\0" * 3 + b"\xff\x7f" * 3,
            ("--input-format", "int16"),
            "standard input: frame 1: raw words from 32767 to 32767, must be -2048 to 2047; values are read with --input-format",
        ),
        (
            b"\xff\x7f" * 6,
            ("--input-format", "int16", "--streams", "2"),
            "standard input: turn 0: raw words",
        ),
        (b"", ("--output-format", "int16"), "words give words"),
        (b"", ("--streams", "0"), "streams = 0: must be 1 to 4096"),
        (b"", ("--initial-states", "none"), "none"),
        (b"", ("--save-states", "small"), "small"),
        (b"1 2 3\n1 2\n", ("--save-states", "s.safetensors"), "; the states were not saved"),
    ],
)
def test_bad_input_is_refused_by_name(folder, monkeypatch, capfdbinary, data, options, message):
    code, _, err = stream(monkeypatch, capfdbinary, data, *options)
    assert code == 2 and message in err and err.count("\n") == 1


def test_a_number_of_no_row_is_told_with_its_frame(folder, monkeypatch, capfdbinary):
    graph = Graph(("join_0",), (Embedding(table=np.eye(5, 3)),), "layer_0")
    core = new_network([LinearCell(3, 2, 1)], graph=graph)
    save_design(core, folder / "small", force=True)
    code, out, err = stream(monkeypatch, capfdbinary, b"4\n\n0\n5\n1\n")
    assert code == 2 and out.count(b"\n") == 2
    assert "standard input: frame 2: 5 is the number of no row" in err and err.count("\n") == 1


def test_a_closed_standard_input_is_told(folder, monkeypatch, capfd):
    monkeypatch.setattr("sys.stdin", None)
    assert main(["stream", "small"]) == 2
    assert "standard input: is closed" in capfd.readouterr().err


def test_an_interrupt_tells_that_outputs_were_written(folder, monkeypatch, capfd):
    def frames(*_):
        yield np.zeros((1, 3))
        raise KeyboardInterrupt

    monkeypatch.setattr("ernn_myhdl.cli.frames.frame_reader", frames)
    assert main(["stream", "small", "--save-states", "s.safetensors"]) == 130
    out, err = capfd.readouterr()
    assert out.count("\n") == 1
    assert (
        err
        == "ernn: error: interrupted behind the outputs that were written; the states were not saved\n"
    )


def test_the_states_of_an_imported_model_are_not_left_out_unsaid(folder, monkeypatch, capfdbinary):
    (folder / "small" / STATES_NAME).write_bytes(b"")
    _, _, err = stream(monkeypatch, capfdbinary, text_of(X[:1]))
    assert "is not used; give it with --initial-states" in err


def test_an_output_comes_before_the_next_frame_is_there(folder):
    command = [sys.executable, "-m", "ernn_myhdl", "stream", str(folder / "small")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        for frame, expected in zip(X, outputs(X), strict=True):
            process.stdin.write(text_of([frame]))
            process.stdin.flush()
            np.testing.assert_array_equal(np.fromstring(next_line(process), sep=" "), expected)
        process.stdin.close()
        assert process.wait(timeout=SECONDS) == 0
