"""Models that branch, trained and compressed: what the design computes, the exported file, and what is refused."""

import numpy as np
import pytest
from branching_modules import Skip, TwoHeads
from small_training import batches, nn, sequences, torch
from trial_models import F, model

from ernn_myhdl import import_model
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.network_models import float_model
from ernn_myhdl.train import Quantisation, compress, fit, save_model

pytestmark = pytest.mark.torch


class Branches(nn.Module):
    """A residual behind a layer in front, two cells on one signal, and a skip of it to the read-out."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.front = nn.Linear(5, 8)
        self.a, self.b = nn.LSTM(8, 8, batch_first=True), nn.GRU(8, 4, batch_first=True)
        self.head = nn.Linear(20, 3)

    def forward(self, x):
        front = torch.relu(self.front(x))
        y = torch.cat((self.a(front)[0] + front, self.b(front)[0], front), -1)
        return self.head(y)


def loss(model, batch):
    y = model(batch.x)
    return sum(each.square().mean() for each in (y if isinstance(y, tuple) else (y,)))


def compressed(model, **options):
    return compress(
        model, {"input": 4, "recurrent": 4, "linear": 1}, loss, batches(), method="direct",
        epochs=1, progress=False, **options,
    )  # fmt: skip


def test_a_trained_model_that_branches_is_a_design_of_its_words(tmp_path):
    model = Branches()
    trained = compressed(model, quantise=Quantisation(word=10, epochs=1))
    x = sequences(4)
    design = trained.design(x, lanes=1)
    assert [join.kind for join in design.graph.joins] == ["addition", "concatenation"]
    assert [layer.cell.block for layer in design.layers] == [1, 4, 4, 1]
    y = design.run(x, engine="integer")
    assert np.array_equal(y.raw, design.run(x, engine="golden").raw)
    with torch.no_grad():
        wanted = model(torch.tensor(x[0][None], dtype=torch.float32))[0].numpy()
    own = float_model(design).run(x[0])
    assert np.abs(own - wanted).max() <= 1e-4 * np.ptp(wanted)
    save_model(trained, tmp_path / "model.safetensors")
    again = import_model(tmp_path / "model.safetensors", calibration=x, word=10, lanes=1).design
    assert again.graph == design.graph
    assert np.array_equal(again.run(x, engine="integer").raw, y.raw)


GATES = {
    "a SiLU that is a module": lambda s, x: s.head(s.act(s.rnn(s.act(s.front(x)))[0])),
    "two functions behind a linear layer": lambda s, x: s.head(s.rnn(F.silu(s.front(x).relu()))[0]),
    "a gate": lambda s, x: s.head(s.rnn(s.front(x))[0] * s.gate(x).sigmoid()),
}


@pytest.mark.parametrize("case", GATES)
def test_products_of_two_signals_are_trained(case, tmp_path):
    layers = (
        {"front": nn.Linear(5, 8), "gate": nn.Linear(5, 8)}
        if case == "a gate"
        else {"front": nn.Linear(5, 8)}
    )
    net = model(
        GATES[case],
        act=nn.SiLU(),
        rnn=nn.GRU(8, 8, batch_first=True),
        head=nn.Linear(8, 3),
        **layers,
    )
    made = compressed(net)
    x = sequences(4)
    design = made.design(x, lanes=1, word=16)
    assert "product" in [join.kind for join in design.graph.joins]
    y = design.run(x, engine="integer")
    assert np.array_equal(y.raw, design.run(x, engine="golden").raw)
    with torch.no_grad():
        wanted = net(torch.tensor(x[0][None], dtype=torch.float32))[0].numpy()
    assert np.abs(y.outputs[: len(x[0])] - wanted).max() <= 1e-3 * max(1.0, np.ptp(wanted))
    save_model(made, tmp_path / "model.safetensors")
    again = import_model(tmp_path / "model.safetensors", calibration=x, word=16, lanes=1).design
    assert np.array_equal(again.run(x, engine="integer").raw, y.raw)


def test_layers_whose_order_differs_from_that_of_the_modules(tmp_path):
    """A stacked module of which another takes the first layer's input: numbers of layers follow the modules."""

    class Crossed(nn.Module):
        def __init__(self):
            super().__init__()
            self.late = nn.GRU(6, 4, batch_first=True)
            self.early = nn.LSTM(5, 6, 2, batch_first=True)
            self.beside = nn.Linear(5, 6)

        def forward(self, x):
            return self.late(self.early(x)[0] + self.beside(x))[0]

    torch.manual_seed(1)
    trained = fit(Crossed().eval(), loss, batches(), epochs=1, progress=False)
    x = sequences(3)
    design = trained.design(x, lanes=1, word=12)
    save_model(trained, tmp_path / "model.safetensors")
    again = import_model(tmp_path / "model.safetensors", calibration=x, lanes=1).design
    raw = [d.run(x, engine="integer").raw for d in (design, again)]
    assert np.array_equal(*raw)


def test_a_signal_of_another_module_is_told_apart():
    """Two modules with the same weights: each layer is that of the module whose name it has."""

    class Twins(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = (nn.GRU(5, 5, batch_first=True) for _ in range(2))
            self.b.load_state_dict(self.a.state_dict())

        def forward(self, x):
            return self.b(self.a(x)[0] + x)[0]

    trained = fit(Twins(), loss, batches(), epochs=0, progress=False)
    assert len(trained.design(sequences(2), lanes=1).layers) == 2


class Twice(nn.Module):
    """One module for two layers."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.Linear(5, 5)
        self.last = nn.GRU(5, 4, batch_first=True)

    def forward(self, x):
        return self.last(self.rnn(torch.relu(self.rnn(x))) + x)[0]


class Scaled(nn.Module):
    """A factor that an import folds into weights, which is no parameter."""

    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.GRU(5, 5, batch_first=True), nn.Linear(5, 3)

    def forward(self, x):
        return self.head(0.5 * (self.rnn(x)[0] + x))


@pytest.mark.parametrize(
    ("kind", "parts"), [(Twice, ["'rnn'", "more than once"]), (Scaled, ["folded", "one module"])]
)
def test_what_is_no_graph_of_the_modules_is_refused_before_it_is_trained(kind, parts):
    model = kind()
    before = {n: t.clone() for n, t in model.state_dict().items()}
    with pytest.raises(DesignError) as error:
        fit(model, loss, batches(), epochs=1, progress=False)
    assert all(part in str(error.value) for part in parts)
    assert all(torch.equal(t, before[n]) for n, t in model.state_dict().items())


def test_two_heads_are_named_in_the_design():
    torch.manual_seed(0)
    trained = compressed(TwoHeads())
    design = trained.design(sequences(3), lanes=1)
    assert [part.stop - part.start for part in design.heads.values()] == [3, 1]


def test_a_damaged_graph_of_a_file_is_refused(tmp_path):
    import json

    from safetensors.torch import load_file, save_file

    trained = compressed(Skip())
    file = tmp_path / "model.safetensors"
    save_model(trained, file)
    for graph in (
        {"sources": ["x"]},
        {"sources": ["x", "x"], "joins": [], "output": "layer_7", "heads": []},
        3,
    ):
        text = json.dumps({"blocks": [4, 1], "order": ["a", "b"], "modules": {}, "graph": graph})
        save_file(load_file(file), tmp_path / "other.safetensors", {"ernn": text})
        with pytest.raises(DesignError, match="damaged"):
            import_model(tmp_path / "other.safetensors")
