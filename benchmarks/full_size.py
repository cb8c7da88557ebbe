"""The paper's layer at full size in MyHDL: elaboration, one frame, and what takes the time.

    python -m benchmarks.full_size [--blocks 8,16] [--frames 1] [--profile] [--json FILE]

LSTM of 153 inputs, 1,024 cells, projection to 512, peepholes; 256 lanes at k = 8, 128 at k = 16. Each
layer runs in a process of its own, with and without the recording of all stages; outputs, stages and
cycles are compared with the integer model and the cycle model. --profile runs once more under cProfile
and lists where the time goes, by process of the core and by function of MyHDL. Exits with 1 on any
difference, or where a frame takes more than 15 s or the elaboration more than 60 s.
"""

from __future__ import annotations

import argparse
import cProfile
import multiprocessing
import pstats
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import ernn_myhdl
from benchmarks.command import leave
from benchmarks.environment import environment, markdown, peak_megabytes, report
from benchmarks.paper_layers import paper_blocks, paper_design
from ernn_myhdl.cycle_model.schedule import schedule_for
from ernn_myhdl.design.design import Design
from ernn_myhdl.engines.models import run_integer
from ernn_myhdl.engines.myhdl.engine import run_myhdl
from ernn_myhdl.engines.result import Job
from ernn_myhdl.hdl.elaboration import elaborate
from ernn_myhdl.rtl.core.top import core

#: Most seconds for the elaboration and for each frame.
ELABORATION_SECONDS, FRAME_SECONDS = 60.0, 15.0
#: Lines of a profile.
LINES = 12


def profile_rows(call: Callable[[], object]) -> dict[str, list[tuple[str, float]]]:
    """Shares of the time of `call`: `blocks` with all that they call; `functions` for themselves."""
    profile = cProfile.Profile()
    profile.runcall(call)
    stats = pstats.Stats(profile)
    blocks: dict[str, float] = {}
    functions: dict[str, float] = {}
    package = Path(ernn_myhdl.__file__).parent
    own = (str(package / "rtl"), str(package / "netlist.py"))
    waiting = [where for where in stats.stats if "_thread.lock" in where[2]]
    total = stats.total_tt - sum(stats.stats.pop(where)[2] for where in waiting)
    for (file, _, function), values in stats.stats.items():
        label = f"{Path(file).stem}.{function}" if Path(file).is_absolute() else function
        functions[label] = functions.get(label, 0.0) + values[2] / total
        if file.startswith(own):
            blocks[label] = blocks.get(label, 0.0) + values[3] / total

    def largest(shares: dict[str, float]) -> list[tuple[str, float]]:
        return sorted(shares.items(), key=lambda item: -item[1])[:LINES]

    return {"blocks": largest(blocks), "functions": largest(functions)}


def elaborated(design: Design) -> None:
    """The elaboration alone."""
    netlist = core(design)
    elaborate(netlist, {name: port.type.signals() for name, port in netlist.ports.items()})


def measure(block: int, frames: int, profiled: bool) -> dict:
    """One layer, in this process."""
    design = paper_design(block)
    x = np.random.default_rng(block).normal(size=(frames, design.cell.inputs))
    expected = run_integer(Job(design, [x]))
    schedule = schedule_for(design)
    row: dict = {"design": design.name, "frames": frames, "latency_cycles": schedule.latency}
    row["mismatches"], row["runs"] = 0, []
    for stages in (False, True):
        start, cpu = time.perf_counter(), time.process_time()
        result = run_myhdl(Job(design, [x], stages=stages))
        cpu = time.process_time() - cpu
        seconds = time.perf_counter() - start - result.preparation_seconds
        row["runs"].append(
            {
                "stages": stages,
                "elaboration_seconds": result.preparation_seconds,
                "frame_seconds": seconds / frames,
                "total_cpu_seconds": cpu,
                "cycles_per_second": result.cycles / seconds,
            }
        )
        accepted, delivered = result.frame_cycles[0]
        row["mismatches"] += int((result.raw != expected.raw).sum()) + sum(
            int((tensor != expected.stages[name]).sum()) for name, tensor in result.stages.items()
        )
        row["mismatches"] += int(delivered - accepted != schedule.latency)
    row["peak_megabytes"] = peak_megabytes()
    if profiled:
        # the simulation elaborates in a thread of its own, which its profile does not see
        row["profiles"] = {
            "elaboration": profile_rows(lambda: elaborated(design)),
            "simulation": profile_rows(lambda: run_myhdl(Job(design, [x], stages=False))),
        }
    row["passed"] = not row["mismatches"] and all(
        run["elaboration_seconds"] <= ELABORATION_SECONDS and run["frame_seconds"] <= FRAME_SECONDS
        for run in row["runs"]
    )
    return row


def profile_text(row: dict) -> str:
    """The profiles of one layer as tables."""
    parts = []
    for phase, shares in row["profiles"].items():
        for kind, title in (("blocks", "with all they call"), ("functions", "for themselves")):
            if shares[kind]:
                table = markdown(
                    (f"{phase} of {row['design']}, {title}", "share"),
                    [(f"`{name}`", f"{100 * share:.1f} %") for name, share in shares[kind]],
                )
                parts.append(table)
    return "\n\n".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--blocks", default="8,16", metavar="LIST", help="block sizes, of 8 and 16, with commas"
    )
    parser.add_argument("--frames", type=int, default=1)
    parser.add_argument("--profile", action="store_true", help="say what takes the time")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    arguments = parser.parse_args()
    blocks = paper_blocks(parser, arguments.blocks)
    if arguments.frames < 1:
        parser.error("--frames: must be at least 1")
    rows = []
    for block in blocks:
        print(f"k = {block} ...", file=sys.stderr, flush=True)
        with multiprocessing.get_context("spawn").Pool(1) as one:
            rows.append(one.apply(measure, (block, arguments.frames, arguments.profile)))
    text = markdown(
        ("layer", "stages recorded", "elaboration, s", "s a frame",
         "CPU s in all", "cycles/s", "cycles a frame",
         "mismatches", "peak memory, MB", "result"),
        [
            (
                row["design"], "yes" if run["stages"] else "no",
                f"{run['elaboration_seconds']:.1f}", f"{run['frame_seconds']:.1f}",
                f"{run['total_cpu_seconds']:.1f}",
                f"{run['cycles_per_second']:.0f}", row["latency_cycles"], row["mismatches"],
                f"{row['peak_megabytes']:.0f}", "PASS" if row["passed"] else "FAIL",
            )
            for row in rows
            for run in row["runs"]
        ],
    )  # fmt: skip
    text += (
        f"\n\nrequired: elaboration in at most {ELABORATION_SECONDS:g} s, a frame in at most "
        f"{FRAME_SECONDS:g} s"
    )
    if arguments.profile:
        text += "\n\n" + "\n\n".join(profile_text(row) for row in rows)
    report({"environment": environment(), "rows": rows}, text, arguments.json)
    return 0 if all(row["passed"] for row in rows) else 1


if __name__ == "__main__":
    leave(main)
