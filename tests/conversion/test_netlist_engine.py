"""Netlists in the cells of ECP5 against what was mapped: multipliers with corner vectors, and a small core on both engines."""

import json

import numpy as np
import pytest
from tools import require_engine

from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.mapping.mapped_core import map_core
from ernn_myhdl.mapping.yosys_program import newest_yosys
from ernn_myhdl.processes.child_process import run
from ernn_myhdl.streams.traffic import Traffic

pytestmark = [pytest.mark.slow, pytest.mark.yosys]

#: Products with and without sign; each register with an enable, a reset or neither.
RTL = """
module products (
    input wire clk, input wire en, input wire go, input wire rst,
    input wire signed [17:0] a, input wire signed [17:0] b,
    output reg signed [35:0] whole, output reg [35:0] plain, output reg signed [35:0] cleared,
    output wire signed [35:0] open
);
    reg signed [17:0] x = 0, y = 0, v = 0, w = 0;
    reg [17:0] s = 0, t = 0;
    initial begin whole = 0; plain = 0; cleared = 0; end
    assign open = v * y;
    always @(posedge clk) begin
        if (en) begin x <= a; y <= b; end
        if (go) whole <= x * y;
        s <= a; t <= b;
        plain <= s * t;
        v <= a; w <= b;
        if (rst) cleared <= 0; else cleared <= v * w;
    end
endmodule
"""
BENCH = """
module bench;
    reg clk = 0, en = 0, go = 0, rst = 1;
    reg signed [17:0] a = 0, b = 0, corners [0:8];
    wire signed [35:0] whole, cleared, open;
    wire [35:0] plain;
    integer i, random = 7;
    products dut (clk, en, go, rst, a, b, whole, plain, cleared, open);
    initial begin
        corners[0] = 0; corners[1] = 1; corners[2] = -1; corners[3] = 131071; corners[4] = -131072;
        corners[5] = -131071; corners[6] = 65536; corners[7] = 87381; corners[8] = -87382;
        for (i = 0; i < 400; i = i + 1) begin
            a = i < 81 ? corners[i / 9] : i < 162 ? corners[(i - 81) % 9] : $random(random);
            b = i < 81 ? corners[i % 9] : i < 162 ? corners[(i - 81) / 9] : $random(random);
            en = i < 162 || $random(random) % 3 != 0;
            go = i < 162 || $random(random) % 3 != 0;
            rst = i == 0 || (i > 162 && $random(random) % 5 == 0);
            #1 clk = 1;
            #1 $display("%d %h %h %h %h", i, whole, plain, cleared, open);
            clk = 0;
        end
        $finish;
    end
endmodule
"""


def printed(folder, sources) -> list[str]:
    """What the bench prints with these sources of `products`."""
    done = run(
        ["iverilog", "-g2012", "-s", "bench", "-o", "bench.vvp", "bench.sv", *sources], folder
    )
    assert done.returncode == 0, done.stderr
    lines = run(["vvp", "-n", "bench.vvp"], folder).stdout.splitlines()
    assert len(lines) == 400
    return lines


@pytest.fixture(scope="module", params=[False, True], ids=["unmoved", "moved"])
def mapped(request, tmp_path_factory):
    require_engine("netlist")
    folder = tmp_path_factory.mktemp("products")
    (folder / "products.sv").write_text(RTL)
    (folder / "bench.sv").write_text(BENCH)
    (folder / "manifest.json").write_text(json.dumps({"top": "products", "files": ["products.sv"]}))
    return folder, map_core(folder, newest_yosys(), request.param), request.param


def test_multipliers_have_the_bits_and_cycles_of_what_was_mapped_to_them(mapped):
    folder, sources, moved = mapped
    netlist = (folder / "netlist" / "netlist.v").read_text()
    assert netlist.count("MULT18X18D") == 4
    # of the open product the operands only
    registers = {name: netlist.count(f'.REG_{name}_CLK("CLK') for name in ("INPUTA", "OUTPUT")}
    assert registers == ({"INPUTA": 4, "OUTPUT": 3} if moved else {"INPUTA": 0, "OUTPUT": 0})
    expected = printed(folder, ["products.sv"])
    assert len({line.split()[1] for line in expected}) > 100
    assert printed(folder, sources) == expected


@pytest.mark.parametrize("mapped", [True], indirect=True, ids=["moved"])
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('REG_OUTPUT_CLK("CLK0")', 'REG_OUTPUT_CLK("NONE")'),
        ('REG_INPUTA_CLK("CLK0")', 'REG_INPUTA_CLK("NONE")'),
        (".SIGNEDA(1'b1)", ".SIGNEDA(1'b0)"),
    ],
)
def test_a_wrong_multiplier_is_found(mapped, right, wrong):
    folder, sources, moved = mapped
    assert moved
    text = (folder / "netlist" / "netlist.v").read_text()
    # one with a register behind: right after a clock nobody sees whether operands were registered
    cell = next(line for line in text.splitlines() if 'REG_OUTPUT_CLK("CLK0")' in line)
    assert right in cell
    (folder / "netlist" / "wrong.v").write_text(text.replace(cell, cell.replace(right, wrong)))
    assert printed(folder, ["netlist/wrong.v", *sources[1:]]) != printed(folder, ["products.sv"])


def test_a_core_is_the_same_as_gates_to_the_bit_and_cycle():
    require_engine("netlist")
    design = new_design(cell="gru", inputs=2, hidden=2, block=2, lanes=1, word=8)
    x = [np.random.default_rng(3).standard_normal((3, 2))]
    model = design.run(x, "golden")
    expected = design.run(x, "myhdl")
    for engine in ("netlist", "netlist-unmoved"):
        calm = design.run(x, engine)
        np.testing.assert_array_equal(calm.raw, model.raw, engine)
        first = calm.frame_cycles[0, 0], expected.frame_cycles[0, 0]
        np.testing.assert_array_equal(
            calm.frame_cycles - first[0], expected.frame_cycles - first[1], engine
        )
    rough = design.run(x, "netlist", traffic=Traffic(0.3, 0.3, 4))
    np.testing.assert_array_equal(rough.raw, model.raw)
