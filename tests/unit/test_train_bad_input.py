"""Blocks, data and settings of training: what fits, and one line for what does not."""

import importlib.util
import subprocess
import sys
from collections import OrderedDict

import numpy as np
import pytest
from small_training import Net, batches, frame_loss, nn, sequences, torch

from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.train import (
    AdmmSchedule,
    Quantisation,
    SequenceBatches,
    compress,
    find_matrices,
    fit,
    plot_history,
    save_model,
)
from ernn_myhdl.train.batches import IGNORED

pytestmark = pytest.mark.torch


ORDER = ["rnn", "one", "two"]


class TwoLayers(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.LSTM(5, 8, num_layers=2, proj_size=4)
        self.second = nn.GRUCell(4, 8)
        self.head = nn.Linear(8, 8)
        self.tied = nn.Linear(8, 8)
        self.tied.weight = self.head.weight
        self.norm = nn.LayerNorm(8)


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        (4, [4] * 9),
        ({"recurrent": 2}, [1, 2, 1, 1, 2, 1, 1, 2, 1]),
        ({"first.weight_?h_l0": 8, "first.*": 4, "linear": 2}, [8, 8, 4, 4, 4, 4, 1, 1, 2]),
        ({"*_l1": 16, "input": 4}, [4, 1, 1, 16, 16, 16, 4, 1, 1]),
        ({"projection": 2, "second.weight_hh": 32}, [1, 1, 2, 1, 1, 2, 1, 32, 1]),
    ],
)
def test_blocks_by_pattern(blocks, expected):
    found = find_matrices(TwoLayers(), blocks)
    assert [m.block for m in found] == expected
    roles = ["input", "recurrent", "projection"] * 2 + ["input", "recurrent", "linear"]
    assert [m.role for m in found] == roles
    assert [m.gates for m in found] == [4, 4, 1, 4, 4, 1, 3, 3, 1]


def test_batches_follow_from_the_seed_and_the_epoch():
    x = sequences(30)
    data = SequenceBatches(x, [np.arange(len(s)) for s in x], batch=4, seed=1)
    again = SequenceBatches(x, [np.arange(len(s)) for s in x], batch=4, seed=1)
    first, second = list(data(0)), list(data(1))
    assert len(first) == len(data) == 8
    for one, other in zip(first, again(0), strict=True):
        assert torch.equal(one.x, other.x)
    pairs = zip(first, second, strict=True)
    assert any(a.x.shape != b.x.shape or not torch.equal(a.x, b.x) for a, b in pairs)
    found = []
    for batch in first:
        assert batch.x.shape[:2] == batch.targets.shape
        for frames, targets, length in zip(*batch, strict=True):
            assert torch.equal(targets[:length], torch.arange(length))
            assert bool((targets[length:] == IGNORED).all()) and not frames[length:].any()
            found.append(frames[:length].numpy().tobytes())
    assert sorted(found) == sorted(s.astype(np.float32).tobytes() for s in x)


def trained(**changes):
    options = {"blocks": 4, "step": frame_loss, "data": batches(), "epochs": 1, "progress": False}
    options |= {"method": "projection"} | changes
    return compress(options.pop("model", None) or Net(), **options)


class Tied(nn.Sequential):
    def __init__(self):
        super().__init__(OrderedDict(rnn=FirstOf(5, 6), one=nn.Linear(6, 6), two=nn.Linear(6, 6)))
        self.two.weight = self.one.weight


class FirstOf(nn.GRU):
    def forward(self, x):
        return super().forward(x)[0]


def frozen():
    net = Net()
    net.rnn.weight_hh_l0.requires_grad_(False)
    return net


def changed():
    compressed = trained()
    with torch.no_grad():
        compressed.model.head.weight.add_(0.5)
    return compressed


def not_a_number(model, batch):
    return frame_loss(model, batch) * float("nan")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: trained(blocks=3), "blocks = 3: must be a power of two, one of 1, 2, 4, 8, 16, 32"),
        (lambda: trained(blocks={"rnn.*": True}), "blocks['rnn.*'] = True: must be a power"),
        (lambda: trained(blocks={"lstm.*": 8}), "blocks: 'lstm.*' fits no matrix; the matrices are rnn"),
        (lambda: trained(blocks={"head.*": 1}), "blocks: all are 1, so nothing is compressed"),
        (lambda: trained(model=frozen()), "matrix rnn.weight_hh_l0: is frozen"),
        (lambda: trained(model=nn.Conv2d(2, 2, 2)), "model Conv2d: has no LSTM, GRU, RNN, linear layer or convolution"),
        (lambda: trained(method="magic"), "method = 'magic': must be admm, direct or projection"),
        (lambda: trained(schedule=AdmmSchedule()), "schedule: is for method 'admm'"),
        (lambda: trained(epochs=-1), "epochs = -1: must be a whole number, at least 0"),
        (lambda: trained(optimiser={"adam": None}), "optimiser of phase 'adam': the phases are train, admm"),
        (lambda: trained(seed=-1), "seed = -1: must be a whole number, at least 0"),
        (lambda: trained(checkpoint_steps=0), "checkpoint_steps = 0: must be a whole number"),
        (lambda: trained(clip=0), "clip = 0: must be above 0, or None"),
        (lambda: trained(data=[]), "data: an epoch has no batches"),
        (lambda: trained(data=5), "data: is int, must be an iterable of batches"),
        (lambda: trained(data=iter([1])), "data: is an iterator, which gives its batches once only"),
        (lambda: trained(data=lambda e: batches()(e), scheduler=lambda o, n: o), "data: have no length"),
        (lambda: trained(step=lambda m, b: 1.0), "step: gave float, must give the loss"),
        (lambda: trained(step=lambda m, b: m(b.x)), "step: gave shape (4, "),
        (lambda: trained(step=lambda m, b: torch.zeros(())), "step: gave shape (), must give"),
        (lambda: trained(step=not_a_number), "loss is nan in phase retrain, epoch 0, batch 0; take a"),
        (lambda: AdmmSchedule(epochs=0), "schedule epochs = 0: must be a whole number, at least 1"),
        (lambda: AdmmSchedule(steps=1.5), "schedule steps = 1.5: must be a whole number"),
        (lambda: AdmmSchedule(rho=0), "schedule rho = 0: must be above 0 and at most largest_rho"),
        (lambda: AdmmSchedule(rho=20, largest_rho=10), "schedule rho = 20: must be above 0 and at most largest_rho = 10"),
        (lambda: AdmmSchedule(relative=1), "schedule relative = 1: must be True or False"),
        (lambda: AdmmSchedule(growth=0.5), "schedule growth = 0.5: must be at least 1"),
        (lambda: AdmmSchedule(dual=float("nan")), "schedule dual = nan: must be a finite number"),
        (lambda: Quantisation(word=3), "quantisation word = 3: must be 4 to 18"),
        (lambda: Quantisation(signals=1), "quantisation signals = 1: must be True or False"),
        (lambda: SequenceBatches([], []), "sequences: 0 with 0 targets"),
        (lambda: SequenceBatches([np.zeros((2, 3))], [1], 0), "batch = 0: must be a whole number"),
        (lambda: SequenceBatches([np.zeros((0, 3))], [1]), "sequence 0: shape (0, 3), must be"),
        (lambda: SequenceBatches([np.zeros((4, 3))], [[1, 2]]), "targets of sequence 0: shape (2,)"),
        (lambda: plot_history({"epochs": []}, "x.png"), "history: 'updates' is missing"),
        (lambda: plot_history(trained().history, "x.txt"), "output x.txt: the name must end in .png"),
        (lambda: trained(model=Tied()).design(sequences(), order=ORDER), "two (linear 6 -> 6): shares a matrix with"),
        (lambda: changed().design(sequences()), "matrix head.weight: was changed after the training"),
        (lambda: save_model(trained(), "model.pt"), "output model.pt: the name must end in .safetensors"),
        (lambda: trained().design([np.zeros((3, 4))]), "calibration sequence 0: 4 elements a frame"),
    ],
)  # fmt: skip
def test_one_line_for_bad_input(make, message):
    with pytest.raises(DesignError) as error:
        make()
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_without_pytorch_the_message_names_the_extra(monkeypatch):
    from ernn_myhdl import train

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.delitem(vars(train), "fit", raising=False)
    with pytest.raises(ToolError, match=r"pip install 'ernn-myhdl\[train\]'"):
        train.fit  # noqa: B018


def test_the_command_starts_without_pytorch():
    """Only training imports it, which takes seconds."""
    code = "import sys, ernn_myhdl.cli.main, ernn_myhdl.train; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_bar_shows_only_where_it_may(capsys):
    fit(Net(), frame_loss, batches(), 1)
    assert capsys.readouterr().err == ""  # no terminal
