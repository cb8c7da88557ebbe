"""The parts of the benchmarks that compute, and their arguments; the measurements are not run."""

import json
import runpy
import sys
from pathlib import Path

import pytest

from benchmarks import growth, placed_cores, when_admm
from benchmarks.paper_layers import paper_design
from ernn_myhdl import new_design
from ernn_myhdl.cycle_model.schedule import schedule_for
from ernn_myhdl.errors import DesignError
from ernn_myhdl.hdl.components import Leaf, Rom
from ernn_myhdl.rtl.core.top import core
from ernn_myhdl.runs.report import design_info
from ernn_myhdl.synthesis import device_named


def test_the_layers_of_the_paper():
    for block, lanes, products, multiplications in ((8, 256, 200, 2816), (16, 128, 100, 2944)):
        design = paper_design(block)
        assert (design.cell.inputs, design.cell.hidden, design.cell.outputs) == (153, 1024, 512)
        assert design.cell.peepholes
        assert design.hardware.lanes == lanes
        assert schedule_for(design).program.length == products
        assert lanes * design.lane_products == multiplications


def test_a_core_that_has_become_slower_is_named():
    row = {"core": "GRU", "device": "lfe5u-85f-6", "seeds_mhz": [150.0, 100.0]}
    assert placed_cores.slower(row, 135.0) is None
    wrong = "GRU on lfe5u-85f-6: 134.9 MHz, must be at least 135.0, 90% of the recorded 150.0"
    assert placed_cores.slower(row, 134.9) == wrong


def test_the_clocks_of_the_readme_are_those_of_the_record():
    record = json.loads(placed_cores.RECORD.read_text())
    assert placed_cores.GATE in record["cores"]
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert placed_cores.table(record) in readme


def test_keyword_spotting_has_no_more_multipliers_than_the_smallest_device():
    design = placed_cores.CORES["keywords"].make()
    lstm, head = (layer.cell for layer in design.layers)
    assert (lstm.inputs, lstm.hidden, lstm.outputs, lstm.peepholes) == (10, 144, 98, True)
    assert (head.inputs, head.outputs) == (98, 12)
    found = design_info(design, 100.0, "measured")
    assert found["multipliers"] <= device_named("lfe5u-25f-6").multiplier == 28
    assert found["frames_per_second_single"] >= 60_000


def test_a_row_has_the_frames_of_its_own_clock(tmp_path, monkeypatch):
    design = new_design(cell="linear", inputs=2, hidden=2, block=1, lanes=1, word=8)
    core = placed_cores.Core("small", "lfe5u-25f-6", lambda: design)
    found = {
        "tool": "nextpnr", "fmax_mhz": 100.04, "seeds": [{"fmax_mhz": 100.04}], "paths": ["longest"],
        "utilisation": {k: {"used": 1} for k in ("lut", "ff", "multiplier", "block_ram")},
    }  # fmt: skip
    row = placed_cores.row_of(core, design, found)
    interval = schedule_for(design).interval
    assert (row["interval_cycles"], row["frames_per_second"]) == (
        interval,
        round(100.04e6 / interval),
    )
    monkeypatch.setattr(placed_cores, "RECORD", tmp_path / "record.json")
    placed_cores.add_row("gru", row)
    placed_cores.add_row("keywords", {**row, "core": "other"})  # the first one stays
    assert [r["core"] for r in placed_cores.recorded()["cores"].values()] == ["small", "other"]


def test_lanes_beyond_the_block_rows_are_refused():
    assert growth.layer(128, 8, 64).hardware.lanes == 64
    with pytest.raises(DesignError, match="lanes = 128: must be at most 64"):
        growth.layer(128, 8, 128)


def test_tables_and_picture_of_growth(tmp_path, monkeypatch):
    monkeypatch.setattr(growth, "HIDDEN", (32, 64))
    monkeypatch.setattr(growth, "BLOCKS", (8, 16))
    monkeypatch.setattr(growth, "LANES", (4, 16))
    rows = growth.estimates()
    assert [r["lanes"] for r in rows if "refused" in r] == [16]  # 32 cells in blocks of 16
    measured = [
        {
            "hidden": 32, "block": 8, "lanes": 4,
            "conversion": {"seconds": 1.0, "logic_lines": 9, "megabytes": 0.1, "peak_megabytes": 9},
            "engines": {"integer": growth.run_engine((32, 8, 4), "integer")},
        }
    ]  # fmt: skip
    text = growth.text_of(rows, measured, ["integer"])
    assert text.count("not legal") == 4  # once in each table
    interval = schedule_for(growth.layer(64, 8, 16)).interval
    assert f"| 8 | 64 | {schedule_for(growth.layer(64, 8, 4)).interval:g} (" in text
    assert f" {interval:g} (" in text
    growth.draw(rows, tmp_path / "growth.png")
    assert (tmp_path / "growth.png").stat().st_size > 10000


def test_all_ways_of_a_row_have_as_many_epochs_and_the_missing_are_told():
    half, short, direct = (when_admm.recipe_of("phones", w, 2) for w in ("half", "short", "direct"))
    assert [(r.epochs, r.admm_epochs, r.retrain_epochs) for r in (half, short)] == [(5, 5, 5), (5, 2, 8)]  # fmt: skip
    assert (direct.method, direct.admm_epochs + direct.retrain_epochs, direct.seed) == ("direct", 10, 2)  # fmt: skip
    three = when_admm.recipe_of("vowels", "short", 0)
    assert (three.admm_epochs, three.retrain_epochs) == (3, 13)

    def result(validation, test, **more):
        scores = {"validation": {"error_rate": validation}, "test": {"error_rate": test}}
        return {"scores": {"fixed_point": scores}} | more

    found = {
        "vowels": {
            "dense": {0: result(0.1, 0.08)},
            "half": {
                0: result(0.2, 0.11, admm={"residual": 0.004}),
                1: result(0.1, 0.13, admm={"residual": 0.03}),
            },
            "projection": {0: result(0.1, 0.1)},
            "direct": {0: result(0.15, 0.09)},
        }
    }
    line = when_admm.text_of(found, list(when_admm.WAYS)).splitlines()[2]
    assert line == "| vowels | 2 | 24 | 8.0 (1) | 12.0 ± 1.4 | - | 10.0 (1) | 9.0 (1) | 0.030 | - | 1 projection |"  # fmt: skip
    line = when_admm.text_of(found, ["half"]).splitlines()[2]
    assert line == "| vowels | 2 | 24 | 12.0 ± 1.4 | 0.030 |"


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        ("growth", ["--engines", "abacus"], "engine 'abacus': must be one of"),
        ("growth", ["--picture", "growth.txt"], "growth.txt"),
        ("full_size", ["--blocks", "8,7"], "--blocks 8,7: must be of 16, 8"),
        ("full_size", ["--frames", "0"], "--frames: must be at least 1"),
        ("integer_and_torch", ["--blocks", ""], "must be of 16, 8"),
        ("integer_and_torch", ["--repeats", "0"], "--repeats: must be at least 1"),
        ("imported_models", ["--seeds", "0"], "--seeds: must be at least 1"),
        ("training", ["--seeds", "0"], "--seeds: must be at least 1"),
        ("training", ["--block", "3"], "--block 3: must be one of (2, 4, 8, 16, 32)"),
        ("when_admm", ["folder", "--way", "admm"], "--way admm: the ways are dense, half, short"),
        ("when_admm", ["folder", "--only", "vowel"], "--only vowel: the rows are vowels; phones"),
        ("classifier", ["--utterances", "371"], "--utterances: must be 1 to 370"),
        ("classifier", ["--myhdl-utterances", "0"], "--myhdl-utterances: must be 1 to 370"),
    ],
)
def test_bad_arguments_end_with_2(module, arguments, message, monkeypatch, capsys):
    """As `python -m` runs it, but in this process."""
    monkeypatch.setattr(sys, "argv", [module, *arguments])
    monkeypatch.delitem(sys.modules, f"benchmarks.{module}", raising=False)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"benchmarks.{module}", run_name="__main__")
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_results_of_yosys_are_kept_by_its_version():
    """Those of another version were taken: its name was not in the key."""
    from benchmarks.block_synthesis import block_key
    from ernn_myhdl.synthesis.devices import device_named

    netlist = core(new_design(2, 2, cell="linear", block=2))
    components = [component for component, _ in netlist.components().values()]
    leaf = next(c for c in components if isinstance(c, Leaf))
    device = device_named("xc7z020")
    keys = {block_key(leaf, device, tool) for tool in ("Yosys 0.23", "Yosys 0.55", "Yosys 0.55")}
    assert len(keys) == 2


def test_memories_that_are_synthesised_alone_have_their_own_names(tmp_path):
    """The name of a core was left open in them, so that Yosys' result had no module of their name."""
    from benchmarks.block_synthesis import _write

    netlist = core(new_design(2, 2, cell="linear", block=2))
    rom = next(c for c, _ in netlist.components().values() if isinstance(c, Rom))
    entry = _write(rom, tmp_path)
    text = (tmp_path / entry["file"]).read_text()
    assert f"module {rom.name} (" in text and f'"{rom.name}_"' in text
    assert sorted(entry["rom_files"]) == sorted(f.name for f in tmp_path.glob("*.hex"))
    assert all(name.startswith(f"{rom.name}_") for name in entry["rom_files"])
