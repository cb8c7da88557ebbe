"""Programs of pages that need nothing but the package run as they are written."""

import re
import subprocess
import sys

import pytest
from pages import DOCS, ROOT


@pytest.mark.parametrize("name", ["architecture.md", "frames-out.md"])
def test_programs_of_a_page_run(name, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    text = (DOCS / name).read_text(encoding="utf-8")
    programs = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert programs
    for program in programs:
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, (program, done.stderr)
