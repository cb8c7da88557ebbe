"""Block RAM of ECP5: our model of DP16KD against the Verilog that was mapped to it, and a core that has some, gate by gate."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from tools import require_engine

from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.hdl.block_ram import in_block_ram
from ernn_myhdl.mapping.mapped_core import map_core
from ernn_myhdl.mapping.yosys_program import newest_yosys
from ernn_myhdl.processes.child_process import run
from ernn_myhdl.rtl.core.products import lane_memory

pytestmark = [pytest.mark.slow, pytest.mark.yosys]

#: Bits of an address and of a word of memories that are one block RAM each.
SHAPES = ((14, 1), (13, 2), (12, 4), (11, 9), (10, 18), (9, 36))
MEMORY = """
module memory_{a}_{w} (input wire clk, write, enable, clear, input wire [13:0] to, from, input wire [39:0] data, output reg [{w} - 1:0] q);
    (* ram_style = "block" *) reg [{w} - 1:0] words [0:(1 << {a}) - 1];
    initial begin q = 0; $readmemh("memory_{w}.hex", words); end
    always @(posedge clk) begin
        if (write) words[to[{a} - 1:0]] <= data[{w} - 1:0];
        if (clear) q <= 0;
        else if (enable) q <= words[from[{a} - 1:0]];
    end
endmodule
"""
#: Two ports that both read and write, of which one gives the new word and has enables of its bytes.
PORTS = """
module ports (input wire clk, write, enable, input wire [1:0] lanes, input wire [13:0] to, from, input wire [39:0] data,
              output reg [17:0] a, output reg [17:0] b);
    (* ram_style = "block", no_rw_check *) reg [17:0] words [0:1023];
    initial begin a = 0; b = 0; $readmemh("memory_18.hex", words); end
    always @(posedge clk) begin
        if (write && lanes[0]) words[to[9:0]][8:0] <= data[8:0];
        if (write && lanes[1]) words[to[9:0]][17:9] <= data[17:9];
        if (!write) a <= words[to[9:0]];
    end
    always @(posedge clk) if (enable) b <= words[from[9:0]];
endmodule
"""
BENCH = """
module bench;
    reg clk = 0, write = 0, enable = 0, clear = 0;
    reg [13:0] to = 0, from = 0, corners [0:5];
    reg [39:0] data = 0;
    wire [{bits} - 1:0] q;
    integer i, random = 11;
    memories dut (clk, write, enable, clear, to, from, data, q);
    initial begin
        corners[0] = 0; corners[1] = 1; corners[2] = 14'h3FFF; corners[3] = 14'h2AAA; corners[4] = 14'h1555; corners[5] = 14'h2000;
        for (i = 0; i < 600; i = i + 1) begin
            to = i < 300 ? corners[i % 6] : $random(random);
            from = i % 7 == 0 ? ~to : i < 300 ? corners[(i / 6) % 6] : $random(random);
            if (to[8:0] == from[8:0]) from = ~from;
            data = i % 5 == 0 ? {{40{{i[0]}}}} : {{$random(random), $random(random)}};
            write = i % 3 != 0; enable = i < 60 || i % 4 != 0; clear = i % 11 == 10;
            #1 clk = 1;
            #1 $display("%d %h", i, q);
            clk = 0;
        end
        $finish;
    end
endmodule
"""


def sources() -> tuple[str, str]:
    """The memories and their bench; a word that is written is not read at the same time, which the device does not define."""
    text, nets, low = PORTS, [], 0
    for a, w in SHAPES:
        text += MEMORY.format(a=a, w=w)
        nets.append(
            f"memory_{a}_{w} m{low}(clk, write, enable, clear, to, from, data, q[{low} +: {w}]);"
        )
        low += w
    nets.append(
        f"ports p(clk, write, enable, data[39:38], to, from, data, q[{low} +: 18], q[{low + 18} +: 18]);"
    )
    low += 36
    head = (
        "input wire clk, write, enable, clear, input wire [13:0] to, from, input wire [39:0] data"
    )
    text += f"module memories ({head}, output wire [{low} - 1:0] q);\n" + "\n".join(nets)
    return text + "\nendmodule\n", BENCH.format(bits=low)


def printed(folder, files) -> list[str]:
    """What the bench prints with these sources."""
    done = run(["iverilog", "-g2012", "-s", "bench", "-o", "bench.vvp", "bench.sv", *files], folder)
    assert done.returncode == 0, done.stderr
    lines = run(["vvp", "-n", "bench.vvp"], folder).stdout.splitlines()
    assert len(lines) == 600
    return lines


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    require_engine("netlist")
    folder = tmp_path_factory.mktemp("memories")
    text, bench = sources()
    (folder / "memories.sv").write_text(text)
    (folder / "bench.sv").write_text(bench)
    random = np.random.default_rng(5)
    for a, w in SHAPES:
        words = random.integers(1 << w, size=1 << a)
        (folder / f"memory_{w}.hex").write_text("\n".join(f"{word:x}" for word in words))
    (folder / "manifest.json").write_text(json.dumps({"top": "memories", "files": ["memories.sv"]}))
    return folder, map_core(folder, newest_yosys(), True)


def test_block_rams_have_the_bits_and_cycles_of_what_was_mapped_to_them(mapped):
    folder, files = mapped
    netlist = (folder / "netlist" / "netlist.v").read_text()
    widths = {int(bits, 2) for bits in re.findall(r"\.DATA_WIDTH_B\(32'b([01]+)\)", netlist)}
    assert widths == {1, 2, 4, 9, 18, 36}
    expected = printed(folder, ["memories.sv"])
    assert len({line.split()[1] for line in expected}) > 400
    assert not any("x" in line for line in expected)
    assert printed(folder, files) == expected


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (".INITVAL_00(320'b", ".INITVAL_3E(320'b"),  # contents at another place
        ("DATA_WIDTH_B(32'b00000000000000000000000000001001)", "DATA_WIDTH_B(4)"),
        ('REGMODE_B("NOREG")', 'REGMODE_B("OUTREG")'),  # what is not modelled stops
    ],
)
def test_a_wrong_block_ram_is_found(mapped, right, wrong):
    folder, files = mapped
    text = (folder / "netlist" / "netlist.v").read_text()
    assert right in text
    (folder / "netlist" / "wrong.v").write_text(
        text.replace(".INITVAL_3E(", ".INITVAL_3F(").replace(right, wrong)
        if "INITVAL" in right
        else text.replace(right, wrong, 1)
    )
    done = run(
        ["iverilog", "-g2012", "-s", "bench", "-o", "wrong.vvp", "bench.sv", "netlist/wrong.v", *files[1:]], folder,
    )  # fmt: skip
    said = run(["vvp", "-n", "wrong.vvp"], folder).stdout if done.returncode == 0 else ""
    assert said.splitlines() != printed(folder, ["memories.sv"])


def test_a_core_with_weights_in_block_ram_is_the_same_as_gates():
    """It was refused: "its netlist has cells without a model (DP16KD)"."""
    require_engine("netlist")
    design = new_design(cell="linear", inputs=12, hidden=12, block=1, lanes=1, word=8)
    assert in_block_ram(lane_memory(design))
    x = [np.random.default_rng(3).standard_normal((2, 12))]
    expected, found = design.run(x, "myhdl"), design.run(x, "netlist")
    np.testing.assert_array_equal(found.raw, design.run(x, "golden").raw)
    np.testing.assert_array_equal(
        found.frame_cycles - found.frame_cycles[0, 0],
        expected.frame_cycles - expected.frame_cycles[0, 0],
    )
