"""What a training did to own data: kept beside its design, so that an evaluation does the same to other data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from ernn_myhdl.files.array_file import NoArrayFile, read_arrays

#: The file of a training, in the folder that holds its design.
X_NAME = "x.npz"


@dataclass(frozen=True)
class TrainedData:
    """mean, std: (inputs,); the design takes (frame - mean) / std. classes: names of the outputs in their order.

    features: of the sounds it was trained on, "" of arrays; pooling: which scores name the class of a sequence; both None where
    the training is of an earlier version, which did not keep them. file: where this stands.
    """

    mean: np.ndarray
    std: np.ndarray
    classes: tuple[str, ...]
    features: str | None = None
    pooling: str | None = None
    file: Path = Path(X_NAME)

    def save(self, stream: IO[bytes]) -> None:
        """Write it as an .npz file."""
        np.savez(
            stream,
            mean=self.mean,
            std=self.std,
            classes=np.array(self.classes),
            features=np.array(self.features or ""),
            pooling=np.array(self.pooling or ""),
        )


def trained_data(design: str | Path, inputs: int, outputs: int) -> TrainedData | None:
    """That of the training which a design folder is of; None where there is none, or the file is another one of its name."""
    file = Path(design).absolute().parent / X_NAME
    if not file.is_file():
        return None
    try:
        found = read_arrays(file)
        if not isinstance(found, dict):
            return None
        mean, std = (np.asarray(found[name], dtype=np.float64) for name in ("mean", "std"))
        classes = tuple(map(str, found["classes"].tolist()))
        features, pooling = (
            str(found[name]) if name in found else None for name in ("features", "pooling")
        )
    except (NoArrayFile, OSError, LookupError, TypeError, ValueError):
        return None
    blank = outputs - len(classes)  # of label sequences
    if mean.shape != (inputs,) or std.shape != (inputs,) or blank not in (0, 1):
        return None
    if not (np.isfinite(mean).all() and np.isfinite(std).all() and (std > 0).all()):
        return None
    return TrainedData(mean, std, classes, features, pooling or None, file)
