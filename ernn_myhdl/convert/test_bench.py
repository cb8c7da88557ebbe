"""A self-checking test bench, of VHDL or SystemVerilog, and its vectors from the golden model.

All files begin with the name of the core. Vectors are text: input.txt holds one beat of s_axis a line, `<user> <last> <tid> <tdata in hex>`, user
and tid in decimal; expected.txt one beat of m_axis in the same form; states.txt, of a core that loads
initial states, one beat of s_state, `<tdest> <last> <tid> <tdata in hex>`. The bench offers beats with random gaps, takes results
with random back-pressure, compares each beat and writes every transfer with its cycle to a log.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ernn_myhdl.convert.names import named
from ernn_myhdl.convert.state_bench import STATES, state_bench
from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.types import bits_for
from ernn_myhdl.streams.initial_states import CoreState, state_beats
from ernn_myhdl.streams.traffic import Beat, StateBeat, Traffic, turn_beats

BENCH = "test_bench"
INPUT, EXPECTED, LOG = "input.txt", "expected.txt", "transfers.txt"
#: Sequences of the delivered vectors, in frames.
SEQUENCES = (2, 1)
VECTOR_SEED = 2019


def beat_line(beat: Beat | StateBeat, width: int) -> str:
    """One line of a vector file."""
    data = f"{beat.data:0{width // 4}X}"
    first = beat.user if isinstance(beat, Beat) else beat.layer
    return f"{int(first)} {int(beat.last)} {beat.stream} {data}\n"


def vector_lines(
    sequences, design: CoreSpecification, traffic: Traffic = Traffic(), states: Sequence = ()
) -> str:
    """Vector file of sequences of raw frames, in the order of `traffic`; states: those before them."""
    width = design.stream_shape.data_bits
    turns = traffic.turns([len(s) for s in sequences], design.stream_shape.streams)
    loaded = {i for i, state in enumerate(states) if state is not None}
    beats = turn_beats(sequences, turns, design, loaded)
    return "".join(beat_line(beat, width) for beat in beats)


def state_lines(
    design: CoreSpecification, states: Sequence, lengths, traffic: Traffic = Traffic()
) -> str:
    """Vector file of the states before sequences of these lengths, in the order of `traffic`."""
    turns = traffic.turns(lengths, design.stream_shape.streams)
    width = design.stream_shape.data_bits
    return "".join(beat_line(beat, width) for beat in state_beats(design, states, turns))


def random_sequences(
    design: CoreSpecification, lengths=SEQUENCES, seed: int = VECTOR_SEED
) -> list[np.ndarray]:
    """Raw input sequences: uniform over the format, with its extreme values mixed in."""
    rng = np.random.default_rng(seed)
    fmt = design.input_format
    sequences = []
    for length in lengths:
        shape = (length, design.inputs)
        raw = rng.integers(fmt.minimum // 2, fmt.maximum // 2 + 1, shape)
        corner = rng.random(shape) < 0.05
        raw[corner] = rng.choice([fmt.minimum, fmt.maximum, -1, 0, 1], int(corner.sum()))
        sequences.append(raw)
    return sequences


def random_state(design: CoreSpecification, seed: int = VECTOR_SEED) -> CoreState:
    """A state of the core, uniform over its formats."""
    rng = np.random.default_rng([seed, 1])
    state = []
    for layer in design.layers:
        formats = {n: (getattr(layer.formats, n), s) for n, s in layer.cell.state_sizes.items()}
        raw = {n: rng.integers(f.minimum, f.maximum + 1, size) for n, (f, size) in formats.items()}
        state.append(raw or None)
    return tuple(state)


def bench_file(name: str, file: str) -> str:
    """A file of the bench of the core `name`: file is INPUT, EXPECTED, LOG, STATES or BENCH."""
    return f"{name}_{file}"


def write_test_bench(design: CoreSpecification, top: Netlist, folder: Path, hdl: str) -> None:
    """Write the bench, its vectors and the expected result of the golden model.

    Of a core that loads initial states the first sequence starts from one.
    """
    from ernn_myhdl.convert.verilog_bench import verilog_bench
    from ernn_myhdl.golden.fixed_point import FixedPointModel

    def put(file: str, text: str) -> None:
        file = bench_file(design.name, file)
        (folder / file).write_text(named(text, "", file))

    sequences = random_sequences(design)
    states: list[CoreState | None] = [None] * len(sequences)
    if has_loader(design):
        states[0] = random_state(design)
        put(STATES, state_lines(design, states, [len(s) for s in sequences]))
    results = sequences
    for i, layer in enumerate(design.layers):
        model = FixedPointModel(layer)
        own = [None if state is None else state[i] for state in states]
        results = [model.run(s, c).raw for s, c in zip(results, own, strict=True)]
    if hdl == "vhdl":
        put(f"{BENCH}.vhd", bench_text(design, top.name))
    else:
        put(f"{BENCH}.sv", verilog_bench(design, top.name))
    put(INPUT, vector_lines(sequences, design, states=states))
    put(EXPECTED, vector_lines(results, design, states=states))


def has_loader(design: CoreSpecification) -> bool:
    """Whether the core has s_state."""
    return any(layer.loads_states for layer in design.layers)


def bench_text(design: CoreSpecification, top: str) -> str:
    """The test bench, an entity of the core's name with `_test_bench`."""
    name = design.name
    width = design.stream_shape.data_bits
    streams = design.stream_shape.streams
    state = state_bench(design)
    # a core with one stream has no tid
    declared = connected = offered = ""
    seen = "0"
    if streams > 1:
        bits = bits_for(streams)
        vector = f"std_logic_vector({bits - 1} downto 0)"
        declared = (
            f"    signal s_axis_tid : {vector} := (others => '0');\n"
            f"    signal m_axis_tid : {vector};\n"
        )
        connected = "            s_axis_tid => s_axis_tid, m_axis_tid => m_axis_tid,\n"
        offered = (
            f"                    s_axis_tid <= std_logic_vector(to_unsigned(stream, {bits}));\n"
        )
        seen = "to_integer(unsigned(m_axis_tid))"
    return f"""-- Self-checking test bench of {top}: random gaps on s_axis, random back-pressure on m_axis.
-- Ends with "PASS" or, at the first wrong beat, with "FAIL" and a non-zero exit code.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use ieee.math_real.all;
use std.textio.all;
use std.env.all;

entity {name}_test_bench is
    generic (
        INPUT_FILE : string := "{name}_{INPUT}"; -- beats of s_axis: user last tid tdata
        EXPECTED_FILE : string := "{name}_{EXPECTED}"; -- beats of m_axis; none to record only
        LOG_FILE : string := "{name}_{LOG}"; -- transfers with their cycles
{state.generics}        FRAMES : natural := 0; -- frames to wait for when there is no EXPECTED_FILE
        IDLE_PERCENT : natural := 30; -- cycles without s_axis_tvalid, 0 to 99
        STALL_PERCENT : natural := 30; -- cycles without m_axis_tready, 0 to 99
        SEED : positive := 1; -- of gaps and back-pressure
        QUIET_LIMIT : positive := 100000 -- cycles without a transfer that end the run
    );
end entity {name}_test_bench;

architecture behaviour of {name}_test_bench is
    constant WIDTH : positive := {width};
    signal clk : std_logic := '0';
    signal rst : std_logic := '1';
    signal s_axis_tvalid : std_logic := '0';
    signal s_axis_tready : std_logic;
    signal s_axis_tdata : std_logic_vector(WIDTH - 1 downto 0) := (others => '0');
    signal s_axis_tlast : std_logic := '0';
    signal s_axis_tuser : {state.user} := {state.idle_user};
    signal m_axis_tvalid : std_logic;
    signal m_axis_tready : std_logic := '0';
    signal m_axis_tdata : std_logic_vector(WIDTH - 1 downto 0);
    signal m_axis_tlast : std_logic;
    signal m_axis_tuser : {state.user};
{declared}{state.signals}    signal frame_error : std_logic;
    signal cycle : integer := -4;
begin
    clk <= not clk after 2.5 ns;

    core: entity work.{top}
        port map (
            clk => clk, rst => rst,
            s_axis_tvalid => s_axis_tvalid, s_axis_tready => s_axis_tready,
            s_axis_tdata => s_axis_tdata, s_axis_tlast => s_axis_tlast,
            s_axis_tuser => s_axis_tuser,
            m_axis_tvalid => m_axis_tvalid, m_axis_tready => m_axis_tready,
            m_axis_tdata => m_axis_tdata, m_axis_tlast => m_axis_tlast,
            m_axis_tuser => m_axis_tuser,
{connected}{state.ports}            frame_error => frame_error
        );

    source: process (clk) is
        file vectors : text open read_mode is INPUT_FILE;
        variable text_line : line;
        variable last : bit;
        variable user, stream : natural;
        variable data : std_logic_vector(WIDTH - 1 downto 0);
        variable seed1 : positive := SEED;
        variable seed2 : positive := 4711;
        variable number : real;
        variable offered : boolean := false;
    begin
        if rising_edge(clk) then
            cycle <= cycle + 1;
            rst <= '1' when cycle + 1 < 0 else '0';
            if s_axis_tvalid = '1' and s_axis_tready = '1' then
                offered := false;
                s_axis_tvalid <= '0';
            end if;
            if cycle + 1 >= 0 and not offered and not endfile(vectors) then
                uniform(seed1, seed2, number);
                if number * 100.0 >= real(IDLE_PERCENT) then
                    readline(vectors, text_line);
                    read(text_line, user);
                    read(text_line, last);
                    read(text_line, stream);
                    hread(text_line, data);
{offered}                    {state.set_user}
                    s_axis_tlast <= to_stdulogic(last);
                    s_axis_tdata <= data;
                    s_axis_tvalid <= '1';
                    offered := true;
                end if;
            end if;
        end if;
    end process source;

{state.source}    sink: process (clk) is
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
{state.moved}            if rst = '0' and s_axis_tvalid = '1' and s_axis_tready = '1' then
                quiet := 0;
                write(log_line, string'("s "));
                write(log_line, cycle);
                writeline(log, log_line);
            end if;
            if rst = '0' and m_axis_tvalid = '1' and m_axis_tready = '1' then
                quiet := 0;
                write(log_line, string'("m "));
                write(log_line, cycle);
                write(log_line, string'(" "));
                write(log_line, {state.seen_user});
                write(log_line, string'(" "));
                write(log_line, to_bit(m_axis_tlast));
                write(log_line, string'(" "));
                hwrite(log_line, m_axis_tdata);
                writeline(log, log_line);
                if EXPECTED_FILE /= "none" then
                    readline(vectors, text_line);
                    read(text_line, user);
                    read(text_line, last);
                    read(text_line, stream);
                    hread(text_line, data);
                    if m_axis_tdata /= data or m_axis_tlast /= to_stdulogic(last)
                            or {state.seen_user} /= user or {seen} /= stream then
                        report "FAIL: beat " & integer'image(beats) & " in cycle "
                            & integer'image(cycle) & ": got " & to_hstring(m_axis_tdata)
                            & ", expected " & to_hstring(data) severity note;
                        stop(1);
                    end if;
                end if;
                beats := beats + 1;
                if m_axis_tlast = '1' then
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
            m_axis_tready <= '1' when number * 100.0 >= real(STALL_PERCENT) else '0';
        end if;
    end process sink;
end architecture behaviour;
"""
