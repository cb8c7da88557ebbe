"""The comparison: published arithmetic, cycle models of the baselines, one energy model."""

import json

import pytest

from ernn_myhdl.cli.main import main
from ernn_myhdl.compare import baselines, publications
from ernn_myhdl.compare.energy import (
    SRAM_BIT,
    add_energy,
    circulant_work,
    complex_products,
    ese_work,
    multiply_energy,
    our_work,
)
from ernn_myhdl.compare.table import dense_matrix_weights, paper_cell, published_row
from ernn_myhdl.design.cells import RnnCell


def test_the_ratio_of_the_abstract_follows_from_the_recalled_rows():
    assert publications.ratio_of_board_energy() == pytest.approx(37.4, abs=0.05)
    assert publications.ratio_with_all_channels() == pytest.approx(1.7, abs=0.05)


@pytest.mark.parametrize("row", publications.ROWS[1:], ids=lambda row: row.name)
def test_published_frames_a_second_count_three_frames_in_flight(row):
    in_flight = row.latency_us * row.frames_per_second / 1e6
    assert in_flight == pytest.approx(publications.FRAMES_IN_FLIGHT, rel=0.06)


def test_ese_is_limited_by_its_nonzeros():
    dense = dense_matrix_weights(paper_cell("lstm", 8))
    assert dense == 3_248_128
    assert baselines.ese_ideal_cycles(dense) == pytest.approx(11_400, rel=0.005)
    ese = publications.ROWS[0]
    assert ese.frames_per_second == pytest.approx(ese.single_frames_per_second, rel=0.001)
    assert ese.full_frames_per_second == pytest.approx(387_000, rel=0.001)
    # unequal elements and stored zeros make a frame longer
    assert baselines.ese_cycles([[10, 12, 11], [7, 7, 9]]) == 12 + 9


def test_stages_of_clstm():
    stages = baselines.clstm_stages(paper_cell("lstm", 8))
    assert (stages.gates, stages.element_wise, stages.projection) == (800, 512, 576)
    assert (stages.interval, stages.latency, stages.latency_in_step) == (800, 1888, 2400)
    row = publications.rows_like("lstm", 8)[0]
    # the board needs more than its loops; it moves on in steps of the slowest stage
    assert row.interval_cycles / stages.interval == pytest.approx(1.39, abs=0.01)
    assert row.latency_cycles / row.interval_cycles == pytest.approx(3, rel=0.01)


def test_energies_of_operations_meet_the_published_ones():
    assert (add_energy(32), multiply_energy(32, 32)) == (0.1, 3.1)
    assert add_energy(8) == pytest.approx(0.03, abs=0.006)
    assert multiply_energy(8, 8) == pytest.approx(0.2, abs=0.01)
    assert SRAM_BIT * 64 == 10


def test_work_of_the_paper_layer():
    cell = paper_cell("lstm", 8)
    ours = our_work(cell, 12)
    assert ours.products == 563_200 == 51_200 * 11
    assert ours.weight_bits == 51_200 * 8 * 12
    assert circulant_work(cell, 12, complex_products(8)).products == 51_200 * 14
    with pytest.raises(ValueError, match="rnn: only the work of LSTMs and GRUs is counted"):
        circulant_work(RnnCell(4, 8, 4), 12, 14)  # it was counted as a GRU
    # no block-circulant core profits from a batch, ESE does
    assert ours.energy(1) == ours.energy(32)
    ese = ese_work(cell, 12, 3_248_128, baselines.ESE_DENSITY)
    assert ese.energies(1)["weights"] == pytest.approx(32 * ese.energies(32)["weights"])
    assert ese.energies(1)["products"] == ese.energies(32)["products"]


def test_recalled_rows_are_labelled_and_keep_what_is_not_known_open():
    for row in map(published_row, publications.ROWS):
        assert row.source == publications.LABEL
        assert row.dsp is row.lut is row.bram36 is None


def test_the_command_compares_all_cores(tmp_path, capsys):
    picture = tmp_path / "compare.png"
    assert main(["compare", "--json", "--picture", str(picture)]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    ours = {(r["cell"], r["block"], r["device"]): r for r in rows if r["core"] == "ours"}
    assert len(rows) == 7 + 8 and len(ours) == 8
    found = [ours["lstm", 8, "xc7vx690t"][n] for n in
             ("latency_cycles", "interval_cycles_single", "interval_cycles_interleaved", "dsp")]  # fmt: skip
    assert found == [282, 242, 200, 3008]
    for row in ours.values():
        assert row["dsp"] <= {"xc7vx690t": 3600, "xcku060": 2760}[row["device"]]
        assert row["source"] == "computed"
    assert picture.stat().st_size > 10000


def test_a_clock_that_is_none_is_refused(capsys):
    assert main(["compare", "--clock-mhz", "0"]) == 2
    assert "clock_mhz = 0.0: must be above 0" in capsys.readouterr().err
