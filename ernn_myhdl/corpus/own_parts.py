"""A user's own data in parts: split by group, normalised, with classes as numbers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from ernn_myhdl.corpus.corpus import PARTS
from ernn_myhdl.corpus.data_set import DataSet
from ernn_myhdl.corpus.label_sequences import least_frames
from ernn_myhdl.corpus.own_data import OwnData, natural
from ernn_myhdl.corpus.trained_data import TrainedData
from ernn_myhdl.errors import DesignError

#: One of so many groups is of the test part, and another one of validation.
HELD_OUT = 5
#: In the place of a part: all sequences, for evaluations.
ALL = "all"


@dataclass(frozen=True)
class OwnParts:
    """train, validation, test as data sets, their x normalised.

    classes: names, in the order of the outputs. mean, std: (inputs,) of the training frames: x is (frames - mean) / std.
    digest: SHA-256 of all of it. rows: of the embedding of which x are numbers, one more than the largest one of the training part;
    0 of other x. features: of the sounds, None of arrays.
    """

    parts: dict[str, DataSet]
    classes: tuple[str, ...]
    mean: np.ndarray
    std: np.ndarray
    digest: str
    rows: int = 0
    features: str | None = None


def own_parts(data: OwnData) -> OwnParts:
    """The parts of own data: those it names, or split by `split_groups`.

    Where it names no validation part, that is split off the training part. DesignError where a part would have
    nothing, a group is in two parts, or a label has no training sequence.
    """
    parts = np.array(_parts(data))
    for part in PARTS:
        if part not in parts:
            raise DesignError(
                f"data: no sequence is in the part {part}; name some, or leave the parts out to have them split"
            )
    train = np.flatnonzero(parts == "train")
    frames = np.concatenate([data.sequences[i] for i in train])
    mean, std = frames.mean(axis=0), frames.std(axis=0)
    spans = np.ptp(frames, axis=0)
    if not spans.any():
        raise DesignError(
            f"data: all {len(frames)} frames of the training part are equal, so there is nothing to learn; check what was written"
        )
    for element in np.flatnonzero((std == 0) & (spans > 0))[:1].tolist():  # its square is 0
        raise DesignError(
            f"data: element {element} of the frames varies by {spans[element]:.2g} only, too little to be normalised; scale it"
        )
    std = np.where(std > 0, std, 1.0)
    rows = 0
    if data.numbers:  # which mean nothing as values
        mean, std, rows = np.zeros(1), np.ones(1), int(frames.max()) + 1
        _check_rows(data, rows)
    classes = _classes(data, train)
    digest = hashlib.sha256(repr((classes, parts.tolist(), data.groups, data.features)).encode())
    sets = {}
    for part in PARTS:
        chosen = np.flatnonzero(parts == part).tolist()
        labels = [_numbers(data, i, classes) for i in chosen]
        if data.labels_in_order and part == "train":
            _check_frames(data, chosen, labels)
        sets[part] = _data_set(data, chosen, labels, classes, mean, std)
        for i, numbers in zip(chosen, labels, strict=True):
            digest.update(data.sequences[i].tobytes() + numbers.tobytes())
        if data.labels_in_order:
            digest.update(repr([len(numbers) for numbers in labels]).encode())
    if rows:
        digest.update(b"numbers")
    return OwnParts(sets, classes, mean, std, digest.hexdigest(), rows, data.features)


def trained_part(data: OwnData, part: str, trained: TrainedData) -> DataSet:
    """A part of own data, or ALL of them, for the design of a training: normalised as its data were, with its classes.

    DesignError where the part holds nothing, or a label is none of the classes.
    """
    given = [ALL] * len(data.names) if part == ALL else _parts(data)
    chosen = [i for i, own in enumerate(given) if own == part]
    if not chosen:
        raise DesignError(
            f"data: no sequence is in the part {part}; choose another one, or take --part {ALL}"
        )
    unknown = f"which is none of the classes of the training ({trained.file}): {', '.join(trained.classes)}; leave it out"
    labels = [_numbers(data, i, trained.classes, unknown) for i in chosen]
    return _data_set(data, chosen, labels, trained.classes, trained.mean, trained.std)


def _data_set(
    data: OwnData,
    chosen: list[int],
    labels: list[np.ndarray],
    classes: tuple[str, ...],
    mean: np.ndarray,
    std: np.ndarray,
) -> DataSet:
    """Some of the sequences, normalised, with the numbers of their labels."""
    return DataSet(
        [(data.sequences[i] - mean) / std for i in chosen],
        None if data.labels_in_order else np.concatenate(labels),
        classes=classes,
        names=tuple(data.names[i] for i in chosen),
        groups=None if data.groups is None else tuple(data.groups[i] for i in chosen),
        one_label_each=None if data.labels_in_order else not data.labels_per_frame,
        label_sequences=tuple(labels) if data.labels_in_order else None,
    )


def _check_rows(data: OwnData, rows: int) -> None:
    """DesignError where a number is larger than those of the training part."""
    for name, sequence in zip(data.names, data.sequences, strict=True):
        if sequence.max() >= rows:
            raise DesignError(
                f"data: {name} holds the number {sequence.max():.0f}, and the largest one of the training part is {rows - 1}; give "
                "what is rare a number that is trained, or add such a training sequence"
            )


def split_groups(groups: list[str], what: str = "group") -> dict[str, str]:
    """Group -> part: of the groups in the order of the SHA-256 of their names the first fifth is test, the second one
    validation, the rest train; at least one of each. what: a group is in a message."""
    ordered = _ordered(groups)
    if len(ordered) < len(PARTS):
        raise DesignError(
            f"data: {len(ordered)} {what}{'s' * (len(ordered) != 1)} cannot be split into {', '.join(PARTS)}; give at least {len(PARTS)}, or name "
            f"the part of each sequence; an evaluation takes --part {ALL} too"
        )
    held = max(len(ordered) // HELD_OUT, 1)
    parts = ["test"] * held + ["validation"] * held
    return dict(zip(ordered, parts + ["train"] * (len(ordered) - 2 * held), strict=True))


def _ordered(groups: list[str]) -> list[str]:
    return sorted(set(groups), key=lambda name: hashlib.sha256(name.encode()).digest())


def _parts(data: OwnData) -> list[str]:
    """The part of each sequence."""
    groups = data.groups or data.names
    if data.parts is None:
        part_of = split_groups(groups, "group" if data.groups else "sequence")
        return [part_of[group] for group in groups]
    given = list(data.parts)
    first: dict[str, str] = {}
    for group, part in zip(groups, given, strict=True):
        if first.setdefault(group, part) != part:
            raise DesignError(
                f"data: group {group!r} is in the parts {first[group]} and {part}, so that the scores would be of what was "
                "trained on; put it into one, or leave the groups out"
            )
    if "validation" not in given and "train" in given:
        trained = _ordered([g for g, part in zip(groups, given, strict=True) if part == "train"])
        held = set(trained[: max(len(trained) // HELD_OUT, 1)])
        given = [
            "validation" if group in held else part
            for group, part in zip(groups, given, strict=True)
        ]
    return given


def _classes(data: OwnData, train: np.ndarray) -> tuple[str, ...]:
    """Names of the classes, in the order of the outputs: texts sorted, whole numbers as they are."""
    kinds = {type(v) for i in train for v in _values(data, i)}
    seen = {v for i in train for v in _values(data, i)}
    if kinds == {int}:
        low, high = min(seen), max(seen)
        if low < 0 or len(seen) != high + 1:
            raise DesignError(
                f"labels: from {low} to {high}, {len(seen)} different ones in the training part; whole numbers must be "
                "0, 1, 2, ... with all of them there; or give texts"
            )
    classes = tuple(sorted((str(v) for v in seen), key=natural))
    if len(classes) < 2 and not data.labels_in_order:
        raise DesignError(f"labels: only {classes[0]!r} in the training part, must be at least two")
    return classes


def _values(data: OwnData, i: int) -> list:
    label = data.labels[i]
    if isinstance(label, tuple):
        return list(label)
    return label.tolist() if isinstance(label, np.ndarray) else [label]


def _check_frames(data: OwnData, chosen: list[int], labels: list[np.ndarray]) -> None:
    """DesignError where a training sequence has fewer frames than its labels need."""
    for i, numbers in zip(chosen, labels, strict=True):
        least, frames = least_frames(numbers), len(data.sequences[i])
        if frames < least:
            raise DesignError(
                f"labels: {data.names[i]} has {len(numbers)} of them in {frames} frames, which need at least {least}: one each, "
                "and one between equal ones; take features with more frames, or leave it out"
            )


def _numbers(
    data: OwnData,
    i: int,
    classes: tuple[str, ...],
    unknown: str = "which no training sequence has; add some, or leave it out",
) -> np.ndarray:
    """The labels of a sequence as the numbers of their classes. unknown: what is told of one that is none of them."""
    place = {name: number for number, name in enumerate(classes)}
    try:
        return np.array([place[str(v)] for v in _values(data, i)], dtype=np.int64)
    except KeyError as error:
        raise DesignError(f"labels: {data.names[i]} has {error.args[0]!r}, {unknown}") from error
