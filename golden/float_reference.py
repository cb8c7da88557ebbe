"""The cells in float64: what the fixed-point models approximate.

The equations are in `ernn_myhdl.golden.float_cells`; the state before the first frame is zero unless it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, overload

import numpy as np

from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.input_scaling import InputScaling, scaled
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.float_cells import (
    FLOAT_CELLS,
    Advance,
    CellFrame,
    GruEquations,
    LstmEquations,
    Product,
)
from ernn_myhdl.golden.initial_state import InitialStates, ModelState, check_states, output_of
from ernn_myhdl.golden.sequences import SequenceBatch, check_sequence, is_batch
from ernn_myhdl.golden.tensors import layer_elements, tensor_names, tensor_shapes
from ernn_myhdl.numerics.circulant import blocks_for, expand, pack_spectrum

#: Outputs of a sequence with its named tensors.
WithTensors: TypeAlias = tuple[np.ndarray, dict[str, np.ndarray]]

STRUCTURES = ("dense", "circulant")


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


def _extended(x: np.ndarray, surplus: int) -> np.ndarray:
    """x with zeros behind its last axis."""
    return np.concatenate([x, np.zeros((*x.shape[:-1], surplus))], axis=-1)


def _run(
    advance: Advance,
    x: np.ndarray,
    products: Product,
    batch: SequenceBatch,
    state: tuple[np.ndarray, np.ndarray],
    keep: bool = False,
) -> dict[str, np.ndarray]:
    """Tensors (frames, batch, ...) of x (frames, batch, X) through a cell; only `output` unless keep.

    products: of x with the input matrix. state: cell state and output before the first frame. What
    follows the end of a sequence stays zero.
    """
    tensors: dict[str, np.ndarray] = {}
    c, y = state
    if not batch.frames:  # a frame of zeros shows the shapes
        probe = advance(CellFrame(products(np.zeros((batch.size, x.shape[-1]))), c, y))
        tensors = {n: np.zeros((0, *a.shape)) for n, a in probe.items() if keep or n == "output"}
    for t, n in enumerate(batch.active):
        now = advance(CellFrame(products(x[t, :n]), c[:n], y[:n]))
        c, y = now["cell_state"], now["output"]
        for name, array in now.items():
            if keep or name == "output":
                if name not in tensors:
                    tensors[name] = np.zeros((batch.frames, batch.size, *array.shape[1:]))
                tensors[name][t, :n] = array
    return tensors


def _dense(x: Any, input_weight: np.ndarray, advance: Advance, outputs: int) -> Any:
    """Outputs of sequences x through a cell with a dense input matrix (gates, hidden, inputs)."""
    single = not is_batch(x)
    *_, hidden, inputs = input_weight.shape
    sequences = [check_sequence(s, inputs) for s in ([x] if single else x)]
    batch = SequenceBatch(sequences)
    state = np.zeros((batch.size, hidden)), np.zeros((batch.size, outputs))
    padded = batch.pad(sequences, inputs)
    made = _run(advance, padded, dense_product(input_weight), batch, state)
    split = batch.split(made["output"])
    return split[0] if single else split


def dense_lstm(
    x: Any,
    input_weight: np.ndarray,
    recurrent_weight: np.ndarray,
    bias: np.ndarray,
    projection_weight: np.ndarray | None = None,
    peephole: np.ndarray | None = None,
    g_activation: str = "tanh",
) -> Any:
    """Outputs (frames, outputs) of an LSTM with dense matrices; a list of them for a list.

    x: (frames, inputs) or a list of such sequences. input_weight (4, hidden, inputs),
    recurrent_weight (4, hidden, outputs), bias (4, hidden), projection_weight (outputs, hidden),
    peephole (3, hidden).
    """
    cell = LstmEquations(
        dense_product(recurrent_weight),
        np.asarray(bias, dtype=np.float64),
        None if projection_weight is None else dense_product(projection_weight),
        None if peephole is None else np.asarray(peephole, dtype=np.float64),
        g_activation,
    )
    return _dense(x, input_weight, cell, recurrent_weight.shape[-1])


def dense_gru(
    x: Any,
    input_weight: np.ndarray,
    recurrent_weight: np.ndarray,
    bias: np.ndarray,
    recurrent_bias: np.ndarray | None = None,
    g_activation: str = "tanh",
) -> Any:
    """Outputs (frames, hidden) of a GRU with dense matrices; a list of them for a list.

    x: (frames, inputs) or a list of such sequences. input_weight (3, hidden, inputs),
    recurrent_weight (3, hidden, hidden), bias (3, hidden). recurrent_bias (1, hidden) puts the reset
    after the recurrent product; None: before.
    """
    before = recurrent_bias is None
    cell = GruEquations(
        dense_product(recurrent_weight[:2] if before else recurrent_weight),
        np.asarray(bias, dtype=np.float64),
        dense_product(recurrent_weight[2]) if before else None,
        None if before else np.asarray(recurrent_bias, dtype=np.float64),
        g_activation,
    )
    return _dense(x, input_weight, cell, recurrent_weight.shape[-1])


class FloatModel:
    """The float64 model of a cell with its weights (`Cell.weight_shapes`).

    structure: "dense" expands the circulant blocks into dense matrices, "circulant" multiplies
    spectra. Both agree to float64 accuracy. scaling: of x, for which the weights are made; None: none.
    """

    def __init__(
        self,
        cell: Cell,
        weights: dict[str, np.ndarray],
        structure: str = "circulant",
        scaling: InputScaling | None = None,
    ) -> None:
        if structure not in STRUCTURES:
            raise DesignError(f"structure = {structure!r}: must be one of {', '.join(STRUCTURES)}")
        self.cell = cell
        self._structure, self._scaling = structure, scaling
        self._weights = {
            n: cell.whole_matrix(n, np.asarray(w, dtype=np.float64)) for n, w in weights.items()
        }
        self._products = self.product("input_weight")
        self._advance = FLOAT_CELLS[type(cell)](self)

    def product(self, name: str, gates: slice | int = slice(None)) -> Product:
        """Product with a matrix, from and to whole tiles whatever its blocks."""
        vectors = self._weights[name][gates]
        *_, p, q, k = vectors.shape
        if self._structure == "circulant":
            product = circulant_product(vectors)
        else:
            product = dense_product(expand(vectors))
        surplus = blocks_for(p * k, self.cell.tile) * self.cell.tile - p * k
        if not surplus:
            return lambda x: product(x[:, : q * k])
        return lambda x: _extended(product(x[:, : q * k]), surplus)

    def padded(self, name: str) -> np.ndarray:
        """A weight of the cells, to whole tiles."""
        cell = self.cell
        surplus = cell.hidden_blocks * cell.tile - cell.hidden
        return np.pad(self._weights[name], ((0, 0), (0, surplus)))

    def mask(self, name: str) -> np.ndarray:
        """0 for the padding of a tensor."""
        return layer_elements(self.cell, name).reshape(-1)

    @overload
    def run(
        self, x: np.ndarray, tensors: Literal[False] = ..., initial: ModelState = ...
    ) -> np.ndarray: ...
    @overload
    def run(
        self, x: Sequence[np.ndarray], tensors: Literal[False] = ..., initial: InitialStates = ...
    ) -> list[np.ndarray]: ...
    @overload
    def run(
        self, x: np.ndarray, tensors: Literal[True], initial: ModelState = ...
    ) -> WithTensors: ...
    @overload
    def run(
        self, x: Sequence[np.ndarray], tensors: Literal[True], initial: InitialStates = ...
    ) -> list[WithTensors]: ...
    def run(self, x: Any, tensors: bool = False, initial: InitialStates = None) -> Any:
        """Outputs (frames, outputs) of x (frames, inputs).

        With tensors=True a pair: outputs and a dictionary of every named tensor
        (`ernn_myhdl.golden.tensors`), (frames, ...) float64. The inverse transform divides by k, so
        `gate_spectra` are the plain real FFT of `gate_sums`; `accumulators` equal them. A list of
        sequences gives a list.
        initial: state before the first frame (`ernn_myhdl.golden.initial_state`), floating point; a list of them
        for a list of sequences. None: zero.
        """
        single = not is_batch(x)
        sequences = [check_sequence(s, self.cell.inputs) for s in ([x] if single else x)]
        sequences = scaled(self._scaling, sequences)
        states = check_states(self.cell, initial, None if single else len(sequences))
        batch = SequenceBatch(sequences)
        padded = batch.pad(sequences, self.cell.input_blocks * self.cell.x_block).astype(np.float64)
        state = self._state(batch, states)
        made = _run(self._advance, padded, self._products, batch, state, keep=tensors)
        outputs = [y[:, : self.cell.outputs] for y in batch.split(made["output"])]
        if tensors:
            stages = self._named(padded, made)
            split = {name: batch.split(array) for name, array in stages.items()}
            pairs = [({n: split[n][i] for n in split}) for i in range(batch.size)]
            both = list(zip(outputs, pairs, strict=True))
            return both[0] if single else both
        return outputs[0] if single else outputs

    def _state(
        self, batch: SequenceBatch, states: list[dict[str, np.ndarray] | None]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Cell state and output (batch, blocks k) before the first frame."""
        cell = self.cell
        c = np.zeros((batch.size, cell.hidden_blocks * cell.tile))
        y = np.zeros((batch.size, cell.output_blocks * cell.tile))
        for slot, index in enumerate(batch.order):
            state = states[index]
            if state is None:
                continue
            for name, values in state.items():
                if values.dtype.kind != "f":
                    raise DesignError(
                        f"initial state {name}: raw words, must be floating point in this model"
                    )
            if cell.keeps_cell_state:
                c[slot, : cell.hidden] = state["cell_state"]
            if cell.recurrent:
                y[slot, : cell.outputs] = output_of(state)
        return c, y

    def _named(self, padded: np.ndarray, made: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """All tensors (frames, batch, ...) in the shapes of `tensor_shapes`, spectra packed."""
        shapes = tensor_shapes(self.cell)
        shapes["projection_sums"] = shapes["output"]
        named = {
            name: array.reshape(*array.shape[:2], *shapes[name])
            for name, array in {"input": padded, **made}.items()
            if name in shapes
        }

        def spectra(of: str, name: str) -> np.ndarray:
            return pack_spectrum(named[of].reshape(*named[of].shape[:2], *shapes[name]))

        for signal in ("input", "output", "cell_output"):
            if signal in named and f"{signal}_spectrum" in shapes:
                named[f"{signal}_spectrum"] = spectra(signal, f"{signal}_spectrum")
        other = "recurrent_sums" if self.cell.split else "sums"
        for prefix, name, sums in (
            ("", "gate_spectra", f"gate_{other}"),
            ("input_", "gate_input_spectra", "gate_input_sums"),
            ("candidate_", "candidate_spectra", f"candidate_{other}"),
            ("candidate_input_", "candidate_input_spectra", "candidate_input_sums"),
            ("projection_", "projection_spectra", "projection_sums"),
        ):
            if sums in named and name in shapes:
                named[name] = named[f"{prefix}accumulators"] = spectra(sums, name)
        return {name: named[name] for name in tensor_names(self.cell)}
