"""Memories with initial values: an entity per shape, contents in a package or in hex files."""

from __future__ import annotations

from ernn_myhdl.netlist import Rom

#: Words from which a memory is asked to be block RAM. A LUT holds 64 bits; below, it is the cheaper.
BLOCK_RAM_DEPTH = 65


def vhdl_package(rom: Rom) -> str:
    """Package <name>_contents with a constant of all instances' words."""
    bits, name = rom.type.bits, rom.name
    digits = -(-bits // 4)
    lines = [
        f"-- Contents of {len(rom.contents)} memories {name}: {rom.depth} words of {bits} bits",
        "library ieee;",
        "use ieee.std_logic_1164.all;",
        "",
        f"package {name}_contents is",
        f"    type memory_t is array (0 to {rom.depth - 1}) of std_logic_vector({bits - 1} downto 0);",
        f"    type memories_t is array (0 to {len(rom.contents) - 1}) of memory_t;",
        "    constant WORDS : memories_t := (",
    ]
    for i, words in enumerate(rom.contents):
        literals = ", ".join(f'{j} => {bits}x"{w:0{digits}x}"' for j, w in enumerate(words))
        lines.append(f"        {i} => ({literals}){',' if i + 1 < len(rom.contents) else ''}")
    lines += ["    );", f"end package {name}_contents;", ""]
    return "\n".join(lines)


def vhdl_entity(rom: Rom) -> str:
    """A read-only memory whose contents are chosen by the generic CONTENTS."""
    bits = rom.type.bits
    style = (
        """
    attribute rom_style : string;
    attribute rom_style of MEMORY : constant is "block";"""
        if rom.depth >= BLOCK_RAM_DEPTH
        else ""
    )
    return f"""-- {rom.name}: {rom.depth} words of {bits} bits, registered output, latency 1 cycle
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.{rom.name}_contents.all;

entity {rom.name} is
    generic (
        CONTENTS : natural := 0 -- which memory of the package, 0 to {len(rom.contents) - 1}
    );
    port (
        clk : in std_logic;
        address : in std_logic_vector({rom.address_bits - 1} downto 0);
        q : out std_logic_vector({bits - 1} downto 0)
    );
end entity {rom.name};

architecture rtl of {rom.name} is
    constant MEMORY : memory_t := WORDS(CONTENTS);{style}
    signal word : std_logic_vector({bits - 1} downto 0) := (others => '0');
begin
    q <= word;

    read: process (clk) is
    begin
        if rising_edge(clk) then
            if to_integer(unsigned(address)) < {rom.depth} then
                word <= MEMORY(to_integer(unsigned(address)));
            end if;
        end if;
    end process read;
end architecture rtl;
"""


def verilog_module(rom: Rom) -> str:
    """A read-only memory that is loaded from the hex file INIT."""
    bits = rom.type.bits
    style = '(* rom_style = "block" *) ' if rom.depth >= BLOCK_RAM_DEPTH else ""
    return f"""// {rom.name}: {rom.depth} words of {bits} bits, registered output, latency 1 cycle
module {rom.name} (
    input wire clk,
    input wire [{rom.address_bits - 1}:0] address,
    output reg [{bits - 1}:0] q
);
    parameter INIT = "{hex_name(rom, 0)}";
    {style}reg [{bits - 1}:0] memory [0:{rom.depth - 1}];
    initial begin
        q = {bits}'b0;
        $readmemh(INIT, memory);
    end
    always @(posedge clk) q <= memory[address];
endmodule
"""


def hex_name(rom: Rom, contents: int) -> str:
    """File of one memory's contents."""
    return f"{rom.name}_{contents}.hex"


def hex_file(rom: Rom, contents: int) -> str:
    """Words of one memory, one a line."""
    digits = -(-rom.type.bits // 4)
    return "".join(f"{word:0{digits}x}\n" for word in rom.contents[contents])
