"""Models with an embedding in front, trained and compressed: the design, the file, recipes of `ernn train`, and what is refused."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from small_training import nn, torch

from ernn_myhdl import import_model, import_module, load_design
from ernn_myhdl.cli.main import main
from ernn_myhdl.errors import DesignError
from ernn_myhdl.recogniser.recipe import Recipe
from ernn_myhdl.train import Quantisation, SequenceBatches, compress, save_model

pytestmark = pytest.mark.torch
ROWS = 7


def letters(count=8):
    rng = np.random.default_rng(0)
    return [rng.integers(0, ROWS, int(rng.integers(3, 8))) for _ in range(count)]


class Letters(nn.Module):
    """forward: of the model; more: modules in the place of its own."""

    def __init__(self, forward=None, **more):
        super().__init__()
        torch.manual_seed(0)
        own = {
            "tok": nn.Embedding(ROWS, 8), "rnn": nn.GRU(8, 8, batch_first=True), "head": nn.Linear(8, 3)
        }  # fmt: skip
        for name, module in (own | more).items():
            setattr(self, name, module)
        self.run = forward or (lambda m, x: m.head(m.rnn(m.tok(x))[0]))

    def forward(self, *x):
        return self.run(self, *x)


def loss(model, batch):
    return model(batch.x).square().mean()


def trained(model, step=loss, **options):
    x = letters()
    data = SequenceBatches(x, np.zeros(len(x), int), 4, numbers=True)
    return compress(model, {"rnn.*": 4}, step, data, "direct", epochs=1, progress=False, **options)


def tied():
    """A head whose matrix is the table."""
    model = Letters(head=nn.Linear(8, ROWS))
    model.head.weight = model.tok.weight
    return model


@pytest.mark.parametrize(
    ("model", "joins"),
    [
        (Letters, ["embedding"]),
        (tied, ["embedding"]),
        (lambda: Letters(lambda m, x: (lambda e: m.head(m.rnn(e)[0] + e))(m.tok(x))), ["embedding", "addition"]),
        (lambda: Letters(lambda m, x: m.head(m.rnn(torch.cat((m.tok(x), m.two(x)), -1))[0]), two=nn.Embedding(ROWS, 4), rnn=nn.GRU(12, 8, batch_first=True)),
         ["embedding", "embedding", "concatenation"]),
    ],
)  # fmt: skip
def test_a_trained_embedding_is_a_design_and_its_file_has_the_same_bits(tmp_path, model, joins):
    model = model()
    before = model.tok.weight.detach().clone()
    result = trained(model, quantise=Quantisation(word=10, epochs=1, signals=True))
    assert not torch.equal(before, model.tok.weight.detach())
    x = [s[:, None] for s in letters(3)]
    design = result.design(x)
    assert [join.kind for join in design.graph.joins] == joins
    save_model(result, tmp_path / "m.safetensors")
    imported = import_model(tmp_path / "m.safetensors", calibration=x, word=10).design
    assert imported.graph == design.graph
    run = design.run(x, "integer")
    assert np.array_equal(imported.run(x, "integer").raw, run.raw)
    assert np.array_equal(design.run(x[0], "golden").raw, run.raw[: len(x[0])])


def test_numbers_of_a_longer_axis_and_of_floating_point_are_followed():
    def cast(model, x):
        return model.head(model.rnn(model.tok(x[..., 0].long()))[0])

    result = trained(Letters(cast), lambda m, b: m(b.x[..., None].float()).square().mean())
    assert result.design([s[:, None] for s in letters(3)]).inputs == 1
    assert import_module(Letters(cast), torch.zeros(1, 4, 1, dtype=torch.int64)).design.inputs == 1


@pytest.mark.parametrize(
    ("model", "step", "words"),
    [
        (lambda: Letters(lambda m, x: m.head(m.rnn(m.tok(x) * 4)[0])), loss, ["folded", "embedding"]),
        (lambda: Letters(lambda m, x: m.head(m.rnn(m.tok(x))[0].mean(1))), loss, ["behind module 'tok'", "every frame"]),
        (lambda: Letters(tok=nn.Embedding(ROWS, 8, max_norm=1.0)), loss, ["'tok' (Embedding)", "max_norm = 1"]),
        (lambda: Letters(tok=nn.Embedding(ROWS, 8, sparse=True)), loss, ["'tok' (Embedding)", "sparse=False"]),
        (lambda: Letters(lambda m, x, n: m.head(m.rnn(m.tok(x))[0])), lambda m, b: m(b.x, b.lengths).sum(), ["'tok': is an embedding", "one tensor x"]),
        (lambda: Letters(lambda m, x: m.head(m.rnn(m.tok((x + 1) % 3))[0])), loss, ["node 'remainder'"]),
        (lambda: Letters(lambda m, x: m.head(m.rnn(m.tok(x)[:, None])[0]), tok=nn.EmbeddingBag(ROWS, 8)), loss, ["'tok' (EmbeddingBag)"]),
    ],
)  # fmt: skip
def test_what_no_table_of_the_hardware_does_is_refused_before_the_training(model, step, words):
    model = model()
    before = [p.detach().clone() for p in model.parameters()]
    with pytest.raises(DesignError) as error:
        trained(model, step)
    for word in words:
        assert word in str(error.value)
    assert all(map(torch.equal, before, (p.detach() for p in model.parameters())))


def test_an_embedding_is_left_to_the_host_where_the_modules_are_named():
    result = trained(Letters(), modules=["rnn", "head"], input_scales=False)
    assert result.design([np.random.default_rng(0).normal(size=(6, 8))]).inputs == 8
    with pytest.raises(DesignError, match="modules|give no modules"):
        trained(Letters(), modules=["tok", "rnn", "head"])


def test_a_file_whose_table_is_missing_or_damaged_is_refused(tmp_path):
    from safetensors import safe_open

    file = tmp_path / "m.safetensors"
    save_model(trained(Letters()), file)
    arrays = load_file(file)
    with safe_open(file, "numpy") as opened:
        text = opened.metadata()["ernn"]
    assert json.loads(text)["graph"]["joins"][0]["table"] == "tok.weight"
    for table, words in ((None, "'tok.weight' is missing"), (np.full((ROWS, 8), np.nan), "NaN")):
        damaged = {n: a for n, a in arrays.items() if n != "tok.weight"}
        if table is not None:
            damaged["tok.weight"] = table.astype(np.float32)
        save_file(damaged, file, {"ernn": text})
        with pytest.raises(DesignError, match=words):
            import_model(file)


@pytest.mark.parametrize(
    ("sequences", "words"),
    [
        ([[0, 1], [[1, 2]]], r"sequence 1: shape \(1, 2\)"), ([[0, -1]], "from 0"), ([[0.5, 1]], "whole numbers"), ([[]], "at least one frame"),
    ],
)  # fmt: skip
def test_sequences_that_are_no_numbers_are_refused(sequences, words):
    with pytest.raises(DesignError, match=words):
        SequenceBatches(sequences, np.zeros(len(sequences), int), numbers=True)


def own_letters(file, **more):
    """Letters that step by one or by two."""
    rng = np.random.default_rng(0)
    labels = np.arange(30) % 2
    x = {
        f"x{i}": (rng.integers(0, 6) + np.arange(rng.integers(6, 12)) * (1 + c)) % 6
        for i, c in enumerate(labels)
    }
    np.savez(file, **{"labels": labels, "groups": np.arange(30) // 3} | x | more)
    return file


RECIPE = [
    "--embedding",
    "4",
    "--hidden",
    "4",
    "--block",
    "2",
    "--epochs",
    "1",
    "--admm-epochs",
    "1",
    "--retrain-epochs",
    "1",
]


def test_own_numbers_are_trained_and_evaluated(tmp_path, capsys):
    data, out = str(own_letters(tmp_path / "letters.npz")), tmp_path / "out"
    assert main(["train", data, "-o", str(out), *RECIPE, "--method", "direct"]) == 0
    assert "embedding 4, LSTM 4, k = 2" in capsys.readouterr().out
    design = load_design(out / "design")
    assert (design.inputs, design.graph.embedding.rows) == (1, 6)
    whole = design.run(np.array([[3], [1]]), "integer").outputs
    with design.open() as session:  # integers are numbers too
        session.step(np.array([3]))
        assert np.array_equal(session.step(np.array([1.0])), whole[1])
        with pytest.raises(DesignError, match="6 is the number of no row"):
            session.step(np.array([6]))
    x = np.load(out / "x.npz")
    assert (x["mean"].tolist(), x["std"].tolist()) == ([0.0], [1.0])
    for part in ([], ["--part", "test"]):
        assert main(["evaluate", str(out / "design"), "--data", data, *part]) == 0
    imported = str(tmp_path / "imported")
    arguments = ["--calibration", data, "-o", imported]
    assert main(["import", str(out / "model.safetensors"), *arguments]) == 0
    assert load_design(imported).graph.embedding.table == design.graph.embedding.table


@pytest.mark.parametrize(
    ("more", "options", "words"),
    [
        ({}, RECIPE[2:], "--embedding 16"),
        ({"x3": np.ones((4, 1))}, RECIPE, "x3: type float64"),
        ({"x3": np.ones((4, 2), int)}, RECIPE, "x3: shape (4, 2)"),
        ({"x3": np.array([], int)}, RECIPE, "x3: shape (0,)"),
        ({"x3": np.array([1, -1])}, RECIPE, "x3: holds -1"),
        ({"x3": np.array([1, 1 << 30])}, RECIPE, "up to 1073741824"),
        (
            {f"x{i}": np.zeros(3, int) for i in range(30)},
            RECIPE,
            "frames of the training part are equal",
        ),
        ({f"x{i}": np.full((3, 1), i / 8) for i in range(30)}, RECIPE, "x of the data are values"),
    ],
)
def test_own_numbers_that_have_no_row_are_refused(tmp_path, capsys, more, options, words):
    data = str(own_letters(tmp_path / "letters.npz", **more))
    assert main(["train", data, "-o", str(tmp_path / "out"), *options]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_number_that_is_not_trained_is_refused(tmp_path, capsys):
    parts = np.repeat(["train", "validation", "test"], 10)
    data = str(own_letters(tmp_path / "l.npz", x25=np.array([1, 9]), parts=parts, groups=parts))
    assert main(["train", data, "-o", str(tmp_path / "out"), *RECIPE]) == 2
    assert "x25 holds the number 9" in capsys.readouterr().err


def test_a_recipe_with_an_embedding():
    recipe = Recipe(embedding=16, hidden=16, residual=True)
    assert [cell.inputs for cell in recipe.cells(1, 3)] == [16, 16]
    assert recipe.as_dict()["embedding"] == 16 and "embedding" not in Recipe().as_dict()
