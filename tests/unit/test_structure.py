"""A structure is checked whole, needs no weights, and a cell with state needs no product of y."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import ClassVar

import numpy as np
import pytest

from ernn_myhdl.cycle_model.schedule import schedule_for
from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.cells.result_widths import aligned, product
from ernn_myhdl.design.design import Activations, Design, Formats, Hardware, Structure, complete
from ernn_myhdl.design.widths import intermediate_widths
from ernn_myhdl.errors import DesignError
from ernn_myhdl.explore.candidates import Numbers
from ernn_myhdl.golden import fxp_cells, integer_cells, tensors
from ernn_myhdl.golden.fixed_point import FixedPointModel
from ernn_myhdl.golden.fxp_stages import rows
from ernn_myhdl.golden.integer import IntegerModel
from ernn_myhdl.numerics.formats import Format, round_shift
from ernn_myhdl.rtl.cells.units import units_for
from ernn_myhdl.rtl.core.products import lane_clusters
from ernn_myhdl.rtl.core.top import core
from ernn_myhdl.runs.report import multipliers
from tests.random_designs import random_design


def structure_of(design: Design) -> Structure:
    return Structure(*(getattr(design, f.name) for f in fields(Structure)))


def test_a_structure_without_weights_tells_cycles_widths_and_multipliers_of_its_design():
    design = random_design(3, block=4, max_inputs=9, max_hidden=12)
    structure = structure_of(design)
    ours, theirs = schedule_for(structure), schedule_for(design)
    assert (ours.latency, ours.interval) == (theirs.latency, theirs.interval)
    assert [f.beats for f in ours.frames] == [f.beats for f in theirs.frames]
    assert intermediate_widths(structure) == intermediate_widths(design)
    assert multipliers(structure) == multipliers(design)
    assert structure.accumulator_word == design.accumulator_word
    assert units_for(structure) is units_for(design)
    assert set(core(structure).components()) == set(core(design).components())
    assert isinstance(design, Structure) and complete(design) is design


def test_contents_of_memories_of_a_structure_are_refused_by_name():
    structure = structure_of(random_design(3, block=4, max_inputs=9, max_hidden=12))
    with pytest.raises(DesignError, match="structure: has no weights"):
        lane_clusters(structure).weights.contents[0]


@pytest.mark.parametrize("made", ["structure", "candidate"])
def test_a_structure_that_skips_the_checks_of_formats(made):
    design = random_design(3, block=4, max_inputs=9, max_hidden=12)
    wide = replace(design.formats, cell_state=None)
    numbers = replace(Numbers.of(12, design), formats=wide)
    with pytest.raises(DesignError, match="formats cell_state: missing"):
        if made == "candidate":
            numbers.on(design.hardware)
        else:
            replace(structure_of(design), formats=wide)


def test_a_structure_that_skips_the_checks_of_its_hardware():
    structure = structure_of(random_design(3, block=4, max_inputs=9, max_hidden=12))
    with pytest.raises(DesignError, match="hardware lanes = 4096: must be at most"):
        replace(structure, hardware=replace(structure.hardware, lanes=4096, ifft_units=1))


@dataclass(frozen=True)
class LeakyCell(Cell):
    """c = a . c' + (W x + b), y = c: a state, but no product of the previous y."""

    kind: ClassVar[str] = "leaky"
    gates: ClassVar[tuple[str, ...]] = ("sum",)

    inputs: int
    hidden: int
    block: int = 4

    def __post_init__(self) -> None:
        self._check()

    @property
    def recurrent(self) -> bool:
        return False

    @property
    def state_sizes(self) -> dict[str, int]:
        return {"cell_state": self.hidden}

    @property
    def format_names(self) -> frozenset[str]:
        return super().format_names | {"peephole"}

    @property
    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        return super().weight_shapes | {"peephole": (1, self.hidden)}

    def step_widths(self, formats: Formats) -> dict[str, int]:
        f = formats.given
        kept = product(f.peephole, f.cell_state)
        return {"cell_state": aligned(*kept, f.preactivation.frac) + 2}


def _tensors(cell: Cell) -> tuple[tensors.Tensor, ...]:
    return (
        tensors.Tensor("preactivations", "preactivation", rows=1),
        tensors.Tensor("cell_state", "cell_state", masked=True),
        tensors.Tensor("output", "output", tensors.OUTPUTS),
    )


class FxpLeaky(fxp_cells.FxpCell):
    def advance(self, t, c):
        stages = self.stages
        (total,) = rows(t["gate_sums"])
        pre = stages.saturated("preactivations", total + rows(stages.weights["bias"])[0], 0)
        t["preactivations"] = stages.stacked("preactivations", [pre])
        kept = rows(stages.weights["peephole"])[0] * c
        t["cell_state"] = stages.masked("cell_state", stages.rounded("cell_state", kept + pre))
        t["output"] = stages.rounded("output", t["cell_state"])


class IntegerLeaky(integer_cells.IntegerCell):
    def advance(self, rounding, t, products, c):
        frac = self.stages.frac
        pre = rounding.saturated("preactivations", t["gate_sums"] + self.bias)
        t["preactivations"] = pre
        factor = self.stages.design.formats.peephole.frac
        common = max(factor + frac["cell_state"], frac["preactivations"])
        kept = (self.stages.constants["peephole"][0] * c) << (common - factor - frac["cell_state"])
        total = kept + (pre[:, 0] << (common - frac["preactivations"]))
        h = rounding.rounded("cell_state", total, common) * self.stages.masks["cell_state"]
        t["cell_state"] = h
        t["output"] = rounding.rounded("output", h, frac["cell_state"])


@pytest.fixture
def leaky(monkeypatch) -> Design:
    """A design of the cell, known to the models as any other."""
    monkeypatch.setitem(fxp_cells.FXP_CELLS, LeakyCell, FxpLeaky)
    monkeypatch.setitem(integer_cells.INTEGER_CELLS, LeakyCell, IntegerLeaky)
    monkeypatch.setitem(tensors.BEHIND_THE_SUMS, LeakyCell, _tensors)
    rng = np.random.default_rng(1)
    cell = LeakyCell(6, 7)
    weights = {n: rng.normal(0, 0.3, s) for n, s in cell.weight_shapes.items()}
    f = Format(12, 8)
    formats = Formats(
        input=f, input_spectrum=Format(16, 10), input_weight=f, output=Format(12, 7),
        block_spectrum=Format(18, 10), preactivation=Format(16, 10), cell_state=Format(14, 9),
        peephole=f,
    )  # fmt: skip
    hardware = Hardware(1, samples_per_beat=4, sample_bits=16, initial_states=True)
    return Design(cell, hardware, formats, Activations(2, 2), weights)


def test_a_cell_with_state_but_without_a_product_of_y_is_described_and_computed(leaky):
    assert leaky.cell.has_state and not leaky.cell.recurrent
    assert leaky.loads_states
    assert "output_spectrum" not in leaky.cell.format_names
    x = np.random.default_rng(2).normal(size=(5, 6))
    state = {"cell_state": np.linspace(-1, 1, 7)}
    golden = FixedPointModel(leaky).run(x, state)
    integer = IntegerModel(leaky).run(x, stages=True, initial=state)
    for name in golden.stages:
        np.testing.assert_array_equal(golden.stages[name], integer.stages[name], name)
    assert np.any(golden.raw != FixedPointModel(leaky).run(x).raw)  # the state is used


def test_the_recurrence_through_the_state_alone_by_hand(leaky):
    """Of two frames, in integers."""
    run = FixedPointModel(leaky).run(np.random.default_rng(2).normal(size=(2, 6)))
    pre, h = run.stages["preactivations"][:, 0].reshape(2, -1), run.stages["cell_state"]
    h = h.reshape(2, -1)
    factor = np.round(np.asarray(leaky.weights["peephole"][0]) * 256).astype(int)
    for element in range(7):
        first = round_shift(int(pre[0, element]) << 7, 8)  # 10 fraction bits -> 9
        assert h[0, element] == first
        total = factor[element] * first + (int(pre[1, element]) << 7)  # 17 fraction bits
        assert h[1, element] == round_shift(total, 8)
