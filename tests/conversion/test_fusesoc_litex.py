"""A converted folder in the hands of FuseSoC and of LiteX, and its template of an instance in those of GHDL and Icarus."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tools import require_module, require_tool, require_verilator

from ernn_myhdl import RnnCell, new_network
from ernn_myhdl.convert import convert
from ernn_myhdl.engines.verilator.build import find_verilator
from ernn_myhdl.host.description import load_description, load_vectors
from ernn_myhdl.host.packets import pack, unpack
from ernn_myhdl.host.registers import IDENTITY, register
from ernn_myhdl.host.serial_link import serial_link
from ernn_myhdl.system.writer import convert_system

EXTRA = "pip install 'ernn-myhdl[soc]'"
ORIGIN = 0x30000000
LINK = serial_link(25.0, None)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """(wrapper, language) -> folder of the same small core."""
    root, made = tmp_path_factory.mktemp("folders"), set()

    def folder(wrapper: str, hdl: str, **hardware) -> Path:
        place = root / "_".join((wrapper, hdl, *hardware))
        if place not in made:
            layer = new_network([RnnCell(3, 4, block=2)], lanes=1).layers[0]
            design = replace(layer, name="little").with_hardware(**hardware)
            if wrapper == "none":
                convert(design, place, hdl=hdl)
            else:
                convert_system(design, place, hdl, link=LINK if wrapper == "uart" else None)
            made.add(place)
        return place

    return folder


def _fusesoc(folder: Path, target: str, top: str, work: Path) -> str:
    """Output of a run of FuseSoC, which has to be good."""
    require_module("fusesoc", EXTRA)
    environment = dict(os.environ)
    if target == "lint" and list(folder.glob("*.sv")):
        found = find_verilator()
        environment |= found.environment
        (work / "bin").mkdir()
        (work / "bin/verilator").symlink_to(found.program)
        environment["PATH"] = f"{work / 'bin'}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "fusesoc.main", "--cores-root", str(folder), "run", "--build-root", str(work / "build"),
         f"--target={target}", top],
        capture_output=True, text=True, env=environment, cwd=work,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("hdl", "tool"),
    [
        pytest.param("vhdl", "ghdl", marks=pytest.mark.ghdl),
        pytest.param("verilog", "iverilog", marks=pytest.mark.iverilog),
    ],
)
def test_fusesoc_runs_the_test_bench_of_a_core(folders, tmp_path, hdl, tool):
    require_tool(tool)
    output = _fusesoc(folders("none", hdl), "sim", "little_core", tmp_path)
    assert "PASS: 6 beats, 3 frames" in output


@pytest.mark.verilator
@pytest.mark.parametrize("wrapper", ["axi", "uart"])
def test_fusesoc_checks_a_system(folders, tmp_path, wrapper):
    require_verilator()
    _fusesoc(folders(wrapper, "verilog"), "lint", f"little_{wrapper}", tmp_path)


@pytest.mark.ghdl
def test_fusesoc_elaborates_a_system_in_vhdl(folders, tmp_path):
    require_tool("ghdl")
    _fusesoc(folders("axi", "vhdl"), "lint", "little_axi", tmp_path)


@pytest.mark.verilator
def test_fusesoc_names_a_file_that_is_missing(folders, tmp_path):
    require_verilator()
    require_module("fusesoc", EXTRA)
    core = (folders("uart", "verilog") / "little_uart.core").read_text()
    (tmp_path / "little_uart.core").write_text(core)
    with pytest.raises(AssertionError, match=r"little_\w+\.sv"):
        _fusesoc(tmp_path, "lint", "little_uart", tmp_path)


@pytest.mark.iverilog
def test_a_litex_soc_reads_a_register_and_sends_a_packet(folders, tmp_path):
    require_tool("iverilog")
    require_module("litex", EXTRA)
    folder, here = folders("axi", "verilog"), Path(__file__).parent
    script = [sys.executable, str(here / "litex_soc.py"), str(folder), "little", f"{ORIGIN:x}", str(tmp_path)]  # fmt: skip
    done = subprocess.run(script, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    sources = (tmp_path / "sources.txt").read_text().split()
    subprocess.run(
        ["iverilog", "-g2012", "-o", "bench", "-s", "litex_bench", *sources, "soc.v", str(here / "litex_bench.sv")],
        check=True, cwd=tmp_path, capture_output=True,
    )  # fmt: skip
    system = load_description(folder)
    x, y = load_vectors(folder, system)[0]
    words = np.frombuffer(pack(x[:1], system), "<u4")
    (tmp_path / "x.hex").write_text("".join(f"{w:08x}\n" for w in words))
    inputs = register("INPUTS")

    def run(address: int) -> list[str]:
        # `-n`: an error ends the run and does not ask
        command = ["vvp", "-n", "bench", f"+address={address:x}", f"+beats={len(words)}"]
        output = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
        return output.stdout.splitlines()

    lines = run(ORIGIN)
    assert lines[0] == f"word {IDENTITY:08x}" and lines[-1] == "done"
    data = b"".join(int(w[2:], 16).to_bytes(4, "little") for w in lines if w.startswith("y "))
    assert np.array_equal(unpack(data, system), y[:1])
    assert run(ORIGIN + inputs.address)[0] == f"word {system.inputs:08x}"


def test_the_litex_module_refuses_a_folder_of_another_wrapper(folders, tmp_path):
    require_module("litex", EXTRA)
    folder = folders("axi", "verilog")
    manifest = json.loads((folder / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | {"wrapper": "uart"}))
    (tmp_path / "little_litex.py").write_text((folder / "little_litex.py").read_text())
    script = [sys.executable, str(Path(__file__).with_name("litex_soc.py")), str(tmp_path), "little", "0", str(tmp_path)]  # fmt: skip
    done = subprocess.run(script, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode and "no folder of ernn convert --wrapper axi" in done.stderr


def assert_connected(top: str, files: list[str], place: Path) -> None:
    """Icarus takes the files, and no input in them is open."""
    command = ["iverilog", "-g2012", "-Wportbind", "-s", top, "-o", top, *files]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    assert done.returncode == 0 and "floating" not in done.stderr, done.stderr


#: A core with the streams that only some systems have.
LOADS = {"weights": "loadable", "initial_states": True}


@pytest.mark.iverilog
def test_a_litex_soc_has_endpoints_for_weights_and_states(folders, tmp_path):
    require_tool("iverilog")
    require_module("litex", EXTRA)
    folder, here = folders("axi", "verilog", **LOADS), Path(__file__).parent
    script = [sys.executable, str(here / "litex_soc.py"), str(folder), "little", f"{ORIGIN:x}", str(tmp_path)]  # fmt: skip
    done = subprocess.run(script, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert_connected("soc", [*(tmp_path / "sources.txt").read_text().split(), "soc.v"], tmp_path)


@pytest.mark.ghdl
@pytest.mark.parametrize("wrapper", ["axi", "uart"])
def test_the_template_of_a_system_in_vhdl_connects_all_of_its_inputs(folders, tmp_path, wrapper):
    require_tool("ghdl")
    folder = folders(wrapper, "vhdl", **LOADS)
    ports = json.loads((folder / "manifest.json").read_text())["ports"]
    signals = "".join(
        f"    signal {p['name']} : "
        + ("std_logic" if p["bits"] is None else f"std_logic_vector({p['bits'] - 1} downto 0)")
        + ";\n"
        for p in ports
    )
    instance = (folder / "driver/little_instance.vhd").read_text()
    (tmp_path / "outer.vhd").write_text(
        "library ieee;\nuse ieee.std_logic_1164.all;\nentity outer is\nend entity;\n"
        f"architecture a of outer is\n{signals}begin\n{instance}end architecture;\n"
    )
    files = [str(folder / f) for f in (folder / "files.txt").read_text().split()]
    done = subprocess.run(
        ["ghdl", "-a", "--std=08", *files, "outer.vhd"], cwd=tmp_path, capture_output=True, text=True
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.iverilog
@pytest.mark.parametrize("wrapper", ["axi", "uart"])
def test_the_template_of_a_system_in_verilog_connects_all_of_its_inputs(folders, tmp_path, wrapper):
    require_tool("iverilog")
    folder = folders(wrapper, "verilog", **LOADS)
    ports = json.loads((folder / "manifest.json").read_text())["ports"]
    spans = ("" if p["bits"] is None else f"[{p['bits'] - 1}:0] " for p in ports)
    wires = "".join(f"wire {span}{p['name']};\n" for span, p in zip(spans, ports, strict=True))
    instance = (folder / "driver/little_instance.sv").read_text()
    (tmp_path / "outer.sv").write_text(f"module outer;\n{wires}{instance}endmodule\n")
    files = [str(folder / f) for f in (folder / "files.txt").read_text().split()]
    assert_connected("outer", [*files, "outer.sv"], tmp_path)


@pytest.mark.ghdl
def test_the_template_in_vhdl_is_an_instance(folders, tmp_path):
    require_tool("ghdl")
    folder = folders("none", "vhdl")
    text = (folder / "template/little_instance.vhd.txt").read_text()
    signals, instance = text.split("-- Behind its begin:")
    (tmp_path / "outer.vhd").write_text(
        "library ieee;\nuse ieee.std_logic_1164.all;\nentity outer is\nend entity;\n"
        f"architecture a of outer is\n{signals}begin\n{instance}end architecture;\n"
    )
    names = (folder / "files.txt").read_text().split()
    common = {"cwd": tmp_path, "check": True, "capture_output": True}
    files = [str(folder / f) for f in names] + ["outer.vhd"]
    subprocess.run(["ghdl", "-a", "--std=08", *files], **common)
    subprocess.run(["ghdl", "-e", "--std=08", "outer"], **common)


@pytest.mark.iverilog
def test_the_template_in_verilog_is_an_instance(folders, tmp_path):
    require_tool("iverilog")
    folder = folders("none", "verilog")
    text = (folder / "template/little_instance.sv.txt").read_text()
    (tmp_path / "outer.sv").write_text(f"module outer;\n{text}endmodule\n")
    files = [str(folder / f) for f in (folder / "files.txt").read_text().split()]
    subprocess.run(
        ["iverilog", "-g2012", "-Wportbind", "-s", "outer", "-o", "outer", *files, "outer.sv"],
        check=True, cwd=tmp_path, capture_output=True,
    )  # fmt: skip
