"""Constants of a netlist have one value in MyHDL, VHDL and Verilog, also behind a wire alone."""

import multiprocessing

import pytest
from block_bench import convert_block, run_myhdl, run_verilog, run_vhdl
from tools import require_tool
from waiting import joined

from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.types import Array, Bit, Word
from ernn_myhdl.rtl import delay

VALUES = {
    "five": (Word(5), 5, 5),
    "most": (Word(5), 31, 31),
    "nothing": (Word(5), 0, 0),
    "high": (Bit(), 1, 1),
    "negative": (Array(1, 6), -3, [-3]),
    "several": (Array(3, 6), [-32, 31, 1], [-32, 31, 1]),
}


def netlist() -> Netlist:
    n = Netlist("constants")
    changing = n.input("changing", Word(3))
    for name, (kind, value, _) in VALUES.items():
        n.wire(n.output(name, kind), n.constant(f"{name}_constant", kind, value))
    n.wire(n.output("mixed", Word(8)), n.constant("low", Word(5), 21), changing)
    clk = n.input("clk", Bit())
    delayed, five = n.output("delayed", Word(5)), n.constant("five_to_delay", Word(5), 5)
    n.add("delay", delay.data_leaf(5, 1), clk=clk, source=five, target=delayed)
    n.wire(n.output("none", Array(2, 3)), n.zero("zeros", Array(2, 3)))
    return n


INPUTS = [{"changing": v} for v in (0, 0, 5)]


def check(outputs: list[dict]) -> None:
    assert len(outputs) == len(INPUTS)
    for cycle, (got, given) in enumerate(zip(outputs, INPUTS, strict=True)):
        expected = {name: v[2] for name, v in VALUES.items()}
        expected |= {"mixed": given["changing"] << 5 | 21, "none": [0, 0], "delayed": 5}
        if cycle == 0:  # before the first edge a delay holds what it started with
            del expected["delayed"], got["delayed"]
        assert got == expected


def test_a_constant_of_five_is_five_in_myhdl():
    _, outputs = run_myhdl(netlist(), INPUTS)
    check(outputs)


def convert_netlist(folder, hdl: str) -> None:
    convert_block(netlist(), folder, hdl)


@pytest.mark.ghdl
@pytest.mark.parametrize("hdl", ["vhdl", "verilog"])
def test_a_constant_of_five_is_five_when_converted(hdl, tmp_path):
    require_tool("ghdl" if hdl == "vhdl" else "iverilog")
    process = multiprocessing.get_context("forkserver").Process(
        target=convert_netlist, args=(tmp_path, hdl)
    )
    process.start()
    assert joined(process) == 0
    outputs = (run_vhdl if hdl == "vhdl" else run_verilog)(netlist(), INPUTS, tmp_path)
    check(outputs)


@pytest.mark.parametrize(
    "kind, value",
    [(Word(5), 32), (Word(5), -1), (Bit(), 2), (Array(2, 6), 32), (Array(2, 6), [1]), (Word(5), 1.0)],
)  # fmt: skip
def test_a_value_that_the_type_does_not_have_is_refused(kind, value):
    with pytest.raises(ValueError, match="has no value"):
        Netlist("n").constant("c", kind, value)
