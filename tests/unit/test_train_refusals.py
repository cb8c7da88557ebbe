"""Models that no core holds are refused before they are trained."""

from __future__ import annotations

import pytest
from small_training import CLASSES, INPUTS, batches, nn, sequences, torch
from torch.nn.utils import prune
from trial_models import F, any_loss, gru, head, lstm, model, trained

from ernn_myhdl.errors import DesignError
from ernn_myhdl.train import SequenceBatches, compress, fit

pytestmark = pytest.mark.torch


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
    "a function of a mean": (
        lambda: model(lambda s, x: s.head(s.mid(s.rnn(x)[0].mean(1)).relu()), rnn=lstm(), mid=nn.Linear(6, 6), head=head()),
        ["'mid'", "relu of a mean over the frames"],
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


@pytest.mark.parametrize("dead", ["last frames in front", "all frames between"])
def test_frames_of_zeros_behind_a_relu_are_frames(dead):
    """A sequence whose last frame a ReLU makes zero was taken for a shorter one, padded."""

    def rectified(s, x):
        y = s.rnn(torch.relu(s.front(x)))[0]
        return s.head(s.last(torch.relu(s.dense(y)))[0])

    net = model(
        rectified, front=nn.Linear(INPUTS, 8), rnn=nn.LSTM(8, 8, batch_first=True), dense=nn.Linear(8, 8),
        last=nn.GRU(8, 8, batch_first=True), head=nn.Linear(8, CLASSES),
    )  # fmt: skip
    x = sequences(8)
    with torch.no_grad():
        if dead == "all frames between":
            net.dense.bias[:] = -100
        else:  # behind weights that are positive nothing is left of negative frames
            net.front.weight.abs_()
            net.front.bias.zero_()
            for sequence in x:
                sequence[-1] = -1
    data = SequenceBatches(x, [0] * len(x), 4)
    compressed = fit(net, any_loss, data, epochs=1, progress=False)
    assert len(compressed.design(x).layers) == 5
