"""The image of weights: 32-bit little-endian words, of which the core takes one with each beat of s_weights.

    magic, version, 8 words of the structure's digest, length of the payload in words
    payload: records of (number of a memory, first address, count, then count words of the memory)
    CRC-32 over the bytes of all words before

A word of a memory is as many 32-bit words as its bits need, the lowest bits first. All words of all memories are there.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.design.structure import CoreStructure
from ernn_myhdl.design.structure_digest import structure_digest
from ernn_myhdl.rtl.weights.memories import LoadableMemory, loadable_memories

MAGIC, VERSION = 0x45524E57, 1
LIMB = 32
DIGEST_WORDS = 8
#: Words before the payload: magic, version, digest, length.
HEAD_WORDS = 2 + DIGEST_WORDS + 1
#: Words before those of a memory in a record.
RECORD_WORDS = 3
#: The fields of an image in order: words (None: as many as are told), what they are.
FIELDS: tuple[tuple[str, int | None, str], ...] = (
    ("magic", 1, f"`0x{MAGIC:08X}`"),
    ("version", 1, f"{VERSION}"),
    ("structure", DIGEST_WORDS, "SHA-256 of the structure, the first 8 hexadecimal digits first"),
    ("length", 1, "words of the payload"),
    ("payload", None, "records"),
    ("check sum", 1, "CRC-32 (that of zlib) over the bytes of all words before"),
)
RECORD_FIELDS: tuple[tuple[str, int | None, str], ...] = (
    ("number", 1, "of the memory"),
    ("address", 1, "of the first word of the memory"),
    ("count", 1, "words of the memory that follow, at least 1"),
    (
        "words",
        None,
        "each in as many 32-bit words as it needs, the lowest bits first; bits that are not used are 0",
    ),
)


def limbs(width: int) -> int:
    """32-bit words of a memory's word of `width` bits."""
    return -(-width // LIMB)


def digest_words(core: CoreStructure) -> list[int]:
    """The digest of the structure in words, the first 8 hexadecimal digits first."""
    digest = structure_digest(core)
    return [int(digest[i : i + 8], 16) for i in range(0, 8 * DIGEST_WORDS, 8)]


def record(memory: LoadableMemory, words: Sequence[int], address: int = 0) -> list[int]:
    """The record that brings `words` to a memory, from an address on."""
    mask = (1 << LIMB) - 1
    parts = [(word >> LIMB * i) & mask for word in words for i in range(limbs(memory.width))]
    return [memory.number, address, len(words), *parts]


def checked(words: Sequence[int]) -> list[int]:
    """The words with their check sum behind them."""
    return [*words, zlib.crc32(b"".join(word.to_bytes(4, "little") for word in words))]


def image_words(design: CoreSpecification) -> list[int]:
    """The image of the weights of a design, for each core of its structure: a record for each memory."""
    payload = [
        word for memory in loadable_memories(design) for word in record(memory, memory.contents())
    ]
    return checked([MAGIC, VERSION, *digest_words(design), len(payload), *payload])
