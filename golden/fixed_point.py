"""The reference model: docs/number-formats.md in fxpmath, frame by frame.

Every sum, product, rounding and saturation is done by fxpmath; numpy only moves words and bits of them. It shares
with the other models the constants (quantised weights, flow graphs, tables), not the arithmetic.
"""

from __future__ import annotations

import numpy as np
from fxpmath import Fxp
from numpy.typing import ArrayLike

from ernn_myhdl.design.design import Design
from ernn_myhdl.design.input_scaling import scaled
from ernn_myhdl.golden.fxp_cells import FXP_CELLS
from ernn_myhdl.golden.fxp_stages import FxpStages, chosen
from ernn_myhdl.golden.initial_state import ModelState, check_state
from ernn_myhdl.golden.phase_sums import GATE, add_sums
from ernn_myhdl.golden.result import ModelRun
from ernn_myhdl.golden.sequences import INPUT_SEQUENCE, check_sequence
from ernn_myhdl.golden.tensors import tensor_names
from ernn_myhdl.numerics.formats import to_real


class FixedPointModel:
    """One layer, one sequence at a time. `step` advances by a frame, `run` takes a sequence.

    saturations: tensor -> saturated elements since the last `reset`.
    """

    def __init__(self, design: Design) -> None:
        self.design = design
        self._stages = FxpStages(design)
        self._cell = FXP_CELLS[type(design.cell)](design.cell, self._stages)
        # rows of the accumulators that multiply x, and y, and their gates of the matrices
        self._rows = {
            name: [(i, getattr(r, key)) for i, r in enumerate(design.cell.rows)]
            for name, key in (("input_weight", "input"), ("recurrent_weight", "recurrent"))
        }
        #: What the next frame takes of the one before: tensors by name, none in a cell without a state.
        self.memory: dict[str, Fxp] = {}
        self.reset()

    @property
    def saturations(self) -> dict[str, int]:
        return self._stages.saturations

    def reset(self, initial: ModelState = None) -> None:
        """The state before the first frame of a sequence; zero if None (`ernn_myhdl.golden.initial_state`)."""
        stages, cell = self._stages, self.design.cell
        state = check_state(cell, initial)
        stages.clear()
        kept = ["cell_state"] if cell.keeps_cell_state else []
        kept += ["output", "output_spectrum"] if cell.recurrent else []
        self.memory = {name: stages.zero(name) for name in kept}
        if state is None:
            return
        if cell.keeps_cell_state:
            c = stages.given("cell_state", state["cell_state"], "initial state cell_state")
            self.memory["cell_state"] = c
        if cell.recurrent:
            y = self._cell.initial_output(state, self.memory.get("cell_state"))
            self.memory |= {"output": y, "output_spectrum": stages.forward("output_spectrum", y)}

    def run(self, x: ArrayLike, initial: ModelState = None) -> ModelRun:
        """Outputs and every tensor of the sequence x (frames, inputs), starting from `initial`.

        x: values (floating point) or raw words of the `input` format (integers).
        """
        sequence = check_sequence(x, self.design.cell.inputs)
        self.reset(initial)
        frames = [self.step(frame) for frame in sequence]
        shapes = self._stages.shapes
        stages = {
            name: np.array([f[name] for f in frames], dtype=np.int64).reshape(len(frames), *shape)
            for name, shape in shapes.items()
        }
        blocks, k = shapes["output"]
        raw = stages["output"].reshape(len(frames), blocks * k)[:, : self.design.cell.outputs]
        real = to_real(raw, self.design.formats.output)
        return ModelRun(raw, real, stages, dict(self.saturations))

    def step(self, x: ArrayLike) -> dict[str, np.ndarray]:
        """One frame x (inputs,), values or raw words: every named tensor as raw int64."""
        cell, stages = self.design.cell, self._stages
        frame = check_sequence(np.asarray(x)[None], cell.inputs)
        (values,) = scaled(self.design.input_scaling, frame)
        t = {"input": stages.given("input", values, INPUT_SEQUENCE)}
        t["input_spectrum"] = stages.forward("input_spectrum", t["input"])
        products, recurrent = self._products("input_weight", t["input_spectrum"]), None
        if cell.recurrent:
            recurrent = self._products("recurrent_weight", self.memory["output_spectrum"])
        add_sums(stages, cell.split, GATE, t, products, recurrent)
        self._cell.advance(t, self.memory.get("cell_state"))
        if cell.recurrent:
            t["output_spectrum"] = stages.forward("output_spectrum", t["output"])
        self.memory = {name: t[name] for name in self.memory}
        return {name: t[name].val.copy() for name in tensor_names(cell)}

    def _products(self, name: str, spectrum: Fxp) -> Fxp:
        """Products of matrix `name` in the rows of the accumulators that have them."""
        rows, gates = zip(*(pair for pair in self._rows[name] if pair[1] is not None), strict=True)
        products = self._stages.products(chosen(self._stages.weights[name], [*gates]), spectrum)
        part = name == "input_weight" and self.design.cell.split
        return self._stages.placed(
            "input_accumulators" if part else "accumulators", products, [*rows]
        )
