"""Pages of docs/: their text, tables of it, and their programs and commands run as they are written."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md")) + [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


def run_page(name: str, folder: Path, monkeypatch) -> None:
    """Run the Python programs and `ernn` commands of docs/`name` in `folder`; what the page shows as their
    output must be what they print."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    printed = []
    for kind, text in re.findall(r"```(\w+)\n(.*?)```", page, re.DOTALL):
        if kind == "python":
            commands = [[sys.executable, "-c", text]]
        elif kind == "console":
            lines = [line[2:].split() for line in text.splitlines() if line.startswith("$ ernn ")]
            commands = [[sys.executable, "-m", "ernn_myhdl", *line[1:]] for line in lines]
        elif kind == "toml":  # a part of a file, which no command prints
            continue
        else:
            assert text in printed
            continue
        for command in commands:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, (command, done.stderr)
            printed.append(done.stdout)


@lru_cache
def page(stem: str) -> str:
    """The page of a block."""
    return (DOCS / "blocks" / f"{stem}.md").read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """Cells of every line of every table."""
    return [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|") and not set(line) <= set("|- ")
    ]
