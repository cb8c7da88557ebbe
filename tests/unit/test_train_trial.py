"""Models whose chain of layers computes something else than the model are refused before they are trained."""

from __future__ import annotations

import numpy as np
import pytest
from small_training import CLASSES, INPUTS, Net, frame_loss, nn, sequences, torch
from trial_models import (
    F,
    by_frames,
    gru,
    head,
    lstm,
    lstm_by_frames,
    masked_mean,
    model,
    packed,
    trained,
)

from ernn_myhdl import import_model
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.network_models import float_model
from ernn_myhdl.train import Gru, Lstm, save_model
from ernn_myhdl.train.trial import TOLERANCE

pytestmark = pytest.mark.torch
#: Accepted: name -> model, what the host does.
CHAINS = {
    "y of every frame": (lambda: model(lambda s, x: s.rnn(x)[0], rnn=lstm()), []),
    "(y, state)": (lambda: model(lambda s, x: s.rnn(x), rnn=gru()), []),
    "a module by itself": (gru, []),
    "frames first": (
        lambda: model(lambda s, x: s.head(s.rnn(x.transpose(0, 1))[0]).permute(1, 2, 0), rnn=nn.LSTM(INPUTS, 6), head=head()), [],
    ),
    "last frame in front of the head": (
        lambda: model(lambda s, x: s.head(s.rnn(x)[0][:, -1]), rnn=lstm(), head=head()), [],
    ),
    "h_n of the last layer": (
        lambda: model(lambda s, x: s.head(s.rnn(x)[1][0][-1]), rnn=lstm(layers=2), head=head()), [],
    ),
    "mean in front of the head": (
        lambda: model(lambda s, x: s.head(s.rnn(x)[0].mean(1)), rnn=lstm(), head=head()), ["mean over the frames"],
    ),
    "mean behind the head, logarithm of softmax": (
        lambda: model(lambda s, x: s.head(s.rnn(x)[0]).mean(1).log_softmax(-1), rnn=lstm(), head=head()),
        ["mean over the frames", "log_softmax"],
    ),
    "mean of the frames inside": (
        lambda: model(masked_mean, rnn=lstm(), head=head()), ["mean over the frames"],
    ),
    "softmax": (lambda: model(lambda s, x: s.head(s.rnn(x)[0]).softmax(-1), rnn=gru(), head=head()), ["softmax"]),
    "sigmoid of one number": (
        lambda: model(lambda s, x: s.head(s.rnn(x)[0][:, -1]).squeeze(-1).sigmoid(), rnn=gru(), head=nn.Linear(6, 1)), ["sigmoid"],
    ),
    "largest over the frames": (
        lambda: model(lambda s, x: s.head(s.rnn(x)[0]).amax(1), rnn=gru(), head=head()), ["largest over the frames"],
    ),
    "two linear layers": (
        lambda: model(lambda s, x: s.two(s.one(x)), one=nn.Linear(INPUTS, 6), two=nn.Linear(6, 5)), [],
    ),
    "a linear layer in front, called later than it is defined": (
        lambda: model(lambda s, x: s.head(s.rnn(s.front(x))[0]), rnn=lstm(6), front=nn.Linear(INPUTS, 6), head=head()), [],
    ),
    "packed sequences": (lambda: model(packed, lstm=lstm(), gru=gru(6), head=head()), []),
    "GRU cell": (lambda: model(by_frames, cell=nn.GRUCell(INPUTS, 6), head=head()), []),
    "LSTM cell": (
        lambda: model(lstm_by_frames, cell=nn.LSTMCell(INPUTS, 6), head=head()), ["mean over the frames"],
    ),
    "dropout between": (
        lambda: model(lambda s, x: s.head(F.dropout(s.drop(s.rnn(x)[0]), 0.5, s.training)), rnn=lstm(), drop=nn.Dropout(0.5), head=head()), [],
    ),
    "zeros behind the end": (
        lambda: model(lambda s, x: s.head(s.two(s.one(x)[0] * x.any(-1, keepdim=True))[0]) * x.any(-1, keepdim=True),
                      one=lstm(), two=gru(6), head=head()), [],
    ),
    "Linear, ReLU in place, GRU": (
        lambda: model(lambda s, x: s.rnn(s.act(s.front(x)))[0], front=nn.Linear(INPUTS, 6), act=nn.ReLU(inplace=True), rnn=gru(6)), [],
    ),
    "ReLU6 and hard tanh between linear layers": (
        lambda: model(lambda s, x: s.head(F.hardtanh(s.mid(F.relu6(s.front(x))), -2.0, 2.0)), front=nn.Linear(INPUTS, 6),
                      mid=nn.Linear(6, 6), head=head()), [],
    ),
    "tanh behind a linear layer, last frame": (
        lambda: model(lambda s, x: s.head(s.mid(s.rnn(x)[0][:, -1]).tanh()), rnn=lstm(), mid=nn.Linear(6, 4), head=head(4)), [],
    ),
    "leaky ReLU and hard sigmoid": (
        lambda: model(lambda s, x: F.hardsigmoid(s.head(F.leaky_relu(s.mid(s.rnn(x)[0]), 0.2))), rnn=lstm(), mid=nn.Linear(6, 4), head=head(4)),
        [],
    ),
    "ReLU at the end": (lambda: model(lambda s, x: s.head(s.rnn(x)[0]).relu(), rnn=lstm(), head=head()), []),
    "ReLU of one number at the end": (
        lambda: model(lambda s, x: s.head(s.rnn(x)[0]).relu(), rnn=lstm(), head=nn.Linear(6, 1, bias=False)), [],
    ),
    "largest of a ReLU": (
        lambda: model(lambda s, x: s.head(s.rnn(x)[0]).relu().amax(1), rnn=gru(), head=head()), ["largest over the frames"],
    ),
    "double precision": (lambda: model(lambda s, x: s.head(s.rnn(x.double())[0]), rnn=lstm(), head=head()).double(), []),
}  # fmt: skip


@pytest.mark.parametrize("case", CHAINS)
def test_chains_are_trained_and_their_designs_agree(case):
    make, host = CHAINS[case]
    net = make()
    compressed = trained(net)
    assert compressed.report["host"] == host
    checked = compressed.trial.run()
    first = checked.calls.layers[checked.names[0]].taken()
    given = checked.calls.layers[checked.names[-1]].given()
    design = compressed.design(sequences(), word=16)
    for path in checked.paths:
        y = float_model(design).run(first[path.first].astype(float))
        if path.mean:
            y = y.mean(0)[None]
        used = np.arange(len(y)) if path.mean else np.flatnonzero(path.now >= 0)
        assert np.abs(y[used] - given[path.now[path.now >= 0]]).max() < TOLERANCE * np.ptp(given)


def test_the_activation_of_a_layer_is_kept_in_the_file_of_a_trained_model(tmp_path):
    net = CHAINS["leaky ReLU and hard sigmoid"][0]()
    compressed = trained(net)
    save_model(compressed, tmp_path / "m.safetensors")
    again = import_model(tmp_path / "m.safetensors", calibration=sequences(), word=16)
    design = compressed.design(sequences(), word=16)
    assert [d.cell for d in again.design.layers] == [d.cell for d in design.layers]
    assert design.layers[1].cell.slope == 0.2 and design.layers[2].cell.activation == "hard_sigmoid"


def test_the_rest_of_a_model_is_left_to_the_host_where_the_modules_are_named(tmp_path):
    net = model(
        lambda s, x: s.head(s.rnn(s.norm(x))[0]).relu(), norm=nn.LayerNorm(INPUTS), rnn=lstm(), head=head()
    )  # fmt: skip
    compressed = trained(net, modules=["rnn", "head"])
    x = torch.tensor(sequences(1)[0], dtype=torch.float32)
    inside = net.norm(x)
    design = compressed.design([inside.detach().double().numpy()], word=16)
    with torch.no_grad():
        wanted = net.head(net.rnn(inside)[0]).numpy()
    found = float_model(design).run(inside.detach().double().numpy())
    assert np.abs(found - wanted).max() < 1e-5
    save_model(compressed, tmp_path / "m.safetensors")


def test_modules_that_are_named_are_checked_too():
    net = model(lambda s, x: s.head(torch.relu(s.rnn(x)[0])), rnn=lstm(), head=head())
    with pytest.raises(DesignError, match="relu lies between"):
        trained(net, modules=["rnn", "head"])
    assert trained(net, modules=["rnn"]).design(sequences()).cell.kind == "lstm"
    with pytest.raises(
        DesignError, match="modules: 'lstm' is no module of the model; it has rnn, head"
    ):
        trained(net, modules=["lstm"])
    with pytest.raises(DesignError, match=r"modules = 'rnn': must be a list of names"):
        trained(net, modules="rnn")


def test_a_step_that_calls_parts_of_the_model_names_its_modules():
    net = Net()
    step = lambda net, batch: net.head(net.rnn(batch.x * 2)[0]).square().mean()  # noqa: E731
    with pytest.raises(DesignError, match="does not call the model itself"):
        trained(net, step)
    assert trained(net, step, modules=["rnn", "head"]).design(sequences()).outputs == CLASSES


def test_a_model_that_changes_after_its_training_makes_no_design(tmp_path):
    """Its forward may have got a function between the modules since."""
    compressed = trained(Net("nn.GRU"), frame_loss)
    compressed.model.dropout = nn.GELU()
    for make in (
        lambda: compressed.design(sequences()),
        lambda: save_model(compressed, tmp_path / "m.safetensors"),
    ):
        with pytest.raises(DesignError, match="GELU 'dropout' lies between"):
            make()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", [Lstm, Gru])
def test_own_modules(kind):
    net = model(
        lambda s, x: s.head(s.rnn(x)[0]), rnn=kind(INPUTS, 6, batch_first=True), head=head()
    )
    assert trained(net).design(sequences()).outputs == CLASSES


def test_the_trial_draws_no_random_numbers():
    """A training with a model that draws some, and of one that does not, differ in nothing else."""
    before = torch.get_rng_state()
    compressed = trained(Net(dropout=0.5), frame_loss)
    torch.set_rng_state(before)
    compressed.trial.run()
    assert torch.equal(torch.get_rng_state(), before)
