"""The table of phone error rates: its trainings, its rows, and results that are not its own."""

import json

import pytest
from corpus_files import make_few
from tools import require_module

from benchmarks import phone_error_rate as table
from ernn_myhdl.corpus.storage import load_description
from ernn_myhdl.errors import DesignError


def result(recipe, error, sha256="0"):
    """Of a dense training the model that it began from is better by a point on validation and test part."""

    def scores(value):
        return dict.fromkeys(
            ("validation", "test"), {"phone_error_rate": value, "frame_accuracy": 1 - value}
        )

    models = {"start": scores(error - 0.01), "float": scores(error), "fixed_point": scores(error)}
    return {
        "task": {"sha256": sha256},
        "recipe": recipe.as_dict(),
        "scores": models,
        "numbers": 100,
        "seconds": 2.0,
        "resumed": False,
    }


def test_the_whole_table_has_78_trainings_of_their_own_folders(tmp_path):
    made = table.recipes(table.KINDS, list(table.NAMES), table.BLOCKS, (1, 2, 3))
    assert len(made) == 78 == len({table.result_file(tmp_path, r) for r in made})
    epochs = {r.epochs + r.admm_epochs + r.retrain_epochs + r.quantise_epochs for r in made}
    assert len(epochs) == 1


def test_rows_hold_mean_spread_and_what_is_lost_to_the_dense_model_of_the_same_seed(tmp_path):
    made = table.recipes(["gru"], list(table.NAMES), (8,), (1, 2))
    errors = {"dense": 0.20, "admm": 0.21, "projection": 0.22, "direct": 0.25}
    found = [result(r, errors[r.method] + 0.02 * (r.seed == 2)) for r in made]
    rows = {row[2]: row for row in table.rows_of(found)}
    assert list(rows) == [table.START, *table.NAMES.values()]
    assert rows["ADMM, retraining"][:6] == (
        "GRU", 8, "ADMM, retraining", "100", "22.00 ± 1.41", "2.00 ± 0.00"
    )  # fmt: skip
    assert rows["dense"][4:7] == ("20.00 ± 1.41", "", "") and rows["dense"][9] == "1, 2"
    assert rows[table.NAMES["dense"]][4] == "21.00 ± 1.41"
    table.plot(found, tmp_path / "rates.svg")
    drawn = (tmp_path / "rates.svg").read_text()
    assert "GRU" in drawn and all(table.NAMES[m] in drawn for m in ("admm", "projection", "direct"))
    text = table.text_of(found[:1], len(made))
    assert text.startswith("1 of 8 trainings are done") and "| 19.00 |" in text


@pytest.mark.torch
@pytest.mark.speech
def test_results_of_another_recipe_or_corpus_are_refused(tmp_path, monkeypatch, capsys):
    require_module("torch", "pip install 'ernn-myhdl[train]'")
    corpus = make_few(tmp_path / "few")
    sha256 = load_description(corpus)["sha256"]
    (recipe,) = table.recipes(["lstm"], ["admm"], (8,), (1,))
    file = table.result_file(tmp_path / "work", recipe)
    file.parent.mkdir(parents=True)
    for text, refused in (
        (result(recipe, 0.2, sha256), False),
        (result(recipe, 0.2), True),
        (result(table.recipes(["lstm"], ["admm"], (4,), (1,))[0], 0.2, sha256), True),
    ):
        file.write_text(json.dumps(text))
        if not refused:
            assert len(table.results(corpus, tmp_path / "work", [recipe])) == 1
            continue
        with pytest.raises(DesignError, match="another recipe or corpus"):
            table.results(corpus, tmp_path / "work", [recipe])
    arguments = [corpus, "--work", tmp_path / "work", "--cells", "lstm", "--methods", "admm"]
    arguments += ["--blocks", "8", "--seeds", "1", "--print"]
    monkeypatch.setattr("sys.argv", ["phone_error_rate", *map(str, arguments)])
    assert table.main() == 2 and "another recipe" in capsys.readouterr().err
