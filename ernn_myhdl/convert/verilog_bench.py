"""The self-checking test bench of the Verilog: that of the VHDL, with the same vectors, in SystemVerilog.

It runs in Icarus Verilog (`-g2012`) and in Verilator (`--binary`, with `-CFLAGS -std=gnu++20` where the compiler does
not take C++20 by itself, as g++ 12). A failure is `$fatal`, so the exit code is not 0.
"""

from __future__ import annotations

from ernn_myhdl.convert.structure import verilog_range
from ernn_myhdl.convert.template_text import filled, stream_values
from ernn_myhdl.convert.vhdl_bench import EXPECTED, INPUT, LOG, STATES
from ernn_myhdl.convert.weights_bench import (
    PORTS,
    VERILOG_COUNT,
    VERILOG_MAY,
    verilog_parameters,
    verilog_process,
)
from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.hdl.stream_port import READY, VALID, StreamPort
from ernn_myhdl.hdl.types import Bit
from ernn_myhdl.rtl.core.view import CoreView


def verilog_bench(design: CoreSpecification, view: CoreView) -> str:
    """The test bench, a module of the core's name with `_test_bench`."""
    name, width = design.name, design.stream_shape.data_bits
    x, y, states = view.source, view.sink, view.loader
    signals = _signals(x, _COMMON) + _signals(y, _COMMON) + _signals(x, _MORE) + _signals(y, _MORE)
    signals += _signals(states, _COMMON + _MORE) if states else []
    weights, ports = view.weights, ["clk", "rst", "frame_error", *(p for _, p, _ in signals)]
    ports += PORTS if weights else ()
    states_file = ""
    if states:
        states_file = (
            f'    parameter STATES_FILE = "test_bench/{name}_{STATES}"; '
            f"// beats of {states.name}: tdest last tid tdata"
        )
    values = {
        "name": name,
        "core": view.name,
        "input": INPUT,
        "expected": EXPECTED,
        "log": LOG,
        "states_file": states_file,
        "weight_parameters": verilog_parameters(design) if weights else "",
        "declarations": "".join(f"    {kind} {vector}{port};\n" for kind, port, vector in signals),
        "start": "".join(f"        {port} = 0;\n" for kind, port, _ in signals if kind == "reg"),
        "open_states": '$fopen(STATES_FILE, "r")' if states else "1",
        "connections": ", ".join(f".{port}({port})" for port in ports),
        "source_of_x": _source_of_x(x, width, view),
        "source_of_states": _source("loader", "states", states, width, 2, False) if states else "",
        "loading": verilog_process(design) if weights else "",
        "moved_states": _moved(states),
        "moved_weights": _moved(weights),
        "width_less_1": str(width - 1),
        "user_less_1": str(y.fields["tuser"].bits - 1),
        "seen": f"32'({y.signal('tid')})" if "tid" in y.fields else "0",
    }
    return filled("test_bench.sv", values | stream_values("x", x) | stream_values("y", y))


#: Fields in the order in which the bench declares them.
_COMMON = ("tdata", "tlast", "tuser", VALID, READY)
_MORE = ("tid", "tdest")


def _signals(stream: StreamPort, fields: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """(reg or wire, name, range) of fields of a stream; those that the bench drives are regs."""
    found = []
    for field in fields:
        if field not in (VALID, READY) and field not in stream.fields:
            continue
        kind = stream.fields.get(field, Bit())
        driven = (stream.direction == "in") == (field != READY)
        found.append(("reg" if driven else "wire", stream.signal(field), verilog_range(kind)))
    return found


def _moved(stream: StreamPort | None) -> str:
    """A transfer on the stream of initial states or of weights is no quiet cycle."""
    if stream is None:
        return ""
    return f"        if (!rst && {stream.valid} && {stream.ready}) quiet = 0;\n"


_DEEP = " " * 16
#: Variable of a field of a beat that is no data; the first number of a line is user or the layer.
_NUMBERS = {"tuser": "user", "tid": "stream", "tdest": "user"}


def _source_of_x(stream: StreamPort, width: int, view: CoreView) -> str:
    text = _source("source", "inputs", stream, width, 0, True)
    if view.weights:  # it waits for an image, and counts its frames for that
        text = text.replace("&& !offered && more", f"&& !offered && more{VERILOG_MAY}")
        text = text.replace(f"{_DEEP}offered = 1;", f"{_DEEP}{VERILOG_COUNT}\n{_DEEP}offered = 1;")
    return text


def _source(name: str, file: str, stream: StreamPort, width: int, seed: int, counts: bool) -> str:
    """A process that offers the beats of a file on a stream; counts: it counts cycles and resets too."""
    counting = "        cycle <= cycle + 1;\n        rst <= cycle + 1 < 0;\n" if counts else ""
    offered = [f"{stream.data} <= data;", f"{stream.last} <= last[0];"]
    for field, number in _NUMBERS.items():
        if field in stream.fields:
            bits = stream.fields[field].bits
            offered.append(f"{stream.signal(field)} <= {number}[{bits - 1}:0];")
    lines = "".join(f"{_DEEP}{line}\n" for line in offered)
    return f"""    always @(posedge clk) begin: {name}
        integer user, last, stream, random;
        reg [{width - 1}:0] data;
        reg offered, more;
        if (cycle == -4) begin
            random = SEED + {seed};
            offered = 0;
            more = 1;
        end
{counting}        if ({stream.valid} && {stream.ready}) begin
            offered = 0;
            {stream.valid} <= 0;
        end
        if (cycle + 1 >= 0 && !offered && more
                && $unsigned($random(random)) % 100 >= $unsigned(IDLE_PERCENT)) begin
            more = $fscanf({file}, "%d %d %d %h", user, last, stream, data) == 4;
            if (more) begin
{lines}{_DEEP}{stream.valid} <= 1;
                offered = 1;
            end
        end
    end
"""
