"""The user's folder of what is kept because making it takes time, and may be removed at any time."""

from __future__ import annotations

import os
from pathlib import Path

#: Environment variable that moves the folder.
CACHE_VARIABLE = "ERNN_CACHE"


def cache_folder() -> Path:
    """Where builds and converted blocks are kept."""
    if given := os.environ.get(CACHE_VARIABLE):
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "ernn_myhdl"
