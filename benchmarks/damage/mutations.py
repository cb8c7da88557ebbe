"""Damage to files: bytes, documents, arrays, and what lies in the place of a file."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np

#: Values in the place of others: of JSON, of TOML, of the command line.
ODD = (
    None, True, False, 0, -1, 1, 2, 3, 7, 65, 2**31, 2**63, -(2**63), 10**30, 0.5, -0.5, 1e308, 1e-320,
    "", " ", "a", "--", "-", "\u202e\u00e9\u4e2d", "\x1b[31m", "n\nl", "\0", "x" * 100_000, "../..", "/", "/dev/zero",
    "gru", "nan", [], [[]], {}, [1, 2], {"a": 1}, [None] * 3, "\ud800",
)  # fmt: skip
_ODD_TOML = (
    "true", "false", "0", "-1", "1", "2", "3", "64", "9223372036854775807", "10" * 40, "0.5", "inf", "-inf",
    "nan", '""', '"x"', "[]", "{}", "[1, 2]", "{ word = 12 }", "1979-05-27", "07:32:00", "'''a\nb'''",
    '"\\u0000"', '"\\u001b[2J"', '"' + "y" * 100_000 + '"', "[" * 3000 + "]" * 3000, "0x10", "1_000",
    '"lstm"', '"gru"', '"linear"', "{ word = 12, frac = 99999999999 }", "{ word = -3, frac = 2 }", "", "= =",
    '["layer_0", "layer_0"]', '["../d"]', '["/"]', '["\\u0000"]',
)  # fmt: skip
_NAMES = ("é中", "a" * 200, "-", "--help", "a b", "\x1b[2J", "..", "%s%n")


def damaged_bytes(rng: Random, data: bytes) -> bytes:
    """Truncated, with other, more, fewer or zero bytes."""
    if not data:
        return rng.randbytes(rng.choice((1, 100)))
    kind, at = rng.randrange(9), rng.randrange(len(data))
    if kind == 0:
        return data[:at]
    if kind == 1:  # flipped bits
        changed = bytearray(data)
        for _ in range(rng.choice((1, 1, 3, 30))):
            changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        return bytes(changed)
    if kind == 2:
        return data[:at] + rng.randbytes(rng.choice((1, 2, 8, 1000))) + data[at:]
    if kind == 3:
        return data[:at] + bytes(min(rng.choice((1, 16, 4096)), len(data) - at)) + data[at + 4096 :]
    if kind == 4:
        return data[:at] + data[at + rng.choice((1, 4, 64)) :]
    if kind == 5:  # the head, where sizes are
        changed, size = bytearray(data), min(len(data), 128)
        for _ in range(rng.choice((1, 2, 4))):
            changed[rng.randrange(size)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        return bytes(changed)
    if kind == 6:
        return data + data
    if kind == 7:  # a number of eight bytes
        word = struct.pack("<q", rng.choice((-1, 0, 2**31, 2**40, 2**62, -(2**63))))
        return data[:at] + word + data[at + 8 :]
    return rng.choice((b"", b"\0" * len(data), rng.randbytes(len(data)), b"\xff\xfe" + data))


def damaged_json(rng: Random, data: bytes) -> bytes:
    """One value of a document changed, left out, renamed, nested deeply or doubled."""
    try:
        document = json.loads(data)
    except ValueError:
        return damaged_bytes(rng, data)
    if rng.random() < 0.1:
        return rng.choice(
            (b"[" * 100_000, b"{}", b"[]", b"null", b"NaN", b'{"a":' * 5000, b"1" * 10_000, b'"' + b"z" * 10**6 + b'"')
        )  # fmt: skip
    place, key = document, None
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        if isinstance(key, str | int) and isinstance(place[key], dict | list) and place[key]:
            place = place[key]
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            break
        key = rng.choice(keys)
    if key is None:
        return damaged_bytes(rng, data)
    kind = rng.randrange(8)
    if kind == 0:
        del place[key]
    elif kind == 1 and isinstance(place, dict):
        place[rng.choice(_NAMES)] = place.pop(key)
    elif kind == 2:
        place[key] = [place[key]]
    elif kind == 3 and isinstance(place[key], list):
        place[key] = place[key] * rng.choice((0, 2, 1000))
    elif kind == 4 and type(place[key]) in (int, float):
        place[key] = rng.choice(
            (place[key] + 1, -place[key], place[key] * 10**9, float("nan"), float("inf"))
        )
    else:
        place[key] = rng.choice(ODD)
    return json.dumps(document).encode()


def damaged_toml(rng: Random, data: bytes) -> bytes:
    """One value of a document changed, left out, doubled or renamed."""
    lines = data.decode().split("\n")
    values = [i for i, line in enumerate(lines) if re.match(r"\s*[\w.]+\s*=", line)]
    kind, at = rng.randrange(8), rng.choice(values)
    name, value = lines[at].split("=", 1)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(rng.randrange(len(lines)), lines[at])
    elif kind == 2:
        lines[at] = f"{rng.choice(('colour', name.strip() + 's', '[x]', chr(34) * 2))} = {value}"
    elif kind == 3:
        lines.insert(
            at,
            rng.choice(("[cell]", "[[cell]]", "[other]", "a.b.c = 1", "]", "# " + "c" * 300_000)),
        )
    elif kind == 4 and (number := re.search(r"\d+", value)):
        other = rng.choice((int(number[0]) * 2, int(number[0]) + 1, -int(number[0]), 10**12, 0))
        lines[at] = f"{name}={value[: number.start()]}{other}{value[number.end() :]}"
    else:
        lines[at] = f"{name}= {rng.choice(_ODD_TOML)}"
    return "\n".join(lines).encode()


def damaged_array(rng: Random, array: np.ndarray) -> np.ndarray:
    """An array of another type or shape, or with other values."""
    kind = rng.randrange(12)
    if kind < 4:
        changed = array.copy()
        if not changed.size:
            return changed
        value = rng.choice((np.nan, np.inf, -np.inf, 1e300, -1e17, 5e-324, 2**62, -1, 0))
        with np.errstate(all="ignore"):
            changed.reshape(-1)[rng.randrange(changed.size)] = (
                value if changed.dtype.kind in "fc" else (2**62 if value != value or abs(value) > 2**62 else int(value))
                if changed.dtype.itemsize == 8 else 0
            )  # fmt: skip
        return changed
    if kind == 4:
        types = (
            "f4",
            "f2",
            "i8",
            "i1",
            "u8",
            "c16",
            "?",
            ">f8",
            "<U3",
            "S2",
            "M8[s]",
            "V4",
            "f8,i4",
        )
        with np.errstate(all="ignore"):
            try:
                return np.nan_to_num(array.astype("f8"), posinf=0, neginf=0).astype(
                    rng.choice(types)
                )
            except (ValueError, TypeError):
                return np.zeros(array.shape, "V4")
    if kind == 5:
        return array.astype(object)
    if kind == 6:
        return array.reshape(-1)
    if kind == 7:
        return array[..., :-1] if array.ndim else array
    if kind == 8:
        return array[:-1] if array.ndim else array
    if kind == 9:
        return np.asfortranarray(array.T)
    if kind == 10:
        return np.zeros((0, *array.shape[1:]), array.dtype)
    return array[None]


def npy(array: np.ndarray) -> bytes:
    """The bytes of an .npy file."""
    output = io.BytesIO()
    np.save(output, array, allow_pickle=True)
    return output.getvalue()


def damaged_npy(rng: Random, data: bytes) -> bytes:
    """An .npy file with another array, another header, or other bytes."""
    kind = rng.randrange(4)
    if kind == 0:
        return damaged_bytes(rng, data)
    if kind == 1:
        shapes = ("(1000000000000,)", "(65536, 65536, 4)", "(-1, 4)", "(0, 99999999999999999999)", "()", "(3",
                  "(True, 4)", "(1.0,)", "[3, 4]", "(" * 500)  # fmt: skip
        types = ("'<f8'", "'|O'", "[('a', '<f8')]", "'<U999999999'", "'q'", "1", "'<f99'")
        text = f"{{'descr': {rng.choice(types)}, 'fortran_order': False, 'shape': {rng.choice(shapes)}, }}"
        head = text.encode().ljust(118) + b"\n"
        return b"\x93NUMPY" + rng.choice((b"\1\0", b"\2\0", b"\3\0", b"\x09\0")) + struct.pack("<H", len(head)) + head + data[128:]  # fmt: skip
    return npy(damaged_array(rng, np.load(io.BytesIO(data))))


def damaged_npz(rng: Random, data: bytes) -> bytes:
    """An archive with other members, other arrays, or other bytes."""
    kind = rng.randrange(10)
    if kind < 2:
        return damaged_bytes(rng, data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {m.filename: archive.read(m) for m in archive.infolist()}
    name = rng.choice(list(members))
    compression = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))
    if kind == 2:
        del members[name]
    elif kind == 3:
        members[
            rng.choice(
                ("a.txt", "b", "labels.npy", "../x.npy", "é.npy", "n.npz", "x" * 3000 + ".npy")
            )
        ] = rng.choice((b"no array", b"", data, members[name]))
    elif kind == 4:  # a bomb: zeros that hardly take room
        shape = rng.choice(((40_000_000, 4), (300_000_000,), (2**24, 2), (3, 10**8)))
        head = npy(np.zeros(0))[:10] + (
            f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117)
            + b"\n"
        )
        members = {name: head[:8] + struct.pack("<H", 118) + head[10:]}
        return _bomb(members[name], name, 8 * int(np.prod(shape, dtype=object)), rng)
    elif kind == 5:  # encrypted, by its flag
        flagged = bytearray(data)
        for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
            at = flagged.find(mark)
            flagged[at + place] |= 1
        return bytes(flagged)
    elif kind == 6:  # sizes that lie, in the directory
        changed = bytearray(data)
        at = changed.rfind(b"PK\1\2")
        word = rng.choice((0, 1, 2**31, 2**32 - 2))
        changed[at + rng.choice((20, 24)) : at + 28] = (
            struct.pack("<I", word)[: 28 - at - 24] or b""
        )
        return bytes(changed)
    else:
        members[name] = damaged_npy(rng, members[name])
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", compression) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return output.getvalue()


def _bomb(head: bytes, name: str, zeros: int, rng: Random) -> bytes:
    """An archive of one member that would take as many zeros, of which a part is really there."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:  # noqa: SIM117
        with archive.open(name, "w", force_zip64=True) as stream:
            stream.write(head)
            for _ in range(min(zeros >> 20, rng.choice((1, 64)))):
                stream.write(bytes(1 << 20))
    return output.getvalue()


def damaged_safetensors(rng: Random, data: bytes) -> bytes:
    """A file with another header, other values, or other bytes."""
    if rng.random() < 0.3 or len(data) < 9:
        return damaged_bytes(rng, data)
    size = struct.unpack("<Q", data[:8])[0]
    head, body = data[8 : 8 + size], data[8 + size :]
    if rng.random() < 0.4 and len(body) >= 8:  # a number that is none, or huge
        value = rng.choice((np.nan, np.inf, -np.inf, 1e300, 1e17, -1e17, 5e-324))
        kind = "<d" if b'"F64"' in head else "<f"
        with np.errstate(all="ignore"):
            word = np.array(value, kind[0] + ("f8" if kind == "<d" else "f4")).tobytes()
        at = rng.randrange(len(body) // len(word)) * len(word)
        body = body[:at] + word + body[at + len(word) :]
    else:
        head = damaged_json(rng, head)
    return struct.pack("<Q", len(head)) + head + body


def damaged_zip(rng: Random, data: bytes) -> bytes:
    """A .pt file with another member, or other bytes."""
    if rng.random() < 0.4:
        return damaged_bytes(rng, data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {m.filename: archive.read(m) for m in archive.infolist()}
    name = rng.choice([*members, next(n for n in members if n.endswith("data.pkl"))])
    kind = rng.randrange(3)
    if kind == 0:
        del members[name]
    else:
        members[name] = damaged_bytes(rng, members[name])
    output = io.BytesIO()
    with zipfile.ZipFile(
        output, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    ) as made:
        for member, content in members.items():
            made.writestr(member, content)
    return output.getvalue()


#: How files are damaged with knowledge of what they are, by suffix.
DAMAGES: dict[str, Callable[[Random, bytes], bytes]] = {
    ".toml": damaged_toml,
    ".json": damaged_json,
    ".npy": damaged_npy,
    ".npz": damaged_npz,
    ".safetensors": damaged_safetensors,
    ".pt": damaged_zip,
}


def damage_place(rng: Random, file: Path, others: list[Path]) -> str:
    """Puts something else in the place of a file; returns what."""
    kind = rng.randrange(9)
    if kind == 0 and others:
        other = rng.choice(others)
        shutil.copyfile(other, file)
        return f"is {other.name}"
    file.unlink()
    if kind in (0, 1):
        return "missing"
    if kind == 2:
        file.mkdir()
        return "a folder"
    if kind == 3:
        os.mkfifo(file)
        return "a FIFO"
    if kind == 4:
        file.symlink_to(file.name)
        return "a link to itself"
    if kind == 5:
        file.symlink_to("nowhere")
        return "a link to nothing"
    if kind == 6:
        file.symlink_to(rng.choice(("/dev/zero", "/dev/null", "/proc/self/mem", "/")))
        return f"a link to {os.readlink(file)}"
    if kind == 7:
        file.write_bytes(b"")
        return "empty"
    with file.open("wb") as stream:
        stream.truncate(1 << 40)
    return "a sparse file of 1 TiB"


def damage_file(rng: Random, file: Path, others: list[Path]) -> str:
    """Damages a file in place; returns how."""
    if rng.random() < 0.15:
        return damage_place(rng, file, others)
    data = file.read_bytes()
    known = DAMAGES.get(file.suffix, damaged_bytes)
    how = damaged_bytes if rng.random() < 0.25 else known
    try:
        damaged = how(rng, data)
    except Exception:  # it is damaged already, and not what its name says
        how, damaged = damaged_bytes, damaged_bytes(rng, data)
    file.write_bytes(damaged)
    return how.__name__


def damaged_image(rng: Random, file: Path) -> str:
    """Words of an image of weights that are not what they should be, with a check sum that fits them; what was done."""
    words = np.frombuffer(file.read_bytes(), "<u4").copy()[:-1]
    huge = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
    places = {
        "magic": 0,
        "version": 1,
        "digest": 2 + rng.randrange(8),
        "length": 10,
        "memory": 11,
        "address": 12,
        "count": 13,
    }
    how = rng.choice((*places, "a word", "cut", "more", "twice", "check sum"))
    if how in places:
        words[places[how]] = rng.choice((*huge, int(words[places[how]]) + 1 & 0xFFFFFFFF))
    elif how == "a word":
        words[rng.randrange(len(words))] ^= 1 << rng.randrange(32)
    elif how in ("cut", "more"):
        at = rng.randrange(11, len(words))
        words = words[:at] if how == "cut" else np.concatenate([words, words[at:]])
        words[10] = len(words) - 11
    elif how == "twice":
        words = np.concatenate([words, words[11:]])
        words[10] = len(words) - 11
    data = words.astype("<u4").tobytes()
    check = zlib.crc32(data) ^ (how == "check sum") * (1 << rng.randrange(32))
    file.write_bytes(data + struct.pack("<I", check))
    return how
