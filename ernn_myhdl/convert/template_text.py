"""Texts that are filled in: the files of `ernn_myhdl/convert/templates`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files

from ernn_myhdl.hdl.stream_port import StreamPort


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template of this file name with values in the place of `<name>`; it has no others."""
    text = (files("ernn_myhdl.convert.templates") / template).read_text(encoding="utf-8")
    return re.sub(r"<(\w+)>", lambda place: values[place[1]], text)


def stream_values(label: str, stream: StreamPort) -> dict[str, str]:
    """The names of a stream and its signals, as `<label_name>`, `<label_valid>` ..."""
    parts = ("name", "valid", "ready", "data", "last", "user")
    return {f"{label}_{part}": getattr(stream, part) for part in parts}
