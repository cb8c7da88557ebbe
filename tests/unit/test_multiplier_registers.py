"""Which registers move into a multiplier, on netlists written by hand."""

from copy import deepcopy

import pytest

from ernn_myhdl.mapping.multiplier_registers import MOVED, move_registers

CLOCK, ENABLE, RESET = 2, 3, 4


def flip_flop(source, target: int, **changes) -> dict:
    nets = {"CLK": [CLOCK], "CE": [ENABLE], "LSR": ["0"], "DI": [source], "Q": [target]}
    parameters = {"CEMUX": "CE", "CLKMUX": "CLK", "LSRMUX": "LSR", "REGSET": "RESET",
                  "GSR": "DISABLED", "SRMODE": "LSR_OVER_CE"}  # fmt: skip
    for name, value in changes.items():
        (parameters if name in parameters else nets)[name] = value
    ways = {port: "output" if port == "Q" else "input" for port in nets}
    return {"type": "TRELLIS_FF", "parameters": parameters, "attributes": {},
            "port_directions": ways, "connections": nets}  # fmt: skip


def netlist() -> dict:
    """a * b of two bits each, with registers of one enable at all operands and at the product."""
    nets = {f"{port}{i}": ["0"] for port in "AB" for i in range(18)}
    nets |= {"A0": [20], "A1": [21], "B0": [22], "B1": [23]}
    nets |= {f"P{i}": [30 + i] for i in range(4)}
    ways = {pin: "output" if pin[0] == "P" else "input" for pin in nets}
    multiplier = {"type": "MULT18X18D", "parameters": {"REG_INPUTA_CLK": "NONE"}, "attributes": {},
                  "port_directions": ways, "connections": nets}  # fmt: skip
    cells = {"m": multiplier}
    cells |= {f"in{i}": flip_flop(10 + i, 20 + i) for i in range(4)}
    cells |= {f"out{i}": flip_flop(30 + i, 40 + i) for i in range(4)}
    ports = {"d": {"direction": "input", "bits": [10, 11, 12, 13]},
             "q": {"direction": "output", "bits": [40, 41, 42, 43]}}  # fmt: skip
    names = {"a": {"bits": [20, 21]}, "b": {"bits": [22, 23]}, "p": {"bits": [40, 41, 42, 43]}}
    return {"cells": cells, "ports": ports, "netnames": names, "attributes": {}}


def moved(change=lambda module: None) -> tuple[dict, dict]:
    module = netlist()
    change(module)
    return move_registers(module), module


def test_operands_and_product_move_with_their_clock_and_enable():
    count, module = moved()
    assert count == {"multipliers": 1, "operands": 2, "products": 1, "both_ends": 1,
                     "flip_flops": 8}  # fmt: skip
    assert list(module["cells"]) == ["m"]
    cell = module["cells"]["m"]
    nets, parameters = cell["connections"], cell["parameters"]
    assert [nets[pin] for pin in ("A0", "A1", "B0", "B1")] == [[10], [11], [12], [13]]
    assert [nets[f"P{i}"] for i in range(4)] == [[40], [41], [42], [43]]
    assert (nets["CLK0"], nets["CE0"], nets["RST0"]) == ([CLOCK], [ENABLE], ["0"])
    for register in ("INPUTA", "INPUTB", "OUTPUT"):
        for kind in ("CLK", "CE", "RST"):
            assert parameters[f"REG_{register}_{kind}"] == f"{kind}0"
    assert [cell["attributes"][f"{MOVED}{pin}"] for pin in "ABP"] == ["a", "b", "p"]


def test_registers_with_different_enables_take_different_pins():
    def change(module):
        for i in range(4):
            module["cells"][f"out{i}"]["connections"]["CE"] = [5]

    count, module = moved(change)
    assert count["both_ends"] == 1
    cell = module["cells"]["m"]
    assert (cell["connections"]["CE0"], cell["connections"]["CE1"]) == ([ENABLE], [5])
    assert cell["parameters"]["REG_OUTPUT_CE"] == "CE1"


def test_an_operand_that_something_else_reads_keeps_its_flip_flops_too():
    def change(module):
        module["ports"]["also"] = {"direction": "output", "bits": [20]}

    count, module = moved(change)
    assert (count["operands"], count["flip_flops"]) == (2, 7)
    assert "in0" in module["cells"] and "in1" not in module["cells"]


def test_a_product_that_something_else_reads_stays():
    def change(module):
        module["ports"]["also"] = {"direction": "output", "bits": [31]}

    count, module = moved(change)
    assert (count["products"], count["both_ends"], count["flip_flops"]) == (0, 0, 4)
    assert module["cells"]["m"]["connections"]["P1"] == [31]


@pytest.mark.parametrize(
    "bad",
    [
        {"REGSET": "SET"},  # starts at 1
        {"CLKMUX": "INV"},
        {"LSRMUX": "INV"},
        {"CEMUX": "INV"},
        {"GSR": "ENABLED"},
        {"CLK": [6]},  # another clock than the rest of the word
        {"CE": [6]},
        {"LSR": [RESET]},  # enable and reset: which is stronger inside is not documented
    ],
)
def test_a_register_that_does_something_else_than_those_inside_stays(bad):
    def change(module):
        module["cells"]["in1"] = flip_flop(11, 21, **bad)
        module["cells"]["out2"] = flip_flop(32, 42, **bad)

    before = netlist()
    change(before)
    count, module = moved(change)
    assert (count["operands"], count["products"]) == (1, 0)
    for name in ("in0", "in1", "out0", "out1", "out2", "out3"):
        assert module["cells"][name] == before["cells"][name]
    nets = module["cells"]["m"]["connections"]
    assert (nets["A0"], nets["A1"], nets["P2"]) == ([20], [21], [32])


def test_a_constant_one_in_an_operand_keeps_its_register_outside():
    """A register inside would begin with 0."""
    count, _ = moved(lambda module: module["cells"]["m"]["connections"].update(A5=["1"]))
    assert count["operands"] == 1


def test_a_reset_without_an_enable_moves_with_its_mode():
    def change(module):
        for i in range(4):
            module["cells"][f"out{i}"] = flip_flop(
                30 + i, 40 + i, CEMUX="1", LSR=[RESET], SRMODE="ASYNC"
            )

    count, module = moved(change)
    assert count["both_ends"] == 1
    cell = module["cells"]["m"]
    assert cell["parameters"]["RESETMODE"] == "ASYNC"
    assert cell["parameters"]["REG_OUTPUT_RST"] == "RST1"
    assert (cell["connections"]["RST1"], cell["connections"]["CE1"]) == ([RESET], ["1"])


def test_a_netlist_without_multipliers_is_as_before():
    module = netlist()
    del module["cells"]["m"]
    for i in range(4):
        module["ports"][f"r{i}"] = {"direction": "output", "bits": [20 + i]}
    before = deepcopy(module)
    assert move_registers(module)["flip_flops"] == 0
    assert module == before
