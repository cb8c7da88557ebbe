"""The integer model: docs/number-formats.md in numpy, vectorised over sequences.

Bit-identical to `golden.fixed_point` on every named tensor and every saturation count, and fast
enough for data sets. Arrays have the batch first: (batch, ...) with the shapes of
`golden.tensors.tensor_shapes` behind. On a busy machine set OPENBLAS_NUM_THREADS=1: its matrix
products are too small to gain from threads.
"""

from __future__ import annotations

import numpy as np

from ernn_myhdl.design import Design
from ernn_myhdl.formats import MAX_WORD, Format, quantise, round_shift, saturate, to_real
from ernn_myhdl.pwl import PwlTable, tables
from ernn_myhdl.quantise import quantised_weights
from ernn_myhdl.transform import forward_graph, inverse_graph, working_frac
from golden.matrix_transform import EXACT, MatrixTransform
from golden.result import ModelRun
from golden.sequences import Batch, check_raw, check_sequence, is_batch
from golden.spectral_matrix import SpectralMatrix
from golden.tensors import layer_elements, saturating_names, tensor_formats, tensor_shapes

#: Words of accumulators made at once for the frames of a batch.
CHUNK_WORDS = 1 << 22
#: Inputs of an activation up to this word have a look-up table in place of the evaluation.
LOOK_UP_BITS = 18


def _function(table: PwlTable):
    """The table's function on int64 arrays; from a look-up table over all codes if it is small."""
    fmt = table.input
    if fmt.word > LOOK_UP_BITS:
        return table.evaluate
    codes = np.arange(1 << fmt.word, dtype=np.int64)
    values = table.evaluate(np.where(codes > fmt.maximum, codes - len(codes), codes))
    return lambda raw: values[raw]  # a negative index counts from the end: two's complement


class _Forward:
    """Forward transform from one format to another, before saturation."""

    def __init__(self, points: int, source: Format, target: Format) -> None:
        inside = working_frac(points, source.frac, target.frac)
        self.up, self.down = inside - source.frac, inside - target.frac
        limit = 1 << (source.word - 1 + self.up)
        self.transform = MatrixTransform(forward_graph(points), points, limit)

    def apply(self, x: np.ndarray) -> np.ndarray:
        return round_shift(self.transform.apply(x << self.up), self.down)


class IntegerModel:
    """One layer on one sequence or on a batch of sequences of different lengths."""

    def __init__(self, design: Design) -> None:
        self.design = design
        self.shapes = tensor_shapes(design.cell)
        self.formats = tensor_formats(design)
        self.limits = {n: (fmt.minimum, fmt.maximum) for n, fmt in self.formats.items()}
        cell, f, k = design.cell, design.formats, design.cell.block
        raw = quantised_weights(design)
        exact = 1 << (design.accumulator_word - 1) <= EXACT
        self.matrices = {n: SpectralMatrix(raw[n], exact) for n in raw if n.endswith("weight")}
        self.bias, self.peephole = raw["bias"], raw.get("peephole")
        self.functions = {name: _function(t) for name, t in tables(design).items()}
        self.forward = {
            "input_spectrum": _Forward(k, f.input, f.input_spectrum),
            "output_spectrum": _Forward(k, f.output, f.output_spectrum),
        }
        if cell.projection:
            self.forward["cell_output_spectrum"] = _Forward(
                k, f.cell_output, f.cell_output_spectrum
            )
        limit = 1 << (f.block_spectrum.word - 1)
        self.inverse = MatrixTransform(inverse_graph(k), k, limit)
        self.inverse_frac = f.block_spectrum.frac + k.bit_length() - 1
        self.counted = {n: layer_elements(cell, n) for n in saturating_names(cell)}
        self.masks = {n: layer_elements(cell, n) for n in ("cell_output", "output")}

    def run(self, x, stages: bool = False):
        """A ModelRun of x (frames, inputs), starting from zero; a list of them for a list.

        x: values (floating point) or raw words of the `input` format (integers).
        stages: keep every named tensor; without it outputs and saturation counts only.
        """
        single = not is_batch(x)
        sequences = [check_sequence(s, self.design.cell.inputs) for s in ([x] if single else x)]
        runs = _Run(self, sequences, stages).results() if sequences else []
        return runs[0] if single else runs


class _Run:
    """One batch on its way through an IntegerModel."""

    def __init__(self, model: IntegerModel, sequences: list[np.ndarray], stages: bool) -> None:
        self.model = model
        self.batch = Batch(sequences)
        frames, size = self.batch.frames, self.batch.size
        self.counts = {n: np.zeros(size, dtype=np.int64) for n in model.counted}
        x = self._quantised(sequences)
        self.x = x.reshape(frames, size, *model.shapes["input"])
        kept = model.shapes if stages else ("output",)
        self.tensors = {n: np.zeros((frames, size, *model.shapes[n]), dtype=np.int64) for n in kept}

    def results(self) -> list[ModelRun]:
        model, active = self.model, self.batch.active
        c = np.zeros((self.batch.size, *model.shapes["cell_state"]), dtype=np.int64)
        spectrum = np.zeros((self.batch.size, *model.shapes["output_spectrum"]), dtype=np.int64)
        for t, (spectra, products) in enumerate(self._input_products()):
            n = active[t]
            now = {"input": self.x[t, :n], "input_spectrum": spectra}
            recurrent = model.matrices["recurrent_weight"].multiply(spectrum[:n])
            now["accumulators"] = products + recurrent
            self._frame(now, c[:n])
            c, spectrum = now["cell_state"], now["output_spectrum"]
            for name, store in self.tensors.items():
                store[t, :n] = now[name]
        return self._collected()

    def _collected(self) -> list[ModelRun]:
        outputs = self.model.design.cell.outputs
        split = {name: self.batch.split(array) for name, array in self.tensors.items()}
        counts = {n: self.batch.restore(array.tolist()) for n, array in self.counts.items()}
        runs = []
        for i in range(self.batch.size):
            y = split["output"][i]
            raw = y.reshape(len(y), y.shape[1] * y.shape[2])[:, :outputs]
            kept = {name: split[name][i] for name in split} if len(split) > 1 else {}
            saturations = {name: counts[name][i] for name in counts}
            real = to_real(raw, self.model.formats["output"])
            runs.append(ModelRun(raw, real, kept, saturations))
        return runs

    def _quantised(self, sequences: list[np.ndarray]) -> np.ndarray:
        """Raw inputs (frames, batch, X k), zero-padded."""
        fmt, raw = self.model.formats["input"], []
        for slot, index in enumerate(self.batch.order):
            sequence = sequences[index]
            if sequence.dtype.kind == "f":
                wide = quantise(sequence, Format(MAX_WORD, fmt.frac))
                sequence = saturate(wide, fmt)
                self.counts["input"][slot] += np.count_nonzero(sequence != wide)
            else:
                check_raw(sequence, fmt)
            raw.append(sequence)
        blocks, k = self.model.shapes["input"]
        return self.batch.pad(self.batch.restore(raw), blocks * k)

    def _input_products(self):
        """Per frame `input_spectrum` and its products, (active, ...); made for many frames."""
        model, active = self.model, self.batch.active
        words = int(np.prod(model.shapes["accumulators"]))
        start = 0
        while start < len(active):
            n = active[start]
            stop = start + max(1, CHUNK_WORDS // (words * n))
            x = self.x[start:stop, :n]
            frames = len(x)
            spectra = model.forward["input_spectrum"].apply(x)
            flat = np.clip(spectra, *model.limits["input_spectrum"])
            flat = flat.reshape(-1, *spectra.shape[2:])
            products = model.matrices["input_weight"].multiply(flat)
            products = products.reshape(frames, n, *products.shape[1:])
            for offset in range(frames):
                now = active[start + offset]
                saturated = self._saturated("input_spectrum", spectra[offset, :now])
                yield saturated, products[offset, :now]
            start = stop

    def _frame(self, t: dict[str, np.ndarray], c: np.ndarray) -> None:
        """One frame: adds to t, which holds `accumulators`, all tensors behind them."""
        model, cell, formats = self.model, self.model.design.cell, self.model.formats
        t["gate_spectra"] = self._rounded(
            "gate_spectra", t["accumulators"], formats["accumulators"].frac
        )
        t["gate_sums"] = self._rounded(
            "gate_sums", model.inverse.apply(t["gate_spectra"]), model.inverse_frac
        )
        self._cells(t, c)
        if cell.projection:
            self._project(t)
        else:
            t["output"] = t["cell_output"]
        t["output_spectrum"] = self._spectrum("output_spectrum", t["output"])

    def _cells(self, t: dict[str, np.ndarray], c: np.ndarray) -> None:
        """The element-wise part: gate_sums to cell_output; c: the old cell state."""
        model, formats = self.model, self.model.formats
        frac = {name: fmt.frac for name, fmt in formats.items()}
        sigmoid, candidate = model.functions["gate"], model.functions["candidate"]
        sums = t["gate_sums"] + model.bias
        peephole = model.peephole
        if peephole is not None:
            down = model.design.formats.peephole.frac + frac["cell_state"] - frac["preactivations"]
            sums[:, :2] += round_shift(peephole[:2] * c[:, None], down)
            sums[:, :3] = self._saturated("preactivations", sums[:, :3])
        else:
            sums = self._saturated("preactivations", sums)
        t["preactivations"] = sums
        t["gates"] = gates = np.empty_like(sums)
        gates[:, :2] = sigmoid(sums[:, :2])
        gates[:, 2] = candidate(sums[:, 2])
        i, f, g = gates[:, 0], gates[:, 1], gates[:, 2]
        common = frac["gates"] + max(frac["cell_state"], frac["gates"])
        kept = (f * c) << (common - frac["gates"] - frac["cell_state"])
        new = (i * g) << (common - 2 * frac["gates"])
        t["cell_state"] = c = self._rounded("cell_state", kept + new, common)
        if peephole is not None:
            total = sums[:, 3] + round_shift(peephole[2] * c, down)
            sums[:, 3] = self._saturated("preactivations", total)
        gates[:, 3] = sigmoid(sums[:, 3])
        t["cell_tanh"] = model.functions["state"](c)
        m = self._rounded("cell_output", gates[:, 3] * t["cell_tanh"], 2 * frac["gates"])
        t["cell_output"] = m * model.masks["cell_output"]

    def _project(self, t: dict[str, np.ndarray]) -> None:
        model, formats = self.model, self.model.formats
        t["cell_output_spectrum"] = self._spectrum("cell_output_spectrum", t["cell_output"])
        sums = model.matrices["projection_weight"].multiply(t["cell_output_spectrum"])
        t["projection_accumulators"] = sums
        t["projection_spectra"] = self._rounded(
            "projection_spectra", sums, formats["projection_accumulators"].frac
        )
        signal = model.inverse.apply(t["projection_spectra"])
        y = self._rounded("output", signal, model.inverse_frac)
        t["output"] = y * model.masks["output"]

    # rounding points

    def _spectrum(self, name: str, x: np.ndarray) -> np.ndarray:
        return self._saturated(name, self.model.forward[name].apply(x))

    def _rounded(self, name: str, raw: np.ndarray, frac: int) -> np.ndarray:
        return self._saturated(name, round_shift(raw, frac - self.model.formats[name].frac))

    def _saturated(self, name: str, raw: np.ndarray) -> np.ndarray:
        """raw (n, ...) saturated to tensor `name`; counts for each sequence what changed."""
        low, high = self.model.limits[name]
        if raw.min() >= low and raw.max() <= high:
            return raw
        result = np.clip(raw, low, high)
        counted = self.model.counted[name]
        if raw.ndim - 1 < counted.ndim:
            counted = counted[0]  # one gate of four
        elif name == "preactivations":
            counted = counted[: raw.shape[1]]
        changed = (result != raw) & counted
        self.counts[name][: len(raw)] += changed.reshape(len(raw), -1).sum(axis=1)
        return result
