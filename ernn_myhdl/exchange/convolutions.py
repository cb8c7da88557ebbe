"""Kernels of convolutions over frames as matrices of linear layers on windows."""

from __future__ import annotations

import numpy as np

#: What a user can do with a convolution that needs frames of the future.
CAUSAL = "pad the left side alone, by (kernel - 1) x dilation frames of zeros, or not at all, and train the model so"


def kernel_matrix(kernel: np.ndarray, groups: int) -> np.ndarray:
    """The matrix (outputs, kernel x inputs) of a kernel (kernel, inputs of a group, outputs), the oldest frame first; of several
    groups with zeros between them."""
    taps, each, outputs = kernel.shape
    whole = np.zeros((taps, groups * each, outputs))
    for i in range(groups):
        columns = slice(i * outputs // groups, (i + 1) * outputs // groups)
        whole[:, i * each : (i + 1) * each, columns] = kernel[:, :, columns]
    return whole.reshape(taps * groups * each, outputs).T
