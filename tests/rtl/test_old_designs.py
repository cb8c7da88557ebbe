"""Design folders written by version 0.1.0 as of 2026-11-28: they load, and keep their digest and bits; their cycles are those
of the schedule."""

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
