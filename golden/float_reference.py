"""The LSTM in float64: what the fixed-point models approximate.

Gate order: input, forget, candidate (g), output; s is the logistic function, `.` element-wise:

    i = s(W_ix x + W_ir y' + p_i . c' + b_i)       f likewise
    g = act(W_gx x + W_gr y' + b_g)                act: tanh or sigmoid
    c = f . c' + i . g
    o = s(W_ox x + W_or y' + p_o . c + b_o)        the peephole sees the new c
    m = o . tanh(c);   y = W_p m, or y = m without a projection

c' and y' are those of the frame before, zero at the first frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ernn_myhdl.cells import LstmCell
from ernn_myhdl.circulant import expand, pack_spectrum
from ernn_myhdl.errors import DesignError
from golden.sequences import Batch, check_sequence, is_batch
from golden.tensors import layer_elements, tensor_names, tensor_shapes

STRUCTURES = ("dense", "circulant")
Product = Callable[[np.ndarray], np.ndarray]


def logistic(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)) without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def dense_product(matrix: np.ndarray) -> Product:
    """Product of a matrix (..., rows, columns) with vectors (n, columns): (n, ..., rows)."""
    *lead, columns = matrix.shape
    flat = np.ascontiguousarray(matrix.reshape(-1, columns).T, dtype=np.float64)
    return lambda x: (x @ flat).reshape(len(x), *lead)


def circulant_product(vectors: np.ndarray) -> Product:
    """Product of a block-circulant matrix (..., p, q, k) with vectors (n, q k): (n, ..., p k).

    Spectra of the blocks times spectra of the vector, summed over q, then one inverse transform
    for each block row.
    """
    *lead, p, q, k = vectors.shape
    spectra = np.fft.rfft(vectors.astype(np.float64), axis=-1).reshape(-1, q, k // 2 + 1)
    spectra = np.ascontiguousarray(spectra.transpose(2, 1, 0))  # (bins, q, rows)

    def product(x: np.ndarray) -> np.ndarray:
        bins = np.fft.rfft(x.reshape(len(x), q, k), axis=-1).transpose(2, 0, 1)
        sums = np.ascontiguousarray(bins) @ spectra  # (bins, n, rows)
        return np.fft.irfft(sums.transpose(1, 2, 0), n=k, axis=-1).reshape(len(x), *lead, p * k)

    return product


@dataclass(frozen=True)
class Layer:
    """Matrices as products with vectors, and the element-wise constants.

    input (n, X) -> (n, 4, H); recurrent (n, Y) -> (n, 4, H); projection (n, H) -> (n, Y) or None.
    bias (4, H); peephole (3, H): input, forget, output, or None.
    cell_mask (H,) and output_mask (Y,): 1 for elements of the layer, 0 for padding.
    """

    input: Product
    recurrent: Product
    bias: np.ndarray
    outputs: int
    projection: Product | None = None
    peephole: np.ndarray | None = None
    g_activation: str = "tanh"
    cell_mask: np.ndarray | float = 1.0
    output_mask: np.ndarray | float = 1.0

    def run(self, x: np.ndarray, active: list[int], keep: bool = False) -> dict[str, np.ndarray]:
        """Tensors (frames, batch, ...) of x (frames, batch, X); only `output` unless keep.

        active: number of leading sequences that run at each frame; the others stay zero.
        """
        frames, batch, _ = x.shape
        hidden = self.bias.shape[1]
        shapes = {"output": (self.outputs,)}
        if keep:
            shapes |= dict.fromkeys(("gate_sums", "preactivations", "gates"), (4, hidden))
            shapes |= dict.fromkeys(("cell_state", "cell_tanh", "cell_output"), (hidden,))
            if self.projection is not None:
                shapes["projection_sums"] = (self.outputs,)
        tensors = {name: np.zeros((frames, batch, *shape)) for name, shape in shapes.items()}
        c, y = np.zeros((batch, hidden)), np.zeros((batch, self.outputs))
        for t, n in enumerate(active):
            now = self._frame(x[t, :n], c[:n], y[:n])
            c, y = now["cell_state"], now["output"]
            for name, store in tensors.items():
                store[t, :n] = now[name]
        return tensors

    def _frame(self, x: np.ndarray, c: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
        gate_sums = self.input(x) + self.recurrent(y)
        z = gate_sums + self.bias
        if self.peephole is not None:
            z[:, :2] += self.peephole[:2] * c[:, None]
        candidate = np.tanh if self.g_activation == "tanh" else logistic
        i, f, g = logistic(z[:, 0]), logistic(z[:, 1]), candidate(z[:, 2])
        c = f * c + i * g
        if self.peephole is not None:
            z[:, 3] += self.peephole[2] * c
        o = logistic(z[:, 3])
        cell_tanh = np.tanh(c)
        m = o * cell_tanh * self.cell_mask
        y = m if self.projection is None else self.projection(m)
        return {
            "gate_sums": gate_sums,
            "preactivations": z,
            "gates": np.stack([i, f, g, o], axis=1),
            "cell_state": c,
            "cell_tanh": cell_tanh,
            "cell_output": m,
            "projection_sums": y,
            "output": y * self.output_mask,
        }


def dense_lstm(
    x,
    input_weight: np.ndarray,
    recurrent_weight: np.ndarray,
    bias: np.ndarray,
    projection_weight: np.ndarray | None = None,
    peephole: np.ndarray | None = None,
    g_activation: str = "tanh",
):
    """Outputs (frames, outputs) of an LSTM with dense matrices; a list of them for a list.

    x: (frames, inputs) or a list of such sequences. input_weight (4, hidden, inputs),
    recurrent_weight (4, hidden, outputs), bias (4, hidden), projection_weight (outputs, hidden),
    peephole (3, hidden).
    """
    layer = Layer(
        dense_product(input_weight),
        dense_product(recurrent_weight),
        np.asarray(bias, dtype=np.float64),
        recurrent_weight.shape[-1],
        None if projection_weight is None else dense_product(projection_weight),
        None if peephole is None else np.asarray(peephole, dtype=np.float64),
        g_activation,
    )
    single = not is_batch(x)
    sequences = [check_sequence(s, input_weight.shape[-1]) for s in ([x] if single else x)]
    batch = Batch(sequences)
    padded = batch.pad(sequences, input_weight.shape[-1])
    outputs = batch.split(layer.run(padded, batch.active)["output"])
    return outputs[0] if single else outputs


class FloatLstm:
    """The float64 model of a cell with its weights (`LstmCell.weight_shapes`).

    structure: "dense" expands the circulant blocks into dense matrices, "circulant" multiplies
    spectra. Both agree to float64 accuracy.
    """

    def __init__(
        self, cell: LstmCell, weights: dict[str, np.ndarray], structure: str = "circulant"
    ) -> None:
        if structure not in STRUCTURES:
            raise DesignError(f"structure = {structure!r}: must be one of {', '.join(STRUCTURES)}")
        self.cell = cell
        k, hidden = cell.block, cell.hidden_blocks * cell.block

        def product(name: str) -> Product:
            vectors = np.asarray(weights[name], dtype=np.float64)
            if structure == "circulant":
                return circulant_product(vectors)
            return dense_product(expand(vectors))

        def padded(name: str) -> np.ndarray:
            values = np.asarray(weights[name], dtype=np.float64)
            return np.pad(values, ((0, 0), (0, hidden - cell.hidden)))

        self._layer = Layer(
            product("input_weight"),
            product("recurrent_weight"),
            padded("bias"),
            cell.output_blocks * k,
            product("projection_weight") if cell.projection else None,
            padded("peephole") if cell.peepholes else None,
            cell.g_activation,
            layer_elements(cell, "cell_output").reshape(-1),
            layer_elements(cell, "output").reshape(-1),
        )

    def run(self, x, tensors: bool = False):
        """Outputs (frames, outputs) of x (frames, inputs), starting from a zero state.

        With tensors=True a pair: outputs and a dictionary of every named tensor
        (`golden.tensors`), (frames, ...) float64. The inverse transform divides by k, so
        `gate_spectra` are the plain real FFT of `gate_sums`; `accumulators` equal them. A list of
        sequences gives a list.
        """
        single = not is_batch(x)
        sequences = [check_sequence(s, self.cell.inputs) for s in ([x] if single else x)]
        batch = Batch(sequences)
        padded = batch.pad(sequences, self.cell.input_blocks * self.cell.block)
        made = self._layer.run(padded.astype(np.float64), batch.active, keep=tensors)
        outputs = [y[:, : self.cell.outputs] for y in batch.split(made["output"])]
        if tensors:
            stages = self._named(padded, made)
            split = {name: batch.split(array) for name, array in stages.items()}
            pairs = [({n: split[n][i] for n in split}) for i in range(batch.size)]
            outputs = list(zip(outputs, pairs, strict=True))
        return outputs[0] if single else outputs

    def _named(self, padded: np.ndarray, made: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """All tensors (frames, batch, ...) in the shapes of `tensor_shapes`, spectra packed."""
        shapes = tensor_shapes(self.cell)
        signals = {"input": padded.astype(np.float64), **made}
        shapes["projection_sums"] = shapes["output"]
        named = {
            name: array.reshape(*array.shape[:2], *shapes[name]) for name, array in signals.items()
        }
        named["input_spectrum"] = pack_spectrum(named["input"])
        named["output_spectrum"] = pack_spectrum(named["output"])
        named["accumulators"] = named["gate_spectra"] = pack_spectrum(named["gate_sums"])
        if self.cell.projection:
            named["cell_output_spectrum"] = pack_spectrum(named["cell_output"])
            named["projection_spectra"] = pack_spectrum(named["projection_sums"])
            named["projection_accumulators"] = named["projection_spectra"]
        return {name: named[name] for name in tensor_names(self.cell)}
