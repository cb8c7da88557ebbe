"""Speed of every engine on the demonstration's core, in one run, and the size of its VHDL.

    python -m benchmarks.engines [--frames 24] [--ghdl-frames 6] [--json FILE]

Frames of the Japanese Vowels test set; the outputs of all engines are compared with the golden model.
Exits with 1 on any difference. The full-size core: `benchmarks.compiled`.
"""

# ruff: noqa: E402 (the environment comes before numpy)
from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):  # read once, when numpy is imported
    os.environ.setdefault(variable, "1")

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from ernn_myhdl.convert import convert
from ernn_myhdl.corpus.japanese_vowels import load_japanese_vowels
from ernn_myhdl.demo.model import demo_design, network_inputs
from ernn_myhdl.engines.ghdl import ghdl_version
from ernn_myhdl.runs.run import run_design


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=24, help="frames for golden and MyHDL")
    parser.add_argument("--ghdl-frames", type=int, default=6)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    arguments = parser.parse_args()
    data = load_japanese_vowels()
    design, sequences = demo_design(data), network_inputs(data, "test")
    everything = sum(len(s) for s in sequences)
    golden = run_design(design, sequences, "golden", arguments.frames, stages=False)
    rows = []
    for engine, frames in (
        ("golden", arguments.frames),
        ("integer", everything),
        ("myhdl", arguments.frames),
        ("verilator", everything),
        ("ghdl", arguments.ghdl_frames),
    ):
        print(f"{engine} ...", file=sys.stderr, flush=True)
        run = run_design(design, sequences, engine, frames, stages=False)
        common = min(frames, golden.frames)
        rows.append(
            {
                "engine": engine,
                "frames": frames,
                "seconds": run.seconds,
                "frames_per_second": run.frames_per_second,
                "cycles_per_second": run.cycles_per_second,
                "mismatches": int((run.raw[:common] != golden.raw[:common]).sum()),
            }
        )
    with tempfile.TemporaryDirectory() as scratch:
        start = time.perf_counter()
        manifest = convert(design, Path(scratch) / "vhdl")
        seconds = time.perf_counter() - start
        size = sum(f.stat().st_size for f in (Path(scratch) / "vhdl").glob("*.vhd"))
    vhdl = {
        "conversion_seconds": seconds,
        "entities": len(manifest["components"]),
        "logic_lines": manifest["logic_lines"],
        "kilobytes": round(size / 1000),
    }
    text = markdown(
        ("engine", "frames", "seconds", "frames/s", "cycles/s", "mismatches to golden"),
        [
            (
                r["engine"], r["frames"], f"{r['seconds']:.1f}", f"{r['frames_per_second']:.3g}",
                f"{r['cycles_per_second']:.3g}" if r["cycles_per_second"] else "-",
                r["mismatches"],
            )
            for r in rows
        ],
    )  # fmt: skip
    text += (
        f"\n\nVHDL: {vhdl['entities']} entities, {vhdl['logic_lines']} lines of logic, "
        f"{vhdl['kilobytes']} kB with the memories' contents, converted in {seconds:.0f} s\n"
        "seconds of ghdl hold conversion and analysis, and those of verilator the build unless it is in "
        "the cache; cycles/s as well"
    )
    result = {"environment": environment() | {"ghdl": ghdl_version()}, "rows": rows, "vhdl": vhdl}
    report(result, text, arguments.json)
    return 1 if any(r["mismatches"] for r in rows) else 0


if __name__ == "__main__":
    leave(main)
