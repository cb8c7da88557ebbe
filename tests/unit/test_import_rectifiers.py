"""Functions that imports make of ReLUs, products and parts of a frame, and matrices that they share: as their framework computes them."""

from __future__ import annotations

import logging
import warnings

import numpy as np
import pytest
from tools import require_module

from ernn_myhdl import DesignError, import_model, import_module

torch = require_module("torch", "pip install 'ernn-myhdl[torch]'")
from branching_modules import outputs  # noqa: E402  torch is there
from parts_modules import Made, along, gru  # noqa: E402

pytestmark = pytest.mark.torch
nn, functional = torch.nn, torch.nn.functional


def between(function):
    """A function between a linear layer and a GRU."""

    def forward(m, x):
        return m["head"](m["rnn"](function(m["lin"](x)))[0])

    return lambda: Made(forward, lin=nn.Linear(5, 6), rnn=gru(6, 6), head=nn.Linear(6, 3))


def sloped():
    act = nn.PReLU(6)
    act.weight.data = torch.linspace(-0.5, 1.5, 6)
    return Made(
        lambda m, x: m["rnn"](along(m["act"], m["lin"](x)))[0],
        lin=nn.Linear(5, 6), act=act, rnn=gru(6, 4),
    )  # fmt: skip


def magnitude(m, x):
    """Elements without their axis, as extractors of features of I and Q take them."""
    i, q = x[..., 0], x[..., 1]
    amplitude = (i**2 + q**2) / 4
    return m["rnn"](torch.stack([i, q, amplitude, amplitude * i], -1))[0]


#: name -> the module, its layers, the joins.
MODULES = {
    "maximum of 0": (between(lambda y: torch.maximum(y, torch.zeros(1))), 3),
    "maximum of zeros like y": (between(lambda y: torch.max(y, torch.zeros_like(y))), 3),
    "minimum of a maximum": (between(lambda y: torch.min(torch.max(y, torch.tensor(-0.4)), torch.tensor(0.4))), 3),
    "maximum of a vector": (between(lambda y: torch.maximum(y, torch.linspace(-1, 1, 6))), 3),
    "minimum of a vector": (between(lambda y: torch.minimum(y, torch.linspace(-1, 1, 6))), 3),
    "limit from above": (between(lambda y: y.clamp(max=0.5)), 3),
    "limit from below, clamp_min": (between(lambda y: torch.clamp_min(y, -0.3)), 3),
    "two limits": (between(lambda y: y.clamp(-0.2, 0.7)), 3),
    "two limits behind a GRU": (lambda: Made(lambda m, x: m["head"](m["rnn"](x)[0].clamp(-0.1, 0.2)), rnn=gru(), head=nn.Linear(6, 3)), 3),
    "two limits at the end": (lambda: Made(lambda m, x: m["head"](m["rnn"](x)[0]).clamp(-0.1, 0.2), rnn=gru(), head=nn.Linear(6, 3)), 2),
    "threshold": (between(nn.Threshold(0.0, 0.0)), 3),
    "magnitude": (between(torch.abs), 4),
    "magnitude of the input": (lambda: Made(lambda m, x: m["rnn"](x.abs())[0], rnn=gru()), None),
    "a slope above 1": (between(lambda y: functional.leaky_relu(y, 1.5)), 5),
    "a slope below 0": (between(lambda y: functional.leaky_relu(y, -0.3)), 4),
    "a slope for each element": (sloped, 4),
    "powers": (between(lambda y: torch.square(y) - y**3 / 9), 4),
    "alpha of a constant": (between(lambda y: torch.add(y, torch.ones(6), alpha=2)), 3),
    "alpha of a signal": (between(lambda y: torch.sub(y, torch.sigmoid(y), alpha=0.5)), 4),
    "the larger of two": (lambda: Made(lambda m, x: m["rnn"](torch.maximum(m["a"](x), m["b"](x)))[0], a=nn.Linear(5, 6), b=nn.Linear(5, 6), rnn=gru(6, 4)), 4),
    "the smaller of two": (lambda: Made(lambda m, x: torch.min(m["a"](x)[0], m["b"](x)[0]), a=gru(), b=gru()), 4),
    "elements without their axis": (lambda: Made(magnitude, rnn=gru(4)), None),
    "an element at the end": (lambda: Made(lambda m, x: m["head"](m["rnn"](x)[0])[..., 1], rnn=gru(), head=nn.Linear(6, 3)), 2),
    "elements the other way round": (between(lambda y: y.flip(-1)), 3),
    "the last frame by a list": (lambda: Made(lambda m, x: m["head"](m["rnn"](x)[0][:, [-1]]), rnn=gru(), head=nn.Linear(6, 3)), 2),
    "weight norm": (lambda: Made(lambda m, x: m["rnn"](m["lin"](x))[0], lin=nn.utils.parametrizations.weight_norm(nn.Linear(5, 6)), rnn=gru(6, 4)), 2),
    "a layer called twice for one signal": (
        lambda: Made(lambda m, x: torch.relu(m["lin"](x)) * 0.5 + m["rnn"](torch.tanh(m["lin"](x)))[0], lin=nn.Linear(5, 6), rnn=gru(6, 6)), 3,
    ),
    "a layer that a function and a sum take": (lambda: Made(lambda m, x: m["rnn"]((lambda y: y - torch.tanh(y))(m["lin"](x)))[0], lin=nn.Linear(5, 6), rnn=gru(6, 4)), 3),
}  # fmt: skip


def made(name):
    torch.manual_seed(5)
    return MODULES[name][0]().eval(), torch.randn(2, 6, 5)


def compare(design, model, x):
    wanted = [y if y.ndim == 3 else y[..., None] for y in outputs(model, x)]
    runs = [design.run(sequence.numpy().astype(float), "integer").outputs for sequence in x]
    assert np.abs(np.stack(runs) - np.concatenate(wanted, -1)).max() < 1e-3


def exported(model, x, file, dynamo):
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            options = {"verbose": False} if dynamo else {}
            torch.onnx.export(model, (x[:1],), str(file), dynamo=dynamo, **options)
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_with_such_a_function_is_what_pytorch_computes(name):
    model, x = made(name)
    imported = import_module(model, x, word=16)
    compare(imported.design, model, x)
    if MODULES[name][1] is not None:
        assert len(imported.layers) == MODULES[name][1], imported.notes


@pytest.mark.onnx
@pytest.mark.parametrize("name", [n for n in MODULES if "twice" not in n])
def test_an_older_onnx_file_with_such_a_function_is_what_pytorch_computes(name, tmp_path):
    model, x = made(name)
    exported(model, x, tmp_path / "model.onnx", False)
    compare(import_model(tmp_path / "model.onnx", word=16).design, model, x)


@pytest.mark.onnx
@pytest.mark.parametrize("name", ["maximum of a vector", "the last frame by a list", "elements without their axis"])  # fmt: skip
def test_a_newer_onnx_file_with_such_a_function_is_what_pytorch_computes(name, tmp_path):
    require_module("onnxscript", "pip install onnxscript")
    model, x = made(name)
    exported(model, x, tmp_path / "model.onnx", True)
    compare(import_model(tmp_path / "model.onnx", word=16).design, model, x)


def test_a_layer_called_again_for_what_it_gave_is_two_which_a_note_tells():
    model = Made(lambda m, x: m["rnn"](torch.relu(m["lin"](torch.relu(m["lin"](x)))))[0], lin=nn.Linear(5, 5), rnn=gru())  # fmt: skip
    imported = import_module(model, torch.zeros(1, 4, 5))
    (note,) = [n for n in imported.notes if "same matrices" in n]
    assert note.startswith("layers 0 (parts.lin) and 1 (parts.lin) have the same matrices")


def test_layers_that_shift_each_element_are_not_said_to_be_of_a_module_called_twice():
    model = Made(lambda m, x: m["rnn"](x)[0].clamp(-0.1, 0.3).mean(1), rnn=gru())
    notes = import_module(model, torch.zeros(1, 4, 5)).notes
    assert not any("same matrices" in note for note in notes), notes


def test_other_layers_are_not_said_to_have_the_same_matrices():
    model = Made(lambda m, x: m["b"](torch.relu(m["a"](x))), a=nn.Linear(5, 5), b=nn.Linear(5, 5))
    assert not any(
        "same matrices" in n for n in import_module(model, torch.zeros(1, 4, 5), block=1).notes
    )


REPEATED = {
    "expand": lambda y, x: y[:, -1:].expand(-1, x.shape[1], -1),
    "repeat": lambda y, x: y[:, -1:].repeat(1, x.shape[1], 1),
    "repeat_interleave": lambda y, x: y[:, -1:].repeat_interleave(x.shape[1], 1),
}


@pytest.mark.parametrize("how", REPEATED)
def test_a_frame_that_is_repeated_as_often_as_x_has_frames_is_so_for_those_of_the_example(how):
    def forward(m, x):
        return m["second"](REPEATED[how](m["first"](x)[0], x))[0]

    model, x = Made(forward, first=gru(), second=gru(6, 4)).eval(), torch.randn(2, 6, 5)
    imported = import_module(model, x, word=16)
    compare(imported.design, model, x)
    assert any("repeats a frame 6 times, as often as the example" in n for n in imported.notes)


def test_a_last_state_that_is_viewed_without_its_layers_keeps_the_one_sequence_of_an_example():
    model = Made(lambda m, x: m["head"](m["rnn"](x)[1].view(-1, 6)), rnn=gru(), head=nn.Linear(6, 3))  # fmt: skip
    assert import_module(model, torch.zeros(1, 4, 5)).design.outputs == 3


@pytest.mark.parametrize("frames", [6, 9])
def test_a_fresh_batch_norm_along_the_frames_is_refused(frames):
    """All of its scales are 1, which are no number for all elements."""
    parts = {"lin": nn.Linear(5, 6), "norm": nn.BatchNorm1d(frames), "rnn": gru(6, 4)}
    model = Made(lambda m, x: m["rnn"](m["norm"](m["lin"](x)))[0], **parts).eval()
    with pytest.raises(DesignError, match=f"bias has shape \\(1, {frames}, 1\\)"):
        import_module(model, torch.zeros(2, frames, 5))


@pytest.mark.parametrize(("forward", "message"), [
    (lambda m, x: m["rnn"](x.repeat_interleave(2, 1))[0], r"\(repeat_interleave\): repeats every place of an axis"),
    (lambda m, x: m["rnn"](x.flip(1))[0], r"\(flip\): reverses the frames of a sequence.*reverse the sequences before the core"),
    (lambda m, x: functional.threshold(m["lin"](x), 0.5, 0.0), r"\(threshold\): its threshold is 0.5, its value 0.*nn.ReLU"),
    (lambda m, x: m["lin"](x) ** 0.5, r"\(Pow\): takes the power 0.5, a core multiplies: must be 1, 2, 3, 4"),
    (lambda m, x: m["rnn"](torch.stack([x, x], 0).sum(0))[0] + torch.stack([m["lin"](x), m["lin"](x) + 1], 0).mean(0), r"along an axis of their own.*torch.cat"),
    (lambda m, x: torch.where(m["lin"](x) > 0, 1.0, 0.0), "chooses by a comparison of a signal.*nn.ReLU"),
    (lambda m, x: torch.exp(m["lin"](x)), r"\(Exp\): .*no layer computes this function"),
])  # fmt: skip
def test_what_stays_refused_tells_what_it_does_and_what_to_do(forward, message):
    with pytest.raises(DesignError, match=message):
        import_module(Made(forward, rnn=gru(), lin=nn.Linear(5, 6)), torch.zeros(2, 6, 5))
