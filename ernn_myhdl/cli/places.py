"""Inputs and outputs of a command must not be in each other's way."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

from ernn_myhdl.errors import DesignError

#: Arguments that name files or folders that are read; values that are no path of anything are left alone.
INPUTS = (
    "design",
    "model",
    "input",
    "initial_states",
    "corpus",
    "calibration",
    "data",
    "folder",
    "timit",
    "reference",
    "placed",
    "new",
    "old",
    "weights",
)
#: Those of them that may be folders, in which nothing is to be written; and the files that stand for these.
FOLDERS = ("design", "corpus", "calibration", "data", "folder", "timit", "placed", "new", "old")
STAND_FOR_FOLDERS = ("design.toml", "network.toml", "run.json", "corpus.toml")
#: Arguments that name what is written.
OUTPUTS = (
    "output", "vcd", "table", "picture", "store", "save_states", "predictions", "confusion", "new_design",
)  # fmt: skip
#: A waveform may lie in the run folder.
MAY_LIE_IN_OUTPUT = ("vcd",)


def check_places(arguments: Namespace) -> None:
    """DesignError where an output is an input, holds one or lies in one, or two outputs are one."""
    given: dict[str, str] = {}
    outputs_given: list[str] = []
    for name in (*INPUTS, *OUTPUTS):
        value = getattr(arguments, name, None)
        for i, one in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(one, str):
                key = f"{name} {i}" if i else name  # of an option that is given several times
                given[key] = one
                if name in OUTPUTS:
                    outputs_given.append(key)
    # a link as an output is refused later, so only the folders before it are followed
    outputs = {n: _place(Path(given[n])) for n in outputs_given if given[n]}
    inputs = {
        n: _source(given[n]) for n in INPUTS if n in given and _is_there(given[n], n in FOLDERS)
    }
    for name, output in outputs.items():
        for other, source in inputs.items():
            nested = other in FOLDERS and _is_folder(arguments, name)
            _check(given[name], output, given[other], source, nested)
        for other, place in outputs.items():
            if other == name:
                continue
            what = f"output {given[other]}"
            if place == output:
                raise DesignError(f"{what}: is given twice; choose different names")
            if place.is_relative_to(output) and other not in MAY_LIE_IN_OUTPUT:
                raise DesignError(f"{what}: lies in the output {given[name]}; choose another place")


def _check(name: str, output: Path, other: str, source: Path, nested: bool) -> None:
    if output == source or _same(output, source):
        raise DesignError(f"output {name}: is the input {other}; choose another name")
    if source.is_relative_to(output):
        raise DesignError(f"output {name}: holds the input {other}; choose another place")
    if nested and source.is_dir() and output.is_relative_to(source):
        raise DesignError(f"output {name}: lies in the input {other}; choose another place")


def _is_folder(arguments: Namespace, name: str) -> bool:
    """Whether this output of the command is a folder: pictures and tables have a suffix by rule."""
    if name != "output":
        return False
    return Path(arguments.output).suffix.lower() not in (".png", ".svg", ".safetensors", ".onnx")


def _is_there(name: str, folder: bool) -> bool:
    return os.path.isfile(name) or (folder and os.path.isdir(name))


def _source(name: str) -> Path:
    path = Path(os.path.realpath(name))
    return path.parent if path.name in STAND_FOR_FOLDERS else path


def _place(path: Path) -> Path:
    return Path(os.path.realpath(path.absolute().parent)) / path.name


def _same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
