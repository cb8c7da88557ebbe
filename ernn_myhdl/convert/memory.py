"""Memories with initial values: an entity per shape, contents in a package or in hex files."""

from __future__ import annotations

from ernn_myhdl.convert.names import CORE
from ernn_myhdl.convert.structure import verilog_range, vhdl_type
from ernn_myhdl.hdl.block_ram import in_block_ram
from ernn_myhdl.hdl.components import External, Rom


def vhdl_package(rom: Rom) -> str:
    """Package <name>_contents with a constant of all instances' words."""
    bits, name = rom.type.bits, f"{CORE}{rom.name}"
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
        if in_block_ram(rom)
        else ""
    )
    return f"""-- {CORE}{rom.name}: {rom.depth} words of {bits} bits, registered output, latency 1 cycle
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.{CORE}{rom.name}_contents.all;

entity {CORE}{rom.name} is
    generic (
        CONTENTS : natural := 0 -- which memory of the package, 0 to {len(rom.contents) - 1}
    );
    port (
        clk : in std_logic;
        address : in std_logic_vector({rom.address_bits - 1} downto 0);
        q : out std_logic_vector({bits - 1} downto 0)
    );
end entity {CORE}{rom.name};

architecture rtl of {CORE}{rom.name} is
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
    """A read-only memory that is loaded from the hex file of its CONTENTS."""
    bits = rom.type.bits
    style = '(* rom_style = "block" *) ' if in_block_ram(rom) else ""
    return f"""// {CORE}{rom.name}: {rom.depth} words of {bits} bits, registered output, latency 1 cycle
module {CORE}{rom.name} (
    input wire clk,
    input wire [{rom.address_bits - 1}:0] address,
    output reg [{bits - 1}:0] q
);
{hex_parameters(rom)}    {style}reg [{bits - 1}:0] memory [0:{rom.depth - 1}];
    initial begin
        q = {bits}'b0;
        $readmemh(INIT, memory);
    end
    always @(posedge clk) q <= memory[address];
endmodule
"""


def hex_parameters(rom: Rom) -> str:
    """Parameters of a module: CONTENTS, and INIT, the name of the hex file of that."""
    digits = range(_digits(rom) - 1, -1, -1)
    number = "".join(
        f"    localparam [7:0] DIGIT_{d} = 8'd48 + 8'(CONTENTS / {10**d} % 10);\n" for d in digits
    )
    name = ", ".join([f'"{CORE}{rom.name}_"', *(f"DIGIT_{d}" for d in digits), '".hex"'])
    return (
        f"    parameter integer CONTENTS = 0; // which memory, 0 to {len(rom.contents) - 1}\n"
        f"{number}    parameter INIT = {{{name}}};\n"
    )


def _digits(rom: Rom) -> int:
    return len(str(len(rom.contents) - 1))


def hex_name(rom: Rom, contents: int) -> str:
    """File of one memory's contents; the number has leading zeros."""
    return f"{CORE}{rom.name}_{contents:0{_digits(rom)}}.hex"


def hex_file(rom: Rom, contents: int) -> str:
    """Words of one memory, one a line."""
    digits = -(-rom.type.bits // 4)
    return "".join(f"{word:0{digits}x}\n" for word in rom.contents[contents])


def external_entity(memory: External) -> str:
    """VHDL entity of a memory whose words come from outside: an instance of an absent <name>_memory."""
    rom = memory.rom
    ports = ";\n".join(
        f"        {name} : {port.direction} {vhdl_type(port.type)}"
        for name, port in memory.ports.items()
    )
    connections = ", ".join(f"{name} => {name}" for name in memory.ports)
    return f"""-- {CORE}{rom.name}: {rom.depth} words of {rom.type.bits} bits, given at run time
library ieee;
use ieee.std_logic_1164.all;

entity {CORE}{rom.name} is
    port (
{ports}
    );
end entity {CORE}{rom.name};

architecture rtl of {CORE}{rom.name} is
    component {CORE}{rom.name}_memory is
    port (
{ports}
    );
    end component {CORE}{rom.name}_memory;
begin
    memory : component {CORE}{rom.name}_memory port map ({connections});
end architecture rtl;
"""


def external_module(memory: External) -> str:
    """Verilog module of a memory whose words come from outside: an instance of <name>_memory."""
    rom = memory.rom
    ports = ",\n".join(
        f"    {port.direction}put wire {verilog_range(port.type)}{name}"
        for name, port in memory.ports.items()
    )
    connections = ", ".join(f".{name}({name})" for name in memory.ports)
    return f"""// {CORE}{rom.name}: {rom.depth} words of {rom.type.bits} bits, given at run time
module {CORE}{rom.name} (
{ports}
);
    {CORE}{rom.name}_memory memory ({connections});
endmodule
"""
