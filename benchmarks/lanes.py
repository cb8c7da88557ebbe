"""Cycles per frame against the number of lanes on a layer of 256 cells, scheduled and simulated.

    python -m benchmarks.lanes [--lanes 1,2,4,8,16,32,64] [--frames 3] [--json FILE]

Layer: 160 inputs, 256 cells, no projection by default, k = 8. The simulation is the full core in MyHDL;
its outputs are compared with the integer model. Exits with 1 on any difference.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.cycle_model.schedule import schedule_for
from ernn_myhdl.program.program import program_for
from ernn_myhdl.runs.run import run_design


def measure(lanes: int, arguments: argparse.Namespace) -> dict:
    """One row: products, scheduled and simulated cycles, mismatches."""
    design = new_design(
        inputs=arguments.inputs, hidden=arguments.hidden, projection=arguments.projection,
        block=8, lanes=lanes, seed=1,
    )  # fmt: skip
    schedule, program = schedule_for(design), program_for(design)
    x = np.random.default_rng(2).standard_normal((arguments.frames, arguments.inputs))
    run = run_design(design, x, "myhdl", stages=False)
    expected = run_design(design, x, "integer", stages=False)
    gaps = np.diff(run.frame_cycles[:, 1])
    use = schedule.utilisation()
    return {
        "lanes": lanes,
        "ifft_units": design.hardware.ifft_units,
        "product_cycles": program.length,
        "scheduled_interval": schedule.interval,
        "simulated_interval": float(gaps[-1]),
        "scheduled_latency": schedule.latency,
        "simulated_latency": int(run.frame_cycles[0, 1] - run.frame_cycles[0, 0]),
        "lane_utilisation": use["lanes"],
        "bound": schedule.bottleneck,
        "mismatches": int((run.raw != expected.raw).sum()),
        "cycles_per_second": run.cycles_per_second,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lanes", default="1,2,4,8,16,32,64", help="numbers of lanes")
    parser.add_argument("--inputs", type=int, default=160)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--projection", type=int, default=0)
    parser.add_argument("--frames", type=int, default=3, help="frames simulated, at least 2")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    arguments = parser.parse_args()
    rows = []
    for lanes in (int(v) for v in arguments.lanes.split(",")):
        print(f"lanes {lanes} ...", file=sys.stderr, flush=True)
        rows.append(measure(lanes, arguments))
    first = rows[0]["simulated_interval"]
    text = markdown(
        ("lanes", "products", "interval scheduled", "simulated", "factor", "latency scheduled",
         "simulated", "lanes busy", "bound by", "mismatches"),
        [
            (
                r["lanes"], r["product_cycles"], f"{r['scheduled_interval']:g}",
                f"{r['simulated_interval']:g}", f"{first / r['simulated_interval']:.2f}",
                r["scheduled_latency"], r["simulated_latency"], f"{r['lane_utilisation']:.0%}",
                r["bound"], r["mismatches"],
            )
            for r in rows
        ],
    )  # fmt: skip
    report({"environment": environment(), "rows": rows}, text, arguments.json)
    exact = all(
        r["scheduled_interval"] == r["simulated_interval"]
        and r["scheduled_latency"] == r["simulated_latency"]
        and not r["mismatches"]
        for r in rows
    )
    return 0 if exact else 1


if __name__ == "__main__":
    leave(main)
