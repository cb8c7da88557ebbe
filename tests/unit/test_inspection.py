"""What MyHDL is told of its callers and sources while blocks are elaborated."""

from __future__ import annotations

import inspect

import myhdl._block
import myhdl._instance
import myhdl._misc
import myhdl._simulator
import myhdl._util
import numpy as np
import pytest

from ernn_myhdl import new_design
from ernn_myhdl.hdl.inspection import DEPTH, brief_inspection
from ernn_myhdl.hdl.written_block import written_block
from ernn_myhdl.rtl import fft, pwl, rounding

MODULES = (myhdl._block, myhdl._instance, myhdl._misc, myhdl._util)


def test_the_nearest_callers_are_those_of_inspect():
    with brief_inspection():
        told, whole = myhdl._block.inspect.stack(), inspect.stack(0)
    assert len(told) == DEPTH < len(whole)
    for ours, theirs in zip(told, whole, strict=False):
        assert ours.frame is theirs.frame
        assert (ours[1], ours[3]) == (theirs[1], theirs[3])


def test_sources_are_those_of_inspect():
    written = [
        written_block("twice", ["clk"], [f"x = {n}", "return []"], {"n": n}).func for n in (1, 2)
    ]
    with brief_inspection():
        ours = myhdl._util.inspect
        for function in (
            rounding.round_saturate.func,
            pwl.piecewise_linear.func,
            fft.signed_digits,
            *written,
        ):
            for _ in range(2):
                assert ours.getsource(function) == inspect.getsource(function)
                assert ours.getsourcelines(function) == inspect.getsourcelines(function)
                assert ours.getsourcefile(function) == inspect.getsourcefile(function)


def test_a_core_is_simulated_without_the_text_of_the_stack(monkeypatch):
    """It was two thirds of the time of an elaboration, and grew with the modules that a program had imported."""

    def frames(*arguments):
        raise AssertionError("the source around every frame is read")

    design = new_design(3, 4, 2, 2, lanes=2)
    monkeypatch.setattr(inspect, "getouterframes", frames)  # which `inspect.stack` asks, too
    with pytest.raises(AssertionError, match="source"):
        inspect.stack()
    assert design.run(np.ones((1, 3)), engine="myhdl").outputs.shape == (1, 2)


def test_myhdl_keeps_no_signal_of_a_core():
    """It resets all that it keeps whenever a simulation ends, which took longer with every core."""
    design = new_design(3, 4, 2, 2, lanes=2)
    kept = list(map(id, myhdl._simulator._signals))
    run = design.run([[[0.5, 0.25, 0.0]]], engine="myhdl")
    assert list(map(id, myhdl._simulator._signals)) == kept
    again = design.run([[[0.5, 0.25, 0.0]]], engine="myhdl")
    assert run.cycles == again.cycles and run.outputs[0].tolist() == again.outputs[0].tolist()


def test_after_an_error_myhdl_has_its_own_again():
    with pytest.raises(ZeroDivisionError), brief_inspection():
        assert all(module.inspect is not inspect for module in MODULES)
        raise ZeroDivisionError
    assert all(module.inspect is inspect for module in MODULES)
