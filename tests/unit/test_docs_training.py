"""docs/training.md: its programs and commands run as they are written, and print what it says."""

import pytest
from foreign_models import torch_module
from pages import run_page

from ernn_myhdl import load_design


@pytest.mark.torch
@pytest.mark.slow
def test_the_page_runs_as_written(tmp_path, monkeypatch):
    torch_module()
    run_page("training.md", tmp_path, monkeypatch)
    names = {
        "checkpoint", "curves.png", "model.safetensors", "letters.safetensors", "design", "imported"
    }  # fmt: skip
    assert names == {p.name for p in tmp_path.iterdir()}
    cells = [layer.cell for layer in load_design(tmp_path / "design").layers]
    assert [(cell.kind, cell.block) for cell in cells] == [("lstm", 8), ("linear", 1)]
    assert cells == [layer.cell for layer in load_design(tmp_path / "imported").layers]
