"""Files of Keras made of those in tests/data/keras."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from tools import require_module

h5py = require_module("h5py", "pip install 'ernn-myhdl[keras]'")
DATA = Path(__file__).parent / "data" / "keras"
FILES = sorted(f.name for f in DATA.glob("*") if f.suffix in (".keras", ".h5"))


def parts(file: str) -> tuple[dict, bytes]:
    with zipfile.ZipFile(DATA / file) as archive:
        return json.loads(archive.read("config.json")), archive.read("model.weights.h5")


def written(path: Path, config, weights: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", config if isinstance(config, str) else json.dumps(config))
        archive.writestr("model.weights.h5", weights)
    return path


def layer_of(config: dict, kind: str) -> dict:
    return next(one for one in config["config"]["layers"] if one["class_name"] == kind)
