"""The list of an output folder's files with their digests, by which `--force` knows what it may delete.

.ernn.json in the folder: {"format_version": 1, "files": {"path in the folder": SHA-256}}. While a folder is
written the list is {"format_version": 1, "partial": {"host": ..., "process": ...}}. Folders of versions
before there was a list are recognised by the names of their files (`OLD_NAMES`).
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

LIST_NAME = ".ernn.json"
VERSION = 1
STALE_SECONDS = 3600


def _inside(folder: str, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}" for name in names)


_LAYER = ("design.toml", "weights.safetensors", LIST_NAME)
_DESIGN = (*_LAYER, "network.toml", "initial_states.safetensors", *_inside("layer_*", _LAYER))
_RUN = (
    "run.json", "x.npy", "outputs.npy", "raw.npy", "frame_cycles.npy", "stages.npz", "stage_cycles.npz",
    "trace.npz", "initial_states.safetensors", "final_states.safetensors", LIST_NAME,
    *_inside("design", _DESIGN),
)  # fmt: skip
#: Besides the files that manifest.json names.
_HDL = (
    "manifest.json", "files.txt", "ghdl_synth.log", LIST_NAME,
    *_inside("test_bench", ("test_bench.vhd", "input.txt", "expected.txt", "states.txt", "transfers.txt")),
)  # fmt: skip
_VIVADO = ("parameters.tcl", "README.txt", "synth.tcl", "implement.tcl", "reports.tcl", "core.xdc")
_TRAINING = (
    "recipe.json", "result.json", "history.json", "model.safetensors", "curves.png", LIST_NAME,
    *_inside("design", _DESIGN),
    *(name for stage in ("start", "compress", "quantise")
      for name in _inside(stage, ("checkpoint.safetensors", ".checkpoint.partial-*.safetensors"))),
)  # fmt: skip
#: File by which a folder is recognised -> patterns of all its files, part by part of the path.
OLD_NAMES: dict[str, tuple[str, ...]] = {
    "design.toml": _DESIGN,
    "network.toml": _DESIGN,
    "run.json": _RUN,
    "manifest.json": _HDL,
    "parameters.tcl": (*_VIVADO, LIST_NAME, *_inside("hdl", _HDL)),
    "resources.json": (
        "resources.json", "resources.txt", "scripts/*.ys", "logs/*.log", "reports/*.json", LIST_NAME,
        *_inside("hdl", _HDL),
    ),
    "corpus.toml": (
        "corpus.toml", "utterances.json", "train.safetensors", "validation.safetensors",
        "test.safetensors", LIST_NAME,
    ),
    "test.npz": ("test.npz", "train.npz", LIST_NAME, *_inside("network", _DESIGN)),
    "summary.json": (
        "summary.json", "waveform.vcd", "waveform.png", "error.png", "schedule.png", LIST_NAME,
        *_inside("design", _DESIGN), *_inside("run", _RUN), *_inside("vhdl", _HDL),
        *_inside("vivado", (*_VIVADO, LIST_NAME, *_inside("hdl", _HDL))),
    ),
    "recipe.json": _TRAINING,
    "exploration.json": (
        "exploration.json", "log.md", "saving.png", LIST_NAME, *_inside("design", _DESIGN),
        *_inside("designs/*", _DESIGN), *_inside("trainings/*", _TRAINING),
        "starts/*/checkpoint.safetensors", "starts/*/.checkpoint.partial-*.safetensors",
    ),
}  # fmt: skip


def write_list(folder: Path) -> None:
    """Write the list of all files that the folder holds now."""
    found = {path: digest(folder / path) for path in _files(folder) if path != LIST_NAME}
    files = {path: value for path, value in found.items() if value}
    _write(folder, {"format_version": VERSION, "files": files})


def begin_list(folder: Path) -> None:
    """Mark the folder as one that this process is writing."""
    owner = {"host": socket.gethostname(), "process": os.getpid()}
    _write(folder, {"format_version": VERSION, "partial": owner})


def _write(folder: Path, content: dict) -> None:
    text = json.dumps(content, indent=1, sort_keys=True)
    (folder / LIST_NAME).write_text(text + "\n", encoding="utf-8")


def is_abandoned(folder: Path) -> bool:
    """Whether a process of this machine that is no more began to write the folder, and did not end.

    One that is complete, since the process was killed between its last two steps, is taken as such after
    an hour: it does not tell the machine.
    """
    content = _read(folder)
    owner = content.get("partial")
    try:
        if owner is None and "files" in content:
            age = time.time() - (folder / LIST_NAME).stat().st_mtime
            return age > STALE_SECONDS and not foreign_files(folder, ())
        if owner is None:
            raise LookupError("partial")
        if owner["host"] != socket.gethostname() or owner["process"] == os.getpid():
            return False
        os.kill(owner["process"], 0)
    except ProcessLookupError:
        return True
    except (OSError, LookupError, TypeError, ValueError, OverflowError):
        pass
    return False


def foreign_files(folder: Path, markers: Sequence[str]) -> list[str]:
    """Paths in the folder that were not written by us, or were changed since.

    markers: files by one of which the folder is recognised; where it has no list, their OLD_NAMES hold.
    """
    if not os.path.lexists(folder / LIST_NAME):
        return _unknown(folder, markers)
    listed = _read(folder).get("files")
    if not isinstance(listed, dict):
        listed = {}
    return [
        path
        for path in sorted(_files(folder))
        if path != LIST_NAME and (path not in listed or digest(folder / path) != listed[path])
    ]


def _unknown(folder: Path, markers: Sequence[str]) -> list[str]:
    patterns = [p for m in markers if (folder / m).is_file() for p in OLD_NAMES.get(m, (m,))]
    for place in ("", "hdl/", "vhdl/", "vivado/hdl/"):
        if f"{place}manifest.json" in patterns:
            patterns += _converted(folder, place)
    return [
        path
        for path in sorted(_files(folder))
        if not _regular(folder / path) or not any(_matches(path, p) for p in patterns)
    ]


def _converted(folder: Path, place: str) -> list[str]:
    """The files that the manifest of a conversion names."""
    try:
        manifest = json.loads((folder / place / "manifest.json").read_text(encoding="utf-8"))
        roms = [name for c in manifest["components"] for name in c.get("rom_files", ())]
        return [f"{place}{name}" for name in (*manifest["files"], *roms)]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []


def _matches(path: str, pattern: str) -> bool:
    parts, patterns = path.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


def _files(folder: Path) -> Iterator[str]:
    """All that is no folder, as paths in `folder`; links to folders too."""
    for place, folders, files in os.walk(folder, onerror=_raise):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        for name in (*files, *links):
            yield os.path.relpath(os.path.join(place, name), folder).replace(os.sep, "/")


def _raise(error: OSError) -> None:
    raise error


def _regular(file: Path) -> bool:
    return file.is_file() and not file.is_symlink()


def digest(file: Path) -> str:
    """SHA-256 of a regular file; of anything else, or where it cannot be read, nothing."""
    if not _regular(file):
        return ""
    found = hashlib.sha256()
    try:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                found.update(block)
    except OSError:
        return ""
    return found.hexdigest()


def _read(folder: Path) -> dict:
    """The list as it is in the file; nothing where it is missing or damaged."""
    try:
        if not _regular(folder / LIST_NAME):
            return {}
        content = json.loads((folder / LIST_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
