"""The paper's layers at full size: proof of every engine, and our cycles beside the paper's.

    python -m benchmarks.paper [--frames 24] [--myhdl-frames 2] [--presets paper-lstm-k8,...]
        [--engines golden,integer,...] [--json FILE]

Runs the presets as one sequence and as interleaved sequences, compares every engine with the golden
model on every output bit and, where it has them, every named tensor, and the simulated cycles with the
schedule. Ours are cycles counted in simulation times an assumed clock of 200 MHz; the paper's are board
measurements as recalled from the paper, unverified. Exits with 1 on any difference, or where a limit of
LIMITS is not kept.
"""

# ruff: noqa: E402 (the environment comes before numpy)
from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):  # read once, when numpy is imported
    os.environ.setdefault(variable, "1")

import numpy as np

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from ernn_myhdl.calibration.presets import PRESETS, preset_design
from ernn_myhdl.compare.publications import CLOCK_MHZ, rows_like
from ernn_myhdl.compare.table import preset_cell
from ernn_myhdl.cycle_model.schedule import frame_times
from ernn_myhdl.design.design import Design
from ernn_myhdl.runs.report import design_info
from ernn_myhdl.runs.run import Run, run_design
from ernn_myhdl.synthesis.devices import device_named

CLOCK = CLOCK_MHZ * 1e6
DEVICE_DSPS = device_named("xc7vx690t").dsp


@dataclass(frozen=True)
class Limit:
    """What is asked of a preset: cycles and multipliers at most."""

    latency: int
    interval: int
    multipliers: int


LIMITS = {
    "paper-lstm-k8": Limit(340, 220, 3240),
    "paper-lstm-k16": Limit(250, 120, 3240),
    "paper-gru-k8": Limit(400, 250, 3240),
    "paper-gru-k16": Limit(260, 130, 3240),
}
#: Engines of the proof; the models first. With their sources for the compiled ones.
ENGINES = ("golden", "integer", "myhdl", "verilator", "verilator-vhdl")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=24, help="frames of each run (24)")
    parser.add_argument("--myhdl-frames", type=int, default=2)
    parser.add_argument("--engines", default=",".join(ENGINES), help="those that are run")
    parser.add_argument("--presets", default=",".join(PRESETS), help="those that are run")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    arguments = parser.parse_args()
    engines = arguments.engines.split(",")
    if unknown := set(engines) - set(ENGINES):
        parser.error(f"engines {', '.join(sorted(unknown))}: must be among {', '.join(ENGINES)}")
    presets = arguments.presets.split(",")
    if unknown := set(presets) - set(PRESETS):
        parser.error(f"presets {', '.join(sorted(unknown))}: must be among {', '.join(PRESETS)}")
    proofs, ours = [], []
    for name in presets:
        design = preset_design(name)
        single, interleaved = inputs_of(design, arguments.frames)
        done = {}
        for kind, sequences in (("one sequence", single), ("interleaved", interleaved)):
            frames = {"myhdl": arguments.myhdl_frames}
            done[kind] = prove(name, design, kind, sequences, engines, frames, proofs)
        ours.append(figures(name, design, done))
    text = "\n\n".join((proof_table(proofs), paper_table(ours)))
    text += (
        f"\n\nOurs: cycles counted in simulation at an assumed clock of {CLOCK / 1e6:g} MHz, not a board. "
        "Theirs: measured on a board, as recalled from the paper, unverified; cycles are their times at "
        f"200 MHz. Their frames/s count three frames in flight. Their frames/s per DSP are by the "
        f"{DEVICE_DSPS:,} of the device, since the number used is not recalled."
    )
    result = {"environment": environment(), "proof": proofs, "presets": ours}
    report(result, text, arguments.json)
    wrong = any(p["different_words"] or p["unscheduled_frames"] for p in proofs)
    return 1 if wrong or not all(o["within_limits"] for o in ours) else 0


def inputs_of(design: Design, frames: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Standard normal x as one sequence, and as one sequence for each stream."""
    rng = np.random.default_rng(2019)
    streams = design.hardware.streams
    x = rng.standard_normal((frames, design.cell.inputs))
    return [x], np.array_split(x, streams)


def prove(name, design, kind, sequences, engines, limits, proofs: list) -> Run | None:
    """Run the engines, append a row for each; returns the longest run that knows cycles."""
    golden, best = None, None
    for engine in engines:
        count = limits.get(engine)
        print(f"{name}, {kind}, {engine} ...", file=sys.stderr, flush=True)
        part = sequences
        if count:  # a frame of each stream, or the first ones of the only sequence
            few = len(sequences) > 1
            part = [s[:1] for s in sequences[:count]] if few else [sequences[0][:count]]
        options = {"source": "vhdl"} if engine == "verilator-vhdl" else {}
        run = run_design(design, part, engine.partition("-")[0], **options)
        golden = golden or run
        proofs.append(
            {
                "preset": name,
                "input": kind,
                "engine": engine,
                "frames": run.frames,
                "seconds": run.seconds,
                "cycles_per_second": run.cycles_per_second,
                **differences(golden, run),
                "unscheduled_frames": unscheduled(design, run),
            }
        )
        if run.frame_cycles is not None and (best is None or run.frames >= best.frames):
            best = run
    return best


def differences(golden: Run, run: Run) -> dict:
    """Words of y and of the named tensors that differ; run holds the first frames of sequences."""
    starts = np.cumsum([0, *golden.sequences])
    rows = np.concatenate(
        [start + np.arange(n) for start, n in zip(starts, run.sequences, strict=False)]
    )
    wrong, words = int((run.raw != golden.raw[rows]).sum()), run.raw.size
    for tensor, values in run.stages.items():
        wrong += int((values != golden.stages[tensor][rows]).sum())
        words += values.size
    return {"compared_words": words, "different_words": wrong}


def unscheduled(design: Design, run: Run) -> int:
    """Frames that were delivered in another cycle than the schedule names."""
    if run.frame_cycles is None:
        return 0
    turns = run.traffic.turns(run.sequences, design.hardware.streams)
    scheduled = [f.delivered for f in frame_times(design, [t.stream for t in turns])]
    simulated = np.sort(run.frame_cycles[:, 1]) - run.frame_cycles[:, 0].min()
    return int((simulated != scheduled).sum())


def steady_interval(run: Run) -> float:
    """Cycles between deliveries, without the first and the last frames, over whole turns of the streams:
    frames of two streams may come close behind each other."""
    delivered = np.sort(run.frame_cycles[:, 1])
    edge, turn = len(delivered) // 4, len(run.sequences)
    frames = max((len(delivered) - 2 * edge - 1) // turn, 1) * turn
    return float((delivered[edge + frames] - delivered[edge]) / frames)


def figures(name: str, design: Design, runs: dict[str, Run | None]) -> dict:
    """What the simulation says of a preset, and its multipliers."""
    info, limit = design_info(design), LIMITS[name]
    single, interleaved = runs["one sequence"], runs["interleaved"]
    if single is None or interleaved is None:
        raise SystemExit("paper: none of the engines counts cycles; add myhdl or verilator")
    cycles = single.frame_cycles
    latency = int(cycles[0, 1] - cycles[0, 0])
    alone, together = steady_interval(single), steady_interval(interleaved)
    return {
        "preset": name,
        "latency_cycles": latency,
        "interval_cycles_single": alone,
        "interval_cycles_interleaved": together,
        "multipliers": info["multipliers"],
        "interval_to_bound": together / info["multiplier_bound_cycles"],
        "within_limits": latency <= limit.latency
        and alone <= limit.latency
        and together <= limit.interval
        and info["multipliers"] <= limit.multipliers,
    }


def proof_table(proofs: list[dict]) -> str:
    """Markdown of the comparison of engines."""
    rows = []
    for p in proofs:
        speed = f"{p['cycles_per_second']:,.0f}" if p["cycles_per_second"] else "-"
        cycles = "-" if p["cycles_per_second"] is None else p["unscheduled_frames"]
        rows.append(
            (
                p["preset"], p["input"], p["engine"], p["frames"], f"{p['compared_words']:,}",
                p["different_words"], cycles, f"{p['seconds']:.1f}", speed,
            )
        )  # fmt: skip
    header = ("preset", "input", "engine", "frames", "words compared", "different",
              "frames off the schedule", "seconds", "cycles/s")  # fmt: skip
    return markdown(header, rows)


def paper_table(ours: list[dict]) -> str:
    """Markdown of our rows beside the published ones."""
    rows = []
    for o in ours:
        cell = preset_cell(o["preset"])
        for p in rows_like(cell.kind, cell.block):
            latency, interval = p.latency_cycles, p.interval_cycles
            rows.append(
                (
                    f"{p.name}, {p.bits} bits", f"{latency:,.0f}", f"{p.latency_us:.2f}", f"{latency:,.0f}",
                    f"{p.single_frames_per_second:,.0f}", f"{interval:,.0f}", f"{p.frames_per_second:,.0f}",
                    f"of {DEVICE_DSPS:,}", f"{p.frames_per_second / DEVICE_DSPS:,.0f}", "-",
                )
            )  # fmt: skip
        alone, together = o["interval_cycles_single"], o["interval_cycles_interleaved"]
        rate = CLOCK / together
        rows.append(
            (
                f"**ours, {o['preset']}**", o["latency_cycles"],
                f"{o['latency_cycles'] / CLOCK * 1e6:.2f}", f"{alone:g}", f"{CLOCK / alone:,.0f}",
                f"{together:g}", f"{rate:,.0f}", f"{o['multipliers']:,}",
                f"{rate / o['multipliers']:,.0f}", f"{o['interval_to_bound']:.2f}",
            )
        )  # fmt: skip
    header = ("design", "latency, cycles", "µs", "interval of one sequence, cycles",
              "frames/s of one sequence", "interleaved interval, cycles", "frames/s interleaved",
              "DSP48", "frames/s per DSP", "interval / multiplier bound")  # fmt: skip
    return markdown(header, rows)


if __name__ == "__main__":
    leave(main)
