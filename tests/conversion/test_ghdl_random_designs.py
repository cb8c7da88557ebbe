"""The converted VHDL of random designs in GHDL agrees with the golden model on every output bit,
and without gaps takes exactly the scheduled cycles."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from random_designs import random_design, random_network
from tools import require_tool

from ernn_myhdl.convert import convert
from ernn_myhdl.convert.test_bench import EXPECTED, bench_file, random_sequences
from ernn_myhdl.cycle_model.schedule import frame_times
from ernn_myhdl.engines.ghdl import analyse, check_folder, run_ghdl
from ernn_myhdl.errors import ToolError
from ernn_myhdl.golden.network_models import fixed_point_model
from ernn_myhdl.streams.traffic import Traffic

pytestmark = pytest.mark.ghdl

#: (block size, seed, peepholes, projection): 16 designs over all block sizes and options.
CASES = [
    (block, seed, bool(seed & 1), bool(seed & 2))
    for block, seeds in {
        1: (0, 1, 3),
        2: (0, 2, 3),
        4: (0, 1, 2, 3),
        8: (1, 2, 3),
        16: (1, 2),
        32: (3,),
    }.items()
    for seed in seeds
]
#: (kind of cell, or number of layers of a network; seed): the other cells and networks.
OTHERS = [("gru", 1), ("gru", 4), ("gru", 5), ("linear", 2), (3, 2)]
#: Of these the run without gaps is compared with the schedule as well.
TIMED = CASES[2::4]


def draw(case):
    if len(case) == 2:
        kind, seed = case
        if isinstance(kind, int):
            return random_network(70_000 + seed, kind)
        return random_design(60_000 + seed, kind=kind, block=1 << seed % 4, max_hidden=16)
    block, seed, peepholes, projection = case
    return random_design(
        50_000 + 100 * block + seed,
        block=block,
        max_inputs=20,
        max_hidden=16,
        peepholes=peepholes,
        projection=projection,
        mixed=seed == 3 and block in (2, 4, 8),
    )


def name(case) -> str:
    first, seed, *_ = case
    return f"{first}_{seed}" if len(case) == 2 else f"k{first}_{seed}"


def golden(design, sequences) -> np.ndarray:
    """Raw outputs, in the order in which the streams of the design take turns."""
    model = fixed_point_model(design)
    runs = [model.run(s).raw for s in sequences]
    return np.array([runs[t.sequence][t.frame] for t in turns_of(design, sequences)])


def turns_of(design, sequences):
    return Traffic().turns([len(s) for s in sequences], design.stream_shape.streams)


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """The folder of one small converted design and the design."""
    require_tool("ghdl")
    design = draw((4, 3, True, True))
    folder = tmp_path_factory.mktemp("converted") / "vhdl"
    convert(design, folder)
    return design, folder


@pytest.mark.parametrize("case", [*CASES, *OTHERS], ids=name)
def test_vhdl_agrees_with_the_golden_model_under_gaps_and_back_pressure(case, tmp_path):
    require_tool("ghdl")
    design = draw(case)
    folder = tmp_path / "vhdl"
    convert(design, folder)
    sequences = random_sequences(design, (2, 1), seed=case[1])
    expected = golden(design, sequences)
    traffic = Traffic(idle=0.3, stall=0.3, seed=case[1])
    raw, accepted, delivered = run_ghdl(design, sequences, traffic, folder)
    assert raw.shape == expected.shape
    assert np.array_equal(raw, expected)
    assert (delivered > accepted).all()
    if case in TIMED:
        raw, accepted, delivered = run_ghdl(design, sequences, folder=folder)
        assert np.array_equal(raw, expected)
        streams = [turn.stream for turn in turns_of(design, sequences)]
        scheduled = [frame.delivered for frame in frame_times(design, streams)]
        assert (delivered - accepted[0]).tolist() == scheduled


def test_the_cases_cover_every_block_size_and_option():
    others = [layer.cell for case in OTHERS for layer in draw(case).layers]
    assert {c.kind for c in others} == {"lstm", "gru", "linear"}
    assert {c.reset for c in others if c.kind == "gru"} == {"before", "after"}
    designs = [draw(case) for case in CASES]
    assert len(designs) >= 15
    assert {d.cell.tile for d in designs} == {1, 2, 4, 8, 16, 32}
    assert sum(d.cell.split for d in designs) >= 2
    assert {bool(d.cell.projection) for d in designs} == {True, False}
    assert {d.cell.peepholes for d in designs} == {True, False}


def test_delivered_bench_passes(converted):
    _, folder = converted
    for seed in (1, 2):
        result = check_folder(folder, idle=30, stall=30, seed=seed)
        assert result.passed, result.message
        assert "3 frames" in result.message


def test_delivered_bench_fails_on_a_wrong_bit(converted, tmp_path):
    design, folder = converted
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    vectors = copy / "test_bench" / bench_file(design.name, EXPECTED)
    lines = vectors.read_text().splitlines()
    last = lines[-1]
    lines[-1] = last[:-1] + ("0" if last[-1] != "0" else "1")
    vectors.write_text("\n".join(lines) + "\n")
    result = check_folder(copy)
    assert not result.passed
    assert "FAIL: beat" in result.message


def test_analysis_prints_no_warnings(converted, tmp_path):
    _, folder = converted
    work = tmp_path / "work"
    work.mkdir()
    assert analyse(folder, work) == ""


def test_conversion_is_reproducible_byte_for_byte(converted, tmp_path):
    design, folder = converted
    again = tmp_path / "again"
    convert(design, again)
    files = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(again) for p in again.rglob("*") if p.is_file())
    for file in files:
        assert (folder / file).read_bytes() == (again / file).read_bytes(), file


def test_missing_ghdl_is_told_with_the_command_that_installs_it(monkeypatch, converted):
    design, folder = converted
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolError, match="sudo apt-get install ghdl"):
        run_ghdl(design, random_sequences(design), folder=folder)
