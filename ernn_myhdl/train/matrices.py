"""The matrices of a model that can be block-circulant, and the block size of each.

A gate matrix (gates H, N) of an LSTM or GRU is block-circulant gate by gate: rows and columns of each
gate are padded to whole blocks on their own, as a `Design` stores them. The kernel (outputs, inputs, kernel) of a convolution
over frames is the matrix of a linear layer on a window, whose columns are the inputs of the oldest frame first; with groups those
of the inputs of a row's own group, as a `Design` stores them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

from ernn_myhdl.design.cells import BLOCK_SIZES
from ernn_myhdl.design.cells.grouping import largest_block
from ernn_myhdl.errors import DesignError
from ernn_myhdl.train.call_forms import checked_call
from ernn_myhdl.train.circulant_tensors import expand, fold, project
from ernn_myhdl.train.recurrent_modules import cell_of
from ernn_myhdl.whole_numbers import is_whole

#: Beginning of a parameter's name -> what the matrix multiplies.
ROLES = {"weight_ih": "input", "weight_hh": "recurrent", "weight_hr": "projection"}
LINEAR, CONVOLUTION = "linear", "convolution"
Blocks = int | Mapping[str, int]


@checked_call
@dataclass(frozen=True, repr=False)
class Matrix:
    """A matrix of a model.

    name: of its parameter in the model, such as "lstm.weight_ih_l0". role: "input", "recurrent",
    "projection", "linear" or "convolution". gates: that share the matrix. block: size of its circulant blocks; most: the largest that
    there may be, since blocks lie within the groups of a convolution. shifts: of the
    elements of x (`InputScaling`), for the matrix of x that is block-circulant for scaled x; empty: none.
    """

    name: str
    parameter: nn.Parameter
    role: str
    gates: int
    block: int = 1
    shifts: tuple[int, ...] = ()
    most: int = max(BLOCK_SIZES)

    def __post_init__(self) -> None:
        if not isinstance(self.parameter, Tensor):
            raise DesignError(
                f"matrix {self.name!r}: parameter is {type(self.parameter).__name__}, must be that of the model; "
                "find_matrices(model, blocks) makes them"
            )

    def __repr__(self) -> str:
        """Name, role, shape and block size, on one line."""
        shape = "x".join(map(str, self.parameter.shape))
        return f"Matrix({self.name}: {self.role}, {shape}, block {self.block})"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(gates, rows of a gate, columns)."""
        rows, *columns = self.parameter.shape
        return self.gates, rows // self.gates, math.prod(columns)

    def by_gate(self, dense: Tensor) -> Tensor:
        """A tensor like the parameter as (gates, rows, columns)."""
        if self.role == CONVOLUTION:
            dense = dense.transpose(1, 2)
        return dense.reshape(self.shape)

    def like_parameter(self, matrix: Tensor) -> Tensor:
        """A matrix (gates, rows, columns) in the shape of the parameter."""
        shape = self.parameter.shape
        if self.role == CONVOLUTION:
            return matrix.reshape(shape[0], shape[2], shape[1]).transpose(1, 2).contiguous()
        return matrix.reshape(shape)

    def projected(self, dense: Tensor) -> Tensor:
        """First columns (gates, p, q, block) of the nearest block-circulant matrix."""
        return project(self._for_scaled(dense, -1), self.block)

    def dense(self, vectors: Tensor) -> Tensor:
        """The matrix, in the shape of the parameter, of first columns (gates, p, q, block)."""
        _, rows, columns = self.shape
        return self.like_parameter(self._scaled(expand(vectors)[:, :rows, :columns], 1))

    def gradient(self, dense: Tensor) -> Tensor:
        """Gradient of the first columns, of that of the parameter."""
        return fold(self._for_scaled(dense, 1), self.block)

    def _for_scaled(self, dense: Tensor, sign: int) -> Tensor:
        """A tensor like the parameter, by gate, its columns times 2^(sign shift)."""
        return self._scaled(self.by_gate(dense), sign)

    def _scaled(self, matrix: Tensor, sign: int) -> Tensor:
        if not self.shifts:
            return matrix
        return torch.ldexp(matrix, sign * torch.tensor(self.shifts, device=matrix.device))


@checked_call
def find_matrices(
    model: nn.Module, blocks: Blocks = 1, shifts: Mapping[str, tuple[int, ...]] | None = None
) -> list[Matrix]:
    """The matrices of LSTM, GRU, RNN and linear layers and convolutions in `model`, each with its block size.

    blocks: one size for all; or pattern -> size, where a pattern is a role ("input", "recurrent",
    "projection", "linear", "convolution") or a name of a parameter with the wildcards of the shell ("lstm.weight_ih_l?",
    "head.*"). The first pattern that fits decides; a matrix that none fits stays dense, and blocks are no larger than the groups of a
    convolution. A
    role that no matrix has is allowed, a name is not. shifts: of x, by the name of a matrix of x.
    """
    if not isinstance(model, nn.Module):
        raise DesignError(f"model: is {type(model).__name__}, must be an nn.Module")
    if shifts is not None and not isinstance(shifts, Mapping):
        raise DesignError(
            f"shifts: is {type(shifts).__name__}, must be the shifts of the elements of x by the name of a matrix, or None"
        )
    found = _matrices(model)
    if not found:
        raise DesignError(
            f"model {type(model).__name__}: has no LSTM, GRU, RNN, linear layer or convolution, so there is nothing to "
            "compress"
        )
    sizes = [min(k, m.most) for k, m in zip(_assigned(found, blocks), found, strict=True)]
    for matrix, block in zip(found, sizes, strict=True):
        if block > 1 and not matrix.parameter.requires_grad:
            raise DesignError(
                f"matrix {matrix.name}: is frozen (requires_grad = False), so it cannot be trained "
                "block-circulant; thaw it, or leave it out of the blocks"
            )
    return [
        replace(m, block=block, shifts=(shifts or {}).get(m.name, ()))
        for m, block in zip(found, sizes, strict=True)
    ]


def stored_numbers(matrices: Sequence[Matrix]) -> int:
    """Numbers that the matrices store, the padding of blocks included."""
    total = 0
    for matrix in matrices:
        gates, rows, columns = matrix.shape
        k = matrix.block
        total += gates * -(-rows // k) * -(-columns // k) * k
    return total


def _matrices(model: nn.Module) -> list[Matrix]:
    """Every matrix of a known module once, with block size 1."""
    found: dict[int, Matrix] = {}
    for prefix, module in model.named_modules():
        cell = cell_of(module)
        gates = len(cell.gates) if cell else 0
        for name, parameter in module.named_parameters(prefix, recurse=False):
            own = name.rpartition(".")[2]
            if isinstance(module, nn.Linear | nn.Conv1d) and own == "weight":
                role = LINEAR if isinstance(module, nn.Linear) else CONVOLUTION
                made = Matrix(name, parameter, role, 1, most=_most(module))
            elif gates and own[:9] in ROLES:
                role = ROLES[own[:9]]
                made = Matrix(name, parameter, role, 1 if role == "projection" else gates)
            else:
                continue
            found.setdefault(id(parameter), made)
    return list(found.values())


def _most(module: nn.Module) -> int:
    """The largest block of a linear layer or a convolution."""
    if not isinstance(module, nn.Conv1d) or module.groups == 1:
        return max(BLOCK_SIZES)
    sizes = module.in_channels, module.out_channels, module.groups
    return min(max(BLOCK_SIZES), largest_block(*sizes, taps=1))


def _assigned(matrices: Sequence[Matrix], blocks: Blocks) -> list[int]:
    """The block size of each matrix; DesignError for illegal sizes and patterns that fit nothing."""
    if not isinstance(blocks, Mapping):
        return [_checked("blocks", blocks)] * len(matrices)
    for pattern, block in blocks.items():
        _checked(f"blocks[{pattern!r}]", block)
        if not (
            pattern in (*ROLES.values(), LINEAR, CONVOLUTION)
            or any(_fits(pattern, m) for m in matrices)
        ):
            raise DesignError(
                f"blocks: {pattern!r} fits no matrix; the matrices are "
                f"{', '.join(f'{m.name} ({m.role})' for m in matrices)}"
            )
    return [
        next((block for pattern, block in blocks.items() if _fits(pattern, m)), 1) for m in matrices
    ]


def _fits(pattern: str, matrix: Matrix) -> bool:
    return pattern == matrix.role or fnmatchcase(matrix.name, pattern)


def _checked(where: str, block: object) -> int:
    if not is_whole(block) or block not in BLOCK_SIZES:
        raise DesignError(
            f"{where} = {block!r}: must be a power of two, one of {', '.join(map(str, BLOCK_SIZES))}"
        )
    return block
