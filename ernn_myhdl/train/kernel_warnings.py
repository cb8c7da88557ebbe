"""Warnings of PyTorch's kernels that tell a user nothing: which of its own implementations it takes."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

#: How they begin; PyTorch warns once, at the first use.
MESSAGES = ("LSTM with projections is not supported with oneDNN",)


@contextlib.contextmanager
def without_kernel_warnings() -> Iterator[None]:
    """Without these; all others pass."""
    with warnings.catch_warnings():
        for message in MESSAGES:
            warnings.filterwarnings("ignore", message=message, category=UserWarning)
        yield
