"""Images of weights: what loads into the memories of a core that takes them at run time.

An image is words of 32 bits, little-endian in a file: the fields of `FIELDS`, one after the other. Its payload is records in any order, each
with the fields of `RECORD` and then the words of a memory from its first address on, `ceil(width / 32)` words of the image each, the
lowest bits first and the bits beyond its width zero. All words of all memories have to be there, none twice. The page
docs/loadable-weights.md, the C header and the tests are made of these tables.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.host.arguments import path_of
from ernn_myhdl.whole_numbers import is_whole

#: "ERNW" in ASCII, the first letter in the highest bits.
MAGIC = 0x45524E57
#: Of the image: another one is refused.
IMAGE_VERSION = 1
STRUCTURE_WORDS, WORD_BITS, WORD_BYTES = 8, 32, 4


@dataclass(frozen=True)
class ImageField:
    """Words of an image; None: as many as the field `length` says."""

    name: str
    words: int | None
    text: str


FIELDS = (
    ImageField("magic", 1, f"0x{MAGIC:08X}, the letters ERNW"),
    ImageField("version", 1, f"{IMAGE_VERSION}, of this format"),
    ImageField(
        "structure", STRUCTURE_WORDS, "the digest of the core's structure, its first 8 digits first"
    ),
    ImageField("length", 1, "words of the payload"),
    ImageField("payload", None, "records"),
    ImageField("crc", 1, "CRC-32 of zlib and Ethernet, over the bytes of all words before it"),
)
RECORD = (
    ImageField("memory", 1, "number of the memory"),
    ImageField("address", 1, "of the first word of the memory in this record"),
    ImageField("count", 1, "words of the memory in this record, at least 1"),
    ImageField(
        "data",
        None,
        "count x ceil(width / 32) words, lowest bits first, bits beyond the width zero",
    ),
)
#: Words before the payload, behind it, and before the data of a record.
HEADER_WORDS = sum(f.words or 0 for f in FIELDS[:4])
TRAILER_WORDS = 1
#: Bytes of a file that is read at all.
MOST_BYTES = 1 << 28
RECORD_WORDS = sum(f.words or 0 for f in RECORD)


def image_parts(width: int) -> int:
    """Words of an image for a memory's word of `width` bits."""
    return -(-width // WORD_BITS)


@dataclass(frozen=True)
class MemoryShape:
    """A memory that loads: its number, its name for people, its words and their bits."""

    number: int
    name: str
    depth: int
    width: int

    @property
    def parts(self) -> int:
        """Words of an image for one of the memory."""
        return image_parts(self.width)

    def record(self) -> dict[str, Any]:
        """As `system.json` holds it."""
        return {"number": self.number, "name": self.name, "depth": self.depth, "width": self.width}


@dataclass(frozen=True)
class WeightImage:
    """An image whose frame is right: magic, version, length and CRC. structure: 64 digits; payload: uint32 words."""

    structure: str
    payload: np.ndarray
    words: np.ndarray

    @property
    def data(self) -> bytes:
        """The bytes of the file."""
        return bytes(self.words.astype("<u4").tobytes())


def check_structure(structure: object, where: str) -> str:
    """The digest of a structure; DesignError where it is none."""
    if not isinstance(structure, str) or len(structure) != 64 or set(structure) - set("0123456789abcdef"):  # fmt: skip
        raise DesignError(f"{where}: structure = {structure!r}: must be 64 hexadecimal digits")
    return structure


def write_image(
    structure: str, memories: Sequence[MemoryShape], contents: Mapping[int, Sequence[int]]
) -> bytes:
    """The image of these contents, one record for each memory.

    structure: the digest, 64 digits. contents: number of a memory -> all of its words, unsigned. Raises DesignError for words that are missing
    or beyond their width.
    """
    check_structure(structure, "weight image")
    payload: list[int] = []
    for memory in memories:
        words = contents[memory.number]
        if len(words) != memory.depth:
            raise DesignError(
                f"memory {memory.number} ({memory.name}): {len(words)} words, must be {memory.depth}"
            )
        payload += memory_record(memory, 0, words)
    return framed(structure, payload)


def memory_record(memory: MemoryShape, address: int, words: Sequence[int]) -> list[int]:
    """The record that brings `words` to a memory, from an address on; DesignError for one beyond the memory's width."""
    record = [memory.number, address, len(words)]
    for word in words:
        if not 0 <= word < 1 << memory.width:
            raise DesignError(
                f"memory {memory.number} ({memory.name}): word {word}, must have {memory.width} bits, unsigned"
            )
        record += [word >> WORD_BITS * i & 0xFFFFFFFF for i in range(memory.parts)]
    return record


def head_words(structure: str, length: int) -> list[int]:
    """The words before a payload of so many words."""
    digits = [int(structure[8 * i : 8 * i + 8], 16) for i in range(STRUCTURE_WORDS)]
    return [MAGIC, IMAGE_VERSION, *digits, length]


def with_crc(words: Sequence[int]) -> bytes:
    """An image of these words, whatever they are, and their CRC-32."""
    data = np.array(words, dtype="<u4").tobytes()
    return data + zlib.crc32(data).to_bytes(WORD_BYTES, "little")


def framed(structure: str, payload: Sequence[int]) -> bytes:
    """The image with these words as its payload, whatever they are."""
    return with_crc([*head_words(structure, len(payload)), *payload])


def _file_bytes(file: Path, where: str) -> bytes:
    """The bytes of a regular file that is no longer than any image."""
    if file.exists() and not file.is_file():
        raise DesignError(f"{where}: is no file; make one with ernn weights")
    try:
        with open(file, "rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise DesignError(
            f"{where}: cannot be read ({getattr(error, 'strerror', error)}); make one with ernn weights"
        ) from error
    if len(data) > MOST_BYTES:
        raise DesignError(
            f"{where}: has more than {MOST_BYTES} bytes, which no image of weights has; make one with ernn weights"
        )
    return data


def read_image(source: bytes | str | Path, where: str = "weight image") -> WeightImage:
    """The image of a file, or of its bytes; DesignError naming `where`, or the file, and what is wrong."""
    if not isinstance(source, bytes):
        path, where = path_of(source, "weight image"), f"weight image {source}"
        source = _file_bytes(path, where)
    least = (HEADER_WORDS + TRAILER_WORDS) * WORD_BYTES
    if source[:WORD_BYTES] != MAGIC.to_bytes(WORD_BYTES, "little")[: len(source)] or not source:
        raise DesignError(
            f"{where}: begins with {source[:4].hex(' ') or 'nothing'}, which no image of weights does; make one with ernn weights"
        )
    if len(source) < least or len(source) % WORD_BYTES:
        raise DesignError(
            f"{where}: {len(source)} bytes, must be whole words of {WORD_BYTES}, at least {least} bytes; it was cut, make it again"
        )
    words = np.frombuffer(source, dtype="<u4")
    if words[1] != IMAGE_VERSION:
        raise DesignError(
            f"{where}: version {words[1]}, must be {IMAGE_VERSION}; use the ernn weights of the core's version"
        )
    length, found = int(words[HEADER_WORDS - 1]), len(words) - HEADER_WORDS - TRAILER_WORDS
    if length != found:
        raise DesignError(
            f"{where}: tells of {length} words of payload and has {found}; it was cut or joined, make it again"
        )
    crc = zlib.crc32(source[:-WORD_BYTES])
    if crc != words[-1]:
        raise DesignError(
            f"{where}: CRC-32 is 0x{crc:08X}, the image says 0x{words[-1]:08X}; it is damaged, copy or make it again"
        )
    structure = "".join(f"{w:08x}" for w in words[2 : 2 + STRUCTURE_WORDS])
    return WeightImage(structure, words[HEADER_WORDS:-TRAILER_WORDS], words)


def image_contents(
    image: WeightImage, structure: str, memories: Sequence[MemoryShape], where: str = "weight image"
) -> dict[int, tuple[int, ...]]:
    """Number of each memory -> all of its words, as the core has them behind the load.

    structure, memories: of the core. Raises DesignError for the image of another structure, a record beyond a memory, words that are
    missing or there twice, and bits beyond the width.
    """
    if image.structure != structure:
        raise DesignError(
            f"{where}: is for the structure {image.structure[:16]}..., the core has {structure[:16]}...; make it with ernn weights "
            "--for the design of the core"
        )
    shapes = {memory.number: memory for memory in memories}
    made = {memory.number: np.zeros(memory.depth, dtype=object) for memory in memories}
    seen = {memory.number: np.zeros(memory.depth, dtype=bool) for memory in memories}
    for number, address, words in _records(image.payload, shapes, where):
        span = slice(address, address + len(words))
        if seen[number][span].any():
            first = address + int(np.argmax(seen[number][span]))
            raise DesignError(f"{where}: memory {number}, word {first} is there twice; make it again")  # fmt: skip
        seen[number][span] = True
        made[number][span] = words
    for number, there in seen.items():
        if not there.all():
            raise DesignError(
                f"{where}: memory {number} ({shapes[number].name}): {int((~there).sum())} of {len(there)} words are missing, the first "
                f"is {int(np.argmin(there))}; make it again"
            )
    return {number: tuple(int(word) for word in words) for number, words in made.items()}


def _records(
    payload: np.ndarray, shapes: Mapping[int, MemoryShape], where: str
) -> Iterator[tuple[int, int, list[int]]]:
    """Number, first address and words of each record; DesignError for one that is beyond the payload or a memory."""
    at = 0
    while at < len(payload):
        if len(payload) - at < RECORD_WORDS:
            raise DesignError(
                f"{where}: {len(payload) - at} words behind the last record; make it again"
            )
        number, address, count = (int(w) for w in payload[at : at + RECORD_WORDS])
        here = f"{where}: the record at word {HEADER_WORDS + at}"
        shape = shapes.get(number)
        if shape is None:
            raise DesignError(f"{here} is of memory {number}, which the core does not have")
        if not count or address + count > shape.depth:
            raise DesignError(
                f"{here} has words {address} to {address + count - 1} of memory {number} ({shape.name}), which has {shape.depth}"
            )
        at += RECORD_WORDS
        if len(payload) - at < count * shape.parts:
            raise DesignError(f"{here} needs {count * shape.parts} words, {len(payload) - at} are left")  # fmt: skip
        words = payload[at : at + count * shape.parts].reshape(count, shape.parts)
        made = [sum(int(part) << WORD_BITS * i for i, part in enumerate(row)) for row in words]
        beyond = next((i for i, word in enumerate(made) if word >> shape.width), None)
        if beyond is not None:
            raise DesignError(
                f"{here}: word {address + beyond} of memory {number} has bits beyond its {shape.width}; make it again"
            )
        yield number, address, made
        at += count * shape.parts


def shapes_of(record: object, where: str) -> tuple[MemoryShape, ...]:
    """The memories of a `system.json`; DesignError naming `where`."""
    names = ("number", "name", "depth", "width")
    legal = isinstance(record, list) and all(
        isinstance(each, dict)
        and set(each) == set(names)
        and isinstance(each["name"], str)
        and all(is_whole(each[n]) and each[n] >= (n != "number") for n in names if n != "name")
        for each in record
    )
    if not isinstance(record, list) or not legal:
        raise DesignError(
            f"{where}: weights memories = {record!r}: must be a list of {', '.join(names)}; convert the design again"
        )
    return tuple(MemoryShape(*(each[n] for n in names)) for each in record)
