"""JSON that every parser takes, and JSON and TOML of others, read with limits."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from ernn_myhdl.errors import DesignError, short

#: Bytes of a TOML file, which takes seconds a megabyte, and of a JSON file.
LONGEST_TOML, LONGEST_JSON = 1 << 18, 1 << 27


def json_text(value: Any, indent: int | None = None) -> str:
    """The value as JSON; NaN and infinities, which JSON does not have, are null."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return value


def parse_json(text: str | bytes) -> Any:
    """What a JSON text says; ValueError where it is none, nests too deeply or holds NaN or infinity."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("it nests too deeply") from error


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def read_json(file: Path) -> Any:
    """What a JSON file says; ValueError where it is none, OSError where it cannot be read."""
    return parse_json(_text(file, LONGEST_JSON))


def read_toml(file: Path, limit: int = LONGEST_TOML) -> dict[str, Any]:
    """The document in a TOML file of at most `limit` bytes; DesignError naming the file where it is none."""
    try:
        return tomlkit.parse(_text(file, limit)).unwrap()
    except RecursionError as error:
        raise DesignError(f"{file}: is not valid TOML (it nests too deeply); correct it") from error
    except (TOMLKitError, ValueError, TypeError, LookupError, AttributeError) as error:
        # tomlkit lets some errors of its own code pass
        raise DesignError(f"{file}: is not valid TOML ({short(error)}); correct it") from error


def _text(file: Path, limit: int) -> str:
    if not file.is_file():
        raise ValueError("it is no ordinary file" if file.exists() else "it is missing")
    size = file.stat().st_size
    if size > limit:
        raise ValueError(f"it has {size} bytes, must have at most {limit}")
    return file.read_text(encoding="utf-8-sig")  # editors of Windows put a mark first
