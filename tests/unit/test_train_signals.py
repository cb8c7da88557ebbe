"""Rounding of x and y during fine-tuning: where it happens, and that gradients pass it."""

import numpy as np
import pytest
from small_training import RECURRENT, Net, batches, frame_loss, nn, torch

from ernn_myhdl.numerics.formats import Format, format_for, quantise, to_real
from ernn_myhdl.train import Gru, Lstm, Quantisation, fit
from ernn_myhdl.train.recurrence import GruRecurrence, LstmRecurrence
from ernn_myhdl.train.signals import SignalRounding, round_to, straight_through

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:LSTM with projections"),  # nn.LSTM is slow with them
]
WORD = 6


def on_grid(values, fmt):
    return torch.equal(round_to(values, fmt), values)


def test_rounding_is_that_of_the_formats():
    values = torch.linspace(-3, 3, 2001, dtype=torch.double)
    fmt = Format(6, 4)
    expected = to_real(quantise(values.numpy(), fmt), fmt)
    assert np.array_equal(round_to(values, fmt).numpy(), expected)
    values.requires_grad_()
    straight_through(values, fmt).sum().backward()
    assert torch.equal(values.grad, torch.ones_like(values))


@pytest.mark.parametrize("recurrent", RECURRENT)
def test_y_is_on_the_grid_until_rounding_ends(recurrent):
    net = Net(recurrent).eval()
    x = torch.randn(4, 7, 5)
    plain = net.rnn(x)[0]
    rounding = SignalRounding(net, WORD)
    rounding.attach()
    net.rnn(x)  # a format that follows the largest magnitude is settled afterwards
    y = net.rnn(x)[0]
    fmt = Format(WORD, WORD - 1)
    if "rnn y" in rounding.peaks:
        fmt = format_for(rounding.peaks["rnn y"] * 1.25, WORD)
    assert on_grid(y, fmt) and not torch.equal(y, plain)
    assert rounding.peaks["rnn x"] == x.abs().max().item()
    rounding.detach()
    assert torch.equal(net.rnn(x)[0], plain)


def test_x_is_rounded():
    net = Net("nn.GRU").eval()
    rounding = SignalRounding(net, WORD)
    rounding.attach()
    x = torch.randn(4, 7, 5)
    fmt = format_for(x.abs().max().item(), WORD)
    assert torch.equal(net(x), net(round_to(x, fmt))) and not on_grid(x, fmt)


@pytest.mark.parametrize("kind", [Lstm, Gru])
def test_the_next_frame_uses_the_rounded_y(kind):
    module = kind(3, 4)
    fmt = Format(3, 2)
    module.rounding = lambda y: straight_through(y, fmt)
    x = torch.randn(2, 1, 3)
    y, _ = module(x)
    w = module._layer(0)
    driven = nn.functional.linear(x, w["weight_ih"], w["bias_ih"] + w["bias_hh"])
    first = torch.zeros(1, 4)
    if kind is Lstm:
        state = (first, first)
        one, c = LstmRecurrence.apply(
            driven[:1], w["weight_hh"], w["peephole"], None, *state, "tanh", None
        )
        y0, c0 = round_to(one[0], fmt), c[0]
        two, _ = LstmRecurrence.apply(
            driven[1:], w["weight_hh"], w["peephole"], None, y0, c0, "tanh", None
        )
        assert torch.equal(y[1], round_to(two[0], fmt))
    else:
        h = GruRecurrence.apply(driven[:1], w["weight_hh"], None, first, "tanh", module.rounding)
        assert torch.equal(y[0], round_to(h[0], fmt))
        unrounded = GruRecurrence.apply(driven, w["weight_hh"], None, first, "tanh", None)
        rounded = GruRecurrence.apply(driven, w["weight_hh"], None, first, "tanh", module.rounding)
        assert torch.equal(unrounded[0], rounded[0]) and not torch.equal(unrounded[1], rounded[1])


def test_fine_tuning_with_signals_differs_and_leaves_no_rounding():
    def weights(signals):
        net = Net("Lstm")
        fit(net, frame_loss, batches(), 0, Quantisation(8, 2, signals), progress=False)
        assert net.rnn.rounding is None and not net.rnn._forward_pre_hooks
        return net.rnn.weight_hh_l0.detach()

    assert not torch.equal(weights(False), weights(True))
