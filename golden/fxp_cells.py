"""What each cell does behind `gate_sums`, in fxpmath: element-wise part and second matrix phase.

A cell adds the tensors up to `output` to those of the frame, t. c: the cell state of the frame before.
"""

from __future__ import annotations

import numpy as np
from fxpmath import Fxp

from ernn_myhdl.design.cells import Cell, GruCell, LinearCell, LstmCell, RnnCell
from ernn_myhdl.golden.fxp_activation import FxpActivation
from ernn_myhdl.golden.fxp_arithmetic import number, rounded
from ernn_myhdl.golden.fxp_stages import FxpStages, rows
from ernn_myhdl.golden.phase_sums import CANDIDATE as CANDIDATE_PHASE
from ernn_myhdl.golden.phase_sums import add_sums

INPUT, FORGET, CANDIDATE, OUTPUT = range(4)
RESET, UPDATE, _, RECURRENT = range(4)


class FxpCell:
    """What all cells have."""

    def __init__(self, cell: Cell, stages: FxpStages) -> None:
        self.cell, self.stages = cell, stages

    def initial_output(self, state: dict[str, np.ndarray], c: Fxp | None) -> Fxp:
        """The output of the frame before the first, in a cell that multiplies it: part of the state."""
        return self.stages.given("output", state["output"], "initial state output")

    def advance(self, t: dict[str, Fxp], c: Fxp | None) -> None:
        """Add the tensors of a frame. c: None in a cell without a cell state."""
        raise NotImplementedError


class FxpLstm(FxpCell):
    """An LSTM."""

    def __init__(self, cell: Cell, stages: FxpStages) -> None:
        super().__init__(cell, stages)
        self._bias = rows(stages.weights["bias"])
        self._peephole: dict[int, Fxp | None] = dict.fromkeys(range(4))
        if cell.peepholes:
            diagonals = rows(stages.weights["peephole"])
            self._peephole |= dict(zip((INPUT, FORGET, OUTPUT), diagonals, strict=True))

    def advance(self, t: dict[str, Fxp], c: Fxp | None) -> None:
        assert c is not None
        stages = self.stages
        sigmoid, candidate = stages.tables["gate"], stages.tables["candidate"]
        sums = rows(t["gate_sums"])
        pre = [self._preactivation(sums, gate, c) for gate in (INPUT, FORGET, CANDIDATE)]
        i, f = sigmoid.evaluate(pre[INPUT]), sigmoid.evaluate(pre[FORGET])
        g = candidate.evaluate(pre[CANDIDATE])
        t["cell_state"] = stages.rounded("cell_state", f * c + i * g)
        pre.append(self._preactivation(sums, OUTPUT, t["cell_state"]))
        o = sigmoid.evaluate(pre[OUTPUT])
        t["preactivations"] = stages.stacked("preactivations", pre)
        t["gates"] = stages.stacked("gates", [i, f, g, o])
        t["cell_tanh"] = stages.tables["state"].evaluate(t["cell_state"])
        m = stages.rounded("cell_output", o * t["cell_tanh"])
        t["cell_output"] = t["output"] = stages.masked("cell_output", m)
        if self.cell.projection:
            self._project(t)

    def _preactivation(self, sums: list[Fxp], gate: int, c: Fxp) -> Fxp:
        """Gate sum + bias + rounded peephole product, saturated."""
        total = sums[gate] + self._bias[gate]
        peephole = self._peephole[gate]
        if peephole is not None:
            frac = self.stages.formats["preactivations"].frac
            total = total + rounded(peephole * c, frac)
        return self.stages.saturated("preactivations", total, gate)

    def _project(self, t: dict[str, Fxp]) -> None:
        stages = self.stages
        t["cell_output_spectrum"] = stages.forward("cell_output_spectrum", t["cell_output"])
        t["projection_accumulators"] = stages.products(
            stages.weights["projection_weight"], t["cell_output_spectrum"]
        )
        t["projection_spectra"] = stages.rounded("projection_spectra", t["projection_accumulators"])
        t["output"] = stages.masked("output", stages.inverse("output", t["projection_spectra"]))


class FxpGru(FxpCell):
    """A GRU with the reset before or after the recurrent product."""

    def __init__(self, cell: Cell, stages: FxpStages) -> None:
        self.cell, self.stages = cell, stages
        self._bias = rows(stages.weights["bias"])
        if cell.second_phase:
            self._input_weight = rows(stages.weights["input_weight"])[CANDIDATE]
            self._recurrent_weight = rows(stages.weights["recurrent_weight"])[CANDIDATE]
        else:
            self._recurrent_bias = rows(stages.weights["recurrent_bias"])[0]

    def initial_output(self, state: dict[str, np.ndarray], c: Fxp | None) -> Fxp:
        """The output of the frame before the first."""
        assert c is not None
        return self.stages.rounded("output", c)

    def advance(self, t: dict[str, Fxp], c: Fxp | None) -> None:
        assert c is not None
        stages = self.stages
        sigmoid, candidate = stages.tables["gate"], stages.tables["candidate"]
        sums = rows(t["gate_sums"])
        pre = [
            stages.saturated("preactivations", sums[gate] + self._bias[gate], gate)
            for gate in (RESET, UPDATE)
        ]
        r, z = (sigmoid.evaluate(x) for x in pre)
        pre += self._reset_before(t, r, c) if self.cell.second_phase else self._reset_after(sums, r)
        n = candidate.evaluate(pre[CANDIDATE])
        t["preactivations"] = stages.stacked("preactivations", pre)
        t["gates"] = stages.stacked("gates", [r, z, n])
        h = stages.rounded("cell_state", n + z * (c - n))
        t["cell_state"] = stages.masked("cell_state", h)
        t["output"] = stages.rounded("output", t["cell_state"])

    def _reset_before(self, t: dict[str, Fxp], r: Fxp, c: Fxp) -> list[Fxp]:
        """Reset before the product: the second matrix phase and the candidate's pre-activation."""
        stages = self.stages
        t["cell_output"] = stages.rounded("cell_output", r * c)
        t["cell_output_spectrum"] = stages.forward("cell_output_spectrum", t["cell_output"])
        x = stages.products(self._input_weight, t["input_spectrum"])
        of_m = stages.products(self._recurrent_weight, t["cell_output_spectrum"])
        add_sums(stages, self.cell.split, CANDIDATE_PHASE, t, x, of_m)
        total = t["candidate_sums"] + self._bias[CANDIDATE]
        return [stages.saturated("preactivations", total, CANDIDATE)]

    def _reset_after(self, sums: list[Fxp], r: Fxp) -> list[Fxp]:
        """Reset after the product: pre-activations of the candidate and of the recurrent row."""
        stages = self.stages
        product = sums[RECURRENT] + self._recurrent_bias
        product = stages.saturated("preactivations", product, RECURRENT)
        total = sums[CANDIDATE] + self._bias[CANDIDATE]
        total = total + rounded(r * product, stages.formats["preactivations"].frac)
        return [stages.saturated("preactivations", total, CANDIDATE), product]


class FxpLinear(FxpCell):
    """A linear layer; without a state."""

    def __init__(self, cell: Cell, stages: FxpStages) -> None:
        super().__init__(cell, stages)
        assert isinstance(cell, LinearCell)
        self._bias = rows(stages.weights["bias"])[0]
        self._activation = FxpActivation(cell, stages.formats["output"])

    def advance(self, t: dict[str, Fxp], c: Fxp | None) -> None:
        stages = self.stages
        total = rows(t["gate_sums"])[0] + self._bias
        pre = stages.saturated("preactivations", total, 0)
        t["preactivations"] = stages.stacked("preactivations", [pre])
        if "output" in stages.tables:
            y = stages.tables["output"].evaluate(pre)
        else:
            y = stages.rounded("output", self._activation.before_rounding(pre))
        t["output"] = stages.masked("output", y)


class FxpRnn(FxpCell):
    """A vanilla RNN, whose state is y itself."""

    def __init__(self, cell: Cell, stages: FxpStages) -> None:
        super().__init__(cell, stages)
        self._bias = rows(stages.weights["bias"])[0]

    def advance(self, t: dict[str, Fxp], c: Fxp | None) -> None:
        stages = self.stages
        total = rows(t["gate_sums"])[0] + self._bias
        pre = stages.saturated("preactivations", total, 0)
        t["preactivations"] = stages.stacked("preactivations", [pre])
        if "output" in stages.tables:
            y = stages.tables["output"].evaluate(pre)
        else:
            positive = number(np.maximum(pre.val, 0), stages.formats["preactivations"])
            y = stages.rounded("output", positive)
        t["output"] = stages.masked("output", y)


#: By the class of the cell.
FXP_CELLS: dict[type[Cell], type[FxpCell]] = {
    LstmCell: FxpLstm,
    GruCell: FxpGru,
    LinearCell: FxpLinear,
    RnnCell: FxpRnn,
}
