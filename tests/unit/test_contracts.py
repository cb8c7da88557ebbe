"""The checks of `make lint` see golden/ through its link: what is planted there fails them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT, rows
from tools import require_module

from docs import draw_imports

PLANTED = "golden/planted.py"


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Path:
    """A tree of the sources with their links, and of the configuration of the checks."""
    place = tmp_path_factory.mktemp("house")
    for folder in ("ernn_myhdl", "golden", "synth"):
        (place / folder).mkdir()
        for path in (ROOT / folder).iterdir():
            if path.name != "__pycache__":
                to = path.readlink() if path.is_symlink() else path
                (place / folder / path.name).symlink_to(to)
    shutil.copy(ROOT / "setup.cfg", place)
    assert (place / "ernn_myhdl/golden").resolve() == place / "golden"
    return place


def checked(program: str, *arguments: str, folder: Path) -> tuple[int, str]:
    """Exit code and output of a check in `folder`, on the files that are there."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [shutil.which(program, path=Path(sys.executable).parent), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    return done.returncode, done.stdout + done.stderr


def test_an_import_of_the_core_in_golden_breaks_the_contracts(house):
    require_module("importlinter", "pip install import-linter")
    contracts = ("lint-imports", "--no-cache", "--no-logo")
    planted = house / PLANTED
    planted.write_text("import numpy as np\n\nZERO = np.int64(0)\n", encoding="utf-8")
    code, said = checked(*contracts, folder=house)
    assert code == 0 and "0 broken" in said, said

    planted.write_text("from ernn_myhdl.rtl.lane import lane\n\nCELL = lane\n", encoding="utf-8")
    code, said = checked(*contracts, folder=house)
    planted.unlink()
    assert code == 1
    assert "The golden model knows no hardware BROKEN" in said
    assert "Packages stand above what they import BROKEN" in said
    assert "ernn_myhdl.golden.planted -> ernn_myhdl.rtl.lane" in said


def test_wrong_and_missing_types_in_golden_fail_mypy(tmp_path):
    """With the configuration of the project, on a package of its root, golden and a planted file."""
    require_module("mypy", "pip install mypy")
    (tmp_path / "ernn_myhdl").mkdir()
    (tmp_path / "golden").mkdir()
    (tmp_path / "golden/__init__.py").touch()
    (tmp_path / "ernn_myhdl/golden").symlink_to("../golden")
    for name in ("setup.cfg", "ernn_myhdl/__init__.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    planted = tmp_path / PLANTED
    planted.write_text("def bits(word: int) -> int:\n    return word.bit_length()\n", "utf-8")
    code, said = checked("mypy", folder=tmp_path)
    assert code == 0, said

    planted.write_text(
        "def bits(word: int) -> int:\n    return str(word)\n\n\ndef words(bits):\n    return bits\n",
        "utf-8",
    )
    code, said = checked("mypy", folder=tmp_path)
    assert code == 1
    assert "ernn_myhdl/golden/planted.py:2: error: Incompatible return value" in said
    assert "ernn_myhdl/golden/planted.py:5: error: Function is missing a type annotation" in said


def test_the_table_of_floors_is_that_of_the_contract():
    """It lacked `whole_numbers`, and counted 17 floors of 18."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    table = [row for row in rows(text.partition("## Folders and floors")[2]) if row[0].isdigit()]
    floors, _ = draw_imports.contract()
    assert [int(row[0]) for row in table] == list(range(len(floors), 0, -1))
    named = [re.findall(r"(?:^|· )`(\w+)`:", row[1]) for row in table]
    assert [sorted(names) for names in named] == [sorted(floor) for floor in floors]


def test_picture_of_the_imports_shows_those_of_the_code(capsys):
    assert (draw_imports.main(["--check"]), capsys.readouterr().out) == (0, "")


def test_no_room_stands_on_another_in_the_picture(monkeypatch):
    """`host` and `golden` did."""
    assert draw_imports.crowded() == []
    monkeypatch.delitem(draw_imports.PLACE, "host")
    assert draw_imports.crowded() == ["golden"]
