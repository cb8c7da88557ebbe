"""The command on good input."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from other_engine import replace_run

import ernn_myhdl
from ernn_myhdl import load_design, load_run
from ernn_myhdl.cli.main import main


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a design made by the command and inputs."""
    folder = tmp_path_factory.mktemp("cli")
    command = "new --cell lstm --inputs 4 --hidden 8 --projection 4 --block 4 --lanes 4 --peepholes"
    assert main([*command.split(), "--seed", "1", "-o", str(folder / "design")]) == 0
    rng = np.random.default_rng(0)
    np.save(folder / "x.npy", rng.standard_normal((3, 4)))
    np.savez(folder / "x.npz", **{f"s{i}": rng.standard_normal((i, 4)) for i in (10, 2, 1)})
    return folder


@pytest.fixture(autouse=True)
def here(place, monkeypatch):
    monkeypatch.chdir(place)


def call(command, capsys, code=0):
    assert main(command.split()) == code
    return capsys.readouterr()


def test_new_is_what_was_asked(capsys):
    cell = load_design("design").cell
    assert (cell.inputs, cell.hidden, cell.projection, cell.block) == (4, 8, 4, 4)
    assert cell.peepholes
    out = call("new --inputs 4 --hidden 8 --block 4 -o again --json", capsys).out
    assert json.loads(out)["digest"] == load_design("again").digest
    hw = load_design("again").hardware
    assert (hw.lanes, hw.ifft_units, hw.element_width) == (8, 4, 1)
    assert (hw.samples_per_beat, hw.sample_bits) == (4, 16)
    call("new --inputs 4 --hidden 8 --block 4 --seed 2 -o again --force", capsys)


def test_info(capsys):
    text = call("info design", capsys).out
    for part in ("compression", "multipliers", "latency", "interval", "frames/s", "cell_state"):
        assert part in text
    info = json.loads(call("info design --json --clock-mhz 100", capsys).out)
    assert info["parameters"] == load_design("design").cell.parameters
    assert info["dense_parameters"] == 4 * 8 * (4 + 4 + 1) + 4 * 8 + 3 * 8
    assert info["weight_bits"] == (4 * 2 * (1 + 1) + 2) * 4 * 12
    assert info["weight_bits"] <= info["weight_memory_bits"]
    assert info["multipliers"] == sum(info["multipliers_by_unit"].values())
    assert info["multipliers_by_unit"]["lanes"] == 4 * 5
    assert info["latency_cycles"] >= info["interval_cycles"] > 0
    assert info["frames_per_second_single"] == pytest.approx(1e8 / info["interval_cycles"])
    assert info["frames_per_second_interleaved"] >= info["frames_per_second_single"]


def test_info_ranges(capsys):
    text = call("info design --ranges", capsys).out
    assert "saturated" in text
    info = json.loads(call("info design --calibration x.npy --json", capsys).out)
    assert {"tensor", "minimum", "maximum", "saturations"} <= set(info["ranges"][0])


def test_simulate_engines_agree(capsys):
    for engine in ("golden", "integer", "myhdl"):
        command = f"simulate design --input x.npy --engine {engine} --check -o run_{engine}"
        assert "agrees with golden" in call(command, capsys).out
    golden, myhdl = load_run("run_golden"), load_run("run_myhdl")
    assert np.array_equal(golden.raw, myhdl.raw)
    assert np.array_equal(np.load("run_myhdl/raw.npy"), golden.raw)
    assert np.load("run_myhdl/outputs.npy").shape == (3, 4)
    assert np.load("run_myhdl/frame_cycles.npy").shape == (3, 2)
    summary = json.loads(call(
        "simulate design --input x.npy --engine myhdl --frames 2 --check --json", capsys).out)  # fmt: skip
    assert summary["frames"] == 2
    assert summary["check"] == {"reference": "golden", "agrees": True}
    assert (
        summary["latency_cycles"]
        == json.loads(call("info design --json", capsys).out)["latency_cycles"]
    )


def test_sequences_in_natural_order(capsys):
    call("simulate design --input x.npz --engine integer -o sequences", capsys)
    run = load_run("sequences")
    assert run.sequences == [1, 2, 10]
    with np.load("x.npz") as archive:
        assert np.array_equal(run.x[1:3], archive["s2"])
    call("simulate design --input x.npz --engine integer --frames 5 -o sequences --force", capsys)
    assert load_run("sequences").sequences == [1, 2, 2]


def test_a_failed_check(capsys, monkeypatch):
    from ernn_myhdl.engines.models import run_integer

    def wrong(job):
        result = run_integer(job)
        result.stages["gates"][1, 2, 0, 3] += 1
        return result

    replace_run(monkeypatch, "integer", wrong)
    command = "simulate design --input x.npy --engine integer --check -o wrong"
    out, err = call(command, capsys, code=1)
    assert "check failed" in err
    for part in ("frame 1", "stage gates", "[2, 0, 3]", "gate candidate", "got", "expected"):
        assert part in err
    assert load_run("wrong").frames == 3
    out, _ = call(command.replace("wrong", "wrong2") + " --json", capsys, code=1)
    assert json.loads(out)["check"]["mismatch"]["stage"] == "gates"


def test_vcd(capsys, tmp_path):
    call(
        "simulate design --input x.npy --engine myhdl --frames 1 -o waves --vcd waves/a/w.vcd",
        capsys,
    )
    text = (tmp_path.cwd() / "waves" / "a" / "w.vcd").read_text()
    assert "$timescale 1 ns $end" in text
    assert "$scope module core" in text
    assert "s_axis_tvalid" in text and "m_axis_tdata" in text and "clk" in text
    values = [line for line in text.splitlines() if line.startswith("#")]
    assert len(values) == len(set(values)) > 100


def test_help_has_examples(capsys):
    for command in ("new", "info", "simulate", "plot", "plot waveform", "plot error",
                    "plot schedule", "convert", "synth", "demo"):  # fmt: skip
        with pytest.raises(SystemExit) as stop:
            main([*command.split(), "--help"])
        assert stop.value.code == 0
        assert "examples:" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0


#: Each takes longer to import than `info` takes altogether; it needs none of them.
SLOW_TO_IMPORT = ("torch", "onnx", "matplotlib", "fxpmath", "distributed", "scipy")


def test_info_imports_nothing_that_it_does_not_need():
    code = (
        "import sys; from ernn_myhdl.cli.main import main; main(['info', 'design']); "
        f"print(sorted(set({SLOW_TO_IMPORT}) & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(ernn_myhdl.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_info_as_a_process_survives_a_closed_pipe():
    environment = {**os.environ, "PYTHONPATH": str(Path(ernn_myhdl.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-m", "ernn_myhdl", "info", "design", "--json"],
        capture_output=True, text=True, timeout=60, env=environment,
    )  # fmt: skip
    assert done.returncode == 0
    assert json.loads(done.stdout)["name"] == "ernn"
    process = subprocess.Popen(
        [sys.executable, "-m", "ernn_myhdl", "info", "design"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
    )  # fmt: skip
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait(timeout=60)


def test_signals_are_listed(capsys):
    call("simulate design --input x.npy --engine myhdl --frames 1 -o listed", capsys)
    names = call("plot waveform listed --signals list", capsys).out.split()
    assert {"operation", "s_axis_tvalid", "gates_3", "cell_state.valid"} <= set(names)
    call("plot waveform listed --signals operation,gates_3 --from 3 --to 30 -o w.svg", capsys)
    call("plot error listed -o e.png", capsys)
    call("plot schedule design -o s.png", capsys)
