"""Models whose chain of layers computes something else than the model are refused before they are trained."""

import numpy as np
import pytest
from small_training import CLASSES, INPUTS, Net, batches, frame_loss, nn, sequences, torch
from torch.nn.utils import prune

from ernn_myhdl import import_model
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.network import float_model
from ernn_myhdl.train import Gru, Lstm, compress, fit, save_model
from ernn_myhdl.train.trial import TOLERANCE

pytestmark = pytest.mark.torch
F = nn.functional


def model(forward, seed=0, **layers):
    """A module with these layers and this forward(model, x); biases are not zero."""
    torch.manual_seed(seed)
    made = type("Made", (nn.Module,), {"forward": forward})()
    for name, layer in layers.items():
        setattr(made, name, layer)
    return made


def lstm(inputs=INPUTS, hidden=6, layers=1, **options):
    return nn.LSTM(inputs, hidden, layers, batch_first=True, **options)


def gru(inputs=INPUTS, hidden=6, layers=1, **options):
    return nn.GRU(inputs, hidden, layers, batch_first=True, **options)


def any_loss(net, batch):
    """Of whatever a model gives."""
    output = net(batch.x)
    while not isinstance(output, torch.Tensor):
        output = output[0]
    return output.float().square().mean()


def trained(net, step=any_loss, **options):
    return fit(net, step, batches(), epochs=1, progress=False, **options)


def head(inputs=6):
    return nn.Linear(inputs, CLASSES)


def packed(self, x):
    lengths = torch.tensor([x.shape[1] - i % 3 for i in range(len(x))])
    pack = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    y, _ = nn.utils.rnn.pad_packed_sequence(self.gru(self.lstm(pack)[0])[0], batch_first=True)
    return self.head(y)


def by_frames(self, x):
    h, scores = None, []
    for frame in x.unbind(1):
        h = self.cell(frame, h)
        scores.append(self.head(h))
    return torch.stack(scores, 1)


def lstm_by_frames(self, x):
    state, y = None, []
    for frame in x.unbind(1):
        state = self.cell(frame, state)
        y.append(state[0])
    return self.head(torch.stack(y).mean(0))


def masked_mean(self, x):
    y = self.head(self.rnn(x)[0])
    inside = x.any(-1)
    return (y * inside[..., None]).sum(1) / inside.sum(1)[:, None]


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


def attention(self, x):
    y = self.rnn(x)[0]
    return self.head((y.softmax(1) * y).sum(1))


class Normalised(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.full((INPUTS,), 0.5))
        self.rnn = lstm()

    def forward(self, x):
        return self.rnn(x - self.mean)[0]


class Times(nn.Linear):
    def forward(self, x):
        return super().forward(x) * 1.01


def shared(self, x):
    return self.head(self.rnn(self.rnn(x)[0])[0])


def by_halves(self, x):
    one, state = self.rnn(x[:, :2])
    return self.head(torch.cat([one, self.rnn(x[:, 2:], state)[0]], 1))


#: Refused: name -> model, what the message holds.
REFUSED = {
    "Linear, GELU, GRU": (
        lambda: model(lambda s, x: s.rnn(F.gelu(s.front(x)))[0], front=nn.Linear(INPUTS, 6), rnn=gru(6)),
        ["'rnn'", "'front'", "gelu lies between", "modules=['rnn']"],
    ),
    "a SiLU that is a module": (
        lambda: model(lambda s, x: s.rnn(s.act(s.front(x)))[0], front=nn.Linear(INPUTS, 6), act=nn.SiLU(), rnn=gru(6)),
        ["SiLU 'act' lies between"],
    ),
    "two functions behind a linear layer": (
        lambda: model(lambda s, x: s.rnn(F.silu(s.front(x).relu()))[0], front=nn.Linear(INPUTS, 6), rnn=gru(6)), ["'rnn'", "'front'"],
    ),
    "a function of a mean": (
        lambda: model(lambda s, x: s.head(s.mid(s.rnn(x)[0].mean(1)).relu()), rnn=lstm(), mid=nn.Linear(6, 6), head=head()),
        ["'mid'", "relu of a mean over the frames"],
    ),
    "silu between": (
        lambda: model(lambda s, x: s.head(F.silu(s.rnn(x)[0])), rnn=lstm(), head=head()), ["silu lies between"],
    ),
    "a factor between": (
        lambda: model(lambda s, x: s.head(s.rnn(x)[0] * 0.5), rnn=lstm(), head=head()), ["a factor of 0.5 lies"],
    ),
    "h_n of an inner layer": (
        lambda: model(lambda s, x: s.head(s.rnn(x)[1][0][0]), rnn=lstm(layers=2), head=head()), ["'head'", "a state (h_n)"],
    ),
    "c_n": (lambda: model(lambda s, x: s.head(s.rnn(x)[1][1][-1]), rnn=lstm(), head=head()), ["a state (h_n)"]),
    "batch_first of one only": (
        lambda: model(lambda s, x: s.head(s.two(s.one(x)[0])[0]), one=lstm(), two=nn.GRU(6, 6), head=head()), ["batch_first"],
    ),
    "frames backwards": (
        lambda: model(lambda s, x: s.two(s.one(x)[0].flip(1))[0], one=lstm(), two=gru(6)), ["another order"],
    ),
    "attention": (lambda: model(attention, rnn=lstm(), head=head()), ["'head'", "does not take"]),
    "the sum of frames in front of a head": (
        lambda: model(lambda s, x: s.head(s.rnn(x)[0].sum(1)), rnn=lstm(), head=head()), ["a sum"],
    ),
    "an embedding": (
        lambda: model(lambda s, x: s.head(s.rnn(s.tok((x[..., 0] * 4).long().clamp(0, 15)))[0]), tok=nn.Embedding(16, 6), rnn=lstm(6), head=head()),
        ["'tok' (Embedding)", "modules="],
    ),
    "a normalisation of the input": (Normalised, ["holds mean", "modules="]),
    "a function of the input": (
        lambda: model(lambda s, x: s.rnn(x * 4)[0], rnn=lstm()), ["'rnn'", "the input of the model", "a factor of 4"],
    ),
    "LayerNorm": (
        lambda: model(lambda s, x: s.head(s.norm(s.rnn(x)[0])), rnn=lstm(), norm=nn.LayerNorm(6), head=head()), ["'norm' (LayerNorm)"],
    ),
    "BatchNorm": (
        lambda: model(lambda s, x: s.rnn(s.norm(x.transpose(1, 2)).transpose(1, 2))[0], norm=nn.BatchNorm1d(INPUTS), rnn=lstm()),
        ["'norm' (BatchNorm1d)", "fold it"],
    ),
    "a normalisation without weights": (
        lambda: model(lambda s, x: s.head(F.layer_norm(s.rnn(x)[0], (6,))), rnn=lstm(), head=head()), ["'head'"],
    ),
    "a convolution": (
        lambda: model(lambda s, x: s.rnn(s.conv(x.transpose(1, 2)).transpose(1, 2))[0], conv=nn.Conv1d(INPUTS, 6, 3, padding=1), rnn=lstm(6)), ["not causal"],
    ),
    "both directions of an RNN": (
        lambda: model(lambda s, x: s.head(s.rnn(x)[0]), rnn=nn.RNN(INPUTS, 6, batch_first=True, bidirectional=True), head=head(12)),
        ["RNN", "bidirectional"],
    ),
    "both directions": (
        lambda: model(lambda s, x: s.head(s.rnn(x)[0]), rnn=lstm(bidirectional=True), head=head(12)), ["bidirectional"],
    ),
    "weight norm": (
        lambda: model(lambda s, x: s.head(s.rnn(x)[0]), rnn=lstm(), head=nn.utils.parametrizations.weight_norm(head())),
        ["'head'", "remove_parametrizations"],
    ),
    "pruned weights": (
        lambda: model(lambda s, x: s.head(s.rnn(x)[0]), rnn=lstm(), head=prune.l1_unstructured(head(), "weight", 3)),
        ["weight_orig", "prune.remove"],
    ),
    "a number of its own": (
        lambda: model(lambda s, x: s.head(s.rnn(x)[0]) * s.gain, rnn=lstm(), head=head(), gain=nn.Parameter(torch.ones(1))), ["holds gain"],
    ),
    "GELU at the end": (
        lambda: model(lambda s, x: F.gelu(s.head(s.rnn(x)[0])), rnn=lstm(), head=head()), ["gelu lies behind", "modules="],
    ),
    "ELU behind an LSTM": (
        lambda: model(lambda s, x: F.elu(s.rnn(x)[0]), rnn=lstm()), ["elu lies behind"],
    ),
    "a function of y beside h_n": (
        lambda: model(lambda s, x: (F.elu(s.rnn(x)[0]) + 1, s.rnn), rnn=lstm()), ["'rnn'"],
    ),
    "a factor at the end": (
        lambda: model(lambda s, x: s.head(s.rnn(x)[0]) * 3, rnn=lstm(), head=head()), ["a factor of 3 lies behind"],
    ),
    "only the loss": (lambda: model(lambda s, x: s.head(s.rnn(x)[0]).square().mean(), rnn=lstm(), head=head()), ["numbers only"]),
    "a layer used twice": (lambda: model(shared, rnn=lstm(hidden=5), head=head(5)), ["is called 2 times"]),
    "halves": (lambda: model(by_halves, rnn=lstm(), head=head()), ["is called 2 times"]),
    "states": (
        lambda: model(lambda s, x: s.rnn(x, torch.ones(1, len(x), 6))[0], rnn=gru()), ["starts from states"],
    ),
    "a layer that is not called": (
        lambda: model(lambda s, x: s.head(s.rnn(x)[0]), rnn=lstm(), head=head(), aux=head()), ["'aux'", "not called"],
    ),
    "half precision": (
        lambda: model(lambda s, x: s.head(s.rnn(x.bfloat16())[0]), rnn=lstm(), head=head()).bfloat16(), ["bfloat16", "model.float()"],
    ),
    "a forward of its own": (
        lambda: model(lambda s, x: s.head(s.rnn(x)[0]), rnn=lstm(), head=Times(6, CLASSES)), ["'head'", "0.0"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_other_models_are_refused_before_they_are_trained(case):
    make, parts = REFUSED[case]
    net = make()
    before = {n: t.clone() for n, t in net.state_dict().items()}
    steps = []

    def step(net, batch):
        loss = any_loss(net, batch)
        steps.append(loss)
        return loss

    with pytest.raises(DesignError) as error:
        trained(net, step)
    for part in parts:
        assert part in str(error.value)
    assert "\n" not in str(error.value)
    assert not steps  # the model was called, and nothing more
    assert all(torch.equal(t, before[n]) for n, t in net.state_dict().items())
    assert net.training


def test_blocks_are_refused_before_the_projection():
    net = REFUSED["Linear, GELU, GRU"][0]()
    before = net.rnn.weight_hh_l0.detach().clone()
    with pytest.raises(DesignError, match="gelu lies between"):
        compress(net, 2, any_loss, batches(), "direct", epochs=1, progress=False)
    assert torch.equal(net.rnn.weight_hh_l0, before)


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
