"""Models whose import once came out wrong without a word: a module for each kind, each with its `CASES`."""

from __future__ import annotations

import importlib
import pkgutil

from benchmarks.import_cases.case import Case


def all_cases() -> list[Case]:
    """The cases of every module of this folder, in the order of the modules' names."""
    found: list[Case] = []
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        if module.name not in ("case", "onnx_layer"):
            found += importlib.import_module(f"{__name__}.{module.name}").CASES
    return found
