"""Streams without end: the state goes from chunk to chunk, in training and in evaluation."""

import json
from itertools import islice

import numpy as np
import pytest
from small_training import CLASSES, INPUTS, RECURRENT, nn, sequences, torch

from ernn_myhdl.cli.main import main
from ernn_myhdl.corpus.inputs import DataSet
from ernn_myhdl.design.storage import load_design
from ernn_myhdl.errors import DesignError
from ernn_myhdl.runs.data_outputs import fixed_runs
from ernn_myhdl.runs.evaluate import evaluate
from ernn_myhdl.train import ChunkBatches, compress, fit, run_from

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore:LSTM with projections")]


class Stream(nn.Module):
    def __init__(self, kind="nn.LSTM"):
        super().__init__()
        torch.manual_seed(0)
        self.rnn = RECURRENT[kind]()
        self.head = nn.Linear(6, CLASSES)

    def forward(self, x, state=None, lengths=None):
        y, last = run_from(self.rnn, x, state, lengths)
        return self.head(y), last


def step(model, batch):
    scores, state = model(batch.x, batch.state, batch.lengths)
    batch.carry(state)
    return nn.functional.cross_entropy(scores.transpose(1, 2), batch.targets)


def chunks(**options):
    x = sequences()
    return ChunkBatches(x, [s.argmax(axis=1) % CLASSES for s in x], **{"streams": 3} | options)


@pytest.mark.parametrize("kind", RECURRENT)
@pytest.mark.parametrize("chunk", [None, 2])
@torch.no_grad()
def test_chunks_with_their_states_are_one_run_over_the_stream(kind, chunk):
    model, x, y = Stream(kind).eval(), [[], [], []], [[], [], []]
    data = chunks(chunk=chunk)
    made = 0
    for batch in data(1):
        scores, state = model(batch.x, batch.state, batch.lengths)
        batch.carry(state)
        made += 1
        for lane, n in enumerate(batch.lengths.tolist()):
            x[lane].append(batch.x[lane, :n])
            y[lane].append(scores[lane, :n])
    assert made == len(data)
    assert sum(len(piece) for lane in x for piece in lane) == sum(map(len, sequences()))
    for one, other in zip(x, y, strict=True):
        whole = model.head(model.rnn(torch.cat(one)[None])[0])[0]
        torch.testing.assert_close(torch.cat(other), whole, rtol=1e-4, atol=1e-5)


def test_the_state_is_zero_again_after_so_many_sequences():
    zero = []
    for batch in chunks(streams=2, carry=2, seed=None)(0):
        state = batch.state
        zero.append(state is None or (state == 0).flatten(2).all(2)[0].tolist())
        batch.carry(torch.ones(1, len(batch.x), 4))
    assert zero == [True, [False] * 2, [True] * 2, [False] * 2, [True] * 2, [False] * 2]
    for batch in chunks(streams=5)(0):  # 12 sequences in 5 streams: 3, 3, 3, 3
        assert batch.state is None or (batch.state == 1).all()
        batch.carry(torch.ones(1, len(batch.x), 4))


def test_an_interruption_in_the_middle_of_an_epoch_changes_no_bit(tmp_path):
    def crash(model, batch):
        loss = step(model, batch)
        crash.left -= 1
        if crash.left < 0:
            raise KeyboardInterrupt
        return loss

    def run(with_step, folder):
        options = {"epochs": 2, "progress": False, "checkpoint": folder, "checkpoint_steps": 1}
        return compress(Stream(), {"rnn.*": 2}, with_step, chunks(chunk=2), "projection", **options)

    whole = run(step, tmp_path / "whole")
    crash.left = 5
    with pytest.raises(KeyboardInterrupt):
        run(crash, tmp_path / "parts")
    again = run(step, tmp_path / "parts")
    assert again.report["resumed"]
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, again.model.state_dict()[name])
    assert again.history == whole.history


def test_what_is_wrong_is_said():
    x = sequences(3)
    for options, message in (
        ({"chunk": 2, "targets": [0, 1, 2]}, "chunk = 2: a sequence with one target cannot be cut"),
        ({"streams": 0}, "streams = 0: must be a whole number, at least 1"),
        ({"carry": 0}, "carry = 0: must be a whole number, at least 1"),
    ):
        with pytest.raises(DesignError, match=message):
            ChunkBatches(x, **{"targets": [s[:, 0] > 0 for s in x]} | options)
    (batch,) = islice(chunks()(0), 1)
    for state in (torch.zeros(1, 4, 6), [0], torch.zeros(3, 6)):
        with pytest.raises(DesignError, match=r"state: .* must be tensors \(layers, 3, ...\)"):
            batch.carry(state)

    def forgets(model, batch):
        return model(batch.x)[0].mean()

    with pytest.raises(DesignError, match=r"step: did not hand the state on .* batch.carry"):
        fit(nn.GRU(INPUTS, 6, batch_first=True), forgets, chunks(), 1, progress=False)


def test_recogniser_of_streams_and_its_evaluation_as_one(tmp_path, capsys):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 40)
    x = {f"x{i}": rng.normal(0, 0.3, (4, 3)) + 2 * label - 1 for i, label in enumerate(labels)}
    parts = np.array(["validation", "test", "train", "train"] * 10)
    np.savez(tmp_path / "own.npz", labels=labels, parts=parts, **x)
    sizes = ["--hidden", "4", "--block", "2", "--epochs", "2", "--admm-epochs", "1", "--retrain-epochs", "0"]  # fmt: skip
    command = ["train", str(tmp_path / "own.npz"), "-o", str(tmp_path / "run"), *sizes]
    assert main([*command, "--carry", "5", "--cell", "rnn", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["recipe"]["carry"] == 5
    design = load_design(tmp_path / "run" / "design")
    assert [layer.cell.kind for layer in design.layers] == ["rnn", "linear"]
    own = ["evaluate", str(tmp_path / "run" / "design"), "--data", str(tmp_path / "own.npz")]
    assert main([*own, "--part", "test", "--one-stream", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["one_stream"] is True
    mean, std = (np.load(tmp_path / "run" / "x.npz")[n] for n in ("mean", "std"))
    chosen = np.flatnonzero(parts == "test")
    frames = [(x[f"x{i}"] - mean) / std for i in chosen]
    # the session keeps the state, as the core does
    with design.open() as session:
        named = [np.mean([session.step(f) for f in s], axis=0).argmax() for s in frames]
    assert found["accuracy_fixed"] == np.mean(named == labels[chosen])
    data = DataSet(frames, labels[chosen])
    (whole,) = fixed_runs(design, data, one_stream=True)
    evaluation = evaluate(design, data, one_stream=True)
    assert evaluation.frames == len(whole.outputs) == 40
    assert evaluation.predictions.fixed.tolist() == list(named)
    assert evaluation.source.accuracy is not None
    assert main([*own, "--one-stream", "--words", "8"]) == 2
    assert "--one-stream: is of one design" in capsys.readouterr().err
    cut = [*command[:3], str(tmp_path / "cut"), "--carry", "2", "--chunk", "2"]
    assert main(cut) == 2 and "cannot be cut" in capsys.readouterr().err
    assert not (tmp_path / "cut").exists()


class Letters(nn.Module):
    """Rows of a table in front of a recurrent layer; after: what its forward does with a state that it is given."""

    def __init__(self, after=lambda x, state: x):
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Embedding(5, 4)
        self.rnn, self.head = nn.LSTM(4, 4, batch_first=True), nn.Linear(4, 5)
        self.after = after

    def forward(self, x, state=None, lengths=None):
        x = self.table(x)
        if lengths is None:
            return self.head(self.rnn(x)[0])
        y, last = run_from(self.rnn, self.after(x, state), state, lengths)
        return self.head(y), last


def letters():
    rng = np.random.default_rng(3)
    x = [rng.integers(0, 5, n) for n in (7, 3, 9, 5)]
    return ChunkBatches(x, [(s + 1) % 5 for s in x], 2, chunk=4, seed=None, numbers=True)


def test_rows_of_an_embedding_are_carried_and_are_the_design_that_takes_x_alone():
    batches = list(letters()(0))
    assert [b.x.dtype for b in batches] == [torch.int64] * len(batches)
    blocks = {"rnn.*": 2, "head.*": 1}
    trained = compress(Letters(), blocks, step, letters(), "direct", epochs=2, progress=False)
    x = np.array([0, 3, 1, 4, 4, 2])
    design = trained.design([x[:, None]], word=16)
    assert [join.kind for join in design.graph.joins] == ["embedding"]
    with torch.no_grad():
        wanted = trained.model(torch.tensor(x)[None])[0].numpy()
    got = design.run(x[:, None].astype(float), "integer").outputs
    assert np.abs(got - wanted).max() < 1e-2 * np.ptp(wanted)


@pytest.mark.parametrize(
    "after",
    [
        lambda x, state: 2 * x,
        # the second sequence alone is another one
        lambda x, state: x * torch.tensor([1.0, 2.0])[: len(x), None, None],
    ],
)
def test_a_model_that_does_something_else_without_its_state_is_refused(after):
    with pytest.raises(DesignError, match="the same for x alone"):
        compress(Letters(after), {"rnn.*": 2}, step, letters(), "direct", progress=False)


def test_own_letters_of_a_stream_are_trained_and_evaluated_as_one(tmp_path, capsys):
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    x = {f"x{i}": np.cumsum(rng.integers(0, 2, 6) + label) % 5 for i, label in enumerate(labels)}
    parts = np.array(["validation", "test", "train", "train"] * 5 + ["train"] * 20)
    np.savez(tmp_path / "own.npz", labels=labels, parts=parts, **x)
    sizes = ["--hidden", "4", "--block", "2", "--epochs", "2", "--admm-epochs", "1", "--retrain-epochs", "0"]  # fmt: skip
    command = ["train", str(tmp_path / "own.npz"), "-o", str(tmp_path / "run"), *sizes]
    assert main([*command, "--embedding", "4", "--carry", "5", "--method", "direct"]) == 0
    capsys.readouterr()
    own = ["evaluate", str(tmp_path / "run" / "design"), "--data", str(tmp_path / "own.npz")]
    assert main([*own, "--part", "test", "--one-stream", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    chosen = np.flatnonzero(parts == "test")
    with load_design(tmp_path / "run" / "design").open() as session:
        named = [
            np.mean([session.step(n[None]) for n in x[f"x{i}"]], axis=0).argmax() for i in chosen
        ]
    assert found["accuracy_fixed"] == np.mean(named == labels[chosen])
