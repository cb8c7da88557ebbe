"""What it costs that weights can be loaded: LUTs, flip-flops, memories, latency and interval of one core in its three forms.

    python -m benchmarks.loadable_weights [--hidden 64] [--lanes 8] [--device xc7vx690t] [--json FILE]

A core with fixed weights, with loadable ones in one bank and in two, each synthesised by Yosys block by block (`ernn synth --tool yosys`) and
simulated in MyHDL for its cycles.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.environment import environment, markdown, report
from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.rtl.weights.image import image_words
from ernn_myhdl.runs.run import run_design
from ernn_myhdl.synthesis.flow import synthesise

FORMS = (("fixed", 1), ("loadable", 1), ("loadable", 2))
COUNTED = ("lut", "ff", "dsp", "ramb18", "ramb36", "lutram")


def measure(design, device: str, frames: int) -> dict:
    """One row."""
    x = np.random.default_rng(2).standard_normal((frames, design.inputs))
    run = run_design(design, x, "myhdl", stages=False)
    with tempfile.TemporaryDirectory() as scratch:
        made = synthesise(design, Path(scratch) / "synth", device, "yosys")
    total = made["total"]
    hardware = design.hardware
    return {
        "weights": hardware.weights,
        "banks": hardware.weight_banks,
        "latency": int(run.frame_cycles[0, 1] - run.frame_cycles[0, 0]),
        "interval": int(np.diff(run.frame_cycles[:, 1])[-1]),
        "image_words": len(image_words(design)) if hardware.loadable else 0,
        **{name: total[name] for name in COUNTED if name in total},
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
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    arguments = parser.parse_args()
    design = new_design(
        inputs=arguments.inputs, hidden=arguments.hidden, block=arguments.block,
        lanes=arguments.lanes, cell=arguments.cell,
    )  # fmt: skip
    rows = []
    for weights, banks in FORMS:
        rows.append(
            measure(design.with_weights(weights, banks), arguments.device, arguments.frames)
        )
        print(rows[-1], file=sys.stderr, flush=True)
    names = list(rows[0])
    text = markdown(names, [[row[name] for name in names] for row in rows])
    report({"environment": environment(), "rows": rows}, text, arguments.json)
    return int(len({(row["latency"], row["interval"]) for row in rows}) > 1)


if __name__ == "__main__":
    sys.exit(main())
