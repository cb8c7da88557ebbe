"""The self-checking test bench of the Verilog: that of the VHDL, with the same vectors, in SystemVerilog.

It runs in Icarus Verilog (`-g2012`) and in Verilator (`--binary`, with `-CFLAGS -std=gnu++20` where the compiler does
not take C++20 by itself, as g++ 12). A failure is `$fatal`, so the exit code is not 0.
"""

from __future__ import annotations

from ernn_myhdl.convert.state_bench import STATES
from ernn_myhdl.design.design import CoreSpecification, Design
from ernn_myhdl.hdl.types import bits_for


def verilog_bench(design: CoreSpecification, top: str) -> str:
    """The test bench, a module of the core's name with `_test_bench`."""
    from ernn_myhdl.convert.test_bench import EXPECTED, INPUT, LOG, has_loader

    shape, name = design.stream_shape, design.name
    width, streams = shape.data_bits, shape.streams
    user = 2 if shape.initial_states else 1
    tid = bits_for(streams)
    signals = [("reg", "s_axis_tdata", width), ("reg", "s_axis_tlast", 1), ("reg", "s_axis_tuser", user),
               ("reg", "s_axis_tvalid", 1), ("wire", "s_axis_tready", 1)]  # fmt: skip
    signals += [("wire", "m_axis_tdata", width), ("wire", "m_axis_tlast", 1), ("wire", "m_axis_tuser", user),
                ("wire", "m_axis_tvalid", 1), ("reg", "m_axis_tready", 1)]  # fmt: skip
    offered = [f"s_axis_tdata <= data;\n{_DEEP}s_axis_tlast <= last[0];"]
    offered.append(f"s_axis_tuser <= user[{user - 1}:0];")
    if streams > 1:  # a core with one stream has no tid
        signals += [("reg", "s_axis_tid", tid), ("wire", "m_axis_tid", tid)]
        offered.append(f"s_axis_tid <= stream[{tid - 1}:0];")
    loader, loads = [], has_loader(design)
    if loads:
        signals += [("reg", "s_state_tdata", width), ("reg", "s_state_tlast", 1),
                    ("reg", "s_state_tvalid", 1), ("wire", "s_state_tready", 1)]  # fmt: skip
        loader = [f"s_state_tdata <= data;\n{_DEEP}s_state_tlast <= last[0];"]
        if streams > 1:
            signals.append(("reg", "s_state_tid", tid))
            loader.append(f"s_state_tid <= stream[{tid - 1}:0];")
        if not isinstance(design, Design):
            bits = bits_for(len(design.layers))
            signals.append(("reg", "s_state_tdest", bits))
            loader.append(f"s_state_tdest <= user[{bits - 1}:0];")
    ports = ["clk", "rst", "frame_error", *(port for _, port, _ in signals)]
    seen = "32'(m_axis_tid)" if streams > 1 else "0"
    start = "".join(f"        {port} = 0;\n" for kind, port, _ in signals if kind == "reg")
    return f"""// Self-checking test bench of {top}: random gaps on s_axis, random back-pressure on m_axis.
// Ends with "PASS" or, at the first wrong beat, with "FAIL" and an exit code that is not 0.
`timescale 1ns / 1ps

module {name}_test_bench;
    parameter INPUT_FILE = "test_bench/{name}_{INPUT}"; // beats of s_axis: user last tid tdata
    parameter EXPECTED_FILE = "test_bench/{name}_{EXPECTED}"; // beats of m_axis
    parameter LOG_FILE = "{name}_{LOG}"; // transfers with their cycles
{f'    parameter STATES_FILE = "test_bench/{name}_{STATES}"; // beats of s_state: tdest last tid tdata' if loads else ""}
    parameter integer CHECK = 1; // 0 to record only
    parameter integer FRAMES = 0; // frames to wait for when nothing is checked
    parameter integer IDLE_PERCENT = 30; // cycles without s_axis_tvalid, 0 to 99
    parameter integer STALL_PERCENT = 30; // cycles without m_axis_tready, 0 to 99
    parameter integer SEED = 1; // of gaps and back-pressure
    parameter integer QUIET_LIMIT = 100000; // cycles without a transfer that end the run

    reg clk, rst;
    wire frame_error;
{"".join(f"    {kind} {f'[{bits - 1}:0] ' if _vector(port, bits) else ''}{port};{chr(10)}" for kind, port, bits in signals)}
    integer cycle, inputs, expected, transfers, states;

    initial begin
        clk = 0;
        rst = 1;
        cycle = -4;
{start}        inputs = $fopen(INPUT_FILE, "r");
        expected = CHECK != 0 ? $fopen(EXPECTED_FILE, "r") : 1;
        transfers = $fopen(LOG_FILE, "w");
        states = {'$fopen(STATES_FILE, "r")' if loads else "1"};
        if (inputs == 0 || expected == 0 || transfers == 0 || states == 0) begin
            $display("FAIL: a file of the test bench is missing");
            $fatal(1);
        end
    end

    always #2.5 clk = !clk;

    {top} core (
        {", ".join(f".{port}({port})" for port in ports)}
    );

{_source("source", "inputs", "s_axis", offered, width, 0, True)}
{_source("loader", "states", "s_state", loader, width, 2, False) if loads else ""}
    always @(posedge clk) begin: sink
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
        if (!rst && s_axis_tvalid && s_axis_tready) begin
            quiet = 0;
            $fdisplay(transfers, "s %0d", cycle);
        end
{_MOVED if loads else ""}        if (!rst && m_axis_tvalid && m_axis_tready) begin
            quiet = 0;
            $fdisplay(transfers, "m %0d %0d %b %h", cycle, m_axis_tuser, m_axis_tlast, m_axis_tdata);
            if (CHECK != 0) begin
                if (!more || m_axis_tdata !== data || m_axis_tlast !== last[0]
                        || m_axis_tuser !== user[{user - 1}:0] || {seen} !== stream) begin
                    $display("FAIL: beat %0d in cycle %0d: got %h, expected %h", beats, cycle,
                        m_axis_tdata, data);
                    $fatal(1);
                end
                more = $fscanf(expected, "%d %d %d %h", user, last, stream, data) == 4;
            end
            beats = beats + 1;
            if (m_axis_tlast) frames = frames + 1;
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
        m_axis_tready <= $unsigned($random(random)) % 100 >= $unsigned(STALL_PERCENT);
    end
endmodule
"""


def _vector(port: str, bits: int) -> bool:
    """Whether a port is a vector, which may have one bit."""
    return bits > 1 or port.endswith(("tid", "tdest", "tdata"))


_DEEP = " " * 16

_MOVED = """\
        if (!rst && s_state_tvalid && s_state_tready) quiet = 0;
"""


def _source(
    name: str, file: str, stream: str, offered: list[str], width: int, seed: int, counts: bool
) -> str:
    """A process that offers the beats of a file on a stream; counts: it counts cycles and resets too."""
    counting = "        cycle <= cycle + 1;\n        rst <= cycle + 1 < 0;\n" if counts else ""
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
{counting}        if ({stream}_tvalid && {stream}_tready) begin
            offered = 0;
            {stream}_tvalid <= 0;
        end
        if (cycle + 1 >= 0 && !offered && more
                && $unsigned($random(random)) % 100 >= $unsigned(IDLE_PERCENT)) begin
            more = $fscanf({file}, "%d %d %d %h", user, last, stream, data) == 4;
            if (more) begin
{lines}{_DEEP}{stream}_tvalid <= 1;
                offered = 1;
            end
        end
    end
"""
