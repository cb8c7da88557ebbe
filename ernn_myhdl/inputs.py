"""Inputs of a run: sequences of frames from arrays and files, checked."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ernn_myhdl.errors import DesignError


def check_input(x: object, inputs: int, where: str = "input") -> list[np.ndarray]:
    """x as a list of sequences (frames, inputs) float64; DesignError where it is anything else.

    x: one sequence, or a list, tuple or dictionary of sequences.
    """
    if isinstance(x, dict):
        named = {f"{where} {name}": s for name, s in x.items()}
    elif isinstance(x, list | tuple) and not (len(x) and all(np.ndim(s) <= 1 for s in x)):
        named = {f"{where} sequence {i}": s for i, s in enumerate(x)}
    else:
        named = {where: x}
    if not named:
        raise DesignError(f"{where}: holds no sequences; give at least one (frames, {inputs})")
    return [_checked(s, inputs, name) for name, s in named.items()]


def _checked(x: object, inputs: int, where: str) -> np.ndarray:
    try:
        x = np.asarray(x)
    except ValueError as error:
        raise DesignError(
            f"{where}: its rows differ in length; must be ({inputs},) each"
        ) from error
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


def load_input(file: str | Path, inputs: int) -> list[np.ndarray]:
    """The sequences of an .npy file (one) or an .npz file (one an array, sorted by name)."""
    file = Path(file)
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "does not exist"
        raise DesignError(f"input {file}: {what}; give an .npy or .npz file")
    try:
        with file.open("rb") as stream:
            loaded = np.load(stream, allow_pickle=False)
            if isinstance(loaded, np.lib.npyio.NpzFile):
                loaded = {name: loaded[name] for name in sorted(loaded.files, key=_natural)}
    except PermissionError:
        raise
    except Exception as error:  # numpy and zipfile raise a dozen of types on broken files
        raise DesignError(
            f"input {file}: cannot be read as .npy or .npz without pickle "
            f"({' '.join(str(error).split())[:120]}); write it with numpy.save or numpy.savez as a "
            "floating point array"
        ) from error
    return check_input(loaded, inputs, f"input {file}")


def _natural(name: str) -> list:
    """Key that sorts x2 before x10."""
    return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in re.split(r"(\d+)", name)]


def first_frames(sequences: list[np.ndarray], frames: int | None) -> list[np.ndarray]:
    """The first `frames` frames of all sequences together; all of them for None."""
    if frames is None:
        return sequences
    if isinstance(frames, bool) or not isinstance(frames, int) or frames < 1:
        raise DesignError(f"frames = {frames!r}: must be a whole number, at least 1")
    kept = []
    for sequence in sequences:
        if frames <= 0:
            break
        kept.append(sequence[:frames])
        frames -= len(sequence)
    return kept
