"""Features of recordings that are kept, since computing those of thousands takes minutes.

The name of a file holds all that the features follow from: the bytes of the recording, their kind, the sources of this package, and the
versions of the packages that compute them. A file has a checksum in front; one that does not fit counts as none. Where nothing can be
kept or read, the features are computed.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from ernn_myhdl.corpus.features import feature_function
from ernn_myhdl.corpus.sound_file import read_sound
from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.cache_folder import cache_folder
from ernn_myhdl.files.package_digest import package_digest

#: What computes features.
PACKAGES = ("kaldi-native-fbank", "soxr", "soundfile", "numpy")
CHECKSUM = hashlib.sha256().digest_size


def kept_features(kind: str) -> Callable[[Path, str], np.ndarray]:
    """A function of a WAV or FLAC file, and of what names it in a DesignError, that gives its features (frames, inputs) float64.

    They are kept in `cache_folder()`/features, and taken from there the next time.
    """
    compute = feature_function(kind)
    made_by = "\0".join([kind, package_digest(), *map(_version, PACKAGES)]).encode()
    folder = cache_folder() / "features"

    def features(file: Path, where: str) -> np.ndarray:
        place = None
        with suppress(OSError):
            key = hashlib.sha256(made_by + hashlib.sha256(file.read_bytes()).digest()).hexdigest()
            place = folder / key[:2] / key
        kept = None if place is None else _read(place)
        if kept is not None:
            return kept
        with np.errstate(all="ignore"):
            made = compute(read_sound(file, where)).astype(np.float64)
        if not np.isfinite(made).all():
            raise DesignError(
                f"{where}: its {kind} hold NaN or infinity; the samples must be within -1..1, scale the recording"
            )
        if place is not None:
            _keep(place, made)
        return made

    return features


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} none"


def _read(place: Path) -> np.ndarray | None:
    """The kept features, or None."""
    try:
        data = place.read_bytes()
        if hashlib.sha256(place.name.encode() + data[CHECKSUM:]).digest() != data[:CHECKSUM]:
            return None
        x: np.ndarray = np.load(io.BytesIO(data[CHECKSUM:]), allow_pickle=False)
        return x
    except (OSError, ValueError):
        return None


def _keep(place: Path, x: np.ndarray) -> None:
    """Keep features, if that can be."""
    stream = io.BytesIO()
    np.save(stream, x, allow_pickle=False)
    data = stream.getvalue()
    beside = place.with_name(f".{place.name}-{os.getpid()}")
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.write_bytes(hashlib.sha256(place.name.encode() + data).digest() + data)
            beside.replace(place)
        finally:
            beside.unlink(missing_ok=True)
