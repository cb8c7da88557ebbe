"""The numbers of loadable memories, and what makes two cores one structure."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import pytest

from ernn_myhdl import DesignError, LstmCell, Network, new_design
from ernn_myhdl.calibration.generate import new_network
from ernn_myhdl.design.hardware import Hardware
from ernn_myhdl.design.storage import load_design, save_design
from ernn_myhdl.design.structure_digest import structure_digest
from ernn_myhdl.rtl.core.view import core_view
from ernn_myhdl.rtl.weights.image import image_words
from ernn_myhdl.rtl.weights.memories import loadable_memories, memory_groups, total_words

SMALL = {"inputs": 4, "hidden": 8, "block": 4, "lanes": 2}


def other_weights(design, seed=9):
    """The same structure with other weights."""
    rng = np.random.default_rng(seed)
    weights = {n: rng.normal(0, 0.3, w.shape) for n, w in design.weights.items()}
    return replace(design, weights=weights)


def test_numbers_are_places_by_layer_lane_and_unit():
    gru = new_design(**SMALL, cell="gru", weights="loadable", element_width=2)
    names = [m.name for m in loadable_memories(gru)]
    assert names[:2] == ["lane_weights_0", "lane_weights_1"]
    assert names[2:4] == ["cells_parameters_0", "cells_parameters_1"]
    assert names[4].startswith("candidates_parameters_0")
    assert [m.number for m in loadable_memories(gru)] == list(range(len(names)))
    network = new_network([LstmCell(4, 8, block=4), LstmCell(8, 4, block=4)], lanes=2)
    memories = loadable_memories(network)
    assert [m.layer for m in memories] == [0, 0, 0, 1, 1, 1]
    assert memories[3].name == "layer_1.lane_weights_0"
    assert total_words(network) == sum(m.depth for m in memories)


@pytest.mark.parametrize("cell", ("lstm", "gru", "rnn", "linear"))
def test_list_is_that_of_the_core(cell):
    design = new_design(**SMALL, cell=cell)
    roms = {r.name: r for r in core_view(design).memories if r.name != "program_words"}
    assert {g.rom.name: g.rom for g in memory_groups(design)} == roms
    for memory in loadable_memories(design):
        words = memory.contents()
        assert len(words) == memory.depth and all(0 <= w < 1 << memory.width for w in words)


def test_structure_is_all_but_weights():
    design = new_design(**SMALL, weights="loadable")
    assert structure_digest(other_weights(design)) == structure_digest(design)
    assert structure_digest(replace(design, name="another")) == structure_digest(design)
    changed = [
        design.with_hardware(weight_banks=2),
        design.with_weights("fixed"),
        design.with_hardware(sequence_ends=True),
        design.with_hardware(lanes=4),
        new_design(**SMALL, weights="loadable", word=11),
    ]
    assert len({structure_digest(d) for d in (design, *changed)}) == len(changed) + 1


def test_kind_of_weights_is_in_file_and_digest_of_loadable_cores_only(tmp_path):
    fixed = new_design(**SMALL)
    assert "weight_banks" not in repr(fixed) and "weights=" not in repr(fixed.hardware)
    for i, design in enumerate((fixed, *(fixed.with_weights("loadable", b) for b in (1, 2)))):
        save_design(design, tmp_path / str(i))
        assert load_design(tmp_path / str(i)) == design
        assert (
            "weights" in (tmp_path / str(i) / "design.toml").read_text().split("[hardware]")[1]
        ) == (i > 0)
        assert (design.digest == fixed.digest) == (i == 0)


@pytest.mark.parametrize(
    ("options", "text"),
    (
        ({"weights": "soft"}, "hardware weights = 'soft': must be 'fixed' or 'loadable'"),
        ({"weights": "loadable", "weight_banks": 3}, "hardware weight_banks = 3: must be 1 or 2"),
        ({"weight_banks": 2}, "hardware weight_banks = 2: is of loadable weights; set weights"),
    ),
)  # fmt: skip
def test_other_kinds_are_refused(options, text):
    with pytest.raises(DesignError, match=text):
        Hardware(2, **options)


def test_image_brings_every_word_once():
    design = new_design(**SMALL, cell="gru", weights="loadable")
    words = image_words(design)
    assert words[:2] == [0x45524E57, 1]
    assert "".join(f"{w:08x}" for w in words[2:10]) == structure_digest(design)
    assert words[10] == len(words) - 12
    data = b"".join(w.to_bytes(4, "little") for w in words)
    assert zlib.crc32(data[:-4]) == words[-1]
    payload, found = words[11:-1], {}
    memories = loadable_memories(design)
    while payload:
        number, address, count, *payload = payload
        size = -(-memories[number].width // 32)
        for i in range(count):
            limbs, payload = payload[:size], payload[size:]
            found[number, address + i] = sum(w << 32 * j for j, w in enumerate(limbs))
    assert found == {(m.number, i): word for m in memories for i, word in enumerate(m.contents())}


def test_layers_of_a_network_have_one_kind():
    network = new_network([LstmCell(4, 8, block=4), LstmCell(8, 4, block=4)])
    assert network.with_weights("loadable", 2).layers[1].hardware.weight_banks == 2
    first, second = network.layers
    with pytest.raises(DesignError, match="network layer 1: hardware weights = 'fixed'"):
        Network((first.with_weights("loadable"), second))
