"""The ways to a block-circulant model: exact structure, optima in closed form, designs."""

import copy
import json

import numpy as np
import pytest
from small_training import (
    CLASSES,
    RECURRENT,
    SHORT,
    Net,
    batches,
    frame_loss,
    nn,
    sequences,
    torch,
)

from ernn_myhdl.design.quantise import quantised_weights
from ernn_myhdl.exchange.importing import import_model
from ernn_myhdl.golden.network_models import float_model
from ernn_myhdl.numerics.circulant import unpack_spectrum
from ernn_myhdl.numerics.formats import to_real
from ernn_myhdl.runs.references import known_source
from ernn_myhdl.train import (
    AdmmSchedule,
    Quantisation,
    compress,
    find_matrices,
    fit,
    plot_history,
    save_model,
    supervised,
)
from ernn_myhdl.train.admm import AdmmPhase
from ernn_myhdl.train.circulant_tensors import expand
from ernn_myhdl.train.design import TENSORS
from ernn_myhdl.train.quantisation import rounded

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:LSTM with projections"),  # nn.LSTM is slow with them
]
METHODS = ("admm", "projection", "direct")


def arguments(method, **changes):
    return {k: v for k, v in SHORT.items() if method == "admm" or k != "schedule"} | changes


# what compress returns


@pytest.mark.parametrize("method", METHODS)
def test_matrices_are_circulant_and_follow_from_the_vectors(method):
    net = Net()
    blocks = {"rnn.weight_ih*": 4, "recurrent": 2, "head.*": 8}
    compressed = compress(
        net, blocks, frame_loss, batches(), method, **arguments(method, quantise=None)
    )
    assert compressed.model is net
    matrices = find_matrices(net, blocks)
    assert compressed.blocks == {m.name: m.block for m in matrices}
    assert list(compressed.blocks.values()) == [4, 2, 8]
    for matrix in matrices:
        assert torch.equal(matrix.dense(compressed.vectors[matrix.name]), matrix.parameter)
        again = matrix.dense(matrix.projected(matrix.parameter))
        assert torch.equal(again, matrix.parameter)
    names = {"admm": ["admm", "retrain"], "projection": ["retrain"], "direct": ["direct"]}
    assert [p["name"] for p in compressed.history["phases"]] == names[method]
    assert compressed.report["phases"] == dict.fromkeys(names[method], 6)
    assert len(compressed.history["updates"]) == (3 if method == "admm" else 0)
    assert json.loads(json.dumps(compressed.history)) == compressed.history
    assert json.loads(json.dumps(compressed.report)) == compressed.report
    assert compressed.report["numbers"] == 4 * (2 * 2 * 4 + 3 * 3 * 2) + 1 * 1 * 8


def test_direct_training_starts_from_vectors_as_large_as_the_weights():
    net = nn.Linear(64, 64, bias=False)
    deviation = net.weight.std().item()
    compressed = compress(
        net, 8, supervised(nn.functional.mse_loss), [()], "direct", epochs=0, progress=False
    )
    assert compressed.vectors["weight"].std().item() == pytest.approx(deviation, rel=0.1)


# the optimum inside the structure


class Regression:
    """Least squares with correlated inputs: the best circulant matrix is not the nearest to the best one."""

    def __init__(self):
        rng = np.random.default_rng(0)
        mixed = rng.standard_normal((64, 8)) @ rng.standard_normal((8, 8))
        self.x = torch.from_numpy(mixed / np.linalg.norm(mixed, 2) * 8)
        self.y = torch.from_numpy(rng.standard_normal((64, 12)))
        self.data = [(self.x, self.y)]

    def model(self):
        torch.manual_seed(0)
        return nn.Linear(8, 12, bias=False).double()

    def best(self, block):
        """The best circulant matrix, by linear algebra."""
        shape = (1, 12 // block, 8 // block, block)
        unit = torch.eye(int(np.prod(shape)), dtype=torch.double).reshape(-1, *shape)
        columns = torch.stack([(self.x @ expand(v)[0].T).reshape(-1) for v in unit], dim=1)
        solved = torch.linalg.lstsq(columns, self.y.reshape(-1, 1)).solution
        return expand(solved.reshape(shape))[0]

    @staticmethod
    def step(model, batch):
        x, y = batch
        return (model(x) - y).square().sum() / 64


@pytest.mark.parametrize("method", ["admm", "direct"])
def test_the_optimum_of_least_squares(method):
    problem = Regression()
    best = problem.best(4)
    net = problem.model()
    with torch.no_grad():
        net.weight.copy_(torch.linalg.lstsq(problem.x, problem.y).solution.T)
    nearest = find_matrices(net, 4)[0]
    distance = torch.linalg.vector_norm(nearest.dense(nearest.projected(net.weight)) - best)
    schedule = AdmmSchedule(
        2000, rho=0.5, growth=1, steps=5, primal=1e-5, dual=1e-5, relative=False
    )
    compressed = compress(
        net,
        4,
        problem.step,
        problem.data,
        method,
        schedule if method == "admm" else None,
        epochs=0 if method == "admm" else 2000,
        optimiser=lambda p: torch.optim.SGD(p, lr=0.3 if method == "admm" else 0.1),
        progress=False,
    )
    assert torch.linalg.vector_norm(net.weight - best) < 1e-3 * distance
    if method == "admm":
        assert compressed.report["converged"] is True
        assert compressed.report["phases"]["admm"] < 2000
        assert max(compressed.report["distance"]["retrain"].values()) <= 1.1e-5


def test_the_dual_variable_keeps_its_value_when_rho_grows():
    torch.manual_seed(0)
    net = nn.Linear(8, 8, bias=False)
    schedule = AdmmSchedule(rho=0.1, growth=3, largest_rho=0.2, relative=False)
    phase = AdmmPhase(net, schedule, find_matrices(net, 4))
    phase.start()
    w = net.weight.detach().clone()
    z = phase.state()["z"]["weight"].clone()
    record = phase.after_epoch()
    assert (record["rho"], phase.rho) == (0.1, 0.2)
    assert torch.allclose(0.2 * phase.state()["u"]["weight"], 0.1 * (w - z), atol=1e-7)
    assert phase.after_epoch()["rho"] == 0.2


def test_seeds_decide():
    def weights(seed):
        net = Net(dropout=0.3)
        return compress(net, 4, frame_loss, batches(), seed=seed, **arguments("admm")).vectors[
            "rnn.weight_hh_l0"
        ]

    before = torch.get_rng_state(), np.random.get_state()[1].tobytes()
    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))
    torch.manual_seed(0)  # a Net is made with it
    assert np.random.get_state()[1].tobytes() == before[1]


# designs


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("recurrent", ["nn.RNN relu", "Rnn"])
def test_a_vanilla_rnn_by_every_method_ends_with_the_words_of_its_design(recurrent, method):
    """Fine-tuned with rounded weights and signals; the design stores the vectors that were trained."""
    compressed = compress(
        Net(recurrent), {"rnn.*": 2}, frame_loss, batches(), method, **arguments(method)
    )
    design = compressed.design(sequences(seed=1), word=10)
    assert [d.cell.kind for d in design.layers] == ["rnn", "rnn", "linear"]
    for layer, one in enumerate(design.layers[:2]):
        for name, tensor in (("weight_ih", "input_weight"), ("weight_hh", "recurrent_weight")):
            vectors = compressed.vectors[f"rnn.{name}_l{layer}"].numpy()
            raw = quantised_weights(one)[tensor]
            stored = unpack_spectrum(to_real(raw, getattr(one.formats, tensor)))
            assert np.array_equal(stored.astype(np.float32), vectors)


@pytest.mark.parametrize("quantise", [None, Quantisation(word=10, epochs=1)])
@pytest.mark.parametrize("recurrent", RECURRENT)
def test_the_design_of_a_trained_model(recurrent, quantise, tmp_path):
    net = Net(recurrent, dropout=0.2)
    blocks = {"input": 8, "projection": 1, "rnn.*": 4, "head.*": 2}
    compressed = compress(
        net, blocks, frame_loss, batches(), "projection", epochs=1, quantise=quantise,
        progress=False,
    )  # fmt: skip
    calibration = sequences(seed=1)
    design = compressed.design(calibration, lanes=1, name="trained")
    assert design.source.kind == "PyTorch module as trained"
    assert design.source.name == type(net).__name__ and design.source.exact
    assert known_source(design) is design.source
    x = sequences(3, seed=2)
    for one, y in zip(x, float_model(design).run(x), strict=True):
        with torch.no_grad():
            expected = net(torch.tensor(one, dtype=torch.float32)[None])[0].numpy()
        assert np.abs(y - expected).max() < 1e-5
    assert [layer.cell.block for layer in design.layers][-1] == 2
    assert {layer.cell.block_of("input_weight") for layer in design.layers[:-1]} == {8}
    assert {layer.cell.block_of("recurrent_weight") for layer in design.layers[:-1]} == {4}
    if quantise is not None:
        check_words(compressed, design, quantise.word)

    save_model(compressed, tmp_path / "model.safetensors")
    imported = import_model(
        tmp_path / "model.safetensors", calibration=calibration, lanes=1, word=10, name="trained"
    )
    assert [d.cell for d in imported.design.layers] == [d.cell for d in design.layers]
    assert not any(any(errors.values()) for errors in imported.errors)


def check_words(compressed, design, word):
    """The words of the design are those of the spectra that the model computed with."""
    roles = {m.name: m.role for m in find_matrices(compressed.model)}
    depth = len(design.layers) - 1
    for name, vectors in compressed.vectors.items():
        number = depth if name.startswith("head") else int(name[-1])
        layer = design.layers[number]
        tensor = TENSORS[roles[name]]
        fmt = getattr(layer.formats, tensor)
        assert fmt.word == word
        raw = quantised_weights(layer)[tensor]
        stored = unpack_spectrum(to_real(raw, fmt)).astype(np.float32)
        gates, rows, columns, k = vectors.shape
        stored = stored.reshape(gates, -1, columns, k)  # rows are padded to whole tiles
        assert np.array_equal(stored[:, :rows], vectors.numpy()), name
        assert not stored[:, rows:].any()


def test_fine_tuning_trains_with_rounded_weights():
    net = Net()
    seen = []

    def step(model, batch):
        seen.append(model.rnn.weight_hh_l0.detach().clone())
        return frame_loss(model, batch)

    compress(
        net, {"rnn.*": 2}, step, batches(), "projection", epochs=0,
        quantise=Quantisation(word=6, epochs=2), progress=False,
    )  # fmt: skip
    (matrix,) = (m for m in find_matrices(net, {"rnn.*": 2}) if m.role == "recurrent")
    assert len(seen) > 6  # the first ones look at the model and at x, before the phase
    seen = seen[-6:]
    for dense in seen:
        vectors = matrix.projected(dense)
        assert torch.equal(rounded(vectors, 6), vectors)
    assert any(not torch.equal(seen[0], dense) for dense in seen)


def test_fine_tuning_lowers_the_loss_of_coarse_words():
    net = Net()
    data = batches()
    optimiser = {"optimiser": lambda p: torch.optim.Adam(p, lr=0.02), "progress": False}
    fit(net, frame_loss, data, epochs=40, **optimiser)

    def loss(epochs):
        chosen = copy.deepcopy(net)
        fit(chosen, frame_loss, data, 0, Quantisation(word=4, epochs=epochs), **optimiser)
        with torch.no_grad():
            return np.mean([frame_loss(chosen, b).item() for b in data(0)])

    assert loss(20) < 0.8 * loss(0)


def test_a_dense_model_becomes_a_design():
    compressed = fit(Net("nn.GRU"), frame_loss, batches(), 1, progress=False)
    design = compressed.design(sequences())
    assert [layer.cell.block for layer in design.layers] == [1, 1]
    assert design.outputs == CLASSES


def test_curves(tmp_path):
    compressed = compress(
        Net(), 4, frame_loss, batches(), validate=lambda model: {"a": 1.0, "b": 0.5},
        **arguments("admm"),
    )  # fmt: skip
    assert all(e["validation"] == {"a": 1.0, "b": 0.5} for e in compressed.history["epochs"])
    plot_history(compressed.history, tmp_path / "curves.svg")
    text = (tmp_path / "curves.svg").read_text()
    for word in ("mean loss", "validation", "relative residual", "retrain", "quantise", "primal"):
        assert f">{word}" in text
