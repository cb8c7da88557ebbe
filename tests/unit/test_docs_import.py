"""docs/import.md: its programs and commands run as they are written, and print what it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from foreign_models import onnx_module, torch_module

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "import.md").read_text(encoding="utf-8")


@pytest.mark.torch
@pytest.mark.onnx
@pytest.mark.slow
def test_the_page_runs_as_written(tmp_path, monkeypatch):
    torch_module()
    onnx_module()
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    printed = []
    for kind, text in re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL):
        if kind == "python":
            commands = [[sys.executable, "-c", text]]
        elif kind == "console":
            lines = [line[2:].split() for line in text.splitlines() if line.startswith("$ ernn ")]
            commands = [[sys.executable, "-m", "ernn_myhdl", *line[1:]] for line in lines]
        else:
            assert text in printed
            continue
        for command in commands:
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
            assert done.returncode == 0, (command, done.stderr)
            printed.append(done.stdout)
    names = {"circulant", "dense", "ordered", "again", "from_python"}
    assert names <= {p.name for p in tmp_path.iterdir()}
