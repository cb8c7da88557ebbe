"""A bench for single blocks: the same vectors in MyHDL and, converted, in GHDL or Icarus Verilog.

In each cycle the inputs are set, everything settles, the outputs are sampled, and the clock rises.
So a block of latency n shows in cycle t + n what its inputs were in cycle t, and a combinational one
(n = 0) answers in the same cycle.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from myhdl import Simulation, StopSimulation, delay

from ernn_myhdl.convert.writer import write_netlist
from ernn_myhdl.hdl.components import Leaf
from ernn_myhdl.hdl.elaboration import elaborate
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Array, Bit, pack_fields
from ernn_myhdl.rtl.core.view import CoreView

#: Values of ports in one cycle: an int, or a list of ints for an array. None: any value.
Values = dict[str, int | list[int] | None]
#: A list of inputs, or a function that makes an iterator of inputs; a generator is sent the outputs
#: of each cycle before it makes the inputs of the next one.
Vectors = list[Values] | Callable[[], Iterator[Values]]


def names(component, direction: str) -> list[str]:
    """Ports of one direction, without the clock."""
    return [n for n, p in component.ports.items() if p.direction == direction and n != "clk"]


def as_netlist(component: Leaf | Netlist, name: str | None = None) -> Netlist:
    """The block as the only instance of a netlist of that name; without a name a netlist stays as it is."""
    if isinstance(component, Netlist) and name is None:
        return component
    netlist = Netlist(name or f"{component.name}_alone")
    nets: dict[str, Net] = {}
    for name, port in component.ports.items():
        make = netlist.input if port.direction == "in" else netlist.output
        nets[name] = make(name, port.type)
    netlist.add("block", component, **nets)
    return netlist


def run_myhdl(component: Leaf | Netlist, vectors: Vectors) -> tuple[list[Values], list[Values]]:
    """Inputs and outputs of every cycle in MyHDL."""
    netlist = as_netlist(component)
    ports = {name: port.type.signals() for name, port in netlist.ports.items()}
    clk = ports.get("clk")
    model = elaborate(netlist, ports)
    inputs, outputs = [], []
    made = iter(vectors) if isinstance(vectors, list) else vectors()

    def sampled() -> Values:
        result: Values = {}
        for name in names(netlist, "out"):
            signal = ports[name]
            many = isinstance(netlist.ports[name].type, Array)
            result[name] = [int(s.val) for s in signal] if many else int(signal.val)
        return result

    def apply(values: Values) -> None:
        inputs.append(values)
        for name, value in values.items():
            if isinstance(value, list):
                for signal, element in zip(ports[name], value, strict=True):
                    signal.next = element
            else:
                ports[name].next = value

    def following() -> bool:
        """Set the next inputs; False at the end."""
        try:
            apply(made.send(outputs[-1]) if hasattr(made, "send") else next(made))
        except StopIteration:
            return False
        return True

    def edges():
        apply(next(made))
        going = True
        while going:
            yield delay(2)
            outputs.append(sampled())
            if clk is not None:
                clk.next = True
                yield delay(1)
                clk.next = False
            yield delay(1)
            going = following()
        raise StopSimulation

    simulation = Simulation(edges(), *model.processes)
    try:
        simulation.run(quiet=1)
    finally:
        simulation.quit()
    return inputs, outputs


def packed(component, values: Values, direction: str) -> tuple[int, int]:
    """Ports of one direction as one word, the first port in the lowest bits; and its bits."""
    word = low = 0
    for name in names(component, direction):
        kind, value = component.ports[name].type, values[name]
        raw = pack_fields(value, kind.width) if isinstance(kind, Array) else int(value)
        assert 0 <= raw < 1 << kind.bits, f"{name} = {value}"
        word |= raw << low
        low += kind.bits
    return word, low


def unpacked(component, text: str) -> Values:
    """Output ports from a line of binary digits; None for a port with undefined bits."""
    bits = "".join(c if c in "01" else "x" for c in text)
    values: Values = {}
    for name in names(component, "out"):
        kind = component.ports[name].type
        field, bits = bits[len(bits) - kind.bits :], bits[: len(bits) - kind.bits]
        if "x" in field:
            values[name] = None
        elif isinstance(kind, Array):
            w = kind.width
            words = [int(field[i : i + w], 2) for i in range(0, len(field), w)][::-1]
            values[name] = [v - (v >> (w - 1) << w) for v in words]
        else:
            values[name] = int(field, 2)
    return values


def _ranges(component, direction: str) -> dict[str, tuple[int, int]]:
    low, ranges = 0, {}
    for name in names(component, direction):
        bits = component.ports[name].type.bits
        ranges[name] = (low + bits - 1, low)
        low += bits
    return ranges


def _hex_width(component, direction: str) -> int:
    return -(-sum(component.ports[n].type.bits for n in names(component, direction)) // 4) * 4


def vhdl_bench(component, entity: str, files: str) -> str:
    """A test bench that reads one line of inputs and writes one of outputs in every cycle.

    entity: its name. files: what comes before `.vectors` and `.results`.
    """
    connections = ["clk => clk"] if "clk" in component.ports else []
    for direction, bus in (("in", "inputs"), ("out", "outputs")):
        for name, (high, low) in _ranges(component, direction).items():
            bit = isinstance(component.ports[name].type, Bit)
            index = f"{low}" if bit else f"{high} downto {low}"
            connections.append(f"{name} => {bus}({index})")
    return f"""library ieee;
use ieee.std_logic_1164.all;
use std.textio.all;

entity {entity} is
end entity {entity};

architecture behaviour of {entity} is
    signal clk : std_logic := '0';
    signal inputs : std_logic_vector({_hex_width(component, "in") - 1} downto 0) := (others => '0');
    signal outputs : std_logic_vector({_hex_width(component, "out") - 1} downto 0) := (others => '0');
begin
    block_i: entity work.{component.name}
        port map ({", ".join(connections)});

    steps: process is
        file vectors : text open read_mode is "{files}.vectors";
        file results : text open write_mode is "{files}.results";
        variable source, target : line;
        variable word : std_logic_vector(inputs'range);
    begin
        while not endfile(vectors) loop
            readline(vectors, source);
            hread(source, word);
            inputs <= word;
            wait for 2 ns;
            write(target, outputs);
            writeline(results, target);
            clk <= '1';
            wait for 1 ns;
            clk <= '0';
            wait for 1 ns;
        end loop;
        wait;
    end process steps;
end architecture behaviour;
"""


def verilog_bench(component, cycles: int) -> str:
    """The same in Verilog."""
    connections = [".clk(clk)"] if "clk" in component.ports else []
    for direction, bus in (("in", "inputs"), ("out", "outputs")):
        for name, (high, low) in _ranges(component, direction).items():
            connections.append(f".{name}({bus}[{high}:{low}])")
    return f"""`timescale 1ns / 1ns
module block_bench;
    reg clk;
    reg [{_hex_width(component, "in") - 1}:0] inputs;
    reg [{_hex_width(component, "in") - 1}:0] vectors [0:{cycles - 1}];
    wire [{_hex_width(component, "out") - 1}:0] outputs;
    integer i, results;
    {component.name} block_i ({", ".join(connections)});
    initial begin
        $readmemh("block.vectors", vectors);
        results = $fopen("block.results", "w");
        clk = 0;
        for (i = 0; i < {cycles}; i = i + 1) begin
            inputs = vectors[i];
            #2 $fdisplay(results, "%b", outputs);
            clk = 1;
            #1 clk = 0;
            #1;
        end
        $fclose(results);
        $finish;
    end
endmodule
"""


def convert_block(component: Leaf | Netlist, folder: Path, hdl: str) -> None:
    """Convert a block without memories' contents; files.txt has the files in compile order.

    Only for a process that has used MyHDL for nothing else: see `block_cases.convert_case`.
    """
    files, _ = write_netlist(CoreView(as_netlist(component)), folder, hdl)
    (folder / "files.txt").write_text(" ".join(files))


def _tool(command: list[str], folder: Path) -> str:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    output = result.stdout + result.stderr
    assert result.returncode == 0, f"{' '.join(command)}:\n{output}"
    return output


def write_vectors(netlist: Netlist, inputs: Iterable[Values], file: Path) -> None:
    """One line of inputs for every cycle."""
    digits = _hex_width(netlist, "in") // 4
    lines = [f"{packed(netlist, v, 'in')[0]:0{digits}X}\n" for v in inputs]
    file.write_text("".join(lines))


def read_results(netlist: Netlist, file: Path) -> list[Values]:
    """Outputs in every cycle."""
    return [unpacked(netlist, line) for line in file.read_text().split()]


def run_vhdl(component: Leaf | Netlist, inputs: list[Values], folder: Path) -> list[Values]:
    """Outputs in every cycle of the block converted into `folder`, in GHDL; no warning is allowed."""
    netlist = as_netlist(component)
    files = (folder / "files.txt").read_text().split()
    (folder / "block_bench.vhd").write_text(vhdl_bench(netlist, "block_bench", "block"))
    write_vectors(netlist, inputs, folder / "block.vectors")
    said = _tool(["ghdl", "-a", "--std=08", *files, "block_bench.vhd"], folder)
    said += _tool(["ghdl", "-e", "--std=08", "block_bench"], folder)
    assert not said, said
    _tool(["ghdl", "-r", "--std=08", "block_bench", "--ieee-asserts=disable-at-0"], folder)
    return read_results(netlist, folder / "block.results")


def run_verilog(component: Leaf | Netlist, inputs: list[Values], folder: Path) -> list[Values]:
    """Outputs in every cycle of the block converted into `folder`, in Icarus Verilog."""
    netlist = as_netlist(component)
    files = (folder / "files.txt").read_text().split()
    (folder / "block_bench.v").write_text(verilog_bench(netlist, len(inputs)))
    write_vectors(netlist, inputs, folder / "block.vectors")
    _tool(["iverilog", "-g2012", "-o", "block_bench", *files, "block_bench.v"], folder)
    _tool(["vvp", "-n", "block_bench"], folder)
    return read_results(netlist, folder / "block.results")


def compare(outputs: list[Values], expected: list[Values]) -> int:
    """Assert every expected value; returns how many values were compared."""
    assert len(outputs) == len(expected)
    compared = 0
    for cycle, (got, wanted) in enumerate(zip(outputs, expected, strict=True)):
        for name, value in wanted.items():
            if value is not None:
                assert got[name] == value, f"cycle {cycle}: {name} is {got[name]}, not {value}"
                compared += 1
    return compared
