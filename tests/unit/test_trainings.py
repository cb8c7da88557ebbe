"""Folders of several trainings: a complete one is not trained again, one of another recipe or of other data is refused."""

import json
from dataclasses import replace

import pytest

from ernn_myhdl import sweep
from ernn_myhdl.errors import DesignError
from ernn_myhdl.recogniser.recipe import Recipe
from ernn_myhdl.recogniser.trainings import result_file, train_recognisers

VOWELS = "japanese-vowels"
RECIPE = Recipe(cell="gru", hidden=16)


@pytest.fixture
def tasks(monkeypatch):
    """Names of what would be trained."""
    names = []
    monkeypatch.setattr(sweep, "run", lambda f, tasks, *a, **k: names.extend(tasks))
    return names


def complete(work, recipe, corpus=VOWELS):
    """A complete training's result."""
    file = result_file(work, recipe)
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"task": {"corpus": corpus}, "recipe": recipe.as_dict()}))


def test_a_complete_training_is_not_trained_again(tmp_path, tasks):
    complete(tmp_path, RECIPE)
    train_recognisers(VOWELS, tmp_path, [RECIPE])
    assert not tasks


def test_a_training_with_a_changed_option_is_not_taken_for_complete(tmp_path, tasks):
    """Its folder is called by cell, method, block and seed only: the results of 16 cells were those of 32."""
    complete(tmp_path, RECIPE)
    with pytest.raises(DesignError, match="another training: hidden = 16 there, 32 here"):
        train_recognisers(VOWELS, tmp_path, [replace(RECIPE, hidden=32)])
    assert not tasks


def test_a_training_on_other_data_is_not_taken_for_complete(tmp_path, tasks):
    complete(tmp_path, RECIPE, corpus="another")
    with pytest.raises(DesignError, match="corpus = 'another' there, 'japanese-vowels' here"):
        train_recognisers(VOWELS, tmp_path, [RECIPE])
    assert not tasks


def test_a_damaged_result_is_refused(tmp_path, tasks):
    complete(tmp_path, RECIPE)
    result_file(tmp_path, RECIPE).write_text("{")
    with pytest.raises(DesignError, match="cannot be read"):
        train_recognisers(VOWELS, tmp_path, [RECIPE])
