"""Bad input of the command: exit code 2, one line on standard error, no partial output."""

import numpy as np
import pytest
from other_engine import replace_run

from ernn_myhdl import new_design, save_design
from ernn_myhdl.cli.main import main

X = np.zeros((3, 4))


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a design and an input, the current one."""
    monkeypatch.chdir(tmp_path)
    save_design(new_design(4, 6, block=2, lanes=2), tmp_path / "design")
    np.save(tmp_path / "x.npy", X)
    return tmp_path


def refuse(place, capsys, command, *parts, code=2):
    """The command fails with `code` and one line with all parts, and writes nothing."""
    before = listing(place)
    try:
        returned = main(command.split())
    except SystemExit as stop:
        returned = stop.code
    out, err = capsys.readouterr()
    assert returned == code
    assert out == ""
    assert len(err.strip().splitlines()) == 1, err
    assert err.startswith("ernn")
    assert "Traceback" not in err
    for part in parts:
        assert part in err
    assert listing(place) == before


def listing(place):
    return sorted((str(p), p.stat().st_mtime_ns) for p in place.rglob("*"))


NEW = "new -o out --inputs 4 --hidden 6 "


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ("--inputs 0", ["cell inputs = 0", "must be"]),
        ("--hidden -3", ["cell hidden = -3"]),
        ("--projection -1", ["cell projection = -1"]),
        ("--block 3", ["cell block = 3", "power of two"]),
        ("--block 64", ["cell block = 64"]),
        ("--lanes 5", ["hardware lanes = 5", "at most 4"]),
        ("--lanes 0", ["hardware lanes = 0"]),
        ("--lanes 4 --ifft-units 3", ["ifft_units = 3", "power of two"]),
        ("--lanes 3 --ifft-units 2", ["ifft_units = 2", "divide lanes"]),
        ("--element-width 0", ["element_width = 0"]),
        ("--element-width 8", ["element_width = 8"]),
        ("--word 1", ["word = 1", "4 to 32"]),
        ("--word 99", ["word = 99"]),
        ("--state-word 60", ["state_word = 60"]),
        ("--word 32 --state-word 24", ["must be 2 to 31"]),
        ("--samples-per-beat 3", ["samples_per_beat = 3"]),
        ("--samples-per-beat 64", ["tdata must be at most 512"]),
        ("--sample-bits 12", ["sample_bits = 12"]),
        ("--sample-bits 8", ["sample_bits = 8", "12 bits"]),
        ("--seed -1", ["seed = -1"]),
        ("--name 4x", ["name = '4x'"]),
        ("--hidden six", ["--hidden", "whole number"]),
        ("--hidden 60000 --inputs 60000 --block 1", ["parameters", "at most"]),
        ("--cell elman", ["--cell", "lstm", "gru", "rnn", "linear"]),
        ("--cell gru --reset never", ["--reset", "before", "after"]),
        ("--reset after", ["cell reset", "lstm cell has none"]),
        ("--cell gru --projection 4", ["cell projection", "gru cell has none"]),
        ("--cell gru --peepholes", ["cell peepholes", "gru cell has none"]),
        ("--cell linear --g-activation tanh", ["cell g_activation", "linear cell has none"]),
        ("--cell gru --lanes 5", ["hardware lanes = 5", "at most 2"]),
        ("--cell linear --lanes 2", ["hardware lanes = 2", "at most 1"]),
        ("--colour red", ["--colour"]),
    ],
)
def test_new(place, capsys, options, parts):
    refuse(place, capsys, NEW + options, *parts)


def test_arguments_that_are_missing(place, capsys):
    refuse(place, capsys, "new -o out --inputs 4", "--hidden", "ernn new --help")
    refuse(place, capsys, "paint", "paint")
    refuse(place, capsys, "", "COMMAND")


def test_existing_outputs(place, capsys):
    refuse(place, capsys, NEW.replace("out", "design"), "design", "exists", "--force")
    (place / "run").mkdir()
    run = "simulate design --input x.npy -o run"
    refuse(place, capsys, run, "run", "exists", "--force")
    refuse(place, capsys, run.replace("run", "x.npy"), "x.npy", "is the input")
    refuse(
        place, capsys, "simulate design --input x.npy -o design --force", "design", "is the input"
    )


ARRAYS = {
    "NaN": (np.full((2, 4), np.nan), ["frame 0, element 0", "nan", "finite"]),
    "infinity": (np.array([[0, 0, 0, 0], [0, 0, -np.inf, 0]]), ["frame 1, element 2", "-inf"]),
    "wide": (np.zeros((2, 5)), ["5 elements", "must be 4"]),
    "narrow": (np.zeros((2, 3)), ["3 elements", "must be 4"]),
    "flat": (np.zeros(4), ["shape (4,)", "(frames, 4)"]),
    "three dimensions": (np.zeros((2, 3, 4)), ["shape (2, 3, 4)", ".npz"]),
    "scalar": (np.array(1.0), ["shape ()"]),
    "empty": (np.zeros((0, 4)), ["empty"]),
    "integers": (np.zeros((2, 4), dtype=np.int64), ["int64", "astype(float)"]),
    "complex": (np.zeros((2, 4), dtype=complex), ["complex128"]),
    "text": (np.array([["a"] * 4]), ["<U1"]),
    "objects": (np.array([[None] * 4], dtype=object), ["pickle", "numpy.save"]),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_simulate_arrays(place, capsys, case):
    array, parts = ARRAYS[case]
    np.save(place / "bad.npy", array)
    refuse(place, capsys, "simulate design --input bad.npy -o run", "bad.npy", *parts)


def test_simulate_archives(place, capsys):
    np.savez(place / "none.npz")
    refuse(place, capsys, "simulate design --input none.npz -o run", "holds no sequences")
    np.savez(place / "one.npz", good=X, worse=X[:, :2])
    refuse(place, capsys, "simulate design --input one.npz -o run", "one.npz worse", "must be 4")


FILES = {
    "garbage": b"no array at all",
    "nothing": b"",
    "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00]\x94(K\x01K\x02e.",
    "zip": b"PK\x03\x04broken",
    "header": b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': Fal",
}


@pytest.mark.parametrize("case", FILES)
def test_simulate_files(place, capsys, case):
    (place / "bad.npy").write_bytes(FILES[case])
    refuse(place, capsys, "simulate design --input bad.npy -o run", "bad.npy", "cannot be read")


def test_simulate_truncated_array(place, capsys):
    (place / "bad.npy").write_bytes((place / "x.npy").read_bytes()[:-8])
    refuse(place, capsys, "simulate design --input bad.npy -o run", "bad.npy", "cannot be read")


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ("--input none.npy", ["none.npy", "does not exist"]),
        ("--input .", ["is a folder"]),
        ("--input x.npy --frames 0", ["frames = 0"]),
        ("--input x.npy --frames -2", ["frames = -2"]),
        ("--input x.npy --frames many", ["--frames"]),
        ("--input x.npy --engine iverilog", ["--engine", "golden"]),
        ("--input x.npy --engine golden --vcd w.vcd", ["vcd", "'myhdl'"]),
        ("--input x.npy --engine myhdl --vcd .", ["output .", "holds the input"]),
        ("--input x.npy --engine myhdl --stall 1", ["stall", "0 to 0.95"]),
        ("--input x.npy --engine myhdl --idle nan", ["--idle"]),
        ("--input x.npy --engine myhdl --seed -1", ["seed = -1"]),
    ],
)
def test_simulate_options(place, capsys, options, parts):
    refuse(place, capsys, f"simulate design -o run {options}", *parts)


@pytest.mark.parametrize(
    "command",
    ["info none", "simulate none --input x.npy -o run", "convert none -o out",
     "synth none -o out", "plot schedule none -o s.png"],
)  # fmt: skip
def test_no_design(place, capsys, command):
    refuse(place, capsys, command, "design none", "no such folder")


@pytest.mark.parametrize("command", ["info design", "simulate design --input x.npy -o run"])
def test_damaged_design(place, capsys, command):
    weights = place / "design" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])
    refuse(place, capsys, command, "weights.safetensors", "truncated")


@pytest.mark.parametrize("clock", ["0", "-5", "inf", "fast"])
def test_info_clock(place, capsys, clock):
    refuse(place, capsys, f"info design --clock-mhz {clock}", "clock")


def test_plots(place, capsys):
    refuse(place, capsys, "plot waveform design -o w.png", "run.json")
    refuse(place, capsys, "plot schedule design -o s.pdf", "s.pdf", ".png or .svg")
    refuse(place, capsys, "plot schedule design -o s", ".png or .svg")
    refuse(place, capsys, "plot schedule design -o s.png --frames 0", "frames = 0")
    main(["simulate", "design", "--input", "x.npy", "-o", "golden_run"])
    capsys.readouterr()
    refuse(place, capsys, "plot waveform golden_run -o w.png", "no per-cycle trace")
    refuse(place, capsys, "plot error golden_run -o w.png --output-element 6", "0 to 5")


def test_nothing_stays_when_a_tool_fails(place, capsys, monkeypatch):
    from ernn_myhdl import ToolError

    def missing(job):
        if job.vcd:
            job.vcd.write_text("half")
        raise ToolError("ghdl: not found; install it with apt install ghdl")

    replace_run(monkeypatch, "ghdl", missing)
    replace_run(monkeypatch, "myhdl", missing)
    command = "simulate design --input x.npy --engine ghdl -o deep/run"
    refuse(place, capsys, command, "apt install ghdl", code=3)
    command = "simulate design --input x.npy --engine myhdl -o run --vcd waves/w.vcd"
    refuse(place, capsys, command, "apt install ghdl", code=3)


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), 130), (MemoryError(), 2), (PermissionError(13, "no", "f"), 2)],
)
def test_interruptions(place, capsys, monkeypatch, error, code):
    def stopped(job):
        raise error

    replace_run(monkeypatch, "golden", stopped)
    refuse(place, capsys, "simulate design --input x.npy -o run", code=code)
