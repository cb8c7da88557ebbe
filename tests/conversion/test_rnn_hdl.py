"""The HDL of vanilla RNNs: GHDL, Icarus Verilog, and Verilator from both sources; with stalls and initial states."""

from __future__ import annotations

import subprocess
from functools import cache

import numpy as np
import pytest
from state_model import random_states
from tools import build_without_optimisation, require_tool, require_verilator

from ernn_myhdl import new_design
from ernn_myhdl.convert import convert
from ernn_myhdl.streams.traffic import Traffic

ACTIVATIONS = ("tanh", "relu")
LENGTHS = (2, 1)
ROUGH = Traffic(0.3, 0.3, 4, shuffle=True)


@cache
def design(activation: str):
    input_block = {"tanh": None, "relu": 1}[activation]
    return new_design(
        3, 5, block=2, input_block=input_block, cell="rnn", activation=activation, lanes=2, streams=2,
        initial_states=True,
    )  # fmt: skip


def run(activation: str, engine: str, **options):
    x = [np.random.default_rng(i).standard_normal((n, 3)) for i, n in enumerate(LENGTHS)]
    states = random_states(design(activation), len(LENGTHS), 1, share=0.9)
    return design(activation).run(x, engine, initial=states, **options)


@pytest.mark.ghdl
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_vhdl_in_ghdl(activation):
    require_tool("ghdl")
    golden = run(activation, "golden")
    assert len(np.unique(golden.raw)) > 4
    assert np.array_equal(run(activation, "ghdl", traffic=ROUGH).raw, golden.raw)


@pytest.mark.verilator
@pytest.mark.parametrize("source", ["verilog", "vhdl"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_compiled_from_both_sources(activation, source, monkeypatch, tmp_path):
    """Some are built in a folder whose name holds what shells and make take apart: a space ended Verilator's build."""
    require_verilator()
    if activation == ACTIVATIONS[0]:  # the others share the cache of all tests
        monkeypatch.setenv("ERNN_CACHE", str(tmp_path / "a cache of 'mine' & others"))
    if source == "vhdl":
        require_tool("ghdl")
    build_without_optimisation(monkeypatch)
    golden, myhdl = run(activation, "golden"), run(activation, "myhdl", traffic=ROUGH)
    compiled = run(activation, "verilator", traffic=ROUGH, source=source)
    assert np.array_equal(compiled.raw, golden.raw)
    assert np.array_equal(compiled.frame_cycles, myhdl.frame_cycles)
    for name, expected in golden.stages.items():
        assert np.array_equal(compiled.stages[name], expected), name


@pytest.mark.iverilog
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_verilog_with_its_bench_in_icarus(activation, tmp_path):
    require_tool("iverilog")
    folder, name = tmp_path / "hdl", design(activation).name
    convert(design(activation), folder, hdl="verilog")
    files = [*(folder / "files.txt").read_text().split(), f"test_bench/{name}_test_bench.sv"]
    command = ["iverilog", "-g2012", "-s", f"{name}_test_bench", "-o", "bench", *files]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    ran = subprocess.run(["vvp", "-n", "bench"], cwd=folder, capture_output=True, text=True)
    assert ran.returncode == 0 and ran.stdout.startswith("PASS"), ran.stdout
