"""Each block of a full-size core: what GHDL synthesises of its VHDL behaves as MyHDL's Verilog.

GHDL 2.0 has faults that only wide words show (a literal -1 of 32 bits, number - word as word - number,
a case without its default). The compiled engine runs its result, so the widths here are the real ones.
"""

from __future__ import annotations

import subprocess

import pytest
from tools import require_tool

from ernn_myhdl.calibration.presets import preset_design
from ernn_myhdl.convert import convert
from ernn_myhdl.engines.verilator.compiled_hdl import corrected
from ernn_myhdl.hdl.components import Leaf
from ernn_myhdl.hdl.types import Bit
from ernn_myhdl.rtl.core.top import core

#: Random bits that a block gets, its cycles, and the first that is compared: pipelines begin with
#: undefined data.
BITS, CYCLES, SETTLED = 60_000, (70, 200), 40
#: Lanes are all alike.
FEW = {"lanes": 16, "ifft_units": 8, "element_width": 4}
#: Preset -> another one whose blocks are left out where they are the same.
PRESETS = {"paper-lstm-k16": None, "paper-gru-k16": "paper-lstm-k16"}


def bench(leaf: Leaf, entity: str) -> str:
    """Random inputs to a leaf's `entity` and to `entity_of_vhdl`; counts the cycles in which an output differs."""
    least, most = CYCLES
    bits = sum(port.type.bits for port in leaf.ports.values() if port.direction == "in")
    cycles = max(least, min(most, BITS // bits))
    declared, drive, compare, ports = [], [], [], {"a": [], "b": []}
    for name, port in leaf.ports.items():
        bits = port.type.bits
        kind = "" if isinstance(port.type, Bit) else f"[{bits - 1}:0] "
        own = port.direction == "out"
        for side, connections in ports.items():
            connections.append(f".{name}({name}_{side})" if own else f".{name}({name})")
        if own:
            declared.append(f"wire {kind}{name}_a; wire {kind}{name}_b;")
            compare.append(f"({name}_a !== {name}_b)")
            continue
        # undefined at first, so that every process without a clock runs once
        declared.append(f"reg {kind}{name}{' = 0' if name == 'clk' else ''};")
        if name == "rst":
            drive.append("rst = i < 3 || $random % 61 == 0;")
        elif name != "clk":
            each = f"{name}[j]" if kind else name
            drive.append(f"for (j = 0; j < {bits}; j = j + 1) {each} = $random;")
    edge = "#1 clk = 1; #1 clk = 0;" if "clk" in leaf.ports else ""
    return f"""module bench;
    integer i, j, different;
    {" ".join(declared)}
    {entity} a ({", ".join(ports["a"])});
    {entity}_of_vhdl b ({", ".join(ports["b"])});
    initial begin
        different = 0;
        #1; // after the initial values
        for (i = 0; i < {cycles}; i = i + 1) begin
            {" ".join(drive)}
            #1 if (i >= {SETTLED} && ({" || ".join(compare)})) different = different + 1;
            {edge}
        end
        $display("%0d different", different);
        $finish;
    end
endmodule
"""


def run(command: list, folder) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"{command[0]}: {done.stderr[:500]}"
    return done.stdout


def compare(leaf: Leaf, entity: str, synthesised: str, verilog, folder) -> str:
    """What the bench says of a leaf."""
    text = synthesised.replace(f"module {entity}\n", f"module {entity}_of_vhdl\n")
    (folder / "of_vhdl.v").write_text(text)
    (folder / "bench.v").write_text(bench(leaf, entity))
    files = ["bench.v", "of_vhdl.v", str(verilog / f"{entity}.sv")]
    run(["iverilog", "-g2012", "-o", "bench", *files], folder)
    return run(["vvp", "bench"], folder).strip().splitlines()[-1]


def leaves_of(preset: str) -> list[Leaf]:
    netlist = core(preset_design(preset).with_hardware(**FEW))
    return [c for c, _ in netlist.components().values() if isinstance(c, Leaf)]


@pytest.fixture(scope="module", params=list(PRESETS))
def converted(request, tmp_path_factory):
    """Leaves of a core, their entities, GHDL's synthesis of each leaf, and the core's Verilog."""
    require_tool("ghdl")
    require_tool("iverilog")
    design = preset_design(request.param).with_hardware(**FEW)
    folder = tmp_path_factory.mktemp("blocks")
    for hdl in ("vhdl", "verilog"):
        manifest = convert(design, folder / hdl, hdl=hdl)
    entities = {c["name"]: c["entity"] for c in manifest["components"]}
    (folder / "work").mkdir()
    options = ["--std=08", f"--workdir={folder / 'work'}"]
    files = (folder / "vhdl" / "files.txt").read_text().split()
    run(["ghdl", "-a", *options, *files], folder / "vhdl")
    leaves = leaves_of(request.param)
    if other := PRESETS[request.param]:
        known = leaves_of(other)
        leaves = [leaf for leaf in leaves if leaf not in known]
        assert {"blend", "multiply_state", "x_pages", "column_select"} <= {x.name for x in leaves}
    made = {
        leaf.name: run(
            ["ghdl", "--synth", *options, "--out=verilog", entities[leaf.name]], folder / "vhdl"
        )
        for leaf in leaves
    }
    return leaves, entities, made, folder / "verilog"


@pytest.mark.slow
@pytest.mark.ghdl
def test_synthesis_of_every_block(converted, tmp_path):
    leaves, entities, made, verilog = converted
    assert len(leaves) > 5
    said = {
        leaf.name: compare(leaf, entities[leaf.name], corrected(made[leaf.name]), verilog, tmp_path)
        for leaf in leaves
    }
    assert {n: s for n, s in said.items() if s != "0 different"} == {}


@pytest.mark.slow
@pytest.mark.ghdl
def test_without_the_correction_a_difference_is_seen(converted, tmp_path):
    """GHDL's logical shift, left as it is."""
    leaves, entities, made, verilog = converted
    wrong = [leaf for leaf in leaves if ">> " in made[leaf.name] and "round" in leaf.name]
    said = [
        compare(leaf, entities[leaf.name], made[leaf.name], verilog, tmp_path) for leaf in wrong
    ]
    assert any(s != "0 different" for s in said)
