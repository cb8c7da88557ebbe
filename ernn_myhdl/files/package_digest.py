"""Digest of the sources of this package, for results that are kept and follow from them."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path


@lru_cache
def package_digest() -> str:
    """SHA-256 over the sources, which make the HDL, the harness and the models, as hexadecimal digits."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for file in sorted([*root.rglob("*.py"), *root.rglob("*.cpp")]):
        digest.update(f"{file.relative_to(root)}\n".encode() + file.read_bytes())
    return digest.hexdigest()
