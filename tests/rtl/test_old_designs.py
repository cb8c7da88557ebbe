"""Design folders written by version 0.1.0 as of 2026-11-28: they load, and keep their digest and bits; their cycles are those
of the schedule."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from ernn_myhdl import design_info, load_design

FOLDER = Path(__file__).parents[1] / "data" / "old_designs"
NAMES = sorted(file.stem for file in FOLDER.glob("*.npz"))


def test_all_are_there():
    assert NAMES == ["gru_after", "gru_before", "linear", "lstm", "lstm_split", "network"]


@pytest.mark.parametrize("name", NAMES)
def test_old_design(name):
    design = load_design(FOLDER / name)
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as kept:
        assert design.digest == str(kept["digest"])
        x = [kept["x0"], kept["x1"]]
        for engine in ("integer", "golden", "myhdl"):
            run = design.run(x, engine=engine)
            assert np.array_equal(run.raw, kept["raw"]), engine
        accepted, delivered = run.frame_cycles[0]
        assert delivered - accepted == design_info(design)["latency_cycles"]


def other_order(text: str) -> str:
    """The sections of a file backwards."""
    first, *sections = re.split(r"^(?=\[)", text, flags=re.MULTILINE)
    return "\n".join([first, *reversed(sections)])


#: What people and their editors do to a text. A mark at its start was refused: "Empty key at line 1 col 0".
TOUCHES = {
    "lines end as in Windows": lambda text: text.replace("\n", "\r\n"),
    "a mark of its encoding first": lambda text: "\ufeff" + text,
    "sections in another order": other_order,
    "no spaces, more comments": lambda text: text.replace(" = ", "=").replace(
        "\n\n", "\n# mine\n\n"
    ),
}


@pytest.mark.parametrize("touch", TOUCHES)
@pytest.mark.parametrize("name", NAMES)
def test_old_design_whose_file_was_touched_up(name, touch, tmp_path):
    shutil.copytree(FOLDER / name, tmp_path / name)
    for file in (tmp_path / name).rglob("*.toml"):
        text = TOUCHES[touch](file.read_text(encoding="utf-8"))
        file.write_bytes(text.encode("utf-8"))
    old = load_design(FOLDER / name)
    assert load_design(tmp_path / name) == old and load_design(tmp_path / name).digest == old.digest
