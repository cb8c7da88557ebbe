"""The compiled engine against MyHDL: every bit, cycle and stage; builds, resets, runs that hang."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tools import build_without_optimisation, require_verilator

from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.engines.myhdl.simulation import simulate
from ernn_myhdl.engines.verilator import build as verilator_build
from ernn_myhdl.engines.verilator.build import build
from ernn_myhdl.engines.verilator.run import CompiledCore
from ernn_myhdl.errors import ToolError
from ernn_myhdl.files.cache_folder import CACHE_VARIABLE
from ernn_myhdl.numerics.formats import quantise
from ernn_myhdl.runs.run import run_design
from ernn_myhdl.streams.traffic import Traffic, frame_beats

pytestmark = [pytest.mark.verilator, pytest.mark.slow]


#: Column groups, projection and peepholes. `test_engines_agree` compares both sources.
@cache
def grouped_design():
    return new_design(9, 8, 4, 4, True, lanes=8, ifft_units=4, samples_per_beat=4)


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    require_verilator()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    build_without_optimisation(monkeypatch)
    return tmp_path


def sequences(design, *lengths):
    rng = np.random.default_rng(3)
    return [rng.standard_normal((n, design.cell.inputs)) for n in lengths]


def beats(design, frames: int) -> list:
    raw = quantise(sequences(design, frames)[0], design.formats.input)
    return [b for t, frame in enumerate(raw) for b in frame_beats(frame, design, t == 0)]


def assert_same(got, expected) -> None:
    """All arrays of two runs, in the same order."""
    assert got.cycles == expected.cycles
    for name in ("raw", "frame_cycles"):
        np.testing.assert_array_equal(getattr(got, name), getattr(expected, name), name)
    for group in ("stages", "stage_cycles", "trace"):
        ours, theirs = getattr(got, group), getattr(expected, group)
        assert list(ours) == list(theirs) and ours
        for name, array in theirs.items():
            np.testing.assert_array_equal(ours[name], array, f"{group} {name}")


def check_against_myhdl(design, source: str) -> None:
    for traffic in (Traffic(), Traffic(0.4, 0.4, 7)):
        expected = run_design(design, sequences(design, 3, 2), "myhdl", traffic=traffic)
        got = run_design(
            design, sequences(design, 3, 2), "verilator", traffic=traffic, source=source
        )
        assert_same(got, expected)


def test_compiled_verilog(own_cache, monkeypatch):
    check_against_myhdl(grouped_design(), "verilog")

    # other weights and another name take the same build
    other = new_design(
        9, 8, 4, 4, True, lanes=8, ifft_units=4, samples_per_beat=4, seed=2, name="other"
    )
    other = replace(
        other, formats=grouped_design().formats, activations=grouped_design().activations
    )
    monkeypatch.setattr(verilator_build, "write_verilog", None)
    made = build(other)
    assert made.cached
    x = sequences(other, 3)
    fast = run_design(other, x, "verilator", stages=False)
    np.testing.assert_array_equal(fast.raw, run_design(other, x, "integer").raw)
    assert not fast.stages and not fast.trace

    with CompiledCore(grouped_design(), made.library) as compiled:
        resets_in_a_frame(compiled)
        cut_off_and_go_on(compiled)
        hung(compiled)

    # a damaged entry is found out; written beside it, since this process has the library mapped
    damaged = made.library.with_suffix(".damaged")
    damaged.write_bytes(made.library.read_bytes()[:-1])
    damaged.replace(made.library)
    with pytest.raises(TypeError):  # the conversion that this test took away
        build(other)


def resets_in_a_frame(compiled: CompiledCore) -> None:
    """After a reset the beats that follow begin a frame."""
    dry = compiled.simulate(beats(grouped_design(), 2), 2)
    first = [cycle for cycle, _ in dry.accepted]
    stimulus = beats(grouped_design(), 1)[:2] + beats(grouped_design(), 3)
    for reset in (first[1] + 1, first[1] + 2):
        got = compiled.simulate(stimulus, 3, Traffic(0.2, 0.2, 1), reset_at=reset)
        expected = simulate(grouped_design(), stimulus, 3, Traffic(0.2, 0.2, 1), reset_at=[reset])
        assert got.accepted == expected.accepted
        assert got.delivered == expected.delivered
        assert (got.cycles, got.error) == (expected.cycles, expected.error)


def cut_off_and_go_on(compiled: CompiledCore) -> None:
    """What a call left in the core does not show in the next."""
    whole = compiled.simulate(beats(grouped_design(), 4), 4)
    for cycles in (7, whole.cycles // 2):
        part = compiled.simulate(beats(grouped_design(), 4), 4, most_cycles=cycles)
        assert part.cycles == cycles
        assert part.delivered == [b for b in whole.delivered if b[0] < cycles]
    again = compiled.simulate(beats(grouped_design(), 4), 4)
    assert again.delivered == whole.delivered


def hung(compiled: CompiledCore) -> None:
    """Both engines say the same."""
    texts = set()
    for run in (compiled.simulate, lambda *a, **k: simulate(grouped_design(), *a, **k)):
        with pytest.raises(ToolError, match="no transfer for 500 cycles, 1 of 2 frames") as error:
            run(beats(grouped_design(), 1), 2, limit=500)
        texts.add(str(error.value))
    assert len(texts) == 1
    assert "sequencer: gate passes at operation 0, which needs 1 groups of x" in texts.pop()
