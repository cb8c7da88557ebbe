"""Corpus folders: `corpus.toml` (what it is), `utterances.json` (names, speakers, texts) and a
safetensors file for each part. The features in them are not normalised.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import tomlkit
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ernn_myhdl.corpus.corpus import (
    PARTS,
    Corpus,
    Description,
    Part,
    Utterance,
    training_statistics,
)
from ernn_myhdl.corpus.features import FEATURES
from ernn_myhdl.corpus.segments import collapse
from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.json_text import read_json, read_toml

TOML_NAME, UTTERANCES_NAME = "corpus.toml", "utterances.json"
FORMAT_VERSION = 1
#: Bytes of a part's file.
_LARGEST_PART = 1 << 34
#: Tensor -> its type in a part's file. labels and phones: of all utterances, one after the other.
TENSORS = {
    "features": np.float32,
    "labels": np.int16,
    "lengths": np.int64,
    "phones": np.int16,
    "phone_lengths": np.int64,
}


def pack(utterances) -> dict[str, np.ndarray]:
    """The arrays of some utterances as the tensors of a file."""
    joined = {
        "features": [u.features for u in utterances],
        "labels": [u.labels for u in utterances],
        "lengths": [[len(u.labels) for u in utterances]],
        "phones": [u.phones for u in utterances],
        "phone_lengths": [[len(u.phones) for u in utterances]],
    }
    return {
        name: np.concatenate(arrays).astype(TENSORS[name], order="C")
        for name, arrays in joined.items()
    }


def unpack(tensors: dict[str, np.ndarray], heads: list[dict[str, str]]) -> list[Utterance]:
    """The utterances of a file's tensors. heads: name, speaker and text of each."""
    ends, phone_ends = np.cumsum(tensors["lengths"]), np.cumsum(tensors["phone_lengths"])
    each = zip(
        heads,
        np.split(tensors["features"], ends[:-1]),
        np.split(tensors["labels"].astype(np.int64), ends[:-1]),
        np.split(tensors["phones"].astype(np.int64), phone_ends[:-1]),
        strict=True,
    )
    return [
        Utterance(head["name"], head["speaker"], head["text"], features, labels, phones)
        for head, features, labels, phones in each
    ]


def write_corpus(description: Description, parts: dict[str, Part], folder: Path) -> None:
    """Write a corpus into an existing, empty folder. The features are not normalised."""
    for name, part in parts.items():
        save_file(pack(part.utterances), folder / f"{name}.safetensors")
    heads = {name: [_head(u) for u in part.utterances] for name, part in parts.items()}
    text = json.dumps(heads, indent=0, ensure_ascii=False)
    (folder / UTTERANCES_NAME).write_text(text + "\n", encoding="utf-8")
    table = {"format": FORMAT_VERSION} | asdict(description)
    table["phone_set"] = list(description.phone_set)
    table["parts"] = {name: _counts(part, description) for name, part in parts.items()}
    table["sha256"] = fingerprint(parts)
    (folder / TOML_NAME).write_text(tomlkit.dumps(table), encoding="utf-8")


def fingerprint(parts: dict[str, Part]) -> str:
    """SHA-256 over features, labels and phones of all utterances: equal corpora have equal ones."""
    digest = hashlib.sha256()
    for name in PARTS:
        for tensor in pack(parts[name].utterances).values():
            digest.update(np.ascontiguousarray(tensor).tobytes())
    return digest.hexdigest()


def _head(utterance: Utterance) -> dict[str, str]:
    return {name: getattr(utterance, name) for name in ("name", "speaker", "text")}


def _counts(part: Part, description: Description) -> dict:
    return {
        "utterances": len(part),
        "speakers": len(part.speakers),
        "frames": part.frames,
        "hours": round(FEATURES[description.features].hours(part.frames), 4),
    }


def load_corpus(folder: str | Path, normalised: bool = True) -> Corpus:
    """The corpus of a folder; DesignError where it is none or damaged.

    normalised: scale the features of all parts to the mean 0 and deviation 1 of the training frames.
    """
    folder = Path(folder)
    description, counts, sha256 = _described(folder)
    heads = _heads(folder)
    parts = {name: _part(folder, name, heads[name], description) for name in PARTS}
    for name, part in parts.items():
        found = _counts(part, description)
        if found != counts[name]:
            raise DesignError(
                f"corpus {folder}: {name} has {found}, {TOML_NAME} says {counts[name]}; files of "
                "different corpora are mixed; make it anew with `ernn corpus`"
            )
    if fingerprint(parts) != sha256:
        raise DesignError(
            f"corpus {folder}: its features or labels are not those that {TOML_NAME} names by their SHA-256; "
            "it was changed or damaged, make it anew with `ernn corpus`"
        )
    mean, std = training_statistics(parts["train"])
    if normalised:
        parts = {name: _scaled(part, mean, std) for name, part in parts.items()}
    return Corpus(description, **parts, mean=mean, std=std)


def _scaled(part: Part, mean: np.ndarray, std: np.ndarray) -> Part:
    return Part(tuple(replace(u, features=(u.features - mean) / std) for u in part.utterances))


def load_description(folder: str | Path) -> dict:
    """The table of `corpus.toml`, as it stands in the file."""
    folder = Path(folder)
    file = folder / TOML_NAME
    if not file.is_file():
        what = "holds no " + TOML_NAME if folder.is_dir() else "is no folder"
        raise DesignError(
            f"corpus {folder}: {what}; make a corpus with `ernn corpus make` or `ernn corpus timit`"
        )
    table = read_toml(file)
    if table.get("format") != FORMAT_VERSION:
        raise DesignError(
            f"corpus {file}: format = {table.get('format')!r}, this version reads {FORMAT_VERSION}; make "
            "the corpus anew with `ernn corpus`"
        )
    return table


def _described(folder: Path) -> tuple[Description, dict[str, dict], str]:
    """What a corpus is, the counts of its parts, and its fingerprint."""
    table = load_description(folder)
    file = folder / TOML_NAME
    types = {"name": str, "version": int, "seed": int, "features": str, "source": str,
             "phone_set": list, "made_with": dict, "parts": dict, "sha256": str}  # fmt: skip
    for name, kind in types.items():
        if not isinstance(table.get(name), kind):
            raise DesignError(
                f"corpus {file}: {name} = {table.get(name)!r}, must be a {kind.__name__}; make it anew"
            )
    if table["features"] not in FEATURES:
        raise DesignError(
            f"corpus {file}: features = {table['features']!r}, must be one of {', '.join(FEATURES)}"
        )
    phones = table["phone_set"]
    if not all(isinstance(phone, str) for phone in phones) or len(set(phones)) < len(phones):
        raise DesignError(f"corpus {file}: phone_set must be distinct texts; make it anew")
    if sorted(table["parts"]) != sorted(PARTS):
        raise DesignError(f"corpus {file}: parts must be {', '.join(PARTS)}; make it anew")
    values = {name: table[name] for name in types if name not in ("parts", "sha256")}
    description = Description(**values | {"phone_set": tuple(phones)})
    return description, table["parts"], table["sha256"]


def _heads(folder: Path) -> dict[str, list[dict[str, str]]]:
    """Name, speaker and text of the utterances of every part."""
    file = folder / UTTERANCES_NAME
    try:
        heads = read_json(file)
    except (OSError, ValueError) as error:
        raise DesignError(f"corpus {file}: cannot be read ({error}); make it anew") from error
    keys = {"name", "speaker", "text"}
    for name in PARTS:
        rows = heads.get(name) if isinstance(heads, dict) else None
        legal = isinstance(rows, list) and all(
            isinstance(row, dict)
            and set(row) == keys
            and all(isinstance(v, str) for v in row.values())
            for row in rows
        )
        if not legal:
            raise DesignError(
                f"corpus {file}: {name} must list name, speaker and text of utterances; make it anew"
            )
    return heads


def _part(folder: Path, name: str, heads: list, description: Description) -> Part:
    file = folder / f"{name}.safetensors"
    try:
        if not file.is_file():  # a FIFO would be waited for
            raise ValueError("no file")
        if file.stat().st_size > _LARGEST_PART:
            raise ValueError(f"more than {_LARGEST_PART} bytes")
        tensors = load_file(file)
    except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        raise DesignError(
            f"corpus {file}: cannot be read ({error}); it is missing or truncated, make it anew"
        ) from error
    if wrong := _wrong(tensors, heads, description):
        raise DesignError(f"corpus {file}: {wrong}; it is damaged, make it anew")
    return Part(tuple(unpack(tensors, heads)))


def _wrong(tensors: dict[str, np.ndarray], heads: list, description: Description) -> str:
    """What does not fit in the tensors of a part; empty where all fits."""
    for name, kind in TENSORS.items():
        if name not in tensors or tensors[name].dtype != kind:
            return f"tensor {name} is missing or not {np.dtype(kind).name}"
        if tensors[name].ndim != (2 if name == "features" else 1):
            return f"tensor {name} has shape {tensors[name].shape}"
    frames, size = tensors["features"].shape
    if size != FEATURES[description.features].size:
        return f"features of {size} elements are no {description.features}"
    if not np.isfinite(tensors["features"]).all():
        return "features are not all finite"
    for ends, of, total in (("lengths", "labels", frames), ("phone_lengths", "phones", None)):
        lengths, values = tensors[ends], tensors[of]
        if len(lengths) != len(heads) or not len(lengths):
            return (
                f"{len(lengths)} utterances, {UTTERANCES_NAME} has {len(heads)}, at least 1 must be"
            )
        if lengths.min() < 1 or lengths.max() > len(values) or int(lengths.sum()) != len(values):
            return f"{ends} do not fit {of}"
        if total is not None and len(values) != total:
            return f"{len(values)} {of} for {total} frames"
        if values.min() < 0 or values.max() >= len(description.phone_set):
            return f"{of} from {values.min()} to {values.max()}, the phones are 0 to {len(description.phone_set) - 1}"
    starts = np.cumsum(tensors["phone_lengths"])[:-1]
    if any(len(collapse(p)) != len(p) for p in np.split(tensors["phones"], starts)):
        return "a sequence of phones repeats one"
    return ""
