"""The search for a model with a training that is made up: bounds, decisions, log, resuming."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_searches import SMALL, WORD, Fake, design_name, least_good, search

from ernn_myhdl import load_design
from ernn_myhdl.design.cells import BLOCK_SIZES, GruCell, LinearCell, LstmCell
from ernn_myhdl.errors import DesignError
from ernn_myhdl.explore.block_bounds import (
    GAIN,
    block_bounds,
    dense_operations,
    device_bits,
    model_operations,
)
from ernn_myhdl.explore.choice import Choice
from ernn_myhdl.explore.model import MOST_TRAININGS
from ernn_myhdl.plots.saving import plot_saving


def test_bounds_of_the_papers_layer_begin_where_its_weights_fit_and_end_where_the_saving_saturates():
    bounds = block_bounds(lambda k: [LstmCell(153, 1024, 512, k, peepholes=True)], SMALL, WORD)
    fits = [c.weight_bits <= 140 * 36 * 1024 for c in bounds.costs]
    assert fits == [c.fits for c in bounds.costs] == [False] * 3 + [True] * 3
    assert (bounds.lower, bounds.upper, bounds.sizes) == (8, 32, [8, 16, 32])
    # 4 x 1024 x (160 + 512) + 512 x 1024 numbers of 12 bits, an eighth of them
    assert bounds.costs[3].weight_bits == (4 * 1024 * (160 + 512) + 512 * 1024) // 8 * 12


@given(
    hidden=st.integers(1, 300), inputs=st.integers(1, 200), kind=st.sampled_from(["lstm", "gru"])
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_bounds_follow_from_the_costs(hidden, inputs, kind):
    make = {"lstm": LstmCell, "gru": GruCell}[kind]
    bounds = block_bounds(lambda k: [make(inputs, hidden, block=k)], SMALL, WORD)
    costs = {c.block: c for c in bounds.costs}
    assert list(costs) == list(BLOCK_SIZES)
    assert bounds.costs[0].saving == 1  # blocks of one are a dense matrix
    assert bounds.lower == min((k for k, c in costs.items() if c.fits), default=None)
    grown = [k for k in BLOCK_SIZES[1:] if k <= bounds.upper]
    assert all(costs[k].saving >= GAIN * costs[k // 2].saving for k in grown)
    after = costs.get(2 * bounds.upper)
    assert after is None or after.saving < GAIN * costs[bounds.upper].saving


def test_operations_of_a_dense_layer_counted_by_hand():
    cells = [GruCell(3, 5, 1), LinearCell(5, 2, 1)]
    assert model_operations(cells) == dense_operations(cells) == 2 * (15 * 3 + 15 * 5 + 2 * 5)
    # blocks of two: one FFT and one inverse of two sums a block, two products and two sums a product
    assert model_operations([LinearCell(4, 2, 2)]) == 2 * 4 + 2 * 2 + 2


@given(
    accuracies=st.lists(st.floats(-0.5, 1), min_size=5, max_size=5),
    hidden=st.sampled_from([16, 128, 1024]),
    cell=st.sampled_from(["lstm", "gru"]),
    crash=st.integers(0, 5),
)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_any_accuracies_take_at_most_five_trainings_and_a_crash_changes_nothing(
    accuracies, hidden, cell, crash
):
    """The n-th new choice has the n-th accuracy, whatever it is."""
    given_to = {}

    def accuracy(choice):
        if choice not in given_to:
            given_to[choice] = accuracies[len(given_to)]
        return given_to[choice]

    options = {"hidden": hidden, "device": SMALL, "cell": cell}
    with tempfile.TemporaryDirectory() as scratch:
        one, two = Path(scratch) / "one", Path(scratch) / "two"
        whole = Fake(accuracy)
        result = search(whole, one, **options)
        first = Fake(accuracy, crash)
        try:
            search(first, two, **options)
        except KeyboardInterrupt:
            assert crash < len(whole.trained)
        rest = Fake(accuracy)
        again = search(rest, two, **options)
        assert first.trained + rest.trained == whole.trained
        assert (again.trials, again.chosen, again.reason) == (
            result.trials,
            result.chosen,
            result.reason,
        )
        log = (one / "log.md").read_text()
        assert log == (two / "log.md").read_text()
        assert len(whole.trained) <= MOST_TRAININGS
        assert [t.choice for t in result.trials] == whole.trained
        for i, trial in enumerate(result.trials, 1):
            assert f"Training {i}: {trial.choice.text}: accuracy {trial.accuracy:.2%}" in log
        kept = [t for t in result.trials if t.met]
        assert result.trials[0].met == bool(kept) or not result.trials
        if not kept:
            assert result.chosen is None and "Infeasible" in log and not (one / "design").exists()
            return
        assert result.chosen in kept and f"Chosen: {result.chosen.choice.text}" in log
        assert result.chosen.operations == min(t.operations for t in kept)
        assert all(t.weight_bits <= device_bits(SMALL) for t in result.trials)
        name = design_name(result.chosen.choice)
        assert load_design(one / "design").name == result.design().name == name


@pytest.mark.parametrize("largest", BLOCK_SIZES)
def test_growth_finds_the_largest_block_that_keeps_the_accuracy(largest, tmp_path):
    train = Fake(least_good(largest, gru=False, larger_input=False))
    result = search(train, tmp_path / "search")
    upper = result.bounds.upper
    assert (result.chosen.choice.cell, result.chosen.choice.block) == ("lstm", min(largest, upper))
    assert result.bounds.lower == 1 and len(train.trained) <= MOST_TRAININGS


def test_both_fine_tunings_are_tried_on_the_best_so_far(tmp_path):
    result = search(Fake(least_good(8)), tmp_path / "search", hidden=512, inputs=512)
    assert result.bounds.sizes[0] > 1
    assert result.chosen.choice == Choice("gru", 8, 16)
    assert [t.why for t in result.trials].count("fine-tuning") == 2


def test_a_fine_tuning_that_saves_next_to_nothing_is_not_tried(tmp_path):
    result = search(Fake(least_good(8)), tmp_path / "search", hidden=512, inputs=2)
    log = (tmp_path / "search/log.md").read_text()
    assert result.chosen.choice == Choice("gru", 8, 8)
    assert re.search(r"larger blocks for x: not tried, .* takes [0-9.]+% more of the", log)


def test_a_missed_accuracy_at_the_lower_bound_is_infeasible(tmp_path):
    train = Fake(lambda choice: 0.5)
    result = search(train, tmp_path / "search")
    assert len(train.trained) == 1 and result.chosen is None
    assert "do not go together" in result.reason
    with pytest.raises(DesignError, match="has no design"):
        result.design()


def test_weights_that_fit_with_no_block_are_infeasible_without_a_training(tmp_path):
    train = Fake(least_good(32))
    result = search(train, tmp_path / "search", hidden=8192)
    assert not train.trained and result.chosen is None and result.bounds.lower is None
    assert "do not fit" in (tmp_path / "search/log.md").read_text()


def test_a_finished_search_is_read_and_another_one_is_not_mixed_with_it(tmp_path):
    folder = tmp_path / "search"
    result = search(Fake(least_good(8)), folder)
    again = search(Fake(least_good(8), crash=0), folder)
    assert again.trials == result.trials
    with pytest.raises(DesignError, match=r"another search: accuracy = 0\.7 there, 0\.72 here"):
        search(Fake(least_good(8)), folder, accuracy=0.72)
    train = Fake(least_good(8))
    search(train, folder, accuracy=0.72, force=True)
    assert train.trained


def test_a_forced_search_keeps_the_old_one_until_it_stands(tmp_path):
    """It was deleted first: an interrupt left neither."""
    folder = tmp_path / "search"
    search(Fake(least_good(8)), folder)
    before = {f: f.read_bytes() for f in folder.rglob("*") if f.is_file()}
    with pytest.raises(KeyboardInterrupt):
        search(Fake(least_good(8), crash=1), folder, accuracy=0.72, force=True)
    assert {f: f.read_bytes() for f in folder.rglob("*") if f.is_file()} == before
    assert (tmp_path / ".search.next").is_dir()
    train = Fake(least_good(8))
    result = search(train, folder, accuracy=0.72, force=True)  # goes on
    assert len(train.trained) < len(result.trials) and result.folder == folder
    assert [f.name for f in tmp_path.iterdir()] == ["search"]
    assert json.loads((folder / "exploration.json").read_text())["identity"]["accuracy"] == 0.72
    assert result.design().digest

    folder.rename(tmp_path / ".search.next")  # complete, but its process ended before the exchange
    search(Fake(least_good(8)), folder, accuracy=0.7)
    again = search(Fake(least_good(8), crash=0), folder, accuracy=0.72, force=True)
    assert again.trials == result.trials
    (folder / "own.txt").write_text("mine")
    with pytest.raises(DesignError, match="own.txt"):
        search(Fake(least_good(8), crash=0), folder, accuracy=0.7, force=True)


def test_what_saves_nothing_says_so():
    """The log said "saves 0.0 % ... less than 5%" of what takes more."""
    from ernn_myhdl.explore.model import _saving

    assert _saving(0.0, "operations") == "saves none of the operations"
    assert _saving(-0.124, "operations") == "takes 12.4% more of the operations"
    assert _saving(0.03, "operations") == "saves 3.0% of the operations, less than 5%"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ('{"identity": {}, "trials": [{"choice": 3, "accuracy": 1}]}', "is no search"),
        ("[]", "cannot be read"),
    ],
)
def test_damaged_states_are_refused(text, message, tmp_path):
    search(Fake(least_good(8)), tmp_path / "search")
    (tmp_path / "search/exploration.json").write_text(text)
    with pytest.raises(DesignError, match=message):
        search(Fake(least_good(8)), tmp_path / "search")


def test_a_changed_state_is_refused(tmp_path):
    search(Fake(least_good(8)), tmp_path / "search")
    file = tmp_path / "search/exploration.json"
    state = json.loads(file.read_text())
    state["trials"][0]["choice"]["block"] = 32
    file.write_text(json.dumps(state))
    with pytest.raises(DesignError, match="it was changed"):
        search(Fake(least_good(8)), tmp_path / "search")


def test_a_folder_that_is_no_search_is_not_replaced(tmp_path):
    (tmp_path / "own.txt").write_text("mine")
    with pytest.raises(DesignError, match="not made by this command"):
        search(Fake(least_good(8)), tmp_path, force=True)


@pytest.mark.parametrize("accuracy", [float("nan"), None, "0.7"])
def test_a_training_must_give_a_number(accuracy, tmp_path):
    with pytest.raises(DesignError, match="must be a finite number"):
        search(Fake(lambda choice: accuracy), tmp_path / "search")
    with pytest.raises(DesignError, match="must be a Design"):
        search(lambda choice: (0.8, None), tmp_path / "other")
    with pytest.raises(DesignError, match="must be a finite number"):
        search(Fake(least_good(8)), tmp_path / "third", accuracy=accuracy)


def test_the_picture_is_drawn(tmp_path):
    for name, largest in (("kept", 8), ("missed", 0)):
        result = search(Fake(least_good(largest)), tmp_path / name)
        plot_saving(result, tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000
