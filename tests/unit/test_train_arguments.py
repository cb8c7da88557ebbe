"""Arguments of `fit`, `compress` and `supervised` that were a TypeError name the right form."""

import subprocess
import sys

import numpy as np
import pytest
from small_training import Net, batches, frame_loss, nn, sequences, torch

from ernn_myhdl.errors import DesignError
from ernn_myhdl.train import (
    SequenceBatches,
    Settings,
    compress,
    find_matrices,
    fit,
    plot_history,
    run_from,
    save_model,
    supervised,
)

pytestmark = pytest.mark.torch


def run(**changes):
    options = {
        "model": Net(),
        "step": frame_loss,
        "data": batches(),
        "epochs": 1,
        "progress": False,
    }
    return fit(**options | changes)


def adam(parameters):
    return torch.optim.Adam(parameters)


def of_frames(output, target):
    return nn.functional.cross_entropy(output.transpose(1, 2), target)


def pairs():
    return [(b.x, b.targets) for b in batches()(0)]


class Both(Net):
    def forward(self, x):
        return super().forward(x), None


class Examples(torch.utils.data.Dataset):
    def __getitem__(self, i):
        return sequences()[i], 0

    def __len__(self):
        return 4


def one_argument(optimiser):
    return torch.optim.lr_scheduler.ConstantLR(optimiser)


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: run(lr=0.01), ["lr: is no argument", "torch.optim.Adam(parameters, lr=0.001)"]),
        (lambda: run(learning_rate=0.01), ["learning_rate: is no argument", "optimiser="]),
        (lambda: run(optimizer=adam), ["optimizer: is no argument", "it is called optimiser"]),
        (lambda: run(device="cpu"), ["device: is no argument", "model.to(device)"]),
        (lambda: run(batch_size=4), ["batch_size: is no argument", "SequenceBatches"]),
        (lambda: run(criterion=of_frames), ["criterion: is no argument", "supervised(loss)"]),
        (lambda: run(rho=0.1), ["rho: is no argument", "schedule=AdmmSchedule(rho=...)"]),
        (lambda: run(blocks=8), ["blocks: is no argument", "compress(model, blocks, step, data)"]),
        (lambda: run(train_loader=[]), ["train_loader: is no argument", "it is called data"]),
        (lambda: run(progress=1), ["progress = 1: must be True or False"]),
        (lambda: run(checkpoint=3), ["checkpoint = 3: must be the name of a folder"]),
        (lambda: SequenceBatches(sequences(2), [0.5, 1]), ["targets of sequence 0: float64, must be whole numbers"]),
        (lambda: SequenceBatches(sequences(2), ["a", "b"]), ["targets of sequence 0: str"]),
        (lambda: SequenceBatches([[["a"]], [["b"]]], [0, 1]), ["sequence 0: list, must be an array of numbers"]),
        (lambda: SequenceBatches(sequences(2), [0, 1], seed=-1), ["seed = -1"]),
        (lambda: run(speed=1), ["speed: is no argument", "optimiser, scheduler, clip, seed"]),
        (lambda: run(optimiser=torch.optim.Adam(Net().parameters())), ["optimiser: is Adam, must be a function", "lambda"]),
        (lambda: run(optimiser={"train": "adam"}), ["optimiser of phase 'train': is str, must be a function"]),
        (lambda: run(optimiser=lambda: None), ["optimiser: <lambda> must be a function of the parameters"]),
        (lambda: run(optimiser=lambda p: None), ["optimiser: <lambda> gave NoneType"]),
        (lambda: run(optimiser=lambda p: torch.optim.Adam(p, rate=1)), ["optimiser: <lambda> failed", "rate"]),
        (lambda: run(scheduler=one_argument), ["scheduler: one_argument must be a function of two", "steps"]),
        (lambda: run(scheduler=one_argument(adam(Net().parameters()))), ["scheduler: is ConstantLR, must be a function"]),
        (lambda: run(scheduler=lambda o, n: None), ["scheduler: <lambda> gave NoneType"]),
        (lambda: run(scheduler=lambda o, n: torch.optim.lr_scheduler.ReduceLROnPlateau(o)), ["ReduceLROnPlateau", "needs a loss"]),
        (lambda: run(scheduler=torch.optim.lr_scheduler.LambdaLR), ["scheduler: LambdaLR failed"]),
        (lambda: run(step=supervised(of_frames)), ["batch: has 3 parts (x, targets, lengths)", "def step(model, batch)"]),
        (lambda: run(step=supervised(of_frames), data=[{"x": 1}]), ["batch: is dict, supervised(loss) takes (x, target)"]),
        (lambda: run(model=Both(), step=supervised(of_frames), data=pairs()), ["the model gives tuple, which of_frames", "def step"]),
        (lambda: supervised(nn.CrossEntropyLoss), ["supervised: is given CrossEntropyLoss", "nn.CrossEntropyLoss()"]),
        (lambda: supervised(3), ["supervised: is given int"]),
        (lambda: run(step=nn.CrossEntropyLoss()), ["step: is CrossEntropyLoss, a loss", "supervised(loss)"]),
        (lambda: run(step=nn.functional.cross_entropy), ["step: is cross_entropy, a loss"]),
        (lambda: run(step=lambda model: 0), ["step: <lambda> does not take two arguments"]),
        (lambda: run(step=5), ["step: is int, must be a function step(model, batch)"]),
        (lambda: run(model=lambda x: x), ["model: is function, must be an nn.Module"]),
        (lambda: run(data=np.zeros((3, 4))), ["data: is ndarray, must be batches"]),
        (lambda: run(data=torch.zeros(3, 4)), ["data: is Tensor, must be batches"]),
        (lambda: run(data=Examples()), ["data: is Examples, which holds single examples", "DataLoader"]),
        (lambda: run(epochs=1.0), ["epochs = 1.0: must be a whole number"]),
        (lambda: run(quantise=12), ["quantise = 12: must be of Quantisation; give quantise=Quantisation(word=12)"]),
        (lambda: run(clip="1"), ["clip = '1': must be a number above 0"]),
        (lambda: run(validate=0.5), ["validate: is float, must be a function of the model"]),
        (lambda: compress(Net(), [4], frame_loss, batches()), ["blocks = [4]: must be a power of two"]),
        (lambda: compress(Net(), 4, frame_loss, batches(), schedule=3), ["schedule = 3: must be of AdmmSchedule; give schedule=AdmmSchedule(epochs=3)"]),
        (lambda: run(data=lambda epoch: None), ["data: gave NoneType for epoch 0, must give its batches"]),
        (lambda: run(validate=lambda model: "good"), ["validate: gave str, must give a number or a dictionary"]),
        (lambda: run(checkpoint=__file__), ["is a file, must be the name of a folder"]),
        (lambda: Settings(clip="a"), ["clip = 'a': must be a number above 0"]),
        (lambda: run(epochs=0).design(sequences(), bits=12), ["bits: is no argument of design", "word"]),
        (lambda: save_model(Net(), "m.safetensors"), ["compressed: is Net, must be what compress or fit returned"]),
        (lambda: plot_history(run(epochs=0), "m.png"), ["history: is Compressed", "result.history"]),
        (lambda: find_matrices("rnn.*"), ["model: is str, must be an nn.Module"]),
        (lambda: run_from(nn.Linear(2, 2), torch.zeros(1, 2, 2), None, torch.ones(1)), ["run_from: module is Linear", "nn.LSTM"]),
    ],
)  # fmt: skip
def test_the_right_form_is_named(make, parts):
    with pytest.raises(DesignError) as error:
        make()
    for part in parts:
        assert part in str(error.value)
    assert "\n" not in str(error.value)


def test_what_was_right_before_still_is():
    for options in (
        {"optimiser": torch.optim.SGD},
        {"optimiser": adam, "scheduler": torch.optim.lr_scheduler.StepLR, "clip": 1},
        {"step": supervised(of_frames), "data": pairs()},
        {"data": SequenceBatches(sequences(), [s[:, 0] * 0 for s in sequences()])},
    ):
        assert run(**options).report["host"] == []


def test_the_public_names_are_seen_before_they_are_used():
    import ernn_myhdl.train

    code = "import ernn_myhdl.train as t; print(set(t.__all__) <= set(dir(t)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "True\n"
    assert all(getattr(ernn_myhdl.train, name).__doc__ for name in ernn_myhdl.train.__all__)
