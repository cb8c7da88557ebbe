"""Digest of the sources of this package, for results that are kept and follow from them."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

#: The package; `golden` in it may be a symbolic link.
ROOT = Path(__file__).resolve().parents[1]


def sources() -> list[Path]:
    """All sources that make the HDL, the harness and the models, in order of their names."""
    found = [
        Path(folder, file)
        for folder, _, files in os.walk(ROOT, followlinks=True)
        for file in files
        if file.endswith((".py", ".cpp"))
    ]
    return sorted(found)


@lru_cache
def package_digest() -> str:
    """SHA-256 over the sources, as hexadecimal digits."""
    digest = hashlib.sha256()
    for file in sources():
        digest.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return digest.hexdigest()
