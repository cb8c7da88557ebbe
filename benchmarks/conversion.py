"""Conversion of the full-size designs: seconds, peak memory, lines; and GHDL's synthesis of the VHDL.

    python -m benchmarks.conversion [--json FILE]

Peak memory is that of the largest process. Exits with 1 where a limit is not kept: 90 s, 4 GiB and
5,000 lines of logic (5,500 at k = 16), and no latch or undriven signal in GHDL's synthesis of the whole core.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from benchmarks.paper_layers import BLOCKS, paper_design
from ernn_myhdl.convert import convert
from ernn_myhdl.engines.ghdl import ghdl_version
from ernn_myhdl.synthesis.ghdl_check import ghdl_synth_check

SECONDS, GIBIBYTES = 90, 4
#: Lines of logic by preset; transforms of 16 points have more stages.
LINES = {"paper_lstm_k8": 5000, "paper_lstm_k16": 5500}


def measure(block: int, hdl: str, folder: str) -> dict:
    """One conversion; in a process of its own, since a peak is never forgotten."""
    design = paper_design(block)
    start = time.perf_counter()
    manifest = convert(design, folder, hdl=hdl)
    seconds = time.perf_counter() - start
    peak = max(
        resource.getrusage(w).ru_maxrss for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    files = [f for f in Path(folder).iterdir() if f.is_file()]
    return {
        "design": design.name,
        "hdl": hdl,
        "seconds": seconds,
        "peak_gibibytes": peak / 2**20,
        "entities": len(manifest["components"]),
        "logic_lines": manifest["logic_lines"],
        "kilobytes": round(sum(f.stat().st_size for f in files) / 1000),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    arguments = parser.parse_args()
    rows, context = [], multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as scratch:
        for block in BLOCKS:
            for hdl in ("vhdl", "verilog"):
                folder = f"{scratch}/{hdl}_{block}"
                print(f"{hdl} of k = {block} ...", file=sys.stderr, flush=True)
                with context.Pool(1) as pool:
                    row = pool.apply(measure, (block, hdl, folder))
                if hdl == "vhdl":
                    start = time.perf_counter()
                    ghdl_synth_check(folder)
                    row["ghdl_synthesis_seconds"] = time.perf_counter() - start
                rows.append(row)
    text = markdown(
        ("design", "HDL", "seconds", "peak GiB", "entities", "lines of logic", "kB in all",
         "ghdl --synth, s"),
        [
            (
                r["design"], r["hdl"], f"{r['seconds']:.1f}", f"{r['peak_gibibytes']:.2f}",
                r["entities"], r["logic_lines"], r["kilobytes"],
                f"{r['ghdl_synthesis_seconds']:.1f}" if r["hdl"] == "vhdl" else "-",
            )
            for r in rows
        ],
    )  # fmt: skip
    report(
        {"environment": environment() | {"ghdl": ghdl_version()}, "rows": rows},
        text,
        arguments.json,
    )
    kept = all(
        r["seconds"] <= SECONDS
        and r["peak_gibibytes"] <= GIBIBYTES
        and (r["hdl"] == "verilog" or r["logic_lines"] < LINES[r["design"]])
        for r in rows
    )
    return 0 if kept else 1


if __name__ == "__main__":
    leave(main)
