"""Inputs of a run: sequences of frames from arrays and files, checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ernn_myhdl.corpus.corpus import PARTS
from ernn_myhdl.corpus.data_set import DataSet
from ernn_myhdl.corpus.features import DEFAULT_FEATURES
from ernn_myhdl.corpus.own_data import (
    GROUPS,
    LABEL_SEQUENCES,
    LABELS,
    SET_PARTS,
    is_own_data,
    load_own_data,
    natural,
)
from ernn_myhdl.corpus.own_parts import ALL, own_parts, trained_part
from ernn_myhdl.corpus.own_table import find_table
from ernn_myhdl.corpus.trained_data import X_NAME, TrainedData
from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.array_file import NoArrayFile, read_arrays
from ernn_myhdl.whole_numbers import whole

#: Training utterances of a corpus on which formats are chosen.
CALIBRATION = 64


def check_input(
    x: object, inputs: int, where: str = "input", numbers: bool = False
) -> list[np.ndarray]:
    """x as a list of sequences (frames, inputs) float64; DesignError where it is anything else.

    x: one sequence, or a list, tuple or dictionary of sequences. numbers: the elements are numbers of rows of an embedding, which
    may be integers too, (frames,) or (frames, 1).
    """
    if isinstance(x, dict):
        named = {f"{where} {name}": s for name, s in x.items()}
    elif isinstance(x, list | tuple) and not is_one_sequence(x):
        named = {f"{where} sequence {i}": s for i, s in enumerate(x)}
    else:
        named = {where: x}
    if not named:
        raise DesignError(f"{where}: holds no sequences; give at least one (frames, {inputs})")
    return [_checked(s, inputs, name, numbers) for name, s in named.items()]


def is_one_sequence(x: object) -> bool:
    """Whether x is one sequence and not several."""
    several = isinstance(x, list | tuple) and not (len(x) and all(np.ndim(s) <= 1 for s in x))
    return not (several or isinstance(x, dict))


def _checked(x: object, inputs: int, where: str, numbers: bool) -> np.ndarray:
    try:
        x = np.asarray(x)
    except ValueError as error:
        raise DesignError(
            f"{where}: its rows differ in length; must be ({inputs},) each"
        ) from error
    if numbers and x.dtype.kind in "iu":
        x = x.astype(np.float64)
        x = x[:, None] if x.ndim == 1 else x
    if x.dtype.kind != "f":
        raise DesignError(
            f"{where}: type {x.dtype}, must be floating point values; convert with astype(float)"
        )
    if x.ndim != 2:
        hint = "; several sequences go into an .npz, one array each" if x.ndim == 3 else ""
        raise DesignError(f"{where}: shape {x.shape}, must be (frames, {inputs}){hint}")
    if x.shape[1] != inputs:
        raise DesignError(
            f"{where}: {x.shape[1]} elements a frame, must be {inputs}, the inputs of the design"
        )
    if not len(x):
        raise DesignError(f"{where}: is empty, must have at least one frame")
    bad = np.argwhere(~np.isfinite(x))
    if len(bad):
        frame, element = bad[0].tolist()
        raise DesignError(
            f"{where}: frame {frame}, element {element} is {x[frame, element]}, must be finite; "
            "clean the data"
        )
    return np.ascontiguousarray(x, dtype=np.float64)


def load_input(file: str | Path, inputs: int, numbers: bool = False) -> list[np.ndarray]:
    """The sequences of an .npy file (one) or an .npz file (one an array, sorted by name).

    An array LABELS of an .npz file is left out. numbers: as in `check_input`.
    """
    return check_input(_sequences_of(_load(file))[0], inputs, f"input {file}", numbers)


def load_data(
    file: str | Path,
    inputs: int,
    part: str | None = None,
    features: str | None = None,
    numbers: bool = False,
    trained: TrainedData | None = None,
) -> DataSet:
    """The sequences of a file as `load_input` takes it, with the array LABELS of an .npz file.

    Of a corpus folder, and of a table of own data or a folder with one: a part, "test" if it is None. part: an .npz file
    is own data too, split and normalised as for a training; with trained as for that one, of which ALL may be the part. features:
    of own sounds. numbers: as in `check_input`. trained: what the training of the design did.
    """
    if part is not None and part not in (*PARTS, *[ALL] * (trained is not None)):
        also = (
            f", or {ALL}"
            if trained is not None
            else f"; {ALL} is for a design beside the {X_NAME} of its training"
        )
        raise DesignError(f"part = {part!r}: must be one of {', '.join(PARTS)}{also}")
    if _is_corpus(file) and features is None and part != ALL:
        return _corpus_data(file, inputs)[part or "test"]
    if find_table(Path(file)) is not None or (part is not None and is_own_data(file)):
        return _own_data(file, inputs, features, part or "test", trained)
    for name, given in (("part", part), ("features", features)):
        if given is not None:
            raise DesignError(
                f"{name} = {given!r}: input {file} has none; it is for tables of recordings and .npz files with labels"
            )
    contents = _load(file)
    if isinstance(contents, dict) and LABEL_SEQUENCES in contents:
        raise DesignError(
            f"input {file} {LABEL_SEQUENCES}: are of data that a training has split; name their part"
        )
    loaded, labels = _sequences_of(contents)
    sequences = check_input(loaded, inputs, f"input {file}", numbers)
    if labels is not None:
        labels = _checked_labels(labels, sequences, f"input {file} {LABELS}")
    return DataSet(sequences, labels)


def load_calibration(
    file: str | Path,
    inputs: int,
    features: str | None = None,
    numbers: bool = False,
    trained: TrainedData | None = None,
    split: bool = False,
) -> list[np.ndarray]:
    """Sequences to choose formats on: as `load_input`; of a corpus folder or a table training sequences, and with split of own .npz files.

    trained: what the training of the design did.
    """
    if _is_corpus(file):
        return _corpus_data(file, inputs)["train"].sequences[:CALIBRATION]
    if find_table(Path(file)) is not None or (split and is_own_data(file)):
        return _own_data(file, inputs, features, "train", trained).sequences
    return load_input(file, inputs, numbers)


def _own_data(
    source: str | Path, inputs: int, features: str | None, part: str, trained: TrainedData | None
) -> DataSet:
    """A part of own data, normalised as a training did, or as one on these data would."""
    kind = None if trained is None else trained.features
    if trained is not None and kind and features not in (None, kind):
        raise DesignError(
            f"features {features!r}: the design was trained on {kind} ({trained.file}); leave the option out"
        )
    data = load_own_data(source, features, default=kind or DEFAULT_FEATURES)
    if trained is not None and kind == "" and data.features is not None:
        raise DesignError(
            f"data {source}: are sounds, and the design was trained on arrays ({trained.file}); compute the same "
            "arrays of them"
        )
    given = data.sequences[0].shape[1]
    if given != inputs:
        told = "" if data.features is None else f" ({data.features})"
        hint = "" if data.features is None else "; give the features that it was trained on"
        raise DesignError(
            f"data {source}: {given} elements a frame{told}, must be {inputs}, the inputs of the design{hint}"
        )
    if trained is not None:
        return trained_part(data, part, trained)
    return own_parts(data).parts[part]


def _is_corpus(file: str | Path) -> bool:
    from ernn_myhdl.corpus.storage import TOML_NAME

    return (Path(file) / TOML_NAME).is_file()


def _corpus_data(folder: str | Path, inputs: int) -> dict[str, DataSet]:
    """The parts of a corpus folder."""
    from ernn_myhdl.corpus.parts import corpus_data
    from ernn_myhdl.corpus.storage import load_corpus

    corpus = load_corpus(folder)
    if corpus.inputs != inputs:
        raise DesignError(
            f"corpus {folder}: {corpus.inputs} elements a frame, must be {inputs}, the inputs of the design; "
            "give the corpus that it was trained on"
        )
    return corpus_data(corpus)


def _sequences_of(loaded) -> tuple[object, np.ndarray | None]:
    """What a file holds without its labels, and these."""
    if not isinstance(loaded, dict):
        return loaded, None
    # groups and parts of own data are no sequences; floating point arrays of these names are
    lists = {
        n
        for n in (GROUPS, SET_PARTS, LABEL_SEQUENCES)
        if n in loaded and loaded[n].dtype.kind != "f"
    }
    return {n: a for n, a in loaded.items() if n != LABELS and n not in lists}, loaded.get(LABELS)


def _checked_labels(labels: np.ndarray, sequences: list[np.ndarray], where: str) -> np.ndarray:
    frames = sum(len(s) for s in sequences)
    if labels.dtype.kind not in "iu":
        raise DesignError(
            f"{where}: type {labels.dtype}, must be integers, the number of a class; of data that a training has split, "
            "texts are taken too: name their part"
        )
    if labels.ndim != 1 or len(labels) not in (len(sequences), frames):
        raise DesignError(
            f"{where}: shape {labels.shape}, must be ({len(sequences)},), one for each sequence, or "
            f"({frames},), one for each frame"
        )
    return labels.astype(np.int64)


def _load(file: str | Path) -> np.ndarray | dict[str, np.ndarray]:
    """The array of an .npy file; name -> array of an .npz file, sorted by name."""
    file = Path(file)
    if not file.is_file():
        what = "is no ordinary file" if file.exists() else "does not exist"
        what = "is a folder" if file.is_dir() else what
        raise DesignError(f"input {file}: {what}; give an .npy or .npz file")
    try:
        loaded = read_arrays(file)
    except NoArrayFile as error:
        raise DesignError(
            f"input {file}: cannot be read as .npy or .npz ({error}); write it with numpy.save or "
            "numpy.savez as a floating point array"
        ) from error
    if isinstance(loaded, dict):
        return {name: loaded[name] for name in sorted(loaded, key=natural)}
    return loaded


def first_frames(sequences: list[np.ndarray], frames: int | None) -> list[np.ndarray]:
    """The first `frames` frames of all sequences together; all of them for None."""
    if frames is None:
        return sequences
    whole("frames", frames, 1)
    kept = []
    for sequence in sequences:
        if frames <= 0:
            break
        kept.append(sequence[:frames])
        frames -= len(sequence)
    return kept
