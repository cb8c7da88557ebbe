"""What the VHDL test bench has more for a core with initial states: s_state and a wider tuser."""

from __future__ import annotations

from dataclasses import dataclass

from ernn_myhdl.design.design import CoreSpecification, Design
from ernn_myhdl.hdl.types import bits_for

#: Vector file of s_state.
STATES = "states.txt"


@dataclass(frozen=True)
class StateBench:
    """Parts of the text of the bench.

    user: type of tuser, with its initial value. set_user: drives s_axis_tuser with the natural `user`;
    seen_user: m_axis_tuser as a natural. generics, signals, ports, source, moved: of s_state.
    """

    user: str = "std_logic"
    idle_user: str = "'0'"
    set_user: str = "s_axis_tuser <= '1' when user = 1 else '0';"
    seen_user: str = "to_integer(unsigned'(0 => m_axis_tuser))"
    generics: str = ""
    signals: str = ""
    ports: str = ""
    source: str = ""
    moved: str = ""


def state_bench(design: CoreSpecification) -> StateBench:
    """The parts for the core of `design`."""
    if not design.stream_shape.initial_states:
        return StateBench()
    wide = {
        "user": "std_logic_vector(1 downto 0)",
        "idle_user": "(others => '0')",
        "set_user": "s_axis_tuser <= std_logic_vector(to_unsigned(user, 2));",
        "seen_user": "to_integer(unsigned(m_axis_tuser))",
    }
    if not any(layer.loads_states for layer in design.layers):
        return StateBench(**wide)
    extra = {}  # port -> bits, variable
    if design.stream_shape.streams > 1:
        extra["tid"] = bits_for(design.stream_shape.streams), "stream"
    if not isinstance(design, Design):
        extra["tdest"] = bits_for(len(design.layers)), "layer"
    signals = "".join(
        f"    signal s_state_{port} : std_logic_vector({bits - 1} downto 0) := (others => '0');\n"
        for port, (bits, _) in extra.items()
    )
    offered = "".join(
        f"                    s_state_{port} <= std_logic_vector(to_unsigned({name}, {bits}));\n"
        for port, (bits, name) in extra.items()
    )
    names = ["tvalid", "tready", "tdata", "tlast", *extra]
    return StateBench(
        **wide,
        generics=f'        STATES_FILE : string := "{design.name}_{STATES}"; -- beats of s_state: tdest last tid tdata\n',
        signals=_SIGNALS + signals,
        ports="".join(f"            s_state_{n} => s_state_{n},\n" for n in names),
        source=_SOURCE.format(offered=offered),
        moved=_MOVED,
    )


_SIGNALS = """\
    signal s_state_tvalid : std_logic := '0';
    signal s_state_tready : std_logic;
    signal s_state_tdata : std_logic_vector(WIDTH - 1 downto 0) := (others => '0');
    signal s_state_tlast : std_logic := '0';
"""

_MOVED = """\
            if rst = '0' and s_state_tvalid = '1' and s_state_tready = '1' then
                quiet := 0;
            end if;
"""

_SOURCE = """\
    states: process (clk) is
        file vectors : text open read_mode is STATES_FILE;
        variable text_line : line;
        variable last : bit;
        variable stream, layer : natural;
        variable data : std_logic_vector(WIDTH - 1 downto 0);
        variable seed1 : positive := SEED + 2;
        variable seed2 : positive := 815;
        variable number : real;
        variable offered : boolean := false;
    begin
        if rising_edge(clk) then
            if s_state_tvalid = '1' and s_state_tready = '1' then
                offered := false;
                s_state_tvalid <= '0';
            end if;
            if cycle + 1 >= 0 and not offered and not endfile(vectors) then
                uniform(seed1, seed2, number);
                if number * 100.0 >= real(IDLE_PERCENT) then
                    readline(vectors, text_line);
                    read(text_line, layer);
                    read(text_line, last);
                    read(text_line, stream);
                    hread(text_line, data);
{offered}                    s_state_tlast <= to_stdulogic(last);
                    s_state_tdata <= data;
                    s_state_tvalid <= '1';
                    offered := true;
                end if;
            end if;
        end if;
    end process states;

"""
