"""A user's own sequences with labels: an .npz file, or a table of arrays or of WAV and FLAC files.

In an .npz file every floating point array (frames, inputs) is a sequence, or every array (frames,) of whole numbers, which an embedding has
the rows of, in the order of the sorted names, but for
`labels` (sequences,) or (frames of all sequences,), or in its place `label_sequences` (sequences,), texts of labels with spaces between
them; `groups` and `parts` (sequences,). docs/own-data.md.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ernn_myhdl.console import step_progress
from ernn_myhdl.corpus.corpus import PARTS
from ernn_myhdl.corpus.features import DEFAULT_FEATURES, check_features
from ernn_myhdl.corpus.kept_features import kept_features
from ernn_myhdl.corpus.own_table import TableRow, find_table, read_table
from ernn_myhdl.corpus.sound_file import SUFFIXES
from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.array_file import NoArrayFile, read_arrays

LABELS, GROUPS, SET_PARTS = "labels", "groups", "parts"
LABEL_SEQUENCES = "label_sequences"
#: Names of arrays that are meant for those above.
NEARLY = {
    "label": LABELS, "frame_labels": LABELS, "y": LABELS, "label_sequence": LABEL_SEQUENCES, "group": GROUPS,
    "speaker": GROUPS, "speakers": GROUPS, "part": SET_PARTS,
}  # fmt: skip
#: Of values; the training computes in float32.
LARGEST = 1e30

Say = Callable[[str], None]


AnyLabels = list[str] | list[int] | list[np.ndarray] | list[tuple[str, ...]]


@dataclass(frozen=True)
class OwnData:
    """Sequences (frames, inputs) float64 and what is known of each.

    labels: the class of every sequence, its name or number; or of every frame, an array (frames,) each; or a tuple of names each, in
    their order without times. groups: names;
    None where there are none. parts: of PARTS for each; None: they are to be split. features: name of those that
    were computed of sounds; None of arrays. numbers: whether the sequences (frames, 1) are numbers of the rows of an embedding.
    """

    names: list[str]
    sequences: list[np.ndarray]
    labels: AnyLabels
    groups: list[str] | None
    parts: list[str] | None
    features: str | None = None
    numbers: bool = False

    @property
    def labels_per_frame(self) -> bool:
        """Whether every frame has a label, not every sequence."""
        return isinstance(self.labels[0], np.ndarray)

    @property
    def labels_in_order(self) -> bool:
        """Whether every sequence has labels in their order, without times."""
        return isinstance(self.labels[0], tuple)


def is_own_data(source: str | Path) -> bool:
    """Whether a path is that of an .npz file, of a table or of a folder with one."""
    path = Path(source)
    return find_table(path) is not None or (path.suffix == ".npz" and path.is_file())


def load_own_data(
    source: str | Path,
    features: str | None = None,
    say: Say = lambda step: None,
    default: str = DEFAULT_FEATURES,
) -> OwnData:
    """The data of a path (`is_own_data`).

    features: of sounds; None: default, and of arrays nothing. say: called with what takes long. Raises DesignError where
    a file is damaged or does not fit the others, ToolError where a package is missing that reads sounds.
    """
    path = Path(source)
    if features is not None:
        check_features(features)
    table = find_table(path)
    if table is not None:
        return _of_table(read_table(table), features, say, default)
    if features is not None:
        raise DesignError(f"features {features!r}: are of sounds, and {source} holds arrays")
    return _of_archive(path)


def _of_archive(file: Path) -> OwnData:
    loaded = _read(file, f"data {file}")
    if not isinstance(loaded, dict):
        raise DesignError(f"data {file}: is a single array; an .npz has one for each sequence")
    special = {
        n: loaded.pop(n) for n in (LABELS, LABEL_SEQUENCES, GROUPS, SET_PARTS) if n in loaded
    }
    for name in NEARLY:
        if name in loaded and loaded[name].dtype.kind != "f":
            raise DesignError(
                f"data {file}: array {name!r} of {loaded[name].dtype} is no sequence; must be called {NEARLY[name]!r}, or be "
                "left out"
            )
    names = sorted(loaded, key=natural)
    if LABELS in special and LABEL_SEQUENCES in special:
        raise DesignError(f"data {file}: has {LABELS} and {LABEL_SEQUENCES}; leave one of them out")
    if not names or not (LABELS in special or LABEL_SEQUENCES in special):
        raise DesignError(
            f"data {file}: has {len(names)} sequences and {'no ' * (LABELS not in special)}array {LABELS!r}; must have "
            f"an array (frames, inputs) for each sequence, and {LABELS} or {LABEL_SEQUENCES}"
        )
    sequences, numbers = _sequences([(loaded[n], f"data {file}, {n}") for n in names])
    listed: dict[str, list[str] | None] = {}
    for name in (GROUPS, SET_PARTS):
        given = special.get(name)
        if given is not None and (given.shape != (len(names),) or given.dtype.kind not in "iuU"):
            raise DesignError(
                f"data {file}, {name}: {given.dtype} of shape {given.shape}, must be a text or a whole number for each "
                f"of the {len(names)} sequences"
            )
        listed[name] = None if given is None else [str(v) for v in given.tolist()]
    for part in listed[SET_PARTS] or ():
        if part not in PARTS:
            raise DesignError(
                f"data {file}, {SET_PARTS}: {part!r}, must be one of {', '.join(PARTS)}"
            )
    labels: AnyLabels
    if LABELS in special:
        labels = _labels(special[LABELS], sequences, f"data {file}, {LABELS}")
    else:
        labels = _texts(special[LABEL_SEQUENCES], names, f"data {file}, {LABEL_SEQUENCES}")
    return OwnData(names, sequences, labels, listed[GROUPS], listed[SET_PARTS], numbers=numbers)


def _labels(
    given: np.ndarray, sequences: list[np.ndarray], where: str
) -> list[str] | list[int] | list[np.ndarray]:
    ends = np.cumsum([len(s) for s in sequences])
    if given.dtype.kind not in "iuU":
        hint = "; make them texts with astype(str)" if given.dtype.kind == "S" else ""
        raise DesignError(f"{where}: type {given.dtype}, must be whole numbers or texts{hint}")
    if given.ndim != 1 or len(given) not in (len(sequences), int(ends[-1])):
        raise DesignError(
            f"{where}: shape {given.shape}, must be ({len(sequences)},), one for each sequence, or ({ends[-1]},), "
            "one for each frame"
        )
    if given.dtype.kind == "U" and not all(map(str.strip, given.tolist())):
        raise DesignError(
            f"{where}: holds an empty text; name the class, or leave the sequence out"
        )
    if len(given) == len(sequences):
        values: list[str] | list[int] = given.tolist()
        return values
    return np.split(given, ends[:-1])


def _names(files: list[Path]) -> list[str]:
    """Of the files within the folder that holds all of them: the parts that follow from them depend on no place in the file system."""
    places = [file.absolute() for file in files]
    folder = os.path.commonpath([place.parent for place in places])
    return [place.relative_to(folder).as_posix() for place in places]


def _texts(given: np.ndarray, names: list[str], where: str) -> list[tuple[str, ...]]:
    """The labels of texts with spaces between them."""
    if given.dtype.kind != "U" or given.shape != (len(names),):
        raise DesignError(
            f"{where}: {given.dtype} of shape {given.shape}, must be ({len(names)},), for each sequence a text of labels "
            "with spaces between them"
        )
    found = [tuple(text.split()) for text in given.tolist()]
    for name, labels in zip(names, found, strict=True):
        if not labels:
            raise DesignError(f"{where}: that of {name} is empty; give at least one label")
    return found


def _of_table(rows: Sequence[TableRow], features: str | None, say: Say, default: str) -> OwnData:
    sounds = [row.file.suffix.lower() in SUFFIXES for row in rows]
    for row, sound in zip(rows, sounds, strict=True):
        if not row.file.is_file():
            what = "is no file" if row.file.exists() else "does not exist"
            raise DesignError(f"{row.where}: file {row.file} {what}")
        if not sound and row.file.suffix != ".npy":
            raise DesignError(
                f"{row.where}: file {row.file.name}, must be .npy, {' or '.join(SUFFIXES)}"
            )
    if any(sounds) != all(sounds):
        row = rows[sounds.index(not sounds[0])]
        raise DesignError(f"{row.where}: arrays and sounds in one table; make two of them")
    if features is not None and not sounds[0]:
        raise DesignError(
            f"features {features!r}: are of sounds, and the table names arrays (.npy)"
        )
    kind = (features or default) if sounds[0] else None
    sequences: list[np.ndarray] = []
    numbers = False
    if kind is None:
        sequences, numbers = _sequences((_array(row.file, row.where), row.where) for row in rows)
    else:
        say(f"{kind} of {len(rows)} recordings")
        features_of = kept_features(kind)
        with step_progress(kind, "recording") as progress:
            for number, row in enumerate(rows):
                sequences.append(features_of(row.file, row.where))
                progress(number + 1, len(rows), row.file.name)
    labels: AnyLabels
    if rows[0].label_sequence:
        labels = [row.label_sequence for row in rows]
    elif rows[0].frame_labels is None:
        labels = [row.label for row in rows]
    else:
        labels = [_frame_labels(row, len(x)) for row, x in zip(rows, sequences, strict=True)]
    groups = None if rows[0].group is None else [str(row.group) for row in rows]
    parts = [row.part for row in rows] if rows[0].part else None
    return OwnData(
        _names([row.file for row in rows]), sequences, labels, groups, parts, kind, numbers
    )


def _frame_labels(row: TableRow, frames: int) -> np.ndarray:
    assert row.frame_labels is not None
    labels = _array(row.frame_labels, row.where)
    if labels.dtype.kind not in "iuU" or labels.shape != (frames,):
        raise DesignError(
            f"{row.where}: {row.frame_labels.name}: {labels.dtype} of shape {labels.shape}, must be a whole number or a "
            f"text for each of the {frames} frames"
        )
    return labels


def _array(file: Path, where: str) -> np.ndarray:
    loaded = _read(file, f"{where}: {file.name}")
    if isinstance(loaded, dict):
        raise DesignError(f"{where}: {file.name}: holds several arrays, must be an .npy file")
    return loaded


def _read(file: Path, where: str) -> np.ndarray | dict[str, np.ndarray]:
    try:
        return read_arrays(file)
    except (NoArrayFile, OSError) as error:
        raise DesignError(
            f"{where}: cannot be read ({error}); write it with numpy.save or numpy.savez"
        ) from error


def _sequences(given: Iterable[tuple[np.ndarray, str]]) -> tuple[list[np.ndarray], bool]:
    """Checked sequences (frames, inputs) float64 of arrays with what names them, and whether they are numbers of rows."""
    made: list[np.ndarray] = []
    numbers = False
    for x, where in given:
        if not made:
            numbers = x.dtype.kind in "iu"
        inputs = made[0].shape[1] if made else 0
        made.append(_numbers(x, where) if numbers else _sequence(x, inputs, where))
    return made, numbers


def _numbers(x: np.ndarray, where: str) -> np.ndarray:
    """Whole numbers (frames,) or (frames, 1), rows of an embedding, as (frames, 1) float64."""
    if x.dtype.kind not in "iu":
        raise DesignError(
            f"{where}: type {x.dtype}, and the first sequence holds whole numbers, rows of an embedding; must be all of one kind"
        )
    if x.ndim not in (1, 2) or x.shape[1:] not in ((), (1,)) or not x.size:
        raise DesignError(
            f"{where}: shape {x.shape} of {x.dtype}; whole numbers are rows of an embedding and must be (frames,), at least one frame; "
            "frames of several elements must be floating point: use astype(float)"
        )
    if x.min() < 0:
        raise DesignError(
            f"{where}: holds {x.min()}; whole numbers are rows of an embedding and must be from 0 on; for values use astype(float)"
        )
    return x.reshape(-1, 1).astype(np.float64)


def _sequence(x: np.ndarray, inputs: int, where: str) -> np.ndarray:
    """A checked sequence; inputs: 0 where they are not yet known."""
    if x.dtype.kind != "f":
        raise DesignError(f"{where}: type {x.dtype}, must be floating point; use astype(float)")
    if x.ndim != 2 or not x.size or (inputs and x.shape[1] != inputs):
        raise DesignError(
            f"{where}: shape {x.shape}, must be (frames, {inputs or 'inputs'}), at least one frame"
        )
    if not np.isfinite(x).all():
        raise DesignError(f"{where}: holds NaN or infinity; clean the data")
    x = np.asarray(x, dtype=np.float64)
    if np.abs(x).max() > LARGEST:
        raise DesignError(
            f"{where}: holds {x.flat[np.abs(x).argmax()]:.3g}, must be within +-{LARGEST:g}; clean or scale the data"
        )
    return x


def natural(name: object) -> list[tuple[int, int, str]]:
    """Key that sorts x2 before x10."""
    pieces = re.split(r"(\d+)", str(name))
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in pieces]
