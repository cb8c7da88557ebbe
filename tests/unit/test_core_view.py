"""One view of a core for a run and for a conversion, and its streams read from its ports."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.convert import writer
from ernn_myhdl.convert.leaf import SUPPORT
from ernn_myhdl.design.network import Network
from ernn_myhdl.engines.myhdl.engine import run_myhdl
from ernn_myhdl.engines.result import Job
from ernn_myhdl.engines.verilator import compiled_hdl
from ernn_myhdl.engines.verilator import engine as verilator_engine
from ernn_myhdl.engines.verilator.build import Build
from ernn_myhdl.hdl.components import ins, outs
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.stream_port import stream_ports
from ernn_myhdl.hdl.types import Bit, Word
from ernn_myhdl.rtl.core import view as core_views
from ernn_myhdl.rtl.core.view import core_view

ROOT = Path(__file__).parents[2]
DESIGN = new_design(4, 4, block=2, lanes=2, name="seen")
#: Of few leaves, for conversions.
TINY = new_design(1, 1, block=1, cell="linear", lanes=1, name="seen")
LOADING = new_design(5, 8, block=4, lanes=4, streams=4, initial_states=True)


@pytest.fixture
def counted(monkeypatch):
    """How often a core is assembled, and how often the netlist of one is gone through for its components."""
    counts = {"core": 0, "components": 0}
    assemble, components = core_views.core, Netlist.components

    def core(design):
        counts["core"] += 1
        return assemble(design)

    def counting(netlist):
        counts["components"] += netlist.name.endswith("_core")
        return components(netlist)

    monkeypatch.setattr(core_views, "core", core)
    monkeypatch.setattr(Netlist, "components", counting)
    return counts


@pytest.fixture
def converted(monkeypatch):
    """All leaves are as if converted before, and so is what is compiled: processes of their own do that, whose questions nobody counts."""
    write_texts = writer.write_texts

    def without_text(leaf, texts, *where):
        return write_texts(leaf, dict.fromkeys((SUPPORT, leaf.name), ""), *where)

    def in_fresh_process(module, arguments, hdl):
        _, folder, _ = arguments
        (folder / "core.v").write_text("module core;\nendmodule\n")
        (folder / "files.txt").write_text("core.v\n")

    monkeypatch.setattr(writer, "kept_texts", lambda key: {"": ""})
    monkeypatch.setattr(writer, "write_texts", without_text)
    monkeypatch.setattr(compiled_hdl, "in_fresh_process", in_fresh_process)


@pytest.mark.usefixtures("converted")
@pytest.mark.parametrize("hdl", ["vhdl", "verilog"])
def test_a_conversion_asks_for_its_core_once(counted, tmp_path, hdl):
    writer.write(TINY, tmp_path, hdl)
    assert counted == {"core": 1, "components": 1}
    assert (tmp_path / "manifest.json").exists()


def test_a_simulation_in_myhdl_asks_for_its_core_once(counted):
    run_myhdl(Job(DESIGN, [np.zeros((1, 4))]))
    assert counted == {"core": 1, "components": 0}


@pytest.mark.usefixtures("converted")
def test_a_compiled_run_asks_for_its_core_once(counted, monkeypatch, tmp_path):
    """All but the compilation: the build is given the view that the run goes on with."""
    from ernn_myhdl.engines.verilator import build, run

    views = []

    def built(design, source, say, view):
        build.write_verilog(design, source, tmp_path, view)
        build.ports_header(design, view)
        views.append(view)
        return Build(tmp_path / "core.so", True, 0.0)

    class Stopped(Exception):
        pass

    def stop(self, *arguments, **options):
        views.append(self.view)
        raise Stopped

    monkeypatch.setattr(verilator_engine, "build", built)
    monkeypatch.setattr(run.ctypes, "CDLL", lambda path: FakeLibrary())
    monkeypatch.setattr(run.CompiledCore, "simulate", stop)
    with pytest.raises(Stopped):
        verilator_engine.run_verilator(Job(TINY, [np.zeros((1, 1))]))
    assert counted == {"core": 1, "components": 1}
    assert views[0] is views[1]


class FakeLibrary:
    """Stands for the compiled core; its functions do nothing."""

    def __getattr__(self, name: str):
        def function(*arguments):
            return None

        setattr(self, name, function)
        return function


def test_the_streams_of_a_core_are_those_of_its_ports():
    view = core_view(LOADING)
    directions = {name: stream.direction for name, stream in view.streams.items()}
    assert directions == {"s_axis": "in", "s_state": "in", "m_axis": "out"}
    data = Word(LOADING.stream_shape.data_bits)
    axis = {"tdata": data, "tlast": Bit(), "tuser": Word(2), "tid": Word(2)}
    assert view.source.fields == axis and view.sink.fields == axis
    assert view.loader.fields == {"tdata": data, "tlast": Bit(), "tid": Word(2)}
    plain = core_view(DESIGN)
    assert plain.loader is None and plain.source.fields["tuser"] == Bit()
    assert "tid" not in plain.source.fields


def test_a_network_that_loads_states_says_for_which_layer():
    layers = [new_design(8, 8, block=4, lanes=4, initial_states=True, seed=i) for i in (0, 1)]
    second = replace(layers[1], formats=replace(layers[1].formats, input=layers[0].formats.output))
    view = core_view(Network((layers[0], second), "two"))
    assert view.loader.fields["tdest"] == Word(1)


def test_signals_with_the_name_of_a_stream_are_none_without_its_handshake():
    ports = ins(a_tvalid=Bit(), a_tdata=Word(4), b_tvalid=Bit()) | outs(
        a_tready=Bit(), a_tother=Word(2), b_other=Bit(), c_tvalid=Bit(), c_tready=Bit()
    )
    found = stream_ports(ports)
    assert list(found) == ["a"]
    assert found["a"].fields == {"tdata": Word(4)}  # a_tother goes against the stream
    assert found["a"].handshake == ("a_tvalid", "a_tready")


def test_only_the_blocks_of_a_core_spell_out_the_signals_of_its_streams():
    """Everything else asks `StreamPort` or `signals`."""
    spelled = re.compile(r"(s_axis|m_axis|s_state)_t[a-z]+|_axis_")
    package = ROOT / "ernn_myhdl"
    # the AXI system and its simulated board have streams of their own
    declaring = [package / "rtl", package / "system", package / "hdl/stream_port.py"]
    found = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in sorted(package.rglob("*"))
        if file.suffix in (".py", ".cpp") and not any(file.is_relative_to(d) for d in declaring)
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if spelled.search(line)
    ]
    assert found == []
