"""Modules that branch, as their framework computes them: residuals, concatenations, skips and heads."""

from __future__ import annotations

import numpy as np
import pytest
from tools import require_module

from ernn_myhdl import import_module

torch = require_module("torch", "pip install 'ernn-myhdl[torch]'")
from branching_modules import MODULES, made, outputs  # noqa: E402  torch is there

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("name", MODULES)
def test_a_module_that_branches_is_what_pytorch_computes(name):
    model, x = made(name)
    design = import_module(model, x, word=16).design
    assert design.graph is not None
    wanted = [y if y.ndim == 3 else y[:, None] for y in outputs(model, x)]
    runs = [design.run(sequence.numpy().astype(float), "integer").outputs for sequence in x]
    got = np.stack(runs)[:, -wanted[0].shape[1] :]
    assert np.abs(got - np.concatenate(wanted, -1)).max() < 1e-3
    if len(wanted) > 1:
        assert list(design.heads) == [f"head_{i}" for i in range(len(wanted))]
        for part, y in zip(design.heads.values(), wanted, strict=True):
            assert np.abs(got[..., part] - y).max() < 1e-3
