"""What a training did to own data: kept beside its design, so that an evaluation does the same to other data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from ernn_myhdl.corpus.features import FEATURES
from ernn_myhdl.errors import DesignError
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
    """That of the training which a design folder is of; None where there is none, or the file holds other arrays, such as data.

    DesignError where it is damaged, or that of a design of other inputs or outputs.
    """
    file = Path(design).absolute().parent / X_NAME
    if not file.is_file():
        return None
    try:
        found = read_arrays(file)
    except (NoArrayFile, OSError) as error:
        raise DesignError(
            f"{file}: should hold what the training of the design did to x, and cannot be read ({error}); train again, or move it away"
        ) from error
    if not isinstance(found, dict) or not {"mean", "std", "classes"} <= found.keys():
        return None
    mean, std, classes = (found[name] for name in ("mean", "std", "classes"))
    features, pooling = (
        str(found[name]) if name in found else None for name in ("features", "pooling")
    )
    legal = mean.dtype.kind == std.dtype.kind == "f" and mean.shape == std.shape == (inputs,)
    legal = legal and bool(np.isfinite(mean).all() and np.isfinite(std).all() and (std > 0).all())
    # the last output may be the blank of label sequences
    legal &= classes.ndim == 1 and outputs - len(classes) in (0, 1)
    legal &= features in (None, "", *FEATURES)
    if not legal:
        raise DesignError(
            f"{file}: is not that of the training of {design}, which has {inputs} inputs and {outputs} outputs; move one of them away"
        )
    names = tuple(map(str, classes.tolist()))
    return TrainedData(mean, std, names, features, pooling or None, file)
