"""Calls of `ernn_myhdl.train` that were errors of Python, or did silently something else, name the right form."""

import numpy as np
import pytest
from small_training import Net, batches, frame_loss, nn, sequences, torch

from ernn_myhdl.errors import DesignError
from ernn_myhdl.train import (
    AdmmSchedule,
    Lstm,
    Matrix,
    Quantisation,
    SequenceBatches,
    Settings,
    compress,
    ctc_loss,
    find_matrices,
    run_from,
)

pytestmark = pytest.mark.torch


def run(**changes):
    options = {"method": "direct", "epochs": 1, "progress": False}
    return compress(Net(), 2, frame_loss, **{"data": batches()} | options | changes)


def classes(*targets):
    return SequenceBatches(sequences(len(targets)), targets)


def ran(module, x=(2, 3, 5), state=None, lengths=(3, 2)):
    lengths = torch.tensor(lengths) if isinstance(lengths, tuple) else lengths
    return run_from(module, torch.zeros(x), state, lengths)


def ctc(frames, labels, lengths):
    return ctc_loss(torch.zeros(1, frames, 3), torch.tensor([labels]), torch.tensor([lengths]))


GRU = nn.GRU(5, 6, batch_first=True)
OTHER = Net()


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda: compress(), "compress: missing a required argument: 'model'; its form is compress(model, blocks, step, data, method='admm'"),
        (lambda: AdmmSchedule(lr=1), "unexpected keyword argument 'lr'; its form is AdmmSchedule(epochs=25, rho=0.1"),
        (lambda: Quantisation(bits=8), "'bits'; its form is Quantisation(word=12, epochs=2, signals=False)"),
        (lambda: SequenceBatches([], [], batch_size=4), "'batch_size'; its form is SequenceBatches(sequences, targets, batch=16"),
        (lambda: Lstm(3, 4, bidirectional=True), "'bidirectional'; its form is Lstm(inputs, hidden, projection=0"),
        (lambda: Lstm(3, 4, batch_first=1), "batch_first = 1: must be True or False"),
        (lambda: run(optimiser=lambda p: torch.optim.Adam(OTHER.parameters())), "optimiser: <lambda> takes other tensors than"),
        (lambda: run(optimiser=lambda p: torch.optim.LBFGS(p)), "optimiser: LBFGS needs a function that computes the loss again"),
        (lambda: run(seed=2**63), "must be below 2^63"),
        (lambda: run(checkpoint_steps=2), "checkpoint_steps = 2: there are no checkpoints"),
        (lambda: run(modules=["rnn", "rnn"]), "modules: 'rnn' is named twice"),
        (lambda: run(data=lambda: batches()(0)), "data: <lambda> does not take one argument; must be a function from the number"),
        (lambda: Settings(optimiser="adam"), "optimiser: is str, must be a function"),
        (lambda: Settings(scheduler=5), "scheduler: is int, must be a function"),
        (lambda: Settings(progress="no"), "progress = 'no': must be True or False"),
        (lambda: Settings(validate=3), "validate: is int, must be a function of the model"),
        (lambda: Settings(checkpoint=3), "checkpoint = 3: must be the name of a folder"),
        (lambda: SequenceBatches(None, [0]), "sequences: is NoneType, must be a list with an array for each"),
        (lambda: SequenceBatches([np.full((3, 5), np.nan)], [0]), "sequence 0: holds NaN or infinite numbers"),
        (lambda: SequenceBatches([np.zeros((3, 5))], [0], label_sequences=1), "label_sequences = 1: must be True or False"),
        (lambda: classes(0, -1), "targets of sequence 1: -1, must be classes from 0, or -100"),
        (lambda: ran(GRU, x=(2, 5)), "run_from: x: shape (2, 5), must be (n, frames, 5)"),
        (lambda: ran(GRU, state=torch.zeros(1, 2, 5)), "state of shape (1, 2, 5), must be (1, 2, 6) of GRU"),
        (lambda: ran(nn.LSTM(5, 6, batch_first=True), state=torch.zeros(1, 2, 6)), "must be (1, 2, 6) and (1, 2, 6) of LSTM"),
        (lambda: ran(GRU, lengths=(3, 0)), "lengths [3, 0], must be the frames of each of the 2 sequences, 1 to 3"),
        (lambda: ran(GRU, lengths=(3, 4)), "lengths [3, 4]"),
        (lambda: ran(GRU, lengths=(3.0, 1.0)), "lengths [3.0, 1.0]"),
        (lambda: ran(Lstm(5, 6, batch_first=True), lengths=(3,)), "lengths [3], must be the frames of each of the 2"),
        (lambda: ran(nn.GRU(5, 6, batch_first=True, bidirectional=True)), "run_from: module is bidirectional"),
        (lambda: ctc(2, [0, 1], 3), "ctc_loss: lengths [3], must be whole numbers, 1 to 2"),
        (lambda: ctc(2, [0, 0], 2), "sequence 0 of the batch has 2 frames for 2 labels; it needs one for each label and one more"),
        (lambda: find_matrices(Net(), 2, shifts=3), "shifts: is int"),
        (lambda: Matrix("a", 1, "recurrent", 3), "matrix 'a': parameter is int"),
    ],
)  # fmt: skip
def test_it_is_refused_with_its_form(make, part):
    with pytest.raises(DesignError) as error:
        make()
    assert part in str(error.value) and "\n" not in str(error.value)


def test_what_is_right_goes_on():
    y, last = ran(GRU, state=torch.zeros(1, 2, 6))
    assert y.shape == (2, 3, 6) and last.shape == (1, 2, 6)
    assert torch.isfinite(ctc(3, [0, 0], 3)) and torch.isfinite(ctc(1, [-100], 1))
    assert len(classes(0, -100)) == 1
    assert isinstance(type("Own", (Lstm,), {})(3, 4), Lstm)
