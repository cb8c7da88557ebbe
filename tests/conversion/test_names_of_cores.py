"""Whole cores as SystemVerilog, and the names in converted files: keywords of no language, a core's own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from random_designs import random_design, random_network
from tools import UNOPTIMISED, require_tool, require_verilator

from ernn_myhdl import new_design
from ernn_myhdl.convert import convert
from ernn_myhdl.convert.names import KEYWORDS, declared_names, languages_with, named
from ernn_myhdl.convert.verilog_layout import verilog_layout
from ernn_myhdl.convert.verilog_widths import with_widths
from ernn_myhdl.engines.verilator.build import find_verilator
from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.rtl.core.top import core


@cache
def lstm_design():
    return new_design(3, 4, 2, 2, True, lanes=4, samples_per_beat=2, name="first")


def run(command: list, folder: Path) -> subprocess.CompletedProcess:
    command = [str(c) for c in command]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def files_of(folder: Path, name: str) -> list[str]:
    return [*(folder / "files.txt").read_text().split(), f"test_bench/{name}_test_bench.sv"]


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A network of two layers, with a name of its own."""
    folder = tmp_path_factory.mktemp("network") / "sv"
    convert(random_network(70_009, 2), folder, hdl="verilog", name="second")
    return folder


@pytest.fixture(scope="module")
def layer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layer") / "sv"
    convert(lstm_design(), folder, hdl="verilog")
    return folder


def icarus(folder: Path, name: str, *options: str) -> subprocess.CompletedProcess:
    require_tool("iverilog")
    top = f"{name}_test_bench"
    built = run(["iverilog", "-g2012", "-s", top, "-o", "bench", *options, *files_of(folder, name)], folder)  # fmt: skip
    assert built.returncode == 0 and "error" not in built.stderr, built.stderr
    return run(["vvp", "-n", "bench"], folder)


@pytest.mark.iverilog
@pytest.mark.parametrize("name", ["first", "second"])
def test_a_core_runs_in_icarus_from_power_up(name, layer, network):
    folder = layer if name == "first" else network
    for options in ([], ["IDLE_PERCENT=0", "STALL_PERCENT=80"], ["SEED=5", "STALL_PERCENT=0"]):
        result = icarus(folder, name, *(f"-P{name}_test_bench.{o}" for o in options))
        assert result.returncode == 0 and result.stdout.startswith("PASS"), result.stdout


@pytest.mark.iverilog
def test_the_verilog_bench_fails_on_a_wrong_bit(layer):
    vectors = layer / "test_bench" / "first_expected.txt"
    text = vectors.read_text()
    digit = text.rstrip()[-1]
    vectors.write_text(text.rstrip()[:-1] + ("1" if digit == "0" else "0") + "\n")
    result = icarus(layer, "first")
    vectors.write_text(text)
    assert result.returncode != 0 and "FAIL: beat" in result.stdout


@pytest.mark.verilator
@pytest.mark.parametrize("name", ["first", "second"])
def test_verilator_has_no_warning(name, layer, network):
    require_verilator()
    tool, folder = find_verilator(), layer if name == "first" else network
    files = (folder / "files.txt").read_text().split()
    command = [tool.program, "--lint-only", "-Wall", "--top-module", f"{name}_core", *files]
    result = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env=os.environ | tool.environment
    )
    assert result.returncode == 0 and "%" not in result.stderr, result.stderr


@pytest.mark.ghdl
def test_two_cores_in_one_library(layer, network, tmp_path):
    """35 entities had one name and other text."""
    require_tool("ghdl")
    folders = {"first": tmp_path / "a", "second": tmp_path / "b"}
    convert(lstm_design(), folders["first"])
    convert(random_network(70_009, 2), folders["second"], name="second")
    work = tmp_path / "work"
    work.mkdir()
    options = ["--std=08", f"--workdir={work}"]
    for name, folder in folders.items():
        files = (folder / "files.txt").read_text().split()
        assert all(f.startswith(f"{name}_") for f in files)
        result = run(["ghdl", "-a", *options, *files, f"test_bench/{name}_test_bench.vhd"], folder)
        assert result.returncode == 0 and not result.stderr, result.stderr
    for name, folder in folders.items():  # both are in the library
        bench = f"{name}_test_bench"
        assert run(["ghdl", "-e", *options, bench], folder).returncode == 0
        result = run(
            ["ghdl", "-r", *options, bench, "--ieee-asserts=disable-at-0"], folder / "test_bench"
        )
        assert result.returncode == 0 and "PASS" in result.stdout, result.stdout + result.stderr


#: Both benches at once: each ends the simulation alone, here the one that ends last does.
BOTH = """
`timescale 1ns / 1ps
module both;
    first_test_bench one();
    second_test_bench other();
    always @(posedge (one.done && other.done)) begin
        $display("BOTH");
        $finish;
    end
endmodule
"""


@pytest.fixture(scope="module")
def both(layer, network, tmp_path_factory):
    """All files of two different cores in one folder, and a module of both their benches."""
    folder = tmp_path_factory.mktemp("both") / "sv"
    (folder / "test_bench").mkdir(parents=True)
    files = ["both.sv"]
    for source, name in ((layer, "first"), (network, "second")):
        for file in [*source.rglob("*.sv"), *source.rglob("*.hex"), *source.rglob("*.txt")]:
            target = folder / file.relative_to(source)
            assert target.name == "files.txt" or not target.exists(), target
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(file.read_bytes())
        bench = folder / "test_bench" / f"{name}_test_bench.sv"
        text = bench.read_text()
        assert text.count("$finish;") == text.count("    reg clk, rst;") == 1
        text = text.replace("$finish;", "done = 1;").replace(
            "    reg clk, rst;", "    reg clk, rst, done = 0;"
        )
        bench.write_text(text)
        files += files_of(source, name)
    (folder / "both.sv").write_text(BOTH)
    return folder, files


def wrong_bit(folder: Path, name: str) -> None:
    """Change the last bit that a bench expects."""
    vectors = folder / "test_bench" / f"{name}_expected.txt"
    text = vectors.read_text().rstrip()
    vectors.write_text(f"{text[:-1]}{int(text[-1], 16) ^ 1:x}\n")


def check_both(folder: Path, command: list[str]) -> None:
    """Both benches pass; with a wrong bit in the vectors of either, that one fails."""
    result = run(command, folder)
    assert result.returncode == 0 and result.stdout.count("PASS: ") == 2, result.stdout
    assert "BOTH" in result.stdout
    for name in ("first", "second"):
        vectors = folder / "test_bench" / f"{name}_expected.txt"
        text = vectors.read_text()
        wrong_bit(folder, name)
        result = run(command, folder)
        vectors.write_text(text)
        assert result.returncode != 0 and result.stdout.count("FAIL: beat") == 1, result.stdout


@pytest.mark.iverilog
def test_two_cores_in_one_simulation_of_icarus(both):
    require_tool("iverilog")
    folder, files = both
    built = run(["iverilog", "-g2012", "-s", "both", "-o", "bench", *files], folder)
    assert built.returncode == 0 and not built.stderr, built.stderr
    check_both(folder, ["vvp", "-n", "bench"])


@pytest.mark.slow
@pytest.mark.verilator
def test_two_cores_and_their_benches_in_one_simulation_of_verilator(both):
    """`--binary` needs a compiler of C++20, where Verilator does not ask g++ for it by itself."""
    require_verilator()
    tool, (folder, files) = find_verilator(), both
    # a machine may have python3 and no python
    make = " ".join((*UNOPTIMISED, "CFG_CXXFLAGS_PCH_I=-include", f"PYTHON3={sys.executable}"))
    command = [tool.program, "--binary", "--top-module", "both", "--Mdir", "built", "-CFLAGS",
               "-std=gnu++20", "-MAKEFLAGS", make, *files]  # fmt: skip
    built = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env=os.environ | tool.environment
    )
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    check_both(folder, [str(folder / "built" / "Vboth")])


def test_no_sensitivity_list_is_left(layer, tmp_path):
    for file in layer.glob("*.sv"):
        assert not re.search(r"always @\((?!posedge clk\))", file.read_text()), file.name


def test_a_list_whatever_its_order_is_the_same_text():
    process = "always @({}) begin: p\n    q = a[0] + b;\nend\n"
    texts = {verilog_layout(process.format(order)) for order in ("a[0], b", "b, a[0]")}
    assert len(texts) == 1 and "always_comb" in texts.pop()


def test_no_name_of_random_cores_is_a_keyword():
    cores = [
        random_design(seed, kind=k) for seed in range(12) for k in ("lstm", "gru", "linear", "rnn")
    ]
    cores += [random_network(seed, 3) for seed in range(6)]
    names = set()
    for design in cores:
        for name, (component, _) in core(design).components().items():
            names |= {name, *component.ports}
            names |= set(getattr(component, "nets", {}))
    assert len(names) > 300
    assert not {n: languages_with(n) for n in names if languages_with(n)}


def test_a_keyword_is_refused_in_every_language():
    assert languages_with("program") == ["SystemVerilog-2017"]
    assert languages_with("Signal") == ["VHDL-2008"] and "reg" in KEYWORDS["Verilog-2005"]
    for text in (
        "module program (\n", "module m (\n);\nwire [3:0] final;\n", "entity e is\nsignal bit: std_logic;\n",
        "    priority: process (clk) is\n",
    ):  # fmt: skip
        with pytest.raises(ToolError, match="a keyword of"):
            named(text, "", "x")
    assert declared_names("module m (\n    input wire clk,\n    output reg [3:0] q\n);\n") == {"m", "clk", "q"}  # fmt: skip


def test_a_name_that_no_file_can_have_is_refused(tmp_path):
    for name, match in (("a" * 65, "at most 64"), ("Two words", "identifier")):
        with pytest.raises(DesignError, match=match):
            convert(lstm_design(), tmp_path / "x", name=name)


def test_widths_are_written_out():
    text = "wire signed [7:0] a;\nreg [3:0] q;\nreg signed [9:0] t;\nwire u;\n"
    lines = {
        "assign t = a;": "assign t = 10'(a);",
        "assign q = (a >>> 2);": "assign q = 4'(a >>> 2);",
        "assign t = (a + q);": "assign t = (10'($unsigned(a)) + 10'(q));",
        "assign u = (a == t);": "assign u = (10'(a) == t);",
        "assign q = {a[1:0], u, 1'b0};": "assign q = {a[1:0], u, 1'b0};",
        "assign q = (q + 1);": "assign q = (q + 1);",
    }
    for line, expected in lines.items():
        assert with_widths(text + line) == text + expected
