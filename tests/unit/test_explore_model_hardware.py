"""The search of a model by what its hardware takes."""

from __future__ import annotations

import json
import re

import pytest
from model_searches import SMALL, WORD, Fake, least_good, search

from ernn_myhdl.calibration.generate import new_network
from ernn_myhdl.cli.main import main
from ernn_myhdl.design.cells import BLOCK_SIZES, GruCell, LinearCell, LstmCell
from ernn_myhdl.errors import DesignError
from ernn_myhdl.explore.block_bounds import (
    model_operations,
    weight_bits,
)
from ernn_myhdl.explore.choice import Choice
from ernn_myhdl.explore.goal import Goal
from ernn_myhdl.explore.hardware import Choices, explore
from ernn_myhdl.explore.model_hardware import HardwareFit, fit_to


def shares(percent):
    """Hardware that takes so many percent of the device by block size of the recurrent matrix; a GRU's like an LSTM's."""

    def fit(cells):
        return HardwareFit(percent[cells[0].y_block])

    return fit


#: LUTs grow with k, multipliers and block RAMs fall: of k = 16 the LUTs are scarce, of k = 2 the block RAM.
PERCENT = {
    1: {"lut": 18.0, "ff": 9.0, "dsp": 16.0, "bram36": 88.0},
    2: {"lut": 12.0, "ff": 6.0, "dsp": 8.0, "bram36": 44.0},
    4: {"lut": 13.4, "ff": 6.5, "dsp": 8.2, "bram36": 14.0},
    8: {"lut": 32.4, "ff": 13.0, "dsp": 17.0, "bram36": 11.0},
    16: {"lut": 58.3, "ff": 21.0, "dsp": 25.0, "bram36": 6.0},
    32: {"lut": 140.0, "ff": 45.0, "dsp": 50.0, "bram36": 3.0},
}


def test_of_models_as_accurate_the_one_that_takes_least_of_what_the_device_runs_out_of(tmp_path):
    """k = 16 was chosen for its operations, with 58 % of the LUTs where k = 4 takes 14 % of its scarcest resource."""
    train = Fake(lambda choice: 0.75)
    result = search(train, tmp_path / "search", fit=shares(PERCENT), cell="gru")
    assert result.chosen.choice == Choice("gru", 4, 4)
    assert result.chosen.hardware.scarcest == "bram36" and result.chosen.hardware.share == 14.0
    operations = {c.block: c.operations for c in result.bounds.costs}
    assert operations[16] < operations[4] and result.bounds.upper >= 16
    # k = 8 and 16 are neither smaller nor more accurate: not trained at all
    assert {c.block for c in train.trained} <= {1, 2, 4}
    log = (tmp_path / "search/log.md").read_text()
    assert "k = 16 is left out: it takes 58.3 % of lut, k = 4 only 14.0 % of bram36" in log
    chosen = "Chosen: GRU, k = 4, of the trainings that keep the accuracy the one with the smallest share of what xc7z020"
    assert f"{chosen} runs out of: bram36 (lut 13.4 %, ff 6.5 %, dsp 8.2 %, bram36 14.0 %)" in log
    state = json.loads((tmp_path / "search/exploration.json").read_text())
    assert state["identity"]["hardware"]["4"] == PERCENT[4]


def test_a_fine_tuning_with_fewer_operations_that_takes_more_is_neither_tried_nor_chosen(tmp_path):
    """An LSTM of k = 4; a GRU of the same k has fewer operations, and here more LUTs."""

    def fit(cells):
        more = 3.0 if cells[0].kind == "gru" else 1.0
        return HardwareFit({"lut": more * PERCENT[cells[0].y_block]["lut"], "dsp": 1.0})

    train = Fake(lambda choice: 0.75)
    result = search(train, tmp_path / "search", fit=fit)
    assert result.chosen.choice.cell == "lstm" and {c.cell for c in train.trained} == {"lstm"}
    log = (tmp_path / "search/log.md").read_text()
    assert re.search(r"GRU in the place of LSTM: not tried, .* of the scarcest resource", log)


def test_without_a_device_operations_decide_and_the_log_says_so(tmp_path):
    result = search(Fake(lambda c: 0.75), tmp_path / "search", device=None, fit=None, cell="gru")
    kept = [t for t in result.trials if t.met]
    assert result.chosen.operations == min(t.operations for t in kept)
    assert result.chosen.hardware is None and result.bounds.lower == 1
    log = (tmp_path / "search/log.md").read_text()
    assert (
        "the fewest operations; no device was given, so what its hardware takes is not known" in log
    )


def test_blocks_whose_hardware_does_not_fit_are_not_trained(tmp_path):
    train = Fake(lambda choice: 0.75)
    too_large = {k: {"lut": 101.0 + k} for k in BLOCK_SIZES}

    def fit(cells):
        return HardwareFit(why=f"more lut than xc7z020 has: {too_large[cells[0].y_block]['lut']}")

    result = search(train, tmp_path / "search", fit=fit)
    assert not train.trained and result.chosen is None
    assert (
        "no hardware of any block size keeps the limits on xc7z020 (k = 1: more lut"
        in result.reason
    )


def test_another_limit_or_rule_is_another_search(tmp_path):
    folder = tmp_path / "search"
    search(Fake(least_good(8)), folder)
    with pytest.raises(DesignError, match="another search: limits = .*null.* there, .*1000.* here"):
        search(Fake(least_good(8)), folder, goal=Goal("smallest", min_fps=1000.0))
    with pytest.raises(DesignError, match="another search: hardware = "):
        search(Fake(least_good(8)), folder, fit=shares(PERCENT))


def test_the_hardware_of_a_model_is_what_the_exploration_of_its_network_chooses():
    cells = [GruCell(8, 16, block=4), LinearCell(16, 4, 1)]
    network = new_network(cells, word=WORD, state_word=16)
    for goal in (Goal("smallest"), Goal("smallest", min_fps=2e6)):
        found = fit_to(SMALL, goal, WORD)(cells)
        wanted = explore(network, SMALL, goal, Choices(streams=(1,)))
        assert found.good and found.percent == wanted.shares(wanted.chosen)
        assert found.lanes == tuple(h.lanes for h in wanted.chosen.layers)
    assert sum(found.lanes) > sum(fit_to(SMALL, Goal("smallest"), WORD)(cells).lanes)
    missed = fit_to(SMALL, Goal("smallest", max_latency_us=0.01), WORD)(cells)
    assert not missed.good and missed.missed == ("latency",) and missed.share == float("inf")
    assert missed.text.endswith("misses the limit of latency")


def test_more_operations_saved_by_blocks_of_16_cost_more_luts_in_the_resource_model():
    """The numbers of the complaint, by the model: a GRU of 128 cells on xc7z020."""
    fit = fit_to(SMALL, Goal("smallest"), WORD)
    four, sixteen = ([GruCell(39, 128, block=k), LinearCell(128, 40, 1)] for k in (4, 16))
    assert model_operations(sixteen) < model_operations(four)
    assert fit(sixteen).scarcest == "lut" and fit(sixteen).share > 50
    assert fit(four).share < 16


def test_weight_bits_of_a_network_are_those_of_all_layers():
    layer = LstmCell(39, 128, block=8)
    assert weight_bits([layer, LinearCell(128, 44, 1)], 12) == 12 * (
        4 * 16 * (5 + 16) * 8 + 128 * 44
    )


@pytest.mark.parametrize("option", ["--max-latency-us=2", "--min-fps=1000", "--clock-mhz=100"])
def test_limits_of_hardware_need_a_device(option, capsys, tmp_path):
    command = ["explore", "model", "japanese-vowels", "--max-error=8", f"-o={tmp_path / 'o'}"]
    assert main([*command, option]) == 2
    assert "is a limit of hardware; give --device as well" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
