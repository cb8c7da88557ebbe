"""The HDL that is compiled: the core without its memories' contents, and with its probes as ports.

As a program (`python -m ernn_myhdl.engines.verilator.compiled_hdl DESIGN FOLDER HDL`) it converts in a process
that has used MyHDL for nothing else.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from ernn_myhdl.convert.writer import in_fresh_process, renamed, write_netlist
from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.design.storage import load_design, save_design
from ernn_myhdl.engines import liveness
from ernn_myhdl.engines.ghdl import find_ghdl
from ernn_myhdl.engines.trace import traced
from ernn_myhdl.engines.verilator.loop_unrolling import unrolled
from ernn_myhdl.engines.verilator.word_division import divided
from ernn_myhdl.errors import ToolError
from ernn_myhdl.hdl.components import CONTENTS_BITS, Rom
from ernn_myhdl.hdl.external_memories import with_external_memories
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.writable_memory import WritableMemory
from ernn_myhdl.processes.child_process import run
from ernn_myhdl.rtl.core.view import CoreView, observed_core

NAME = "compiled"
#: Instances inside from which on a netlist is worth a model of its own.
SHARED_INSTANCES = 8


def compiled_core(design: CoreSpecification) -> CoreView:
    """The core of `design` with all that the simulation looks at as ports, whatever its name."""
    seen = (*traced(design).values(), *liveness.nets(design))
    return observed_core(renamed(design, NAME), seen)


def write_verilog(
    design: CoreSpecification, source: str, folder: Path, view: CoreView
) -> list[Path]:
    """Write the Verilog of the core and of its memories into `folder`; returns the files.

    source: of the engine's record. view: `compiled_core`. Raises ToolError where GHDL is missing or a conversion fails.
    """
    ghdl = find_ghdl() if source == "vhdl" else None
    with tempfile.TemporaryDirectory() as scratch:
        saved = Path(scratch) / "design"
        save_design(design, saved)
        in_fresh_process(
            "ernn_myhdl.engines.verilator.compiled_hdl", [saved, folder, source], source
        )
    files = [folder / f for f in (folder / "files.txt").read_text().split()]
    for file in [] if ghdl else files:
        file.write_text(_shared(unrolled(file.read_text()), view))
    if ghdl:
        files = [_synthesised(ghdl, folder, view)]
    for rom in view.memories:
        files.append(folder / f"{rom.name}_memory.sv")
        files[-1].write_text(_memory(rom))
    return files


def _synthesised(ghdl: str, folder: Path, view: CoreView) -> Path:
    """One Verilog file of the VHDL in `folder`."""
    top = view.name
    with tempfile.TemporaryDirectory() as work:
        options = ["--std=08", f"--workdir={work}"]
        for command in (
            [ghdl, "-a", *options, *(folder / "files.txt").read_text().split()],
            [ghdl, "--synth", *options, "--out=verilog", top],
        ):
            done = run(command, folder)
            if done.returncode:
                reason = (done.stderr.strip().splitlines() or ["no message"])[0]
                raise ToolError(f"ghdl {command[1]} failed on the compiled core: {reason}")
    file = folder / f"{top}_of_vhdl.v"
    text = done.stdout
    for rom in view.memories:  # GHDL writes an empty module for what is not there
        text = re.sub(rf"module {rom.name}_memory\n.*?endmodule\n", "", text, flags=re.DOTALL)
    file.write_text(_shared(divided(corrected(text)), view))
    return file


def corrected(text: str) -> str:
    """Verilog of GHDL 2.0's synthesis as it was meant; ToolError where that cannot be told."""
    for selector, items in re.findall(r"\bcase \((\w+)\)(.*?)\bendcase\b", text, re.DOTALL):
        labels = re.findall(r"(\d+)'b[01]+:", items)
        if "default:" not in items and len(labels) < 1 << int(labels[0]):
            raise ToolError(
                f"ghdl --synth left the default of a case ({selector}) out of its Verilog; write the "
                "choice with separate ifs, or take --from verilog"
            )
    # what is always one value never triggers the block that is to set it
    text = re.sub(
        r"always @\*\n +(\w+) = (\d+'b[01]+);[^\n]*\n +initial\n +\1 <= \d+'b[01]+;",
        r"initial\n    \1 <= \2;",
        text,
    )
    # the same where it is one value by what is connected: a signal of gates needs no value to begin with
    text = re.sub(
        r"(always @\*\n +(\w+) = \w+;) // \(isignal\)\n +initial\n +\2 <= [^\n]+;", r"\1", text
    )
    # the arithmetic shift of a signed word is written as a logical one
    return re.sub(r"(= \$signed\(\w+\)) >> ", r"\1 >>> ", text)


def shared_blocks(view: CoreView) -> list[str]:
    """Modules that are compiled once for all their instances: clusters of lanes and blocks of cells.

    Each call of such a block costs about a microsecond, so what is small is not among them.
    """
    return [
        name
        for name, (component, count) in view.components.items()
        if isinstance(component, Netlist) and count > 1
        and len(component.instances) >= SHARED_INSTANCES
    ]  # fmt: skip


def _shared(text: str, view: CoreView) -> str:
    """Verilog in which the shared blocks are marked for Verilator's hierarchical mode."""
    for name in shared_blocks(view):
        text = re.sub(
            rf"^module {name}\b[^;]*;\n",
            lambda head: head[0] + "    /*verilator hier_block*/\n",
            text,
            flags=re.MULTILINE,
        )
    return text


def memory_function(rom: Rom) -> str:
    """Name of the C function that gives a memory its words."""
    return f"ernn_words_of_{rom.name}"


def _memory(rom: Rom) -> str:
    """The module behind the black box of a memory: asks for its words at the first clock edge.

    Weights as initial values would make the model huge, and one build serve one set of weights.
    """
    bits = rom.type.bits
    ports, write = "", ""
    if isinstance(rom, WritableMemory):
        ports = f"""
    input wire load,
    input wire [{rom.memory_bits - 1}:0] load_memory,
    input wire [{rom.address_bits - 1}:0] load_address,
    input wire [{bits - 1}:0] load_data,"""
        write = """
        if (load && 32'(load_memory) == 32'(base) + 32'(contents)) words[load_address] = load_data;"""
    return f"""// {rom.name}_memory: words from the program that runs the model
module {rom.name}_memory (
    input wire clk,
    input wire [{CONTENTS_BITS - 1}:0] base,
    input wire [{CONTENTS_BITS - 1}:0] contents,{ports}
    input wire [{rom.address_bits - 1}:0] address,
    output reg [{bits - 1}:0] q
);
    import "DPI-C" function void {memory_function(rom)}(
        input int contents, input int address, output bit [{bits - 1}:0] word);
    reg [{bits - 1}:0] words [0:{rom.depth - 1}];
    bit [{bits - 1}:0] word;
    reg loaded = 0;
    initial q = 0;
    always @(posedge clk) begin
        if (!loaded) begin
            for (int i = 0; i < {rom.depth}; i = i + 1) begin
                {memory_function(rom)}(32'(base) + 32'(contents), i, word);
                words[i] = word;
            end
            loaded = 1;
        end
        if (32'(address) < {rom.depth}) q <= words[address];{write}
    end
endmodule
"""


def main(arguments: list[str]) -> int:
    """Entry of the fresh process."""
    design, folder, hdl = load_design(arguments[0]), Path(arguments[1]), arguments[2]
    netlist = with_external_memories(compiled_core(design).netlist)
    files, _ = write_netlist(CoreView(netlist), folder, hdl)
    (folder / "files.txt").write_text("".join(f"{f}\n" for f in files))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
