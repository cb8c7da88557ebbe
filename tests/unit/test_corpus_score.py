"""Phone error rate and frame accuracy."""

import itertools

import numpy as np
import pytest
from corpus_files import require_speech
from hypothesis import given
from hypothesis import strategies as st

from ernn_myhdl.corpus import (
    Part,
    Utterance,
    frame_accuracy,
    phone_error_rate,
    phone_sequence,
    score,
    score_outputs,
    train_decoder,
)
from ernn_myhdl.corpus.segments import collapse
from ernn_myhdl.errors import DesignError

sequences = st.lists(st.integers(0, 4), max_size=12)


def edits(a: list[int], b: list[int]) -> int:
    """Edit distance from its recursion."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        last, row = row, [i + 1]
        for j, y in enumerate(b):
            row.append(min(last[j] + (x != y), last[j + 1] + 1, row[j] + 1))
    return row[-1]


@pytest.mark.speech
@given(st.lists(st.tuples(sequences, sequences), min_size=1, max_size=4))
def test_the_rate_is_edits_for_each_reference_phone(pairs):
    require_speech()
    references, hypotheses = zip(*pairs, strict=True)
    total = sum(map(len, references))
    if not total:
        with pytest.raises(DesignError, match="hold no phones"):
            phone_error_rate(references, hypotheses)
        return
    expected = sum(edits(r, h) for r, h in pairs) / total
    assert phone_error_rate(references, hypotheses) == expected
    arrays = [np.array(h, dtype=np.int64) for h in hypotheses]
    assert phone_error_rate([np.array(r) for r in references], arrays) == expected


@pytest.mark.speech
def test_rates_by_hand():
    require_speech()
    assert phone_error_rate([[1, 2, 3, 4]], [[1, 2, 3, 4]]) == 0
    assert phone_error_rate([[1, 2, 3, 4]], [[1, 3, 4]]) == 0.25
    assert phone_error_rate([[1, 2], [3, 4]], [[1, 2, 5, 6, 7], []]) == 1.25
    assert (
        phone_error_rate([[1], [2, 3, 4]], [[9], [2, 3, 4]]) == 0.25
    )  # over all, not a mean of rates


@pytest.mark.parametrize(
    ("labels", "minimum", "expected"),
    [
        ([], 3, []),
        ([1, 1, 2, 2, 2, 1], 1, [1, 2, 1]),
        ([1, 1, 2, 2, 2, 1], 2, [1, 2]),
        ([1, 1, 1, 2, 1, 1, 1], 2, [1]),  # equal phones that meet are one
        ([1, 2, 3], 2, []),
        ([4, 4, 4], 3, [4]),
    ],
)
def test_phone_sequences(labels, minimum, expected):
    assert phone_sequence(np.array(labels, dtype=np.int64), minimum).tolist() == expected


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(1, 5))
def test_a_sequence_repeats_no_phone_and_has_only_long_runs(labels, minimum):
    found = phone_sequence(np.array(labels), minimum).tolist()
    assert all(a != b for a, b in zip(found, found[1:], strict=False))
    for phone in found:
        runs = "".join(map(str, labels))
        assert str(phone) * minimum in runs


def test_bad_labels():
    for labels in (np.zeros((3, 2), int), np.zeros(3), np.float32(2)):
        with pytest.raises(DesignError, match="must be one integer a frame"):
            phone_sequence(labels)
    with pytest.raises(DesignError, match="minimum = 0"):
        phone_sequence(np.array([1]), 0)


def test_frame_accuracy():
    labels = [np.array([1, 2, 3]), np.array([4])]
    assert frame_accuracy(labels, [np.array([1, 2, 0]), np.array([4])]) == 0.75
    with pytest.raises(DesignError, match=r"utterance 1 has shape \(2,\), its labels have \(1,\)"):
        frame_accuracy(labels, [np.array([1, 2, 0]), np.array([4, 4])])
    with pytest.raises(DesignError, match="1 utterances against 2"):
        frame_accuracy(labels, labels[:1])
    with pytest.raises(DesignError, match="0 utterances against 0"):
        frame_accuracy([], [])


@pytest.mark.speech
def test_the_score_of_a_part():
    require_speech()
    labels = np.repeat([0, 1, 2], 4)
    part = Part(
        (Utterance("u", "s", "", np.zeros((12, 2), np.float32), labels, np.array([0, 1, 2])),)
    )
    assert score(part, [labels]).phone_error_rate == 0
    result = score(part, [np.repeat([0, 2], [8, 4])])
    assert result.phone_error_rate == pytest.approx(1 / 3)
    assert result.frame_accuracy == pytest.approx(8 / 12)
    noisy = labels.copy()
    noisy[4] = 7  # one frame, less than the minimum
    assert score(part, [noisy]).phone_error_rate == 0
    assert score(part, [noisy], minimum=1).phone_error_rate == pytest.approx(1 / 3)


def part_of(*labels) -> Part:
    """A part of utterances with these frame labels."""
    return Part(
        tuple(
            Utterance(f"u{i}", "s", "", np.zeros((len(y), 2), np.float32), np.array(y), collapse(y))
            for i, y in enumerate(labels)
        )
    )


def decoder_by_hand(outputs, decoder, weight):
    """The best of all paths."""
    local = outputs - weight * decoder.prior
    frames, phones = outputs.shape

    def value(path):
        steps = zip(path, path[1:], strict=False)
        inside = sum(local[t, p] for t, p in enumerate(path))
        return decoder.first[path[0]] + inside + sum(decoder.transition[a, b] for a, b in steps)

    return max(itertools.product(range(phones), repeat=frames), key=value)


@given(st.integers(0, 10_000), st.integers(1, 5), st.sampled_from([0.0, 0.3, 1.0]))
def test_the_decoder_finds_the_best_of_all_paths(seed, frames, weight):
    rng = np.random.default_rng(seed)
    decoder = train_decoder(part_of(rng.integers(0, 3, 12), rng.integers(0, 3, 7)), 3)
    outputs = rng.normal(0, 2, (frames, 3))
    found = decoder.labels(outputs, weight)
    assert found.tolist() == list(decoder_by_hand(outputs, decoder, weight))
    assert decoder.labels(outputs + 5.0, weight).tolist() == found.tolist()  # softmax or not


def test_a_decoder_counts_its_labels():
    decoder = train_decoder(part_of([0, 0, 0, 1], [0, 1, 1, 1]), 2)
    assert np.allclose(np.exp(decoder.transition), [[2.5 / 5, 2.5 / 5], [0.5 / 3, 2.5 / 3]])
    assert np.allclose(np.exp(decoder.first), [2.5 / 3, 0.5 / 3])
    assert np.allclose(np.exp(decoder.prior), [4.5 / 9, 4.5 / 9])


def test_the_decoder_mends_a_single_frame():
    labels = np.repeat([0, 1, 2], 10)
    decoder = train_decoder(part_of(labels, labels), 3)
    outputs = 2.0 * np.eye(3)[labels]
    outputs[15] = [0.5, 0.0, 0.4]  # the largest output is wrong
    assert decoder.labels(outputs).tolist() == labels.tolist()


def test_bad_outputs_of_a_network():
    decoder = train_decoder(part_of([0, 1]), 2)
    for outputs in (np.zeros((3, 4)), np.zeros(2), np.zeros((0, 2))):
        with pytest.raises(DesignError, match=r"must be \(frames, 2\)"):
            decoder.labels(outputs)
    with pytest.raises(DesignError, match="must be finite"):
        decoder.labels(np.full((2, 2), np.nan))


@pytest.mark.speech
def test_the_score_of_outputs():
    require_speech()
    labels = np.repeat([0, 1, 2], 10)
    part = part_of(labels, labels)
    decoder = train_decoder(part, 3)
    right = 2.0 * np.eye(3)[labels]
    noisy = right.copy()
    noisy[15] = [0.5, 0.0, 0.4]
    result = score_outputs(part, [right, noisy], decoder)
    assert result.phone_error_rate == 0
    assert result.frame_accuracy == 59 / 60  # of the outputs, not of the path
