"""The compiled engine on a full-size core: build time, second start, and speed against MyHDL.

    python -m benchmarks.compiled [--block 8] [--from verilog] [--frames 2000] [--myhdl-frames 1]
        [--stages] [--json FILE]

The build is made in an empty cache. The first frames are compared with MyHDL (outputs and cycles of
every frame), all frames with the integer model. Exits with 1 on any difference.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from benchmarks.paper_layers import BLOCKS, paper_design
from ernn_myhdl.engines.registry import SOURCES
from ernn_myhdl.engines.verilator.build import build, find_verilator
from ernn_myhdl.files.cache_folder import CACHE_VARIABLE
from ernn_myhdl.runs.run import run_design


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--block", type=int, choices=BLOCKS, default=8)
    parser.add_argument("--from", dest="source", choices=SOURCES, default="verilog")
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--myhdl-frames", type=int, default=1)
    parser.add_argument("--stages", action="store_true", help="record stages and trace too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    arguments = parser.parse_args()
    design = paper_design(arguments.block)
    x = np.random.default_rng(0).standard_normal((arguments.frames, design.cell.inputs))
    with tempfile.TemporaryDirectory() as cache:
        os.environ[CACHE_VARIABLE] = cache
        print("building ...", file=sys.stderr, flush=True)
        seconds = build(design, arguments.source).seconds
        start = time.perf_counter()
        run_design(design, x[:1], "verilator", stages=False, source=arguments.source)
        second = time.perf_counter() - start
        print("compiled ...", file=sys.stderr, flush=True)
        options = {"stages": arguments.stages, "source": arguments.source}
        fast = run_design(design, x, "verilator", **options)
        turns = np.array_split(x, design.hardware.streams)
        all_streams = run_design(design, turns, "verilator", **options)
    print("myhdl ...", file=sys.stderr, flush=True)
    few = arguments.myhdl_frames
    slow = run_design(design, x[:few], "myhdl", stages=False)
    integer = run_design(design, x, "integer", stages=False)
    apart = run_design(design, turns, "integer", stages=False)
    mismatches = int((fast.raw != integer.raw).sum() + (fast.raw[:few] != slow.raw).sum())
    mismatches += int((all_streams.raw != apart.raw).sum())
    mismatches += int((fast.frame_cycles[:few] != slow.frame_cycles).sum())
    rows = [
        {
            "engine": run.engine,
            "sequences": len(run.sequences),
            "frames": run.frames,
            "seconds": run.seconds,
            "frames_per_second": run.frames_per_second,
            "cycles_per_second": run.cycles_per_second,
        }
        for run in (slow, fast, all_streams)
    ]
    factor = fast.cycles_per_second / slow.cycles_per_second
    text = markdown(
        ("engine", "sequences", "frames", "seconds", "frames/s", "cycles/s"),
        [
            (
                r["engine"], r["sequences"], r["frames"], f"{r['seconds']:.1f}", f"{r['frames_per_second']:.3g}",
                f"{r['cycles_per_second']:,.0f}",
            )
            for r in rows
        ],
    )  # fmt: skip
    text += (
        f"\n\n{design.name} from {arguments.source}: built in {seconds:.0f} s, a run of one frame with the "
        f"build in the cache {second:.1f} s, {factor:,.0f} times the cycles/s of MyHDL, "
        f"{mismatches} mismatches"
    )
    result = {
        "environment": environment() | {"verilator": find_verilator().version.strip()},
        "rows": rows,
        "build_seconds": seconds,
        "second_start_seconds": second,
        "factor": factor,
        "mismatches": mismatches,
    }
    report(result, text, arguments.json)
    return 1 if mismatches else 0


if __name__ == "__main__":
    leave(main)
