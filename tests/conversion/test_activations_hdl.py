"""The HDL of linear layers with activations: GHDL, Icarus Verilog, and Verilator from both sources."""

from __future__ import annotations

import subprocess
from functools import cache

import numpy as np
import pytest
from activation_designs import chain, inputs
from tools import build_without_optimisation, require_tool, require_verilator

from ernn_myhdl.convert import convert
from ernn_myhdl.streams.traffic import Traffic

ROUGH = Traffic(0.3, 0.3, 4, shuffle=True)


@cache
def design(name: str):
    return chain(name, 3)


def run(name: str, engine: str, **options):
    return design(name).run(inputs(3), engine, **options)


@pytest.mark.ghdl
@pytest.mark.parametrize("name", ["circulant"])
def test_the_vhdl_in_ghdl(name):
    require_tool("ghdl")
    assert np.array_equal(run(name, "ghdl", traffic=ROUGH).raw, run(name, "golden").raw)


@pytest.mark.verilator
@pytest.mark.parametrize(("name", "source"), [("circulant", "verilog"), ("narrow", "vhdl")])
def test_compiled(name, source, monkeypatch):
    require_verilator()
    if source == "vhdl":
        require_tool("ghdl")
    build_without_optimisation(monkeypatch)
    golden, myhdl = run(name, "golden"), run(name, "myhdl", traffic=ROUGH)
    compiled = run(name, "verilator", traffic=ROUGH, source=source)
    assert np.array_equal(compiled.raw, golden.raw)
    assert np.array_equal(compiled.frame_cycles, myhdl.frame_cycles)
    for stage, expected in golden.stages.items():
        assert np.array_equal(compiled.stages[stage], expected), stage


@pytest.mark.iverilog
@pytest.mark.parametrize("name", ["dense"])
def test_the_verilog_with_its_bench_in_icarus(name, tmp_path):
    require_tool("iverilog")
    folder, top = tmp_path / "hdl", design(name).name
    convert(design(name), folder, hdl="verilog")
    files = [*(folder / "files.txt").read_text().split(), f"test_bench/{top}_test_bench.sv"]
    command = ["iverilog", "-g2012", "-s", f"{top}_test_bench", "-o", "bench", *files]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    ran = subprocess.run(["vvp", "-n", "bench"], cwd=folder, capture_output=True, text=True)
    assert ran.returncode == 0 and ran.stdout.startswith("PASS"), ran.stdout
