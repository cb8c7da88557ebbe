"""Interrupted trainings go on from their checkpoint to the same bits."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_training import SHORT, Net, batches, frame_loss, nn, sequences, torch

from ernn_myhdl.errors import DesignError
from ernn_myhdl.train import AdmmSchedule, SequenceBatches, compress, fit
from ernn_myhdl.train import checkpoint as checkpoints
from ernn_myhdl.train.checkpoint import CHECKPOINT_NAME, decode, encode, load_checkpoint

pytestmark = pytest.mark.torch
#: A batch in each phase and at their borders; there are six of ADMM, retraining and fine-tuning each.
MOMENTS = (1, 5, 6, 8, 12, 17)


class Crash(Exception):
    """A power failure."""


class LoaderOfTensors:
    """A DataLoader that shuffles with the global generator, and adds noise from numpy's."""

    def __init__(self, generator=None):
        x, targets, lengths = next(SequenceBatches(sequences(), [0] * 12, 12, None)(0))
        data = torch.utils.data.TensorDataset(x, lengths % 3)
        self._loader = torch.utils.data.DataLoader(data, 4, shuffle=True, generator=generator)
        self.generator = generator

    def __len__(self):
        return len(self._loader)

    def __iter__(self):
        for x, target in self._loader:
            yield x + torch.from_numpy(np.random.standard_normal(x.shape)).float(), target


def sequence_loss(model, batch):
    x, target = batch
    return nn.functional.cross_entropy(model(x).mean(1), target)


def cosine(optimiser, steps):
    return torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.01, total_steps=steps)


OPTIONS = {
    "frames": {"data": batches, "step": frame_loss},
    "loader": {
        "data": LoaderOfTensors,
        "step": sequence_loss,
        "optimiser": lambda p: torch.optim.SGD(p, 0.05, momentum=0.9),
    },
    "own generator": {
        "data": lambda: LoaderOfTensors(torch.Generator().manual_seed(5)),
        "step": sequence_loss,
        "optimiser": {"retrain": lambda p: torch.optim.AdamW(p, 0.01)},
        "scheduler": {"admm": cosine, "retrain": cosine},
        "clip": 0.5,
    },
}


def run(options, folder=None, crash=None, steps=None):
    """Everything that a training leaves; crash: the number of the step that fails."""
    options = dict(options)
    data, loss = options.pop("data")(), options.pop("step")
    count = 0

    def step(model, batch):
        nonlocal count
        if count == crash:
            raise Crash
        count += 1
        return loss(model, batch)

    net = Net(dropout=0.3)
    compressed = compress(
        net, {"rnn.*": 4}, step, data, **SHORT, **options, checkpoint=folder, checkpoint_steps=steps
    )
    tensors = {f"vectors {n}": v for n, v in compressed.vectors.items()} | net.state_dict()
    return {n: t.numpy().tobytes() for n, t in tensors.items()}, compressed.history


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_crash_in_any_phase_changes_no_bit(tmp_path, options):
    expected = run(options)
    for moment in MOMENTS:
        for steps in (1, 2) if moment % 2 else (None,):
            folder = tmp_path / f"{moment}_{steps}"
            with pytest.raises(Crash):
                run(options, folder, moment, steps)
            assert run(options, folder, steps=steps) == expected, (moment, steps)


def test_several_crashes_of_one_training(tmp_path):
    expected = run(OPTIONS["loader"])
    for _ in range(4):
        with pytest.raises(Crash):
            run(OPTIONS["loader"], tmp_path, 4, 1)
    assert run(OPTIONS["loader"], tmp_path, steps=1) == expected


def test_a_finished_training_is_read_from_its_checkpoint(tmp_path):
    expected = run(OPTIONS["frames"], tmp_path)
    assert run(OPTIONS["frames"], tmp_path, crash=0) == expected


@pytest.mark.parametrize("write", [1, 3, 7, 10])
def test_a_crash_while_a_checkpoint_is_written(tmp_path, monkeypatch, write):
    expected = run(OPTIONS["frames"])
    real, count = checkpoints.save_file, 0

    def half(tensors, file, metadata):
        nonlocal count
        count += 1
        real(tensors, file, metadata)
        if count == write:
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
            os.link(file, tmp_path / f".checkpoint.partial-0{file.suffix}")  # nobody tidies up
            raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save_file", half)
        with pytest.raises(Crash):
            run(OPTIONS["frames"], tmp_path, steps=2)
    assert run(OPTIONS["frames"], tmp_path, steps=2) == expected
    assert [f.name for f in tmp_path.iterdir()] == [CHECKPOINT_NAME]


KILLED = """\
import os, signal, sys
from ernn_myhdl.train import checkpoint
from pathlib import Path
from small_training import *
sys.path.insert(0, "unit")
import test_train_resume as tests
real, count = checkpoint.save_file, 0
def half(tensors, file, metadata):
    global count
    count += 1
    real(tensors, file, metadata)
    if count == 4:
        file.write_bytes(file.read_bytes()[:200])
        os.kill(os.getpid(), signal.SIGKILL)
checkpoint.save_file = half
tests.run(tests.OPTIONS["frames"], Path(sys.argv[1]))
"""


def test_a_process_killed_while_it_writes(tmp_path):
    tests = Path(__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tests.parent), str(tests)])}
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    result = subprocess.run(command, cwd=tests, env=environment, capture_output=True, text=True)
    assert result.returncode == -signal.SIGKILL, result.stderr
    assert len(list(tmp_path.iterdir())) == 2
    assert run(OPTIONS["frames"], tmp_path) == run(OPTIONS["frames"])
    assert [f.name for f in tmp_path.iterdir()] == [CHECKPOINT_NAME]


def test_trees_come_back_as_they_were():
    tree = {
        "numbers": [1, 2.5, float("inf"), True, None, "text", (1, (2.0,))],
        3: {"a": torch.arange(3), (1, "b"): torch.randn(2, 2).double()},
        "empty": [{}, [], ()],
    }
    tensors = {}
    found = decode(encode(tree, tensors), tensors)
    assert found["numbers"] == tree["numbers"] and found["empty"] == tree["empty"]
    assert list(found) == list(tree)
    for key, tensor in tree[3].items():
        assert torch.equal(found[3][key], tensor) and found[3][key].dtype == tensor.dtype


# checkpoints that cannot be continued


def fitted(folder, epochs=1, **options):
    return fit(Net(), frame_loss, batches(), epochs, checkpoint=folder, progress=False, **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 3}, "seed = 0, this one has 3"),
        ({"epochs": 2}, "epochs['train'] = 1, this one has 2"),
        ({"clip": 1.0}, "clip = None, this one has 1.0"),
    ],
)
def test_another_training(tmp_path, change, message):
    fitted(tmp_path)
    with pytest.raises(DesignError) as error:
        fitted(tmp_path, **change)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_another_model(tmp_path):
    fitted(tmp_path)
    with pytest.raises(
        DesignError, match=r"parameters\['rnn.weight_ih_l0'\] = \[24, 5\], this one has \[18, 5\]"
    ):
        fit(Net("nn.GRU"), frame_loss, batches(), 1, checkpoint=tmp_path, progress=False)
    with pytest.raises(DesignError, match="is of a training with method = 'dense'"):
        compress(
            Net(), 4, frame_loss, batches(), schedule=AdmmSchedule(1), checkpoint=tmp_path,
            progress=False,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda b: b[:100], "cannot be read"),
        (lambda b: b"", "cannot be read"),
        (lambda b: b.replace(b"ernn_training", b"ernn_traininG"), "cannot be read"),
        (lambda b: b.replace(rb"\"version\": 1", rb"\"version\": 9"), "has version 9, must be 1"),
    ],
)
def test_damaged_files(tmp_path, damage, message):
    fitted(tmp_path)
    file = tmp_path / CHECKPOINT_NAME
    whole = file.read_bytes()
    assert damage(whole) != whole
    file.write_bytes(damage(whole))
    with pytest.raises(DesignError, match=message) as error:
        fitted(tmp_path)
    assert "delete it to begin anew" in str(error.value) and "\n" not in str(error.value)


def test_checkpoints_hold_no_code(tmp_path):
    with pytest.raises(DesignError, match="checkpoint: cannot hold set"):
        encode({"a": {1, 2}}, {})
    assert load_checkpoint(tmp_path) is None
