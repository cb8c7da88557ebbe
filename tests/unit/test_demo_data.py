"""The shipped recordings, weights and read-out of the demonstration model."""

from __future__ import annotations

import numpy as np
import pytest

from ernn_myhdl.corpus.convert_japanese_vowels import main as convert
from ernn_myhdl.corpus.convert_japanese_vowels import parse_line
from ernn_myhdl.corpus.japanese_vowels import DATA_FILE, load_japanese_vowels, normalise
from ernn_myhdl.demo.readout import classify, demo_weights, load_readout

DATA = load_japanese_vowels()
HIDDEN, PROJECTION = 64, 32


def dense(vectors: np.ndarray) -> np.ndarray:
    """Expand ``(rows, columns, k)`` first columns to ``(rows * k, columns * k)``, by definition."""
    rows, columns, k = vectors.shape
    matrix = np.empty((rows * k, columns * k))
    for a in range(k):
        for b in range(k):
            matrix[a::k, b::k] = vectors[:, :, (a - b) % k]
    return matrix


def sigmoid(value: np.ndarray) -> np.ndarray:
    """The logistic function."""
    return 1 / (1 + np.exp(-value))


def run_lstm(sequences: list[np.ndarray]) -> list[np.ndarray]:
    """Run the shipped LSTM in float64 on ``(frames, 12)`` sequences: y, ``(frames, 32)`` each."""
    weights = {name: tensor.astype(np.float64) for name, tensor in demo_weights().items()}
    w_x = np.concatenate([dense(gate) for gate in weights["input_weight"]])
    w_r = np.concatenate([dense(gate) for gate in weights["recurrent_weight"]])
    w_p = dense(weights["projection_weight"])
    bias, (p_i, p_f, p_o) = weights["bias"], weights["peephole"]
    count, longest = len(sequences), max(map(len, sequences))
    x = np.zeros((count, longest, w_x.shape[1]))
    for row, frames in zip(x, sequences, strict=True):
        row[: len(frames), : frames.shape[1]] = frames
    c, y = np.zeros((count, HIDDEN)), np.zeros((count, PROJECTION))
    outputs = []
    for t in range(longest):
        sums = (x[:, t] @ w_x.T + y @ w_r.T).reshape(count, 4, HIDDEN) + bias
        i = sigmoid(sums[:, 0] + p_i * c)
        f = sigmoid(sums[:, 1] + p_f * c)
        c = f * c + i * np.tanh(sums[:, 2])
        o = sigmoid(sums[:, 3] + p_o * c)
        y = (o * np.tanh(c)) @ w_p.T
        outputs.append(y)
    stacked = np.stack(outputs, axis=1)
    return [row[: len(frames)] for row, frames in zip(stacked, sequences, strict=True)]


@pytest.mark.parametrize(
    ("part", "count", "frames", "per_speaker"),
    [
        (DATA.train, 270, 4274, [30] * 9),
        (DATA.test, 370, 5687, [31, 35, 88, 44, 29, 24, 40, 50, 29]),
    ],
    ids=["train", "test"],
)
def test_recordings_are_complete(part, count, frames, per_speaker):
    assert len(part.sequences) == len(part.labels) == count
    assert sum(map(len, part.sequences)) == frames
    assert np.bincount(part.labels).tolist() == per_speaker
    for sequence in part.sequences:
        assert 7 <= len(sequence) <= 29
        assert sequence.shape[1] == 12
        assert sequence.dtype == np.float64
        assert np.isfinite(sequence).all()


def test_recordings_have_unequal_lengths_without_zero_padding():
    sequences = DATA.train.sequences + DATA.test.sequences
    lengths = {len(sequence) for sequence in sequences}
    assert min(lengths) == 7
    assert max(lengths) == 29
    assert all(np.any(sequence[-1]) for sequence in sequences)


def test_npz_needs_no_pickle():
    with np.load(DATA_FILE, allow_pickle=False) as archive:
        kinds = {name: archive[name].dtype.kind for name in archive.files}
    assert kinds == {
        f"{part}_{name}": kind
        for part in ("train", "test")
        for name, kind in (("frames", "f"), ("lengths", "u"), ("labels", "u"))
    }


def test_first_values_are_those_of_the_source():
    assert DATA.train.sequences[0][0, :3] == pytest.approx([1.860936, -0.207383, 0.261557])
    assert DATA.test.sequences[0][0, :3] == pytest.approx([1.635533, 0.024848, 0.432087])


def test_normalise_uses_the_training_statistics():
    train = np.concatenate(normalise(DATA.train.sequences, DATA.mean, DATA.std))
    assert train.mean(axis=0) == pytest.approx(np.zeros(12), abs=1e-9)
    assert train.std(axis=0) == pytest.approx(np.ones(12))
    readout = load_readout()
    assert readout.input_mean == pytest.approx(DATA.mean, rel=1e-6)
    assert readout.input_std == pytest.approx(DATA.std, rel=1e-6)


def test_parse_line_drops_padding_and_shifts_the_label():
    frames, label = parse_line(":".join(["1.5,-2,NaN,?"] * 12) + ":9")
    assert frames.tolist() == [[1.5] * 12, [-2.0] * 12]
    assert label == 8


def test_convert_rejects_incomplete_files(tmp_path, capsys):
    source = tmp_path / "short.ts"
    source.write_text("@data\n" + ":".join(["1,2,3,4,5,6,7"] * 12) + ":1\n")
    assert convert([str(source), str(source), "-o", str(tmp_path / "out.npz")]) == 2
    assert "expected 270 utterances, found 1" in capsys.readouterr().err
    assert not (tmp_path / "out.npz").exists()


def test_convert_replaces_nothing_without_being_asked(tmp_path, capsys, monkeypatch):
    """It wrote over the file; without -o over the recordings of the package."""
    source, output = tmp_path / "a.ts", tmp_path / "out.npz"
    source.write_text("@data\n" + ":".join(["1,2,3,4,5,6,7"] * 12) + ":1\n")
    output.write_bytes(b"mine")
    monkeypatch.setattr("ernn_myhdl.corpus.convert_japanese_vowels.check", lambda *args: None)
    command = [str(source), str(source), "-o", str(output)]
    assert convert(command) == 2 and output.read_bytes() == b"mine"
    assert "exists; choose another, or replace it with --force" in capsys.readouterr().err
    assert convert([*command, "--force"]) == 0
    with np.load(output) as arrays:
        assert arrays["train_frames"].shape == (7, 12)
    assert convert([str(source), str(source)]) == 2


def test_tensors_have_the_documented_shapes():
    weights = demo_weights()
    assert {name: tensor.shape for name, tensor in weights.items()} == {
        "input_weight": (4, 8, 2, 8),
        "recurrent_weight": (4, 8, 4, 8),
        "projection_weight": (4, 8, 8),
        "bias": (4, 64),
        "peephole": (3, 64),
    }
    assert {tensor.dtype for tensor in weights.values()} == {np.dtype(np.float32)}
    assert all(np.isfinite(tensor).all() for tensor in weights.values())
    readout = load_readout()
    assert readout.weight.shape == (9, 32)
    assert readout.bias.shape == (9,)


def test_float_accuracy_on_the_test_part():
    readout = load_readout()
    outputs = run_lstm(normalise(DATA.test.sequences, readout.input_mean, readout.input_std))
    predicted = classify(outputs, readout)
    assert predicted.shape == (370,)
    accuracy = np.mean(predicted == DATA.test.labels)
    assert accuracy >= 0.95
    assert max(np.abs(frames).max() for frames in outputs) < 4  # what the formats assume
