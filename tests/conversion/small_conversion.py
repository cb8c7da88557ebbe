"""A conversion small enough to write by hand, in the form of the folders of `ernn convert`."""

from __future__ import annotations

import json
from pathlib import Path

LEAF_VHDL = """
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

entity mac is
    port (
        clk : in std_logic;
        valid : in std_logic;
        a : in std_logic_vector(11 downto 0);
        b : in std_logic_vector(11 downto 0);
        q : out std_logic_vector(23 downto 0)
    );
end entity mac;

architecture rtl of mac is
    signal product : signed(23 downto 0) := (others => '0'); -- initial values
begin
    q <= std_logic_vector(product);
    multiply: process (clk) is
    begin
        if rising_edge(clk) then
            if valid = '1' then
                product <= signed(a) * signed(b);
            end if;
        end if;
    end process multiply;
end architecture rtl;
"""

TOP_VHDL = """
library ieee;
use ieee.std_logic_1164.all;

entity ernn is
    port (
        clk : in std_logic;
        rst : in std_logic;
        s_axis_tvalid : in std_logic;
        s_axis_tdata : in std_logic_vector(23 downto 0);
        m_axis_tdata : out std_logic_vector(23 downto 0)
    );
end entity ernn;

architecture structure of ernn is
begin
    mac_0: entity work.mac port map (
        clk => clk, valid => s_axis_tvalid, a => s_axis_tdata(11 downto 0),
        b => s_axis_tdata(23 downto 12), q => m_axis_tdata
    );
end architecture structure;
"""

LEAF_VERILOG = """
module mac (input wire clk, input wire valid, input wire [11:0] a, input wire [11:0] b,
            output wire [23:0] q);
    reg signed [11:0] x, y;
    reg signed [23:0] product;
    assign q = product;
    always @(posedge clk) begin
        x <= a;
        y <= b;
        if (valid) product <= x * y;
    end
endmodule
"""

ROM_VERILOG = """
module weights (input wire clk, input wire [9:0] address, output reg [11:0] q);
    parameter INIT = "weights_0.hex";
    reg [11:0] memory [0:1023];
    initial $readmemh(INIT, memory);
    always @(posedge clk) q <= memory[address];
endmodule
"""

TOP_VERILOG = """
module ernn (input wire clk, input wire valid, input wire [9:0] address, output wire [47:0] q);
    wire [11:0] w_0;
    wire [11:0] w_1;
    weights #(.INIT("weights_0.hex")) weights_0_i (.clk(clk), .address(address), .q(w_0));
    weights #(.INIT("weights_1.hex")) weights_1_i (.clk(clk), .address(address), .q(w_1));
    mac mac_0_i (.clk(clk), .valid(valid), .a(w_0), .b({2'b00, address}), .q(q[23:0]));
    mac mac_1_i (.clk(clk), .valid(valid), .a(w_1), .b({2'b00, address}), .q(q[47:24]));
endmodule
"""


def _write(folder: Path, hdl: str, texts: dict[str, str], components: list[dict]) -> dict:
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_text(text)
    manifest = {
        "top": "ernn",
        "hdl": hdl,
        "design_digest": "0123abcd",
        "files": [c["file"] for c in components],
        "components": components,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "files.txt").write_text("".join(f"{f}\n" for f in manifest["files"]))
    return manifest


def small_conversion(folder: Path, hdl: str) -> dict:
    """Write the conversion into `folder`; returns its manifest."""
    if hdl == "vhdl":
        components = [
            {"name": "mac", "kind": "leaf", "file": "mac.vhd", "instances": 1},
            {"name": "ernn", "kind": "netlist", "file": "ernn.vhd", "instances": 1},
        ]
        return _write(folder, hdl, {"mac.vhd": LEAF_VHDL, "ernn.vhd": TOP_VHDL}, components)
    components = [
        {"name": "mac", "kind": "leaf", "file": "mac.v", "instances": 2},
        {
            "name": "weights",
            "kind": "rom",
            "file": "weights.v",
            "instances": 2,
            "rom_files": ["weights_0.hex", "weights_1.hex"],
        },
        {"name": "ernn", "kind": "netlist", "file": "ernn.v", "instances": 1},
    ]
    texts = {
        "mac.v": LEAF_VERILOG,
        "weights.v": ROM_VERILOG,
        "ernn.v": TOP_VERILOG,
        "weights_0.hex": "000\n" * 1024,
        "weights_1.hex": "".join(f"{(i * 2654435761 >> 7) & 0xFFF:03x}\n" for i in range(1024)),
    }
    return _write(folder, hdl, texts, components)
