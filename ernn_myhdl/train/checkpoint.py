"""Checkpoints: trees of numbers, texts and tensors in one .safetensors file, replaced in one step.

A file holds the tensors, and the tree around them as JSON in its metadata; nothing in it is code. It is
written beside its place and renamed, so that after an interruption at any moment the last complete one is there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ernn_myhdl.errors import DesignError, short
from ernn_myhdl.files.output_folder import PARTIAL, new_file

CHECKPOINT_NAME = "checkpoint.safetensors"
PROPERTY = "ernn_training"
#: Raised when what a checkpoint holds changes.
VERSION = 1
_PLAIN = (bool, int, float, str, type(None))


def encode(value: object, tensors: dict[str, torch.Tensor]) -> object:
    """`value` for JSON; its tensors are added to `tensors` under the names that take their places."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, torch.Tensor):
        name = f"t{len(tensors)}"
        tensors[name] = value.detach().cpu().clone().contiguous()
        return {"tensor": name, "device": str(value.device)}
    if isinstance(value, Mapping):
        return {"dict": [[encode(k, tensors), encode(v, tensors)] for k, v in value.items()]}
    for kind in (list, tuple):
        if isinstance(value, kind):
            return {kind.__name__: [encode(v, tensors) for v in value]}
    raise DesignError(
        f"checkpoint: cannot hold {type(value).__name__}; states of optimiser, scheduler and data must be "
        "numbers, texts and tensors, in lists and dictionaries"
    )


def decode(value: object, tensors: Mapping[str, torch.Tensor]) -> object:
    """What `encode` got."""
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return tensors[value["tensor"]].to(value["device"])
    if "dict" in value:
        return {decode(k, tensors): decode(v, tensors) for k, v in value["dict"]}
    if "tuple" in value:
        return tuple(decode(v, tensors) for v in value["tuple"])
    return [decode(v, tensors) for v in value["list"]]


def save_checkpoint(folder: Path, tree: Mapping[str, object]) -> None:
    """Write the checkpoint of `folder`; until the new one is complete the old one stays."""
    tensors: dict[str, torch.Tensor] = {}
    text = json.dumps({"version": VERSION, "tree": encode(tree, tensors)})
    with new_file(folder / CHECKPOINT_NAME) as partial:
        save_file(tensors, partial, {PROPERTY: text})
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())


def load_checkpoint(folder: Path) -> dict | None:
    """The tree of the checkpoint of `folder`, None where there is none.

    Raises DesignError where the file is damaged or of another version.
    """
    file = folder / CHECKPOINT_NAME
    if not (file.exists() or file.is_symlink()):
        return None
    try:
        if not file.is_file():  # a FIFO would be waited for
            raise ValueError("no file")
        with safe_open(file, framework="pt") as archive:
            found = json.loads((archive.metadata() or {})[PROPERTY])
            version = found["version"]
            tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118
        if version == VERSION:
            tree = decode(found["tree"], tensors)
            if not isinstance(tree, dict):
                raise ValueError("no table")
            return tree
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        what = short(error)
        raise DesignError(
            f"checkpoint {file}: cannot be read ({what}); delete it to begin anew"
        ) from error
    raise DesignError(
        f"checkpoint {file}: has version {version}, must be {VERSION}; delete it to begin anew"
    )


def remove_partial(folder: Path) -> None:
    """Delete what a process that was killed while it wrote has left in `folder`."""
    stem, suffix = Path(CHECKPOINT_NAME).stem, Path(CHECKPOINT_NAME).suffix
    for file in folder.glob(f".{stem}.{PARTIAL}-*{suffix}"):
        file.unlink(missing_ok=True)
