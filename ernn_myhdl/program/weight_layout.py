"""The weights of a design as the words of the lanes' memories, in the order of the program."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ernn_myhdl.design.design import Design
from ernn_myhdl.design.quantise import quantised_weights
from ernn_myhdl.hdl.types import pack_fields
from ernn_myhdl.numerics.circulant import blocks_for
from ernn_myhdl.program.program import Columns, program_for


def _gate(weight: np.ndarray, gate: int | None) -> np.ndarray:
    """One gate of a weight tensor; zeros for None."""
    return np.zeros_like(weight[0]) if gate is None else weight[gate]


def lane_words(blocks: np.ndarray, tile: int) -> np.ndarray:
    """Packed spectra (rows of blocks, columns, k) as words of lanes: (rows of tiles, columns, tile).

    Where a complex bin of the tile holds two real words of smaller blocks, they change places.
    """
    rows, columns, k = blocks.shape
    parts = blocks.reshape(rows * k // tile, tile // k, columns, k).swapaxes(1, 2)
    words = parts.reshape(-1, columns, tile).copy()
    for word in real_pairs(tile, k):
        words[..., [word, word + 1]] = words[..., [word + 1, word]]
    return words


def real_pairs(tile: int, k: int) -> list[int]:
    """First words of the complex bins of a tile that hold two real words of blocks of k."""
    return [word for word in range(2, tile, 2) if word % k == 0 or k == 1] if k < tile else []


def _first_matrix(design: Design) -> list[np.ndarray]:
    """Raw weights of the first phase for x and the previous y: (rows, columns, tile)."""
    cell, raw = design.cell, quantised_weights(design)
    inputs = cell.whole_matrix("input_weight", raw["input_weight"])
    parts = [[_gate(inputs, row.input) for row in cell.rows]]
    if cell.recurrent:
        parts.append([_gate(raw["recurrent_weight"], row.recurrent) for row in cell.rows])
    matrices = []
    for part in parts:
        rows = np.stack([lane_words(gate, cell.tile) for gate in part], axis=1)
        matrices.append(rows.reshape(-1, *rows.shape[2:]))
    return matrices


def _second_matrix(design: Design) -> list[np.ndarray]:
    """Raw weights of the second phase for each of its sources: (rows, columns, tile)."""
    cell, raw = design.cell, quantised_weights(design)
    if cell.second_phase == "projection":
        gates = [raw["projection_weight"]]
    else:
        gates = [raw["input_weight"][-1], raw["recurrent_weight"][-1]]
    return [lane_words(gate, cell.tile) for gate in gates]


def _placed(memory: np.ndarray, operations: slice, passes: Iterable[Sequence[np.ndarray]]) -> None:
    """Write passes, each a list of its parts (lanes, operations, tile), one after the other."""
    words = [part for parts in passes for part in parts]
    memory[:, operations] = np.concatenate(words, axis=1)


def _in_passes(matrix: np.ndarray, passes: int, rows: int) -> np.ndarray:
    """A matrix (rows, ...) cut into passes of so many rows: (passes, rows, ...), padded with zeros."""
    surplus = passes * rows - len(matrix)
    padded = np.pad(matrix, [(0, surplus)] + [(0, 0)] * (matrix.ndim - 1))
    return padded.reshape(passes, rows, *matrix.shape[1:])


def _of_groups(passes: np.ndarray, own: Sequence[Columns]) -> np.ndarray:
    """Passes (passes, rows, columns, ...) of the columns that each reads; zeros where one is read again."""
    index = np.array([[c for _, c, _ in columns] for columns in own])
    taken = np.stack([rows[:, columns] for rows, columns in zip(passes, index, strict=True)])
    again = np.pad(index[:, 1:] == index[:, :-1], ((0, 0), (1, 0)))
    taken[np.broadcast_to(again[:, None], taken.shape[:3])] = 0
    return taken


def lane_weights(design: Design) -> np.ndarray:
    """Raw packed weight spectra (lanes, program length, tile) in the order of the program."""
    cell, hw, program = design.cell, design.hardware, program_for(design)
    k, lanes, groups = cell.tile, hw.lanes, program.groups
    memory = np.zeros((lanes, program.length, k), dtype=np.int64)
    parts = [_in_passes(m, program.gate_passes, lanes) for m in _first_matrix(design)]
    if program.first.own:
        parts = [_of_groups(parts[0], program.first.own)]
    _placed(memory, slice(program.gate_length), zip(*parts, strict=True))
    if not cell.second_phase:
        return memory
    parts = []
    for matrix in _second_matrix(design):  # each source begins with a step
        steps = blocks_for(matrix.shape[1], groups)
        padded = np.pad(matrix, ((0, 0), (0, steps * groups - matrix.shape[1]), (0, 0)))
        rows = _in_passes(padded, program.second_passes, lanes // groups)
        rows = rows.reshape(program.second_passes, lanes // groups, steps, groups, k)
        parts.append(rows.swapaxes(2, 3).reshape(program.second_passes, lanes, steps, k))
    _placed(memory, slice(program.gate_length, None), zip(*parts, strict=True))
    return memory


def lane_contents(design: Design) -> tuple[tuple[int, ...], ...]:
    """Words of every lane's weight memory."""
    word = design.formats.weight_word
    memory = lane_weights(design).tolist()
    return tuple(tuple(pack_fields(block, word) for block in lane) for lane in memory)
