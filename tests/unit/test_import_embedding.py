"""Embeddings of PyTorch modules and ONNX graphs: indices as samples, scales in the table, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from foreign_models import onnx_module
from tools import require_module

from ernn_myhdl import DesignError, import_model, import_module
from ernn_myhdl.cli.main import main
from ernn_myhdl.numerics.formats import Format

torch = require_module("torch", "pip install 'ernn-myhdl[torch]'")
pytestmark = pytest.mark.torch
nn = torch.nn


class Letters(nn.Module):
    """A language model of letters: what `forward` makes of the embedded numbers, or of x itself."""

    def __init__(
        self, forward=None, letters: int = 65, elements: int = 32, hidden: int = 96, **options
    ):
        super().__init__()
        torch.manual_seed(2)
        self.table = nn.Embedding(letters, elements, **options)
        self.rnn = nn.LSTM(elements, hidden, batch_first=True)
        self.head = nn.Linear(hidden, letters)
        self.run = forward or (lambda m, x: m.head(m.rnn(m.table(x))[0]))

    def forward(self, x):
        return self.run(self, x)


EXAMPLE = torch.zeros(1, 9, dtype=torch.int64)


def test_a_language_model_of_letters_gives_what_the_module_does():
    module = Letters().eval()
    imported = import_module(module, EXAMPLE, word=16)
    assert imported.reference.relative < 1e-6
    core = imported.design
    assert (core.inputs, core.outputs, core.input_format) == (1, 65, Format(8, 0))
    x = np.random.default_rng(1).integers(0, 65, (40, 1))
    run = core.run(x, "integer")
    with torch.no_grad():
        wanted = module(torch.tensor(x.T))[0].numpy()
    assert np.abs(run.outputs - wanted).max() < 1e-3
    assert np.array_equal(core.run(x[:3], "golden").raw, run.raw[:3])
    assert any("numbers drawn at random" in note for note in imported.notes)


@pytest.mark.parametrize("numbers", [torch.int32, torch.int64])
def test_a_scale_of_the_rows_is_in_the_table(numbers):
    def forward(m, x):
        return m.head(m.rnn(m.table(x.long()) * 4.0)[0][:, -1])

    module = Letters(forward, 7, 4, 5, padding_idx=2)
    imported = import_module(module, EXAMPLE.to(numbers), calibration=[np.arange(7)[:, None]] * 2)
    (table,) = (j for j in imported.design.graph.joins if j.kind == "embedding")
    assert np.array_equal(table.table.values, 4.0 * module.table.weight.detach().double().numpy())


@pytest.mark.parametrize(
    ("forward", "words"),
    [
        (lambda m, x: m.head(m.rnn(m.table(x + 1))[0]), "(embedding).*must be x itself"),
        (lambda m, x: m.head(m.rnn(m.table(x) + x[..., None])[0]), "(?i)joins|takes x|two signals|frame"),
        (lambda m, x: m.head(m.rnn(nn.functional.embedding(x, m.table.weight, max_norm=1.0))[0]), "embedding_renorm|cannot be traced"),
    ],
)  # fmt: skip
def test_what_a_table_does_not_hold_is_refused(forward, words):
    with pytest.raises(DesignError, match=words) as error:
        import_module(Letters(forward, 7, 4, 5), EXAMPLE)
    assert "\n" not in str(error.value)


def test_numbers_that_no_embedding_takes_are_refused():
    module = Letters(lambda m, x: m.rnn(x.float())[0], 7, 4, 5)
    with pytest.raises(DesignError, match="must hold floating-point numbers where no"):
        import_module(module, torch.zeros(2, 3, 4, dtype=torch.int32))


@pytest.mark.onnx
@pytest.mark.parametrize("kind", ["int64", "float that is cast"])
def test_a_gather_of_an_onnx_graph_is_a_table(kind, tmp_path, capsys):
    onnx = onnx_module()
    helper, rng = onnx.helper, np.random.default_rng(4)
    table, matrix = (rng.normal(size=s).astype(np.float32) for s in ((6, 4), (4, 3)))
    nodes = [
        helper.make_node("Gather", ["i", "t"][::-1], ["e"], "table"),
        helper.make_node("MatMul", ["e", "w"], ["y"], "head"),
    ]
    if kind == "int64":
        nodes[0].input[1] = "x"
    else:
        nodes.insert(0, helper.make_node("Cast", ["x"], ["i"], "whole", to=6))
    constants = [onnx.numpy_helper.from_array(a, n) for n, a in (("t", table), ("w", matrix))]
    x = helper.make_tensor_value_info("x", 7 if kind == "int64" else 1, ("n", "frames"))
    y = helper.make_tensor_value_info("y", 1, ("n", "frames", 3))
    file = tmp_path / "m.onnx"
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", [x], [y], constants)), file)
    given = np.array([[5], [0], [3], [3]])
    reference = {"x": given, "y": (table @ matrix)[given[:, 0]].astype(np.float64)}
    imported = import_model(file, word=16, reference=reference)
    assert np.abs(imported.design.run(given, "integer").outputs - reference["y"]).max() < 1e-3
    np.save(tmp_path / "x.npy", given)
    np.save(tmp_path / "bad.npy", given + 1)
    assert (
        main(
            [
                "import",
                str(file),
                "--calibration",
                str(tmp_path / "x.npy"),
                "-o",
                str(tmp_path / "d"),
            ]
        )
        == 0
    )
    assert (
        main(
            [
                "simulate",
                str(tmp_path / "d"),
                "--input",
                str(tmp_path / "x.npy"),
                "--engine",
                "integer",
            ]
        )
        == 0
    )
    assert main(["info", str(tmp_path / "d")]) == 0
    assert "embedding 6 rows of x: 4 elements" in capsys.readouterr().out
    assert (
        main(
            [
                "simulate",
                str(tmp_path / "d"),
                "--input",
                str(tmp_path / "bad.npy"),
                "--engine",
                "integer",
            ]
        )
        == 2
    )
    assert (
        "6 is the number of no row of the embedding, must be a whole number from 0 to 5"
        in capsys.readouterr().err
    )
