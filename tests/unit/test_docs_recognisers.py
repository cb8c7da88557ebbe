"""docs/recognisers.md and the tutorial: programs that they show, and commands that exist."""

import re
import shlex
import subprocess
import sys

import pytest
from pages import ROOT

from ernn_myhdl.cli.main import build_parser

PAGES = ("recognisers.md", "tutorial-corpus-to-vivado.md", "tutorial-own-recordings.md")


def blocks(name, kind):
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    return re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)


def test_the_search_with_a_training_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (program,) = blocks("recognisers.md", "python")
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "GRU, k = 4 3 trainings\n"


@pytest.mark.parametrize("name", PAGES)
def test_commands_of_the_pages_are_understood(name):
    lines = [line for block in blocks(name, "console") for line in block.splitlines()]
    commands = [
        shlex.split(line[2:].partition(" < ")[0]) for line in lines if line.startswith("$ ernn ")
    ]
    assert len(commands) >= 4
    for command in commands:
        build_parser(command[1:]).parse_args(command[1:])
