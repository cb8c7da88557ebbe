"""Block-circulant matrices as tensors: what `ernn_myhdl.numerics.circulant` does with arrays, on any device."""

from __future__ import annotations

import torch
from torch import Tensor

from ernn_myhdl.numerics.circulant import blocks_for
from ernn_myhdl.numerics.circulant import project as project_array


def expand(vectors: Tensor) -> Tensor:
    """Dense matrix (..., p k, q k) of the block-circulant matrix (..., p, q, k) of first columns.

    A vector w is the first column of its block: C[a, b] = w[(a - b) mod k].
    """
    *lead, rows, columns, k = vectors.shape
    steps = torch.arange(k, device=vectors.device)
    blocks = vectors[..., (steps[:, None] - steps[None, :]) % k]  # (..., p, q, k, k)
    return blocks.transpose(-3, -2).reshape(*lead, rows * k, columns * k)


def fold(matrix: Tensor, block: int) -> Tensor:
    """Sums of the wrapped diagonals of each block, (..., p, q, k): the transpose of `expand`.

    matrix: (..., rows, columns) of any size, such as the gradient of a dense matrix; elements beyond it
    count as zero. The result is the gradient of the first columns.
    """
    *lead, rows, columns = matrix.shape
    p, q = blocks_for(rows, block), blocks_for(columns, block)
    padding = (0, q * block - columns, 0, p * block - rows)
    padded = torch.nn.functional.pad(matrix, padding).reshape(*lead, p, block, q, block)
    steps = torch.arange(block, device=matrix.device)
    along = (steps[None, :] + steps[:, None]) % block  # row of column b on diagonal s
    return padded.transpose(-3, -2)[..., along, steps].sum(dim=-1)


def project(matrix: Tensor, block: int) -> Tensor:
    """First columns (..., p, q, k) of the nearest block-circulant matrix, in the type of `matrix`.

    `ernn_myhdl.numerics.circulant.project`, in float64.
    """
    vectors = project_array(matrix.detach().cpu().numpy(), block)
    return torch.from_numpy(vectors).to(matrix)
