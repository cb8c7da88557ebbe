"""Our LSTM, GRU and RNN modules: outputs against torch's and the golden model, gradients against differences."""

import re

import numpy as np
import pytest
from foreign_models import float_outputs
from small_training import nn, torch

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.state_dict import modules
from ernn_myhdl.train import Gru, Lstm, Rnn

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:LSTM with projections"),  # nn.LSTM is slow with them
]
OPTIONS = [
    (Lstm, {}),
    (Lstm, {"projection": 2}),
    (Lstm, {"peepholes": False, "projection": 3, "layers": 2}),
    (Lstm, {"g_activation": "sigmoid", "layers": 2}),
    (Gru, {}),
    (Gru, {"reset": "after", "layers": 2}),
    (Gru, {"g_activation": "sigmoid", "layers": 2}),
    (Gru, {"reset": "after", "g_activation": "sigmoid"}),
    (Rnn, {"layers": 2}),
    (Rnn, {"activation": "relu"}),
]
each = pytest.mark.parametrize(("kind", "options"), OPTIONS)


def made(kind, options, **more):
    torch.manual_seed(0)
    module = kind(3, 4, **options, **more)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.6)
    return module


@each
def test_gradients(kind, options):
    module = made(kind, options).double()
    names = [name for name, _ in module.named_parameters()]
    x = torch.randn(4, 2, 3, dtype=torch.double, requires_grad=True)
    y, state = module(x)
    states = state if isinstance(state, tuple) else (state,)
    first = tuple(torch.randn_like(s).requires_grad_() for s in states)

    def run(x, *rest):
        state, parameters = rest[: len(first)], rest[len(first) :]
        state = state if len(first) > 1 else state[0]
        named = dict(zip(names, parameters, strict=True))
        y, last = torch.func.functional_call(module, named, (x, state))
        return (y, *(last if isinstance(last, tuple) else (last,)))

    assert torch.autograd.gradcheck(run, (x, *first, *module.parameters()))


@each
def test_the_golden_model_gives_the_same(kind, options):
    module = made(kind, options)
    arrays = {f"m.{n}": p.detach().numpy() for n, p in module.named_parameters()}
    told = {
        n: getattr(module, n) for n in ("reset", "g_activation", "activation") if hasattr(module, n)
    }
    (found,) = modules(arrays, {"m": told})
    x = torch.randn(6, 2, 3)
    with torch.no_grad():
        y = module(x)[0].numpy()
    assert np.abs(float_outputs(found.layers, x.numpy()) - y).max() < 1e-6


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ((Lstm, {"peepholes": False, "layers": 2}), (nn.LSTM, {})),
        ((Lstm, {"peepholes": False, "projection": 2, "layers": 2}), (nn.LSTM, {"proj_size": 2})),
        ((Gru, {"reset": "after", "layers": 2}), (nn.GRU, {})),
        ((Rnn, {"layers": 2}), (nn.RNN, {})),
        ((Rnn, {"layers": 2, "activation": "relu"}), (nn.RNN, {"nonlinearity": "relu"})),
    ],
)
def test_torch_takes_the_same_state_dict_and_gives_the_same(ours, theirs, given, batch_first):
    module = made(*ours, batch_first=batch_first)
    other = theirs[0](3, 4, 2, batch_first=batch_first, **theirs[1])
    other.load_state_dict(module.state_dict())
    x = torch.randn(5, 6, 3)
    with torch.no_grad():
        y, state = module(x)
        if given:
            state = (
                tuple(torch.randn_like(s) for s in state)
                if isinstance(state, tuple)
                else torch.randn_like(state)
            )
        else:
            state = None
        y, last = module(x, state)
        expected, expected_last = other(x, state)
    assert torch.allclose(y, expected, atol=1e-6)
    for one, two in zip(last, expected_last, strict=True):
        assert torch.allclose(one, two, atol=1e-6)


def given_lengths(lengths):
    return Rnn(3, 4)(torch.zeros(5, 2, 3), None, torch.tensor(lengths))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Lstm(3, 0), "cell hidden = 0: must be 1 to 65536"),
        (lambda: Lstm(3, 4, -1), "cell projection = -1"),
        (lambda: Lstm(3, 4, layers=0), "layers = 0: must be a whole number"),
        (lambda: Gru(3, 4, "never"), "cell reset = 'never'"),
        (lambda: Gru(3, 4)(torch.zeros(2, 3)), "x: shape (2, 3), must be three axes, 3 last"),
        (
            lambda: Gru(3, 4)(torch.zeros(0, 2, 3)),
            "x: shape (0, 2, 3), must have at least one frame",
        ),
        (
            lambda: Lstm(3, 4)(nn.utils.rnn.pack_sequence([torch.zeros(2, 3)])),
            "x: is PackedSequence, must be a tensor; pad",
        ),
        (
            lambda: given_lengths([5, 6]),
            "lengths: [5, 6], must be whole numbers (int64) from 1 to 5",
        ),
        (lambda: given_lengths([0, 5]), "lengths: [0, 5], must be"),
        (lambda: given_lengths([5.0, 3.0]), "lengths: [5.0, 3.0], must be"),
        (lambda: Gru(3, 4)(torch.zeros(2, 3, 4)), "x: shape (2, 3, 4)"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(DesignError, match=re.escape(message)):
        make()
