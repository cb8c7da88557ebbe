"""A search for a model of label sequences tells the error, which insertions take above 1, and no negative accuracy."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from small_training import torch  # noqa: F401

from ernn_myhdl.recogniser import search
from ernn_myhdl.recogniser.recipe import Recipe
from ernn_myhdl.recogniser.search import explore_recogniser
from ernn_myhdl.recogniser.task import load_task

pytestmark = pytest.mark.torch


@pytest.fixture
def signals(tmp_path):
    """Sequences of one label and many frames: what is not learned yet has many insertions."""
    rng = np.random.default_rng(0)
    x = {f"x{i}": rng.normal(size=(30, 3)) for i in range(15)}
    np.savez(tmp_path / "signals.npz", label_sequences=["ab"[i % 2] for i in range(15)], **x)
    return load_task(tmp_path / "signals.npz")


def test_the_log_of_label_sequences_tells_the_error(signals, tmp_path, monkeypatch):
    recipe = Recipe(hidden=8, block=4, epochs=1, admm_epochs=1, retrain_epochs=0, quantise_epochs=0)
    trained = search.train_recogniser

    def scored(*arguments, **options):
        made = trained(*arguments, **options)
        made.result["scores"]["fixed_point"]["validation"]["label_error_rate"] = 1.25
        return made

    monkeypatch.setattr(search, "train_recogniser", scored)
    made = explore_recogniser(signals, recipe, 0.2, None, tmp_path / "run")
    log = (tmp_path / "run" / "log.md").read_text()
    assert made.chosen is None
    assert "Label error rate at most 20.00%" in log
    assert "label error rate 125.00% misses 20.00%" in log
    assert "-25" not in log and "accuracy -" not in log


def test_a_projection_brings_no_warning_of_kernels(tmp_path):
    program = f"""
import numpy as np
from ernn_myhdl.recogniser.recipe import Recipe
from ernn_myhdl.recogniser.task import load_task
from ernn_myhdl.recogniser.training import train_recogniser
rng = np.random.default_rng(0)
np.savez({str(tmp_path / "s.npz")!r}, labels=np.arange(12) % 2, **{{f"x{{i}}": rng.normal(size=(4, 3)) for i in range(12)}})
recipe = Recipe(hidden=8, projection=4, block=2, method="direct", epochs=1, admm_epochs=1, retrain_epochs=0, quantise_epochs=0)
train_recogniser(load_task({str(tmp_path / "s.npz")!r}), recipe, {str(tmp_path / "run")!r}, {str(tmp_path / "start")!r})
"""
    made = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert "oneDNN" not in made.stderr and "Warning" not in made.stderr
