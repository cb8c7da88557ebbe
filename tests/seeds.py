"""Seeds of cases that have a name: another name is another seed, and a case keeps its own among others."""

from __future__ import annotations

import zlib


def seed_of(name: str) -> int:
    """The seed of the case of that name."""
    return zlib.crc32(name.encode())
