"""The hardware of layers on ECP5: its resource model against the record of Yosys, and the command."""

import json
from dataclasses import replace

import pytest
from memory_widths import all_weights_vary
from pages import ROOT

from benchmarks import ecp5_designs, ecp5_resources
from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.cli.main import main
from ernn_myhdl.design.storage import save_design
from ernn_myhdl.errors import DesignError
from ernn_myhdl.explore.block_terms import TERMS
from ernn_myhdl.explore.candidates import Numbers, evaluate
from ernn_myhdl.explore.goal import Goal
from ernn_myhdl.explore.hardware import Choices, explore
from ernn_myhdl.explore.memories_ecp5 import ram_memory, rom_memory
from ernn_myhdl.explore.resources import ECP5, block_costs, dsp_of_product, estimate
from ernn_myhdl.runs.report import design_info
from ernn_myhdl.synthesis.devices import device_named
from ernn_myhdl.synthesis.resources import count_resources

RECORD = json.loads(ecp5_resources.RECORD.read_text())


@pytest.mark.slow
def test_resources_of_24_designs_are_those_of_yosys_and_the_page_tells_them():
    rows = ecp5_resources.compared(RECORD)
    assert len(rows) == 24 and RECORD["environment"]["yosys"] == "Yosys 0.70"
    assert [row["design"] for row in rows if not row["good"]] == []
    page = (ROOT / "docs/explore-hardware.md").read_text(encoding="utf-8")
    assert ecp5_resources.table(rows) in page
    most = ecp5_resources.bounds(rows)
    said = f"LUTs within {most['lut']} % and flip-flops within {most['ff']} %"
    assert said in " ".join(page.split("## ECP5")[1].split())


def test_no_design_of_the_test_was_fitted_to():
    fitted = (*ecp5_designs.TRAINING, *ecp5_designs.SPECIAL_TRAINING)
    assert not [d for d in ecp5_designs.VALIDATION if d in fitted]


@pytest.mark.parametrize("number", [4, 18])
def test_resources_are_those_of_yosys(number):
    entry, row = ecp5_designs.VALIDATION[number], RECORD["designs"][number]
    found = estimate(ecp5_resources.core_of(entry), family="ecp5")
    assert (found.dsp, found.block_ram) == (row["multiplier"], row["block_ram"])
    assert abs(found.lut / row["lut"] - 1) < 0.15 and abs(found.ff / row["ff"] - 1) < 0.15


def test_every_block_has_weights():
    assert set(block_costs(ECP5)) == set(TERMS)


@pytest.mark.parametrize(
    "memory, lut, ff, block_ram",
    [  # Yosys 0.70
        (ram_memory(64, 16), 132, 16, 0),
        (ram_memory(64, 48), 388, 48, 0),
        (ram_memory(64, 36), 45, 80, 1),
        (ram_memory(64, 104), 111, 216, 3),
        (ram_memory(512, 40), 60, 91, 2),
        (rom_memory(1120, 12, True), 24, 2, 1),
        (rom_memory(1330, 19, True), 38, 2, 2),
        (rom_memory(2560, 12, True), 24, 2, 2),
        (rom_memory(64, 97, False), 0, 0, 3),
        (rom_memory(700, 30, True), 0, 0, 2),
    ],
)
def test_memories_become_what_yosys_makes_of_them(memory, lut, ff, block_ram):
    assert memory.ramb18 == block_ram
    assert memory.lut == pytest.approx(lut, abs=10) and memory.ff == pytest.approx(ff, abs=2)


def test_a_wide_product_takes_several_multipliers():
    pairs = ((18, 18), (19, 18), (19, 19), (36, 12))
    assert [dsp_of_product(*pair, ECP5) for pair in pairs] == [1, 2, 4, 3]


def test_cells_of_ecp5_are_counted():
    cells = {"LUT4": 10, "CCU2C": 3, "TRELLIS_DPR16X4": 2, "TRELLIS_FF": 7, "MULT18X18D": 1,
             "DP16KD": 2, "PDPW16KD": 1, "PFUMX": 4}  # fmt: skip
    found = count_resources(cells)
    assert (found["lut"], found["lutram"], found["ff"]) == (10 + 6 + 8, 8, 7)
    assert (found["dsp"], found["ramb18"], found["other"]) == (1, 3, {})


@pytest.fixture(scope="module")
def layer():
    return new_design(6, 16, block=4, cell="gru", reset="after", lanes=2, samples_per_beat=2)


def test_candidates_cost_what_their_designs_cost(layer):
    numbers = Numbers.of(12, layer, "ecp5")
    for lanes, units, width in ((1, 1, 1), (2, 2, 1 / 4), (4, 2, 1)):
        hardware = replace(layer.hardware, lanes=lanes, ifft_units=units, element_width=width)
        (candidate,) = evaluate(([numbers], [(0, hardware)]))
        changed = replace(layer, hardware=hardware)
        assert candidate.resources == estimate(changed, all_weights_vary, "ecp5")
        assert candidate.multiplier == design_info(changed)["multipliers"]


SMALL = (
    "--lanes",
    "1,2,8",
    "--ifft-units",
    "1,2",
    "--element-width",
    "1/4,1",
    "--streams",
    "1",
    "--jobs",
    "1",
)


def _command(*arguments) -> int:
    return main(["explore", "hardware", *map(str, arguments)])


def test_the_command_tells_multipliers_and_block_rams_and_leaves_out_what_does_not_fit(
    layer, tmp_path, capsys
):
    folder = save_design(layer, tmp_path / "layer")
    code = _command(folder, "--device", "lfe5u-25f", *SMALL, "--json")
    summary = json.loads(capsys.readouterr().out)
    chosen = summary["chosen"]
    assert code == 0 and summary["device"] == "lfe5u-25f-6"
    assert set(chosen["percent"]) == {"lut", "ff", "multiplier", "block_ram"}
    assert chosen["multiplier"] <= 28 and max(chosen["percent"].values()) <= 100
    assert (chosen["clock_mhz"], chosen["clock_origin"]) == (200.0, "assumed")
    assert summary["pruned"]["more multiplier than lfe5u-25f has"] > 0


def test_hardware_that_was_placed_is_told_at_its_measured_clock(layer, tmp_path, capsys):
    folder = save_design(layer, tmp_path / "layer")
    placed = tmp_path / "placed"
    placed.mkdir()
    report = {"design_digest": layer.digest, "fmax_mhz": 150.0, "seeds": [{}, {}, {}],
              "device": {"name": "lfe5u-85f-8"}}  # fmt: skip
    (placed / "place_and_route.json").write_text(json.dumps(report))
    options = (folder, *SMALL, "--placed", placed)
    assert _command(*options, "--device", "lfe5u-85f-8", "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    row = summary["placed"]
    assert row["clock_origin"] == "measured: lfe5u-85f-8, median of 3 seeds"
    assert row["frames_per_second"] == round(150e6 / row["interval_cycles_interleaved"])
    assert row["latency_us"] == round(row["latency_cycles"] / 150.0, 4)
    others = [each for each in summary["front"] if each["clock_origin"] == "assumed"]
    assert others and all(each["clock_mhz"] == 200.0 for each in others)
    assert _command(*options, "--device", "lfe5u-85f-8") == 0
    text = capsys.readouterr().out
    assert "placed, at 150 MHz (measured: lfe5u-85f-8, median of 3 seeds):" in text
    assert "times and frames/s at 200 MHz (assumed)" in text
    assert _command(*options, "--device", "lfe5u-85f-6") == 2
    assert "was placed on lfe5u-85f-8, the device is lfe5u-85f-6" in capsys.readouterr().err


def test_a_placed_design_that_is_slower_than_assumed_is_not_chosen_for_its_cycles(layer):
    from ernn_myhdl.explore.goal import Placed

    device, what = device_named("lfe5u-85f-8"), Choices((1, 2, 4), (1, 2), (1,), (1,))
    fastest = explore(layer, device, Goal("latency"), what).chosen
    slow = Placed(12, fastest.layers, 20.0, "measured")
    other = explore(layer, device, Goal("latency", placed=slow), what).chosen
    assert other.layers != fastest.layers and other.latency >= fastest.latency


def test_exploring_refuses_a_family_whose_resources_it_does_not_know():
    own = replace(device_named("lfe5u-85f"), name="ice40hx8k", family="ice40")
    with pytest.raises(DesignError, match="exploring is for devices such as xc7a35t"):
        explore(None, own, Goal())
