"""Registers that hold the same as others stay in what synthesis makes of a core."""

import json
import re

import pytest
from tools import require_tool

from ernn_myhdl.convert.leaf import leaf_texts
from ernn_myhdl.convert.names import CORE, named
from ernn_myhdl.mapping.yosys_program import count_cells
from ernn_myhdl.processes.child_process import run
from ernn_myhdl.rtl.broadcast import address_leaf, broadcast_leaf

BITS = 3
TOP = """module top(input clk, input [2:0] address, output [2:0] a, b);
    dut_lane_address first(.clk(clk), .address(address), .address_q(a));
    dut_lane_address second(.clk(clk), .address(address), .address_q(b));
endmodule
"""


def flip_flops(folder, source: str) -> int:
    """Flip-flops of two registers of the same address, for ECP5."""
    (folder / "top.sv").write_text(source + TOP)
    script = "read_verilog -sv top.sv; synth_ecp5 -top top; write_json top.json"
    done = run([require_tool("yosys"), "-q", "-p", script], folder)
    assert done.returncode == 0, done.stderr
    return count_cells(json.loads((folder / "top.json").read_text()))["top"]["TRELLIS_FF"]


@pytest.mark.yosys
def test_two_registers_of_one_address_stay_two(tmp_path):
    made = named(leaf_texts(address_leaf(BITS), "Verilog")["lane_address"], "dut_")
    assert flip_flops(tmp_path, made) == 2 * BITS
    assert flip_flops(tmp_path, re.sub(r"\(\*.*?\*\) ", "", made)) == BITS


@pytest.mark.parametrize("hdl, form", [
    ("VHDL", "attribute {} of [^;]*\\b{}\\b[^;]*: signal is \"true\";"),
    ("Verilog", "{} = \"true\".* reg [^;]*\\b{}\\b[^;]*;"),
])  # fmt: skip
def test_every_register_of_a_broadcast_has_both_attributes(hdl, form):
    text = leaf_texts(broadcast_leaf(2, 4, BITS), hdl)["broadcast"]
    assert CORE in text
    driven = set(re.findall(r"^ +(?:for .* loop )?(\w+)(?:\[i\]|\(i\))? <= ", text, re.M))
    assert (
        len(driven) == 12
    )  # two operands, six delays, four tags and the address, of which two are in an array
    for name in driven:
        for attribute in ("keep", "dont_touch"):
            assert re.search(form.format(attribute, name), text), (name, attribute)
