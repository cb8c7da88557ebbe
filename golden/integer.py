"""The integer model: docs/number-formats.md in numpy, vectorised over sequences.

Bit-identical to `ernn_myhdl.golden.fixed_point` on every named tensor and every saturation count, and fast
enough for data sets. Arrays have the batch first: (batch, ...) with the shapes of
`ernn_myhdl.golden.tensors.tensor_shapes` behind. On a busy machine set OPENBLAS_NUM_THREADS=1: its matrix
products are too small to gain from threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np

from ernn_myhdl.design.design import Design
from ernn_myhdl.design.input_scaling import scaled
from ernn_myhdl.golden.initial_state import InitialStates, ModelState, check_states
from ernn_myhdl.golden.integer_cells import INTEGER_CELLS
from ernn_myhdl.golden.integer_stages import IntegerStages, Rounding
from ernn_myhdl.golden.phase_sums import GATE, add_sums
from ernn_myhdl.golden.result import ModelRun
from ernn_myhdl.golden.sequences import INPUT_SEQUENCE, SequenceBatch, check_sequence, is_batch
from ernn_myhdl.numerics.formats import to_real

#: Words of accumulators made at once for the frames of a batch.
CHUNK_WORDS = 1 << 22


class IntegerModel:
    """One layer on one sequence or on a batch of sequences of different lengths."""

    def __init__(self, design: Design) -> None:
        self.design = design
        self.stages = stages = IntegerStages(design)
        self.cell = INTEGER_CELLS[type(design.cell)](stages)
        rows = design.cell.rows
        # every gate's product with x is made beforehand, for many frames at once
        self.input = stages.matrix("input_weight")
        self.input_rows = [i for i, row in enumerate(rows) if row.input is not None]
        self.input_gates = [row.input for row in rows if row.input is not None]
        self.recurrent_rows = [i for i, row in enumerate(rows) if row.recurrent is not None]
        gates = [row.recurrent for row in rows if row.recurrent is not None]
        self.recurrent = None
        if design.cell.recurrent:
            self.recurrent = stages.matrix("recurrent_weight", gates)

    @overload
    def run(self, x: np.ndarray, stages: bool = ..., initial: ModelState = ...) -> ModelRun: ...
    @overload
    def run(
        self, x: Sequence[np.ndarray], stages: bool = ..., initial: InitialStates = ...
    ) -> list[ModelRun]: ...
    def run(self, x: Any, stages: bool = False, initial: InitialStates = None) -> Any:
        """A ModelRun of x (frames, inputs); a list of them for a list.

        x: values (floating point) or raw words of the `input` format (integers).
        stages: keep every named tensor; without it outputs and saturation counts only.
        initial: state before the first frame (`ernn_myhdl.golden.initial_state`); a list of them for a list of
        sequences. None: zero.
        """
        single, cell = not is_batch(x), self.design.cell
        sequences = [check_sequence(s, cell.inputs) for s in ([x] if single else x)]
        sequences = scaled(self.design.input_scaling, sequences)
        states = check_states(cell, initial, None if single else len(sequences))
        runs = _Run(self, sequences, stages).results(states) if sequences else []
        return runs[0] if single else runs

    def row_products(
        self, products: np.ndarray, spectrum: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """All rows (n, R, ...) of the first matrix phase of x and of the previous y.

        products: of all gates with x. spectrum: of the previous y; None in a cell without a state.
        """
        if self.recurrent is None or spectrum is None:
            return products, None
        recurrent = self.recurrent.multiply(spectrum)
        if self.input_rows == self.recurrent_rows:
            return products[:, : len(self.input_rows)], recurrent
        shapes, count = self.stages.shapes, len(self.design.cell.rows)
        n = len(products)
        x = np.zeros((n, count, *products.shape[2:]), dtype=np.int64)
        y = np.zeros((n, *shapes["accumulators"]), dtype=np.int64)
        x[:, self.input_rows] = products[:, self.input_gates]
        y[:, self.recurrent_rows] = recurrent
        return x, y


class _Run:
    """One batch on its way through an IntegerModel."""

    def __init__(self, model: IntegerModel, sequences: list[np.ndarray], stages: bool) -> None:
        self.model = model
        self.batch = SequenceBatch(sequences)
        frames, size = self.batch.frames, self.batch.size
        self.rounding = Rounding(model.stages, size)
        shapes = model.stages.shapes
        self.x = self._quantised(sequences).reshape(frames, size, *shapes["input"])
        kept = shapes if stages else ("output",)
        self.tensors = {n: np.zeros((frames, size, *shapes[n]), dtype=np.int64) for n in kept}

    def results(self, states: list[dict[str, np.ndarray] | None]) -> list[ModelRun]:
        model, rounding, active = self.model, self.rounding, self.batch.active
        cell = model.design.cell
        c, spectrum = self._initial(states)
        for t, (spectra, products) in enumerate(self._input_products()):
            n = active[t]
            now = {"input": self.x[t, :n], "input_spectrum": spectra}
            x, of_y = model.row_products(products, None if spectrum is None else spectrum[:n])
            add_sums(rounding, cell.split, GATE, now, x, of_y)
            model.cell.advance(rounding, now, products, None if c is None else c[:n])
            if cell.recurrent:
                spectrum = rounding.forward("output_spectrum", now["output"])
                now["output_spectrum"] = spectrum
            if cell.keeps_cell_state:
                c = now["cell_state"]
            for name, store in self.tensors.items():
                store[t, :n] = now[name]
        return self._collected()

    def _initial(
        self, states: list[dict[str, np.ndarray] | None]
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Cell state and output spectrum before the first frame; None where the cell has none."""
        model, shapes = self.model, self.model.stages.shapes
        state = {
            name: np.zeros((self.batch.size, *shapes[name]), dtype=np.int64)
            for name in model.design.cell.state_sizes
        }
        for slot, index in enumerate(self.batch.order):
            for name, values in (states[index] or {}).items():
                raw = self.rounding.quantised(name, values, slot, f"initial state {name}")
                state[name][slot].reshape(-1)[: len(raw)] = raw
        if not model.design.cell.recurrent:
            return state.get("cell_state"), None
        y = model.cell.initial_output(self.rounding, state)
        return state.get("cell_state"), self.rounding.forward("output_spectrum", y)

    def _collected(self) -> list[ModelRun]:
        outputs = self.model.design.cell.outputs
        split = {name: self.batch.split(array) for name, array in self.tensors.items()}
        counts = {n: self.batch.restore(a.tolist()) for n, a in self.rounding.counts.items()}
        runs = []
        for i in range(self.batch.size):
            y = split["output"][i]
            raw = y.reshape(len(y), y.shape[1] * y.shape[2])[:, :outputs]
            kept = {name: split[name][i] for name in split} if len(split) > 1 else {}
            saturations = {name: counts[name][i] for name in counts}
            real = to_real(raw, self.model.design.formats.output)
            runs.append(ModelRun(raw, real, kept, saturations))
        return runs

    def _quantised(self, sequences: list[np.ndarray]) -> np.ndarray:
        """Raw inputs (frames, batch, X k), zero-padded."""
        raw = [
            self.rounding.quantised("input", sequences[index], slot, INPUT_SEQUENCE)
            for slot, index in enumerate(self.batch.order)
        ]
        blocks, k = self.model.stages.shapes["input"]
        return self.batch.pad(self.batch.restore(raw), blocks * k)

    def _input_products(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Per frame `input_spectrum` and its products, (active, ...); made for many frames."""
        stages, active = self.model.stages, self.batch.active
        words = int(np.prod(stages.shapes["accumulators"]))
        start = 0
        while start < len(active):
            n = active[start]
            stop = start + max(1, CHUNK_WORDS // (words * n))
            x = self.x[start:stop, :n]
            frames = len(x)
            spectra = stages.forward["input_spectrum"].apply(x)
            flat = np.clip(spectra, *stages.limits["input_spectrum"])
            flat = flat.reshape(-1, *spectra.shape[2:])
            products = self.model.input.multiply(flat)
            products = products.reshape(frames, n, *products.shape[1:])
            for offset in range(frames):
                now = active[start + offset]
                saturated = self.rounding.saturated("input_spectrum", spectra[offset, :now])
                yield saturated, products[offset, :now]
            start = stop
