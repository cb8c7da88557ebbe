"""Counting of cells, sums, percentages and the table."""

import pytest

from ernn_myhdl.mapping.yosys_program import count_cells
from ernn_myhdl.synthesis.devices import device_named
from ernn_myhdl.synthesis.resources import (
    RESOURCES,
    count_resources,
    format_resources,
    percentages,
    total_resources,
)
from ernn_myhdl.synthesis.yosys import densest


def test_cells_are_sorted_into_resources():
    found = count_resources(
        {
            "LUT2": 3,
            "LUT6": 4,
            "INV": 1,
            "SRL16E": 2,
            "SRLC32E": 1,
            "RAM64M": 2,
            "RAM64X1D": 1,
            "FDRE": 10,
            "FDSE": 1,
            "FDRE_1": 1,
            "FDCE": 1,
            "FDPE": 1,
            "CARRY4": 5,
            "MUXF7": 2,
            "MUXF8": 1,
            "DSP48E1": 6,
            "DSP48E2": 1,
            "RAMB18E1": 3,
            "RAMB36E2": 2,
            "LDCE": 1,
            "GND": 1,
            "surprise": 7,
        }  # fmt: skip
    )
    assert found == {
        "lut": 8 + 13, "lutram": 13, "ff": 14, "carry": 5, "mux": 3, "dsp": 7, "ramb18": 3,
        "ramb36": 2, "latch": 1, "other": {"surprise": 7},
    }  # fmt: skip


def _block(name, instances, **numbers):
    each = dict.fromkeys(RESOURCES, 0) | {"latch": 0, "other": {}} | numbers
    return {"name": name, "kind": "leaf", "instances": instances, "each": each}


def test_sums_and_percentages():
    total = total_resources([_block("a", 3, lut=10, ramb18=1), _block("b", 1, ramb36=4, dsp=11)])
    assert total["lut"] == 30
    assert total["bram36"] == 4 + 2
    percent = percentages(total, device_named("xc7z020"))
    assert percent == {"lut": 0.06, "ff": 0.0, "dsp": 5.0, "bram36": pytest.approx(4.29)}


def test_the_table_keeps_the_largest_and_sums_the_rest():
    device = device_named("xc7z020")
    blocks = [_block(f"block_{i}", 2, lut=10 * i, dsp=i == 2) for i in range(5)]
    total = total_resources(blocks)
    text = format_resources(
        {
            "blocks": blocks,
            "total": total,
            "device": device.record(),
            "percent": percentages(total, device),
            "fits": True,
            "tool": "Yosys 0.23",
        },
        most=2,
    )
    lines = text.splitlines()
    assert lines[2].split() == ["block_2", "2", "40", "0", "0", "2", "0", "0"]  # 2 of 220 DSP48
    assert lines[3].split() == ["block_4", "2", "80", "0", "0", "0", "0", "0"]
    assert lines[4].split() == ["2", "others", "4", "80", "0", "0", "0", "0", "0"]
    assert lines[6].split()[:2] == ["total", "200"]
    assert "fits in xc7z020clg400-1" in lines[-1]
    assert len({len(line) for line in lines[:4]}) == 1


def test_cells_of_derived_modules_carry_the_plain_name():
    types = (
        r"$paramod$5cf4b21a3a252991\rom",
        r"$paramod\rom\INIT=8'01100001",
        "$add",
        "lane",
        "lane",
    )
    top = {"cells": {f"cell_{i}": {"type": kind} for i, kind in enumerate(types)}}
    ram = {"cells": {"bit": {"type": "FDRE"}, "note": {"type": "$scopeinfo"}}}
    assert count_cells({"modules": {r"\top": top, r"$abstract\ram": ram}}) == {
        "top": {"rom": 2, "$add": 1, "lane": 2},
        "ram": {"FDRE": 1},
    }


def test_the_densest_contents_represent_a_memory(tmp_path):
    contents = {
        "zero.hex": "00\n00\n00\n",
        "few.hex": "0f\n00\n0f\n",
        "dense.hex": "ff\n81\n7e\n",
        "equal.hex": "fe\n81\n7f\n",
        "constant.hex": "ff\nff\nff\n",
    }
    for name, text in contents.items():
        (tmp_path / name).write_text(text)
    assert densest(tmp_path, list(contents)) == "dense.hex"
