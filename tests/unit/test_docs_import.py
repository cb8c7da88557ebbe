"""docs/import.md: its programs and commands run as they are written, and print what it says."""

import pytest
from foreign_models import onnx_module, torch_module
from pages import run_page


@pytest.mark.torch
@pytest.mark.onnx
@pytest.mark.slow
def test_the_page_runs_as_written(tmp_path, monkeypatch):
    torch_module()
    onnx_module()
    run_page("import.md", tmp_path, monkeypatch)
    names = {"circulant", "dense", "ordered", "again", "from_python"}
    assert names <= {p.name for p in tmp_path.iterdir()}
