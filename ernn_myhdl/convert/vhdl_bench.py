"""The self-checking test bench in VHDL; see `ernn_myhdl.convert.test_bench`."""

from __future__ import annotations

from ernn_myhdl.convert.structure import vhdl_type
from ernn_myhdl.convert.weights_bench import (
    VHDL_COUNT,
    VHDL_MAY,
    vhdl_connections,
    vhdl_generics,
    vhdl_process,
    vhdl_signals,
)
from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.hdl.stream_port import READY, VALID, StreamPort
from ernn_myhdl.hdl.types import Bit
from ernn_myhdl.rtl.core.view import CoreView

#: Files of the bench, behind the name of the core; STATES: of a core that loads initial states.
INPUT, EXPECTED, LOG, STATES = "input.txt", "expected.txt", "transfers.txt", "states.txt"


def vhdl_bench(design: CoreSpecification, view: CoreView) -> str:
    """The test bench, an entity of the core's name with `_test_bench`."""
    name, width = design.name, design.stream_shape.data_bits
    x, y, states = view.source, view.sink, view.loader
    generics = _more_generics(design, view)
    declarations = _signals(x, _COMMON) + _signals(y, _COMMON)
    declarations += _signals(x, _MORE) + _signals(y, _MORE)
    connections = "".join(_map(s, *line) for s in (x, y) for line in _PORT_LINES)
    if "tid" in x.fields:
        connections += _line(x.signal("tid"), y.signal("tid"))
    if states:
        declarations += _signals(states, _COMMON + _MORE)
        connections += "".join(_map(states, field) for field in _COMMON + _MORE)
    if view.weights:
        declarations, connections = declarations + vhdl_signals(), connections + vhdl_connections()
    seen_user, seen_stream = _seen(y, "tuser"), _seen(y, "tid")
    return f"""-- Self-checking test bench of {view.name}: random gaps on {x.name}, random back-pressure on {y.name}.
-- Ends with "PASS" or, at the first wrong beat, with "FAIL" and a non-zero exit code.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use ieee.math_real.all;
use std.textio.all;
use std.env.all;

entity {name}_test_bench is
    generic (
        INPUT_FILE : string := "{name}_{INPUT}"; -- beats of {x.name}: user last tid tdata
        EXPECTED_FILE : string := "{name}_{EXPECTED}"; -- beats of {y.name}; none to record only
        LOG_FILE : string := "{name}_{LOG}"; -- transfers with their cycles
{generics}        FRAMES : natural := 0; -- frames to wait for when there is no EXPECTED_FILE
        IDLE_PERCENT : natural := 30; -- cycles without {x.valid}, 0 to 99
        STALL_PERCENT : natural := 30; -- cycles without {y.ready}, 0 to 99
        SEED : positive := 1; -- of gaps and back-pressure
        QUIET_LIMIT : positive := 100000 -- cycles without a transfer that end the run
    );
end entity {name}_test_bench;

architecture behaviour of {name}_test_bench is
    constant WIDTH : positive := {width};
    signal clk : std_logic := '0';
    signal rst : std_logic := '1';
{declarations}    signal frame_error : std_logic;
    signal cycle : integer := -4;
begin
    clk <= not clk after 2.5 ns;

    core: entity work.{view.name}
        port map (
            clk => clk, rst => rst,
{connections}            frame_error => frame_error
        );

{_source_of_x(x, view)}{_source_of_states(states)}{_loading(design, view)}    sink: process (clk) is
        file vectors : text;
        file log : text open write_mode is LOG_FILE;
        variable text_line, log_line : line;
        variable last : bit;
        variable user, stream : natural;
        variable data : std_logic_vector(WIDTH - 1 downto 0);
        variable seed1 : positive := SEED + 1;
        variable seed2 : positive := 1174;
        variable number : real;
        variable opened : boolean := false;
        variable beats, frames_seen : natural := 0;
        variable quiet : natural := 0;
    begin
        if rising_edge(clk) then
            if not opened and EXPECTED_FILE /= "none" then
                file_open(vectors, EXPECTED_FILE, read_mode);
            end if;
            opened := true;
            quiet := quiet + 1;
{_moved(states)}{_moved(view.weights)}            if rst = '0' and {x.valid} = '1' and {x.ready} = '1' then
                quiet := 0;
                write(log_line, string'("s "));
                write(log_line, cycle);
                writeline(log, log_line);
            end if;
            if rst = '0' and {y.valid} = '1' and {y.ready} = '1' then
                quiet := 0;
                write(log_line, string'("m "));
                write(log_line, cycle);
                write(log_line, string'(" "));
                write(log_line, {seen_user});
                write(log_line, string'(" "));
                write(log_line, to_bit({y.last}));
                write(log_line, string'(" "));
                hwrite(log_line, {y.data});
                writeline(log, log_line);
                if EXPECTED_FILE /= "none" then
                    readline(vectors, text_line);
                    read(text_line, user);
                    read(text_line, last);
                    read(text_line, stream);
                    hread(text_line, data);
                    if {y.data} /= data or {y.last} /= to_stdulogic(last)
                            or {seen_user} /= user or {seen_stream} /= stream then
                        report "FAIL: beat " & integer'image(beats) & " in cycle "
                            & integer'image(cycle) & ": got " & to_hstring({y.data})
                            & ", expected " & to_hstring(data) severity note;
                        stop(1);
                    end if;
                end if;
                beats := beats + 1;
                if {y.last} = '1' then
                    frames_seen := frames_seen + 1;
                end if;
                if (EXPECTED_FILE /= "none" and endfile(vectors))
                        or (EXPECTED_FILE = "none" and frames_seen = FRAMES) then
                    if frame_error = '1' then
                        report "FAIL: frame_error is high" severity note;
                        stop(1);
                    end if;
                    report "PASS: " & integer'image(beats) & " beats, "
                        & integer'image(frames_seen) & " frames, last in cycle "
                        & integer'image(cycle) severity note;
                    stop(0);
                end if;
            end if;
            if quiet > QUIET_LIMIT then
                report "FAIL: no transfer for " & integer'image(QUIET_LIMIT) & " cycles"
                    severity note;
                stop(1);
            end if;
            uniform(seed1, seed2, number);
            {y.ready} <= '1' when number * 100.0 >= real(STALL_PERCENT) else '0';
        end if;
    end process sink;
end architecture behaviour;
"""


#: Fields in the order in which the bench declares them, and as they share lines of the port map.
_COMMON = (VALID, READY, "tdata", "tlast", "tuser")
_MORE = ("tid", "tdest")
_PORT_LINES = ((VALID, READY), ("tdata", "tlast"), ("tuser",))


def _has(stream: StreamPort, field: str) -> bool:
    return field in (VALID, READY) or field in stream.fields


def _signals(stream: StreamPort, fields: tuple[str, ...]) -> str:
    """Declarations of signals; those that the bench drives have a value from the start."""
    lines = []
    for field in fields:
        if not _has(stream, field):
            continue
        kind = stream.fields.get(field, Bit())
        text = "std_logic_vector(WIDTH - 1 downto 0)" if field == "tdata" else vhdl_type(kind)
        zero = "'0'" if isinstance(kind, Bit) else "(others => '0')"
        driven = (stream.direction == "in") == (field != READY)
        lines.append(
            f"    signal {stream.signal(field)} : {text}{f' := {zero}' if driven else ''};\n"
        )
    return "".join(lines)


def _line(*names: str) -> str:
    """A line of the port map."""
    return f"            {', '.join(f'{name} => {name}' for name in names)},\n"


def _map(stream: StreamPort, *fields: str) -> str:
    names = [stream.signal(field) for field in fields if _has(stream, field)]
    return _line(*names) if names else ""


def _seen(stream: StreamPort, field: str) -> str:
    """A field as a natural; 0 where the core has none."""
    if field not in stream.fields:
        return "0"
    bit = isinstance(stream.fields[field], Bit)
    return f"to_integer(unsigned{chr(39) + '(0 => ' if bit else '('}{stream.signal(field)}))"


def _moved(stream: StreamPort | None) -> str:
    """A transfer on the stream of initial states or of weights is no quiet cycle."""
    if stream is None:
        return ""
    return f"""\
            if rst = '0' and {stream.valid} = '1' and {stream.ready} = '1' then
                quiet := 0;
            end if;
"""


_OFFERED = "                    offered := true;\n"
_COUNTING = """\
            cycle <= cycle + 1;
            rst <= '1' when cycle + 1 < 0 else '0';
"""


def _more_generics(design: CoreSpecification, view: CoreView) -> str:
    """Generics of the streams that not every core has."""
    text, states = "", view.loader
    if states:
        text = (
            f'        STATES_FILE : string := "{design.name}_{STATES}"; '
            f"-- beats of {states.name}: tdest last tid tdata\n"
        )
    return text + (vhdl_generics(design) if view.weights else "")


def _loading(design: CoreSpecification, view: CoreView) -> str:
    return vhdl_process(design) if view.weights else ""


def _source_of_x(stream: StreamPort, view: CoreView) -> str:
    text = _source(
        stream, "source", "INPUT_FILE", "user, stream", {"tuser": "user"}, ("", 4711), _COUNTING
    )
    if view.weights:  # it waits for an image, and counts its frames for that
        text = text.replace(" and not endfile(vectors)", f" and not endfile(vectors){VHDL_MAY}")
        text = text.replace(_OFFERED, VHDL_COUNT + _OFFERED)
    return text


def _source_of_states(stream: StreamPort | None) -> str:
    if stream is None:
        return ""
    return _source(
        stream, "states", "STATES_FILE", "stream, layer", {"tdest": "layer"}, (" + 2", 815), ""
    )


def _source(
    stream: StreamPort,
    name: str,
    file: str,
    numbers: str,
    first: dict[str, str],
    seeds: tuple[str, int],
    counting: str,
) -> str:
    """A process that offers the beats of a file.

    first: the field that a line begins with -> its variable. counting: of cycles and resets.
    """
    ((field, variable),) = first.items()
    offered = ""
    for port, number in (("tid", "stream"), (field, variable)):
        kind = stream.fields.get(port)
        if kind is not None:
            value = f"std_logic_vector(to_unsigned({number}, {kind.bits}))"
            if isinstance(kind, Bit):
                value = f"'1' when {number} = 1 else '0'"
            offered += f"                    {stream.signal(port)} <= {value};\n"
    return f"""\
    {name}: process (clk) is
        file vectors : text open read_mode is {file};
        variable text_line : line;
        variable last : bit;
        variable {numbers} : natural;
        variable data : std_logic_vector(WIDTH - 1 downto 0);
        variable seed1 : positive := SEED{seeds[0]};
        variable seed2 : positive := {seeds[1]};
        variable number : real;
        variable offered : boolean := false;
    begin
        if rising_edge(clk) then
{counting}            if {stream.valid} = '1' and {stream.ready} = '1' then
                offered := false;
                {stream.valid} <= '0';
            end if;
            if cycle + 1 >= 0 and not offered and not endfile(vectors) then
                uniform(seed1, seed2, number);
                if number * 100.0 >= real(IDLE_PERCENT) then
                    readline(vectors, text_line);
                    read(text_line, {variable});
                    read(text_line, last);
                    read(text_line, stream);
                    hread(text_line, data);
{offered}                    {stream.last} <= to_stdulogic(last);
                    {stream.data} <= data;
                    {stream.valid} <= '1';
                    offered := true;
                end if;
            end if;
        end if;
    end process {name};

"""
