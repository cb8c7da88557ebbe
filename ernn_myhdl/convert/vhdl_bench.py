"""The self-checking test bench in VHDL; see `ernn_myhdl.convert.test_bench`."""

from __future__ import annotations

from ernn_myhdl.convert.structure import vhdl_type
from ernn_myhdl.convert.template_text import filled, stream_values
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
    x, y, states = view.source, view.sink, view.loader
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
    values = {
        "name": design.name,
        "core": view.name,
        "width": str(design.stream_shape.data_bits),
        "input": INPUT,
        "expected": EXPECTED,
        "log": LOG,
        "generics": _more_generics(design, view),
        "declarations": declarations,
        "connections": connections,
        "source_of_x": _source_of_x(x, view),
        "source_of_states": _source_of_states(states),
        "loading": _loading(design, view),
        "moved_states": _moved(states),
        "moved_weights": _moved(view.weights),
        "seen_user": _seen(y, "tuser"),
        "seen_stream": _seen(y, "tid"),
    }
    return filled("test_bench.vhd", values | stream_values("x", x) | stream_values("y", y))


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
