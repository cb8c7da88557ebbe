"""What a node of an exported program of PyTorch tells: its operator, its arguments, its sizes."""

from __future__ import annotations

from typing import Any

import numpy as np


def kind_of(node: Any) -> str:
    """The name of an operator, without its variant: "linear" of aten.linear.default."""
    target = getattr(node.target, "_schema", None)
    name = str(target.name).partition("::")[2] if target else getattr(node.target, "__name__", "")
    return name.removesuffix("_") if name.endswith("_") and not name.startswith("_") else name


def flat(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return [found for v in value for found in flat(v)]
    return [value]


def whole(*values: Any) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def shape_of(node: Any) -> list[int]:
    return [int(n) for n in node.meta["val"].shape]
