"""What each cell does behind `gate_sums`, in numpy: element-wise part and second matrix phase.

A cell adds the tensors (n, ...) up to `output` to those of the frame, t, for n sequences.
products (n, G, H, k): of all gates with x. c: the cell state of the frame before.
"""

from __future__ import annotations

import numpy as np

from ernn_myhdl.design.cells import Cell, GruCell, LinearCell, LstmCell, RnnCell
from ernn_myhdl.golden.integer_stages import IntegerStages, Rounding, Tensors
from ernn_myhdl.golden.linear_activation import LinearActivation
from ernn_myhdl.golden.phase_sums import CANDIDATE, add_sums
from ernn_myhdl.golden.spectral_matrix import SpectralMatrix
from ernn_myhdl.numerics.formats import round_shift


class IntegerCell:
    """What all cells have."""

    def __init__(self, stages: IntegerStages) -> None:
        self.stages = stages
        self.bias = stages.constants["bias"]

    def initial_output(self, rounding: Rounding, state: Tensors) -> np.ndarray:
        """The outputs of the frame before the first, in a cell that multiplies them: part of the state."""
        return state["output"]

    def advance(
        self, rounding: Rounding, t: Tensors, products: np.ndarray, c: np.ndarray | None
    ) -> None:
        """Add the tensors of a frame. c: None in a cell without a cell state."""
        raise NotImplementedError


class IntegerLstm(IntegerCell):
    """An LSTM."""

    def __init__(self, stages: IntegerStages) -> None:
        super().__init__(stages)
        cell, frac = stages.design.cell, stages.frac
        self.peephole = stages.constants.get("peephole")
        if cell.peepholes:
            peephole_frac = stages.design.formats.given.peephole.frac
            self.down = peephole_frac + frac["cell_state"] - frac["preactivations"]
        self.projection = stages.matrix("projection_weight") if cell.projection else None

    def advance(
        self, rounding: Rounding, t: Tensors, products: np.ndarray, c: np.ndarray | None
    ) -> None:
        assert c is not None
        stages, frac, peephole = self.stages, self.stages.frac, self.peephole
        sigmoid, candidate = stages.functions["gate"], stages.functions["candidate"]
        sums = t["gate_sums"] + self.bias
        if peephole is not None:
            sums[:, :2] += round_shift(peephole[:2] * c[:, None], self.down)
            first = slice(3)  # the output gate's peephole sees the new cell state
            sums[:, first] = rounding.saturated("preactivations", sums[:, first], first)
        else:
            sums = rounding.saturated("preactivations", sums)
        t["preactivations"] = sums
        t["gates"] = gates = np.empty_like(sums)
        gates[:, :2] = sigmoid(sums[:, :2])
        gates[:, 2] = candidate(sums[:, 2])
        i, f, g = gates[:, 0], gates[:, 1], gates[:, 2]
        common = frac["gates"] + max(frac["cell_state"], frac["gates"])
        kept = (f * c) << (common - frac["gates"] - frac["cell_state"])
        new = (i * g) << (common - 2 * frac["gates"])
        c = rounding.rounded("cell_state", kept + new, common)
        t["cell_state"] = c
        if peephole is not None:
            total = sums[:, 3] + round_shift(peephole[2] * c, self.down)
            sums[:, 3] = rounding.saturated("preactivations", total, 3)
        gates[:, 3] = sigmoid(sums[:, 3])
        t["cell_tanh"] = stages.functions["state"](c)
        m = rounding.rounded("cell_output", gates[:, 3] * t["cell_tanh"], 2 * frac["gates"])
        t["cell_output"] = t["output"] = m * stages.masks["cell_output"]
        if self.projection is not None:
            self._project(rounding, t, self.projection)

    def _project(self, rounding: Rounding, t: Tensors, projection: SpectralMatrix) -> None:
        stages = self.stages
        t["cell_output_spectrum"] = rounding.forward("cell_output_spectrum", t["cell_output"])
        sums = projection.multiply(t["cell_output_spectrum"])
        t["projection_accumulators"] = sums
        t["projection_spectra"] = rounding.rounded(
            "projection_spectra", sums, stages.frac["projection_accumulators"]
        )
        y = rounding.inverse("output", t["projection_spectra"])
        t["output"] = y * stages.masks["output"]


class IntegerGru(IntegerCell):
    """A GRU with the reset before or after the recurrent product."""

    def __init__(self, stages: IntegerStages) -> None:
        super().__init__(stages)
        before = stages.design.cell.reset == "before"
        self.candidate = stages.matrix("recurrent_weight", 2) if before else None

    def initial_output(self, rounding: Rounding, state: Tensors) -> np.ndarray:
        """The outputs of the frame before the first."""
        return rounding.rounded("output", state["cell_state"], self.stages.frac["cell_state"])

    def advance(
        self, rounding: Rounding, t: Tensors, products: np.ndarray, c: np.ndarray | None
    ) -> None:
        assert c is not None
        stages, frac = self.stages, self.stages.frac
        gates = np.empty((len(c), 3, *c.shape[1:]), dtype=np.int64)
        first = rounding.saturated(
            "preactivations", t["gate_sums"][:, :2] + self.bias[:2], slice(2)
        )
        gates[:, :2] = stages.functions["gate"](first)
        r, z, n = (gates[:, i] for i in range(3))  # n is filled in below
        if self.candidate is None:
            rows = self._reset_after(rounding, t, r)
        else:
            rows = self._reset_before(rounding, t, self.candidate, products, r, c)
        n[...] = stages.functions["candidate"](rows[0])
        t["preactivations"] = np.concatenate([first, np.stack(rows, axis=1)], axis=1)
        t["gates"] = gates
        common = max(frac["cell_state"], frac["gates"])
        wide = n << (common - frac["gates"])
        difference = (c << (common - frac["cell_state"])) - wide
        total = (wide << frac["gates"]) + z * difference
        h = rounding.rounded("cell_state", total, common + frac["gates"])
        t["cell_state"] = h = h * stages.masks["cell_state"]
        t["output"] = rounding.rounded("output", h, frac["cell_state"])

    def _reset_before(
        self,
        rounding: Rounding,
        t: Tensors,
        candidate: SpectralMatrix,
        products: np.ndarray,
        r: np.ndarray,
        c: np.ndarray,
    ) -> list[np.ndarray]:
        """The second matrix phase and the candidate's pre-activation."""
        frac = self.stages.frac
        m = rounding.rounded("cell_output", r * c, frac["gates"] + frac["cell_state"])
        t["cell_output"] = m
        t["cell_output_spectrum"] = rounding.forward("cell_output_spectrum", m)
        recurrent = candidate.multiply(t["cell_output_spectrum"])
        split = self.stages.design.cell.split
        add_sums(rounding, split, CANDIDATE, t, products[:, 2], recurrent)
        return [rounding.saturated("preactivations", t["candidate_sums"] + self.bias[2], 2)]

    def _reset_after(self, rounding: Rounding, t: Tensors, r: np.ndarray) -> list[np.ndarray]:
        """Pre-activations of the candidate and of the recurrent row."""
        sums, frac = t["gate_sums"], self.stages.frac
        product = sums[:, 3] + self.stages.constants["recurrent_bias"][0]
        product = rounding.saturated("preactivations", product, 3)
        total = sums[:, 2] + self.bias[2] + round_shift(r * product, frac["gates"])
        return [rounding.saturated("preactivations", total, 2), product]


class IntegerLinear(IntegerCell):
    """A linear layer; without a state."""

    def __init__(self, stages: IntegerStages) -> None:
        super().__init__(stages)
        cell, f = stages.design.cell, stages.design.formats
        assert isinstance(cell, LinearCell)
        self.activation = LinearActivation.of(cell, f.preactivation, f.output)

    def advance(
        self, rounding: Rounding, t: Tensors, products: np.ndarray, c: np.ndarray | None
    ) -> None:
        sums = rounding.saturated("preactivations", t["gate_sums"] + self.bias)
        t["preactivations"] = sums
        if "output" in self.stages.functions:
            y = self.stages.functions["output"](sums[:, 0])
        else:
            y = rounding.saturated("output", self.activation.rounded(sums[:, 0]))
        t["output"] = y * self.stages.masks["output"]


class IntegerRnn(IntegerCell):
    """A vanilla RNN, whose state is y itself."""

    def advance(
        self, rounding: Rounding, t: Tensors, products: np.ndarray, c: np.ndarray | None
    ) -> None:
        sums = rounding.saturated("preactivations", t["gate_sums"] + self.bias)
        t["preactivations"] = sums
        if "output" in self.stages.functions:
            y = self.stages.functions["output"](sums[:, 0])
        else:
            frac = self.stages.frac["preactivations"]
            y = rounding.rounded("output", np.maximum(sums[:, 0], 0), frac)
        t["output"] = y * self.stages.masks["output"]


#: By the class of the cell.
INTEGER_CELLS: dict[type[Cell], type[IntegerCell]] = {
    LstmCell: IntegerLstm,
    GruCell: IntegerGru,
    LinearCell: IntegerLinear,
    RnnCell: IntegerRnn,
}
