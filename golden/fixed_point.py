"""The reference model: docs/number-formats.md in fxpmath, frame by frame.

Every sum, product, rounding and saturation is done by fxpmath; numpy only moves words. It shares
with the other models the constants (quantised weights, flow graphs, tables), not the arithmetic.
"""

from __future__ import annotations

import numpy as np
from fxpmath import Fxp
from fxpmath import functions as fxp

from ernn_myhdl.design import Design
from ernn_myhdl.formats import Format, to_real
from ernn_myhdl.pwl import tables
from ernn_myhdl.quantise import quantised_weights
from golden.fxp_arithmetic import exact, number, quantised, requantised, rounded, saturated
from golden.fxp_table import FxpTable
from golden.fxp_transform import forward_transform, inverse_transform
from golden.result import ModelRun
from golden.sequences import check_raw, check_sequence
from golden.tensors import (
    layer_elements,
    saturating_names,
    tensor_formats,
    tensor_names,
    tensor_shapes,
)

INPUT, FORGET, CANDIDATE, OUTPUT = range(4)


class FixedPointModel:
    """One layer, one sequence at a time. `step` advances by a frame, `run` takes a sequence.

    saturations: tensor -> saturated elements since the last `reset`.
    """

    def __init__(self, design: Design) -> None:
        self.design = design
        self.formats = tensor_formats(design)
        self.shapes = tensor_shapes(design.cell)
        self._weights = self._constants()
        self._tables = {name: FxpTable(t) for name, t in tables(design).items()}
        self._counted = {n: layer_elements(design.cell, n) for n in saturating_names(design.cell)}
        self._masks = {n: layer_elements(design.cell, n) for n in ("cell_output", "output")}
        self.reset()

    def _constants(self) -> dict[str, Fxp]:
        formats = {n: getattr(self.design.formats, n) for n in self.design.weights if n != "bias"}
        formats["bias"] = self.design.formats.preactivation
        raw = quantised_weights(self.design)
        return {name: number(raw[name], fmt) for name, fmt in formats.items()}

    def reset(self) -> None:
        """Zero cell state and output spectrum, as before the first frame of a sequence."""
        self._cell_state = self._zero("cell_state")
        self._output_spectrum = self._zero("output_spectrum")
        self.saturations = dict.fromkeys(self._counted, 0)

    def run(self, x) -> ModelRun:
        """Outputs and every tensor of the sequence x (frames, inputs), starting from zero.

        x: values (floating point) or raw words of the `input` format (integers).
        """
        x = check_sequence(x, self.design.cell.inputs)
        self.reset()
        frames = [self.step(frame) for frame in x]
        stages = {
            name: np.array([f[name] for f in frames], dtype=np.int64).reshape(len(x), *shape)
            for name, shape in self.shapes.items()
        }
        blocks, k = self.shapes["output"]
        raw = stages["output"].reshape(len(x), blocks * k)[:, : self.design.cell.outputs]
        real = to_real(raw, self.formats["output"])
        return ModelRun(raw, real, stages, dict(self.saturations))

    def step(self, x) -> dict[str, np.ndarray]:
        """One frame x (inputs,), values or raw words: every named tensor as raw int64."""
        cell, t = self.design.cell, {}
        t["input"] = self._input(np.asarray(x))
        t["input_spectrum"] = self._forward("input_spectrum", t["input"])
        t["accumulators"] = self._sum(
            self._products("input_weight", t["input_spectrum"]),
            self._products("recurrent_weight", self._output_spectrum),
        )
        t["gate_spectra"] = self._rounded("gate_spectra", t["accumulators"])
        t["gate_sums"] = self._inverse("gate_sums", t["gate_spectra"])
        self._cells(t)
        if cell.projection:
            t["cell_output_spectrum"] = self._forward("cell_output_spectrum", t["cell_output"])
            t["projection_accumulators"] = self._products(
                "projection_weight", t["cell_output_spectrum"]
            )
            t["projection_spectra"] = self._rounded(
                "projection_spectra", t["projection_accumulators"]
            )
            y = self._inverse("output", t["projection_spectra"])
            t["output"] = self._masked("output", y)
        else:
            t["output"] = t["cell_output"]
        t["output_spectrum"] = self._forward("output_spectrum", t["output"])
        self._cell_state, self._output_spectrum = t["cell_state"], t["output_spectrum"]
        return {name: t[name].val.copy() for name in tensor_names(cell)}

    # parts of a frame

    def _input(self, x: np.ndarray) -> Fxp:
        fmt, shape = self.formats["input"], self.shapes["input"]
        x = check_sequence(x[None], self.design.cell.inputs)[0]
        padded = np.pad(x, (0, shape[0] * shape[1] - len(x))).reshape(shape)
        if padded.dtype.kind == "f":
            return self._count("input", *quantised(padded, fmt))
        check_raw(padded, fmt)
        return number(padded, fmt)

    def _cells(self, t: dict[str, Fxp]) -> None:
        """The element-wise part: gate_sums to cell_output."""
        sigmoid, candidate = self._tables["gate"], self._tables["candidate"]
        gates = self._gates(t["gate_sums"])
        pre = {
            INPUT: self._preactivation(gates, INPUT, self._cell_state),
            FORGET: self._preactivation(gates, FORGET, self._cell_state),
            CANDIDATE: self._preactivation(gates, CANDIDATE, None),
        }
        i, f = sigmoid.evaluate(pre[INPUT]), sigmoid.evaluate(pre[FORGET])
        g = candidate.evaluate(pre[CANDIDATE])
        t["cell_state"] = self._rounded("cell_state", f * self._cell_state + i * g)
        pre[OUTPUT] = self._preactivation(gates, OUTPUT, t["cell_state"])
        o = sigmoid.evaluate(pre[OUTPUT])
        t["preactivations"] = self._stacked("preactivations", [pre[n] for n in range(4)])
        t["gates"] = self._stacked("gates", [i, f, g, o])
        t["cell_tanh"] = self._tables["state"].evaluate(t["cell_state"])
        m = self._rounded("cell_output", o * t["cell_tanh"])
        t["cell_output"] = self._masked("cell_output", m)

    def _preactivation(self, gate_sums: list[Fxp], gate: int, cell_state: Fxp | None) -> Fxp:
        """gate sum + bias + rounded peephole product (cell_state None: none), saturated."""
        fmt = self.formats["preactivations"]
        total = gate_sums[gate] + self._gates(self._weights["bias"])[gate]
        if cell_state is not None and self.design.cell.peepholes:
            row = {INPUT: 0, FORGET: 1, OUTPUT: 2}[gate]
            peephole = self._gates(self._weights["peephole"])[row]
            total = total + rounded(peephole * cell_state, fmt.frac)
        return self._count("preactivations", *saturated(total, fmt))

    def _products(self, name: str, spectrum: Fxp) -> Fxp:
        """Sum over the block columns of weight spectrum times signal spectrum; exact.

        weights (..., q, k) with spectrum (q, k): (..., k). In a complex bin the weight c + i d
        times the signal a + i b is (a c - b d) + i (a d + b c).
        """
        weights, k = self._weights[name], spectrum.val.shape[-1]
        straight = self._column_sum(weights * spectrum)  # DC, Nyquist, a c, b d, ...
        raw = straight.val.copy()
        if k > 2:
            swap = [word ^ 1 if word > 1 else word for word in range(k)]
            swapped = number(spectrum.val[:, swap], Format(spectrum.n_word, spectrum.n_frac))
            crossed = self._column_sum(weights * swapped)  # ..., b c, a d
            ac, bd = self._part(straight, 2), self._part(straight, 3)
            bc, ad = self._part(crossed, 2), self._part(crossed, 3)
            raw[..., 2::2] = (ac - bd).val
            raw[..., 3::2] = (ad + bc).val
        return number(raw, self.formats["accumulators"])

    def _column_sum(self, products: Fxp) -> Fxp:
        """Sum over the last axis but one, in the accumulator format."""
        total = number(0, self.formats["accumulators"])
        fxp.sum(products, axis=-2, out=total)
        return exact(total)

    def _part(self, x: Fxp, first: int) -> Fxp:
        return number(x.val[..., first::2], Format(x.n_word, x.n_frac))

    def _sum(self, x: Fxp, y: Fxp) -> Fxp:
        return number((x + y).val, self.formats["accumulators"])

    # rounding points, each with its count of saturated elements

    def _rounded(self, name: str, x: Fxp) -> Fxp:
        return self._count(name, *requantised(x, self.formats[name]))

    def _forward(self, name: str, x: Fxp) -> Fxp:
        return self._count(name, *forward_transform(x, self.formats[name]))

    def _inverse(self, name: str, x: Fxp) -> Fxp:
        return self._count(name, *inverse_transform(x, self.formats[name]))

    def _count(self, name: str, x: Fxp, overflow: np.ndarray) -> Fxp:
        counted = self._counted[name]
        if overflow.ndim < counted.ndim:
            counted = counted[0]  # one gate of four
        self.saturations[name] += int(np.count_nonzero(overflow & counted))
        return x

    # movement of words

    def _zero(self, name: str) -> Fxp:
        return number(np.zeros(self.shapes[name], dtype=np.int64), self.formats[name])

    def _masked(self, name: str, x: Fxp) -> Fxp:
        return number(np.where(self._masks[name], x.val, 0), self.formats[name])

    def _gates(self, x: Fxp) -> list[Fxp]:
        return [number(part, Format(x.n_word, x.n_frac)) for part in x.val]

    def _stacked(self, name: str, parts: list[Fxp]) -> Fxp:
        return number(np.stack([part.val for part in parts]), self.formats[name])
