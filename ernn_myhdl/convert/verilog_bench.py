"""The self-checking test bench of the Verilog: that of the VHDL, with the same vectors, in SystemVerilog.

It runs in Icarus Verilog (`-g2012`) and in Verilator (`--binary`, with `-CFLAGS -std=gnu++20` where the compiler does
not take C++20 by itself, as g++ 12). A failure is `$fatal`, so the exit code is not 0.
"""

from __future__ import annotations

from ernn_myhdl.convert.structure import verilog_range
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
    user = y.fields["tuser"].bits
    signals = _signals(x, _COMMON) + _signals(y, _COMMON) + _signals(x, _MORE) + _signals(y, _MORE)
    signals += _signals(states, _COMMON + _MORE) if states else []
    weights, ports = view.weights, ["clk", "rst", "frame_error", *(p for _, p, _ in signals)]
    ports += PORTS if weights else ()
    seen = f"32'({y.signal('tid')})" if "tid" in y.fields else "0"
    start = "".join(f"        {port} = 0;\n" for kind, port, _ in signals if kind == "reg")
    return f"""// Self-checking test bench of {view.name}: random gaps on {x.name}, random back-pressure on {y.name}.
// Ends with "PASS" or, at the first wrong beat, with "FAIL" and an exit code that is not 0.
`timescale 1ns / 1ps

module {name}_test_bench;
    parameter INPUT_FILE = "test_bench/{name}_{INPUT}"; // beats of {x.name}: user last tid tdata
    parameter EXPECTED_FILE = "test_bench/{name}_{EXPECTED}"; // beats of {y.name}
    parameter LOG_FILE = "{name}_{LOG}"; // transfers with their cycles
{f'    parameter STATES_FILE = "test_bench/{name}_{STATES}"; // beats of {states.name}: tdest last tid tdata' if states else ""}
{verilog_parameters(design) if weights else ""}    parameter integer CHECK = 1; // 0 to record only
    parameter integer FRAMES = 0; // frames to wait for when nothing is checked
    parameter integer IDLE_PERCENT = 30; // cycles without {x.valid}, 0 to 99
    parameter integer STALL_PERCENT = 30; // cycles without {y.ready}, 0 to 99
    parameter integer SEED = 1; // of gaps and back-pressure
    parameter integer QUIET_LIMIT = 100000; // cycles without a transfer that end the run

    reg clk, rst;
    wire frame_error;
{"".join(f"    {kind} {vector}{port};{chr(10)}" for kind, port, vector in signals)}
    integer cycle, inputs, expected, transfers, states;

    initial begin
        clk = 0;
        rst = 1;
        cycle = -4;
{start}        inputs = $fopen(INPUT_FILE, "r");
        expected = CHECK != 0 ? $fopen(EXPECTED_FILE, "r") : 1;
        transfers = $fopen(LOG_FILE, "w");
        states = {'$fopen(STATES_FILE, "r")' if states else "1"};
        if (inputs == 0 || expected == 0 || transfers == 0 || states == 0) begin
            $display("FAIL: a file of the test bench is missing");
            $fatal(1);
        end
    end

    always #2.5 clk = !clk;

    {view.name} core (
        {", ".join(f".{port}({port})" for port in ports)}
    );

{_source_of_x(x, width, view)}
{_source("loader", "states", states, width, 2, False) if states else ""}
{verilog_process(design) if weights else ""}    always @(posedge clk) begin: sink
        integer user, last, stream, random, beats, frames, quiet;
        reg [{width - 1}:0] data;
        reg opened, more;
        if (cycle == -4) begin
            random = SEED + 1;
            beats = 0;
            frames = 0;
            quiet = 0;
            opened = 0;
            more = 0;
        end
        if (CHECK != 0 && !opened) begin
            more = $fscanf(expected, "%d %d %d %h", user, last, stream, data) == 4;
            opened = 1;
        end
        quiet = quiet + 1;
        if (!rst && {x.valid} && {x.ready}) begin
            quiet = 0;
            $fdisplay(transfers, "s %0d", cycle);
        end
{_moved(states)}{_moved(weights)}        if (!rst && {y.valid} && {y.ready}) begin
            quiet = 0;
            $fdisplay(transfers, "m %0d %0d %b %h", cycle, {y.user}, {y.last}, {y.data});
            if (CHECK != 0) begin
                if (!more || {y.data} !== data || {y.last} !== last[0]
                        || {y.user} !== user[{user - 1}:0] || {seen} !== stream) begin
                    $display("FAIL: beat %0d in cycle %0d: got %h, expected %h", beats, cycle,
                        {y.data}, data);
                    $fatal(1);
                end
                more = $fscanf(expected, "%d %d %d %h", user, last, stream, data) == 4;
            end
            beats = beats + 1;
            if ({y.last}) frames = frames + 1;
            if (CHECK != 0 ? !more : frames == FRAMES) begin
                if (frame_error !== 1'b0) begin
                    $display("FAIL: frame_error is high");
                    $fatal(1);
                end
                $display("PASS: %0d beats, %0d frames, last in cycle %0d", beats, frames, cycle);
                $fclose(transfers);
                $finish;
            end
        end
        if (quiet > QUIET_LIMIT) begin
            $display("FAIL: no transfer for %0d cycles", QUIET_LIMIT);
            $fatal(1);
        end
        {y.ready} <= $unsigned($random(random)) % 100 >= $unsigned(STALL_PERCENT);
    end
endmodule
"""


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
