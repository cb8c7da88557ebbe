"""Images of weights: what is written is what a core of the new design holds, and damage of all kinds is named."""

from __future__ import annotations

import random
import zlib
from dataclasses import replace

import numpy as np
import pytest

from ernn_myhdl import DesignError, GruCell, LinearCell, new_design, new_network
from ernn_myhdl.host.weight_image import (
    FIELDS,
    IMAGE_VERSION,
    MAGIC,
    RECORD,
    MemoryShape,
    framed,
    image_contents,
    read_image,
    write_image,
)
from ernn_myhdl.program.weight_layout import lane_contents
from ernn_myhdl.rtl.weights.image import memory_contents
from ernn_myhdl.system.loadable import loadable_weights, weight_image

STRUCTURE = "0123456789abcdef" * 4
MEMORIES = (MemoryShape(0, "lanes", 3, 48), MemoryShape(1, "bias", 2, 7), MemoryShape(5, "big", 1, 96))  # fmt: skip
CONTENTS = {0: (1, (1 << 48) - 1, 1 << 40), 1: (127, 0), 5: (1 << 95 | 7,)}


def test_an_image_is_the_words_of_the_table():
    data = write_image(STRUCTURE, MEMORIES, CONTENTS)
    words = np.frombuffer(data, "<u4").tolist()
    assert (words[0], words[1]) == (MAGIC, IMAGE_VERSION) == (0x45524E57, 1)
    assert "".join(f"{w:08x}" for w in words[2:10]) == STRUCTURE
    assert words[10] == len(words) - 12 and words[-1] == zlib.crc32(data[:-4])
    assert words[11:20] == [0, 0, 3, 1, 0, 0xFFFFFFFF, 0xFFFF, 0, 1 << 8]
    assert words[20:25] == [1, 0, 2, 127, 0] and words[25:31] == [5, 0, 1, 7, 0, 1 << 31]
    assert [f.name for f in FIELDS] == ["magic", "version", "structure", "length", "payload", "crc"]
    assert [f.name for f in RECORD] == ["memory", "address", "count", "data"]
    assert image_contents(read_image(data), STRUCTURE, MEMORIES) == CONTENTS


def networks():
    """A layer alone, and two in a network."""
    yield new_design(5, 8, block=4).with_weights("loadable", 2)
    cells = [GruCell(4, 8, block=2, reset="before"), LinearCell(8, 3, block=1)]
    yield new_network(cells, seed=1).with_weights("loadable")


def reweighted(core):
    """The same core with other weights."""
    layers = [
        replace(layer, weights={n: -0.5 * np.asarray(a) for n, a in layer.weights.items()})
        for layer in core.layers
    ]
    return replace(core, layers=tuple(layers)) if len(layers) > 1 else layers[0]


@pytest.mark.parametrize("number", range(2))
def test_the_memories_behind_a_load_are_those_of_the_new_design(number):
    old = list(networks())[number]
    new = reweighted(old)
    weights = loadable_weights(old)
    made = image_contents(read_image(weight_image(new)), weights.structure, weights.memories)
    assert made == memory_contents(new) != memory_contents(old)
    lanes = [made[m.number] for m in weights.memories if "lane_weights" in m.name]
    assert lanes == [words for layer in new.layers for words in lane_contents(layer)]


def test_records_may_come_in_any_order_and_in_pieces():
    draw = random.Random(3)
    pieces = [(0, 0, [1]), (0, 1, [0xFFFFFFFFFFFF]), (0, 2, [1 << 40]), (1, 1, [0]), (1, 0, [127]), (5, 0, [CONTENTS[5][0]])]  # fmt: skip
    shapes = {m.number: m for m in MEMORIES}
    for _ in range(5):
        draw.shuffle(pieces)
        payload = []
        for number, at, words in pieces:
            payload += [number, at, len(words)]
            payload += [w >> 32 * i & 0xFFFFFFFF for w in words for i in range(shapes[number].parts)]  # fmt: skip
        assert image_contents(read_image(framed(STRUCTURE, payload)), STRUCTURE, MEMORIES) == CONTENTS  # fmt: skip


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ([7, 0, 1, 0], "the record at word 11 is of memory 7, which the core does not have"),
        ([1, 1, 2, 0, 0], "has words 1 to 2 of memory 1 \\(bias\\), which has 2"),
        ([1, 0, 0], "has words 0 to -1 of memory 1"),
        ([1, 0xFFFFFFFF, 1, 0], "of memory 1 \\(bias\\), which has 2"),
        ([1, 0, 2, 128, 0], "word 0 of memory 1 has bits beyond its 7"),
        ([1, 0, 2, 1], "needs 2 words, 1 are left"),
        ([1, 0], "2 words behind the last record"),
        ([1, 0, 2, 1, 1, 1, 1, 1, 1], "memory 1, word 1 is there twice"),
        ([1, 0, 2, 1, 1], "memory 0 \\(lanes\\): 3 of 3 words are missing, the first is 0"),
        ([], "memory 0 \\(lanes\\): 3 of 3 words are missing"),
    ],
)
def test_records_that_are_wrong_are_named(payload, said):
    with pytest.raises(DesignError, match=said):
        image_contents(read_image(framed(STRUCTURE, payload)), STRUCTURE, MEMORIES)


def test_frames_that_are_wrong_are_named(tmp_path):
    data = write_image(STRUCTURE, MEMORIES, CONTENTS)
    longer = bytearray(data)
    longer[40] += 1
    other = bytearray(data)
    other[4] = 9
    for wrong, said in (
        (b"", "begins with nothing"),
        (b"PK\3\4" + data, "begins with 50 4b 03 04, which no image of weights does"),
        (data[:40], "40 bytes, must be whole words of 4, at least 48 bytes"),
        (data[:-1], "must be whole words"),
        (data[:-8], "tells of 20 words of payload and has 18"),
        (bytes(longer), "tells of 21 words of payload and has 20"),
        (bytes(other), "version 9, must be 1"),
        (data[:-1] + bytes([data[-1] ^ 1]), "CRC-32 is 0x.*, the image says 0x.*; it is damaged"),
    ):
        with pytest.raises(DesignError, match=said):
            read_image(wrong)
    with pytest.raises(DesignError, match="cannot be read"):
        read_image(tmp_path / "none.bin")
    (tmp_path / "w.bin").write_bytes(data)
    assert read_image(tmp_path / "w.bin").data == data
    with pytest.raises(DesignError, match="for the structure 0123456789abcdef..., the core has ff"):
        image_contents(read_image(data), "f" * 64, MEMORIES)


def test_no_flipped_bit_is_taken():
    data, draw = write_image(STRUCTURE, MEMORIES, CONTENTS), random.Random(1)
    for _ in range(300):
        wrong = bytearray(data)
        wrong[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        with pytest.raises(DesignError):
            image_contents(read_image(bytes(wrong)), STRUCTURE, MEMORIES)


def test_words_that_a_memory_does_not_hold_are_not_written():
    with pytest.raises(DesignError, match="memory 1 \\(bias\\): word 128, must have 7 bits"):
        write_image(STRUCTURE, MEMORIES, CONTENTS | {1: (128, 0)})
    with pytest.raises(DesignError, match="memory 1 \\(bias\\): 1 words, must be 2"):
        write_image(STRUCTURE, MEMORIES, CONTENTS | {1: (1,)})
    with pytest.raises(DesignError, match="must be 64 hexadecimal digits"):
        write_image("12", MEMORIES, CONTENTS)
    with pytest.raises(DesignError, match='has fixed weights; set weights = "loadable"'):
        weight_image(new_design(5, 8, block=4))
