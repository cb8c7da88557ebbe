"""Which functions fold into a carry chain of ECP5, on one bit of a sum: the same sum and carry for all inputs."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ernn_myhdl.mapping.carry_operands import fold_operands

CARRY_IN, SUM, CARRY_OUT = 50, 51, 52
PLUS = "1001011010101010"


def lut(init: int, output: int, **nets) -> dict:
    nets = {pin: [nets.get(pin, "0")] for pin in "ABCD"} | {"Z": [output]}
    ways = {pin: "output" if pin == "Z" else "input" for pin in nets}
    return {"type": "LUT4", "parameters": {"INIT": f"{init:016b}"}, "attributes": {},
            "port_directions": ways, "connections": nets}  # fmt: skip


def carry(a, b, init: str = PLUS, c="0", d="1", inject: str = "NO") -> dict:
    """Bit 0 has the operands; bit 1 has none."""
    nets = {"A0": [a], "B0": [b], "C0": [c], "D0": [d], "S0": [SUM], "CIN": [CARRY_IN]}
    nets |= {"A1": ["0"], "B1": ["0"], "C1": ["0"], "D1": ["1"], "COUT": [CARRY_OUT]}
    ways = {pin: "output" if pin in ("S0", "COUT") else "input" for pin in nets}
    parameters = {"INIT0": init, "INIT1": PLUS, "INJECT1_0": inject, "INJECT1_1": "NO"}
    return {"type": "CCU2C", "parameters": parameters, "attributes": {},
            "port_directions": ways, "connections": nets}  # fmt: skip


def module(**cells) -> dict:
    ports = {"x": {"direction": "input", "bits": [2, 3, 4, 5, 6, CARRY_IN]},
             "y": {"direction": "output", "bits": [SUM, CARRY_OUT]}}  # fmt: skip
    return {"cells": cells, "ports": ports, "netnames": {}, "attributes": {}}


def table_of(design: dict) -> list[tuple[int, int]]:
    """Sum and carry of bit 0 for all inputs, by Yosys' model of the cells."""
    cells = design["cells"]
    rows = []
    for given_bits in product((0, 1), repeat=6):
        values = dict(zip(design["ports"]["x"]["bits"], given_bits, strict=True)) | {"0": 0, "1": 1}

        def read(cell, pins, values=values):
            return sum(values[cell["connections"][pin][0]] << i for i, pin in enumerate(pins))

        for cell in cells.values():
            if cell["type"] == "LUT4":
                init = int(cell["parameters"]["INIT"], 2)
                values[cell["connections"]["Z"][0]] = init >> read(cell, "ABCD") & 1
        chain = cells["sum"]
        init = int(chain["parameters"]["INIT0"], 2)
        passes = init >> read(chain, ("A0", "B0", "C0", "D0")) & 1
        makes = init >> read(chain, ("A0", "B0")) & 1
        carry_in = values[CARRY_IN]
        rows.append((passes ^ carry_in, carry_in if passes else makes))
    return rows


def folded(**cells) -> tuple[dict, dict]:
    """What was counted, and the module; its function must have stayed."""
    design = module(**cells)
    before = table_of(design)
    count = fold_operands(design)
    assert table_of(design) == before
    assert count["carry_bits"] == 2
    return count, design


@pytest.mark.parametrize("init", [PLUS, "1001011000110011", "0110100110101010"])
@pytest.mark.parametrize("c", ["0", "1"])
def test_zero_or_the_sum_so_far_folds_into_the_third_input(init, c):
    count, design = folded(f=lut(0x0F00, 10, C=3, D=4), sum=carry(2, 10, init, c))
    assert (count["folded"], count["luts"]) == (1, 1)
    assert list(design["cells"]) == ["sum"]
    chain = design["cells"]["sum"]
    assert sorted(chain["connections"][pin + "0"][0] for pin in "ABC") == [2, 3, 4]
    assert chain["connections"]["D0"] == ["1"]
    # the lower table does not depend on C
    assert chain["parameters"]["INIT0"][8:12] == chain["parameters"]["INIT0"][12:]


@given(
    tables=st.lists(st.integers(0, 65535), min_size=2, max_size=2),
    nets=st.lists(st.sampled_from([2, 3, 4, 5, "0", "1"]), min_size=8, max_size=8),
    other=st.sampled_from([10, 2, 5, "0", "1"]), second=st.sampled_from([11, 3, 6, "1"]),
    c=st.sampled_from("01"), init=st.integers(0, 65535),
)  # fmt: skip
def test_any_functions_and_tables_keep_sum_and_carry(tables, nets, other, second, c, init):
    first = lut(tables[0], 10, **dict(zip("ABCD", nets[:4], strict=True)))
    last = lut(tables[1], 11, **dict(zip("ABCD", nets[4:], strict=True)))
    count, design = folded(f=first, g=last, sum=carry(other, second, f"{init:016b}", c))
    assert len(design["cells"]) == 3 - count["luts"]


def test_two_functions_of_three_signals_fold_together():
    count, design = folded(
        f=lut(0x8888, 10, A=2, B=4), g=lut(0x8888, 11, A=3, B=4), sum=carry(10, 11)
    )
    assert (count["luts"], list(design["cells"])) == (2, ["sum"])


def test_a_function_that_something_else_reads_stays():
    design = module(f=lut(0x0F00, 10, C=3, D=4), sum=carry(2, 10))
    design["ports"]["also"] = {"direction": "output", "bits": [10]}
    assert fold_operands(design)["luts"] == 0 and "f" in design["cells"]


@pytest.mark.parametrize(
    "cells",
    [
        {"f": lut(0xE8E8, 10, A=3, B=4, C=5), "sum": carry(2, 10)},  # four signals in all
        {"f": lut(0x0F00, 10, C=3, D=4), "sum": carry(2, 10, c=6)},  # the third input is taken
        {"f": lut(0x0F00, 10, C=3, D=4), "sum": carry(2, 10, d=6)},
        {"f": lut(0x0F00, 10, C=3, D=4), "sum": carry(2, 10, inject="YES")},
        # where no carry passes it would be of all three
        {"f": lut(0x6666, 10, A=3, B=4), "sum": carry(2, 10, "0000000001100110")},
    ],
)
def test_what_does_not_fit_stays(cells):
    count, design = folded(**cells)
    assert count["folded"] == 0
    assert design == module(**cells)
