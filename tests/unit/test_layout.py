"""The layout of converted entities: the same statements on fewer lines."""

from __future__ import annotations

import pytest

from ernn_myhdl.convert.layout import WIDTH, statement, vhdl_layout
from ernn_myhdl.errors import ToolError

ENTITY = """\
library IEEE;
use std.textio.all;

entity e is
    port (
        clk: in std_logic;
        go: in std_logic;
        source: in std_logic_vector(7 downto 0);
        q: out std_logic_vector(1 downto 0)
    );
end entity e;

architecture MyHDL of e is

signal source_num: unsigned(7 downto 0) := 8X"00";
signal a: std_logic := '0';
signal b: std_logic := '0';
signal c: std_logic := '1';
type t_array_x is array(0 to 2-1) of signed (3 downto 0);
signal x: t_array_x := (others => 4X"0");
type t_array_y is array(0 to 2-1) of signed (3 downto 0);
signal y: t_array_y := (others => 4X"0");

begin

source_num <= unsigned(source);

cut_x: for i in 0 to 2 - 1 generate x(i) <= signed(source_num(4 * i + 4 - 1 downto 4 * i)); end generate;

e_step: process (clk) is
begin
    if rising_edge(clk) then
        for i in 0 to 2-1 loop
            y(i) <= x(i);
        end loop;
        case to_integer(x(0)) is
            when 0 => y(1) <= "0001";
            when 1 => y(1) <= "0010";
            when others => y(1) <= "0100";
        end case;
    end if;
end process e_step;

end architecture MyHDL;
"""


def test_packages_that_an_entity_uses_share_a_clause():
    uses = "use IEEE.std_logic_1164.all;\nuse IEEE.numeric_std.all;\nuse work.pck.all;\n"
    text = vhdl_layout(ENTITY.replace("library IEEE;\n", f"library IEEE;\n{uses}"), ["source"])
    one = "use IEEE.std_logic_1164.all, IEEE.numeric_std.all, work.pck.all;\n"
    assert text.startswith(f"library IEEE;\n{one}") and text.count("use ") == 1


def test_layout_of_an_entity():
    assert (
        vhdl_layout(ENTITY, ["source"])
        == """\
library IEEE;
entity e is
    port (
        clk, go: in std_logic;
        source: in std_logic_vector(7 downto 0);
        q: out std_logic_vector(1 downto 0)
    );
end entity e;

architecture MyHDL of e is

type array_2_signed_4 is array (0 to 1) of signed(3 downto 0);
signal a, b: std_logic := '0';
signal c: std_logic := '1';
signal x, y: array_2_signed_4 := (others => 4X"0");
type table_0_t is array (0 to 2) of signed(3 downto 0);
constant table_0: table_0_t := ("0001", "0010", "0100");

begin

cut_x: for i in 0 to 2 - 1 generate x(i) <= signed(source(4 * i + 4 - 1 downto 4 * i)); end generate;

e_step: process (clk) is
begin
    if rising_edge(clk) then
        for i in 0 to 2-1 loop y(i) <= x(i); end loop;
        y(1) <= table_0(to_integer(x(0)));
    end if;
end process e_step;

end architecture MyHDL;
"""
    )


def test_what_is_not_known_is_refused():
    with pytest.raises(ToolError, match="unknown declaration: shared variable v"):
        vhdl_layout(ENTITY.replace("signal c:", "shared variable v; --"), ["source"])
    with pytest.raises(ToolError, match="unknown form of the port source"):
        vhdl_layout(ENTITY.replace("signed(source_num(", "signed(other("), ["source"])


def test_long_statements_are_wrapped():
    lines = statement("signal " + ", ".join(f"name_{i}" for i in range(40)) + " : std_logic;", 4)
    assert len(lines) > 3 and all(len(line) <= WIDTH for line in lines)
    assert " ".join(line.strip() for line in lines).count("name_") == 40
