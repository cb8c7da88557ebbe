"""Memories that can be written: a VHDL entity and a Verilog module that tools take for simple dual-port RAM with contents."""

from __future__ import annotations

from ernn_myhdl.convert.memory import hex_parameters, verilog_module, vhdl_entity
from ernn_myhdl.convert.names import CORE
from ernn_myhdl.hdl.block_ram import in_block_ram
from ernn_myhdl.hdl.components import Rom
from ernn_myhdl.hdl.writable_memory import WritableMemory


def vhdl_memory(rom: Rom) -> str:
    """The entity of a memory with contents."""
    return _vhdl_writable(rom) if isinstance(rom, WritableMemory) else vhdl_entity(rom)


def verilog_memory(rom: Rom) -> str:
    """The module of a memory with contents."""
    return _verilog_writable(rom) if isinstance(rom, WritableMemory) else verilog_module(rom)


def _heading(memory: WritableMemory) -> str:
    return (
        f"{CORE}{memory.name}: {memory.depth} words of {memory.type.bits} bits that can be written, "
        "registered output, latency 1 cycle"
    )


def _vhdl_writable(memory: WritableMemory) -> str:
    bits, address, name = memory.type.bits, memory.address_bits, f"{CORE}{memory.name}"
    style = (
        """
    attribute ram_style : string;
    attribute ram_style of stored : signal is "block";"""
        if in_block_ram(memory)
        else ""
    )
    return f"""-- {_heading(memory)}
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.{name}_contents.all;

entity {name} is
    generic (
        CONTENTS : natural := 0 -- which memory of the package, 0 to {len(memory.contents) - 1}
    );
    port (
        clk : in std_logic;
        load : in std_logic;
        load_memory : in std_logic_vector({memory.memory_bits - 1} downto 0);
        load_address : in std_logic_vector({address - 1} downto 0);
        load_data : in std_logic_vector({bits - 1} downto 0);
        address : in std_logic_vector({address - 1} downto 0);
        q : out std_logic_vector({bits - 1} downto 0)
    );
end entity {name};

architecture rtl of {name} is
    signal stored : memory_t := WORDS(CONTENTS);{style}
    signal word : std_logic_vector({bits - 1} downto 0) := (others => '0');
begin
    q <= word;

    -- a word is never read and written in the same cycle, so tools may choose what that gives
    access_memory: process (clk) is
    begin
        if rising_edge(clk) then
            if load = '1' and unsigned(load_memory) = CONTENTS
                and to_integer(unsigned(load_address)) < {memory.depth} then
                stored(to_integer(unsigned(load_address))) <= load_data;
            end if;
            if to_integer(unsigned(address)) < {memory.depth} then
                word <= stored(to_integer(unsigned(address)));
            end if;
        end if;
    end process access_memory;
end architecture rtl;
"""


def _verilog_writable(memory: WritableMemory) -> str:
    bits, address = memory.type.bits, memory.address_bits
    style = 'ram_style = "block", ' if in_block_ram(memory) else ""
    return f"""// {_heading(memory)}
module {CORE}{memory.name} (
    input wire clk,
    input wire load,
    input wire [{memory.memory_bits - 1}:0] load_memory,
    input wire [{address - 1}:0] load_address,
    input wire [{bits - 1}:0] load_data,
    input wire [{address - 1}:0] address,
    output reg [{bits - 1}:0] q
);
{hex_parameters(memory)}    // a word is never read and written in the same cycle, so tools may choose what that gives
    (* {style}no_rw_check *) reg [{bits - 1}:0] memory [0:{memory.depth - 1}];
    initial begin
        q = {bits}'b0;
        $readmemh(INIT, memory);
    end
    always @(posedge clk) begin
        if (load && 32'(load_memory) == CONTENTS) memory[load_address] <= load_data;
        q <= memory[address];
    end
endmodule
"""
