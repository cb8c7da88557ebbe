"""How cycles, hardware, conversion and engines grow with the layer, the block size and the lanes.

    python -m benchmarks.growth [--full] [--engines integer,myhdl] [--json FILE] [--picture FILE]

Layers of 153 inputs, hidden cells, a projection to half of them and peepholes, for every block size
and number of lanes that is legal; the others are marked. Cycles come from the cycle model, which equals
the simulation; multipliers are those of `ernn info`, one DSP48 each; block RAMs are those
of `ernn_myhdl.explore.resources`. Conversion (to VHDL) and the engines run on chosen designs only, each
in a process of its own, whose largest memory is reported; without --full on the smallest of them.
Exits with 1 if an engine's outputs differ from the integer model's.
"""

# ruff: noqa: E402 (the environment comes before numpy)
from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):  # read once, when numpy is imported
    os.environ.setdefault(variable, "1")

import numpy as np

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, peak_megabytes, report
from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.convert import convert
from ernn_myhdl.design.design import Design
from ernn_myhdl.engines.registry import ENGINES, choose_engine
from ernn_myhdl.engines.result import Job
from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.explore.resources import estimate as resources
from ernn_myhdl.plots.picture import COLOURS, GREY, check_picture, picture
from ernn_myhdl.runs.report import design_info
from ernn_myhdl.synthesis.devices import device_named

INPUTS = 153
HIDDEN = (128, 256, 512, 1024, 2048)
BLOCKS = (4, 8, 16)
LANES = (16, 32, 64, 128, 256)
#: (hidden, block, lanes) that are converted and simulated, by size; the first ones without --full.
CHOSEN = (
    (128, 8, 16), (256, 8, 32), (512, 8, 64), (1024, 16, 128), (1024, 8, 128), (1024, 8, 256),
    (1024, 4, 256), (2048, 8, 256),
)  # fmt: skip
FEW = 2
#: Frames of one run by engine; the others get one.
FRAMES = {"integer": 100, "verilator": 100}
#: The device whose limits are drawn: that of the E-RNN paper.
DEVICE = "xc7vx690t"


def layer(hidden: int, block: int, lanes: int) -> Design:
    """A layer with hardware in the proportions of the paper's: U = lanes / 16, E = U / 4, at least
    4 and 1. Raises DesignError where it is not legal."""
    units = max(lanes // 16, 4)
    return new_design(
        INPUTS, hidden, hidden // 2, block, True, lanes=lanes, ifft_units=units,
        element_width=units // 4, samples_per_beat=32, streams=4, name="growth",
    )  # fmt: skip


def estimate(design: Design) -> dict:
    """What is known without running anything."""
    info = design_info(design)
    return {
        "interval_cycles": info["interval_cycles"],
        "latency_cycles": info["latency_cycles"],
        "interval_cycles_interleaved": info["interval_cycles_interleaved"],
        "product_cycles": info["product_cycles"],
        "bottleneck": info["bottleneck"],
        "dsp": info["multipliers"],
        "bram36": resources(design).bram36,
        "weight_bits": info["weight_bits"],
        "weight_memory_bits": info["weight_memory_bits"],
    }


def estimates() -> list[dict]:
    """One row for every block size, layer and number of lanes; `refused` where it is not legal."""
    rows = []
    for block, hidden in itertools.product(BLOCKS, HIDDEN):
        print(f"k = {block}, {hidden} cells ...", file=sys.stderr, flush=True)
        for lanes in LANES:
            row: dict = {"block": block, "hidden": hidden, "lanes": lanes}
            try:
                design = layer(hidden, block, lanes)
            except DesignError as error:
                row["refused"] = str(error)
            else:
                row |= estimate(design)
            rows.append(row)
    return rows


def run_conversion(point: tuple[int, int, int]) -> dict:
    """Conversion of one design to VHDL, in this process and its children."""
    design = layer(*point)
    with tempfile.TemporaryDirectory() as scratch:
        start = time.perf_counter()
        manifest = convert(design, Path(scratch) / "vhdl")
        seconds = time.perf_counter() - start
        size = sum(f.stat().st_size for f in (Path(scratch) / "vhdl").glob("*.vhd"))
    return {
        "seconds": seconds,
        "logic_lines": manifest["logic_lines"],
        "megabytes": size / 1e6,
        "peak_megabytes": peak_megabytes(),
    }


def run_engine(point: tuple[int, int, int], engine: str) -> dict:
    """One design on one engine, in this process."""
    design, frames = layer(*point), FRAMES.get(engine, 1)
    x = np.random.default_rng(1).normal(size=(frames, INPUTS))
    job = Job(design, [x], stages=False)
    start = time.perf_counter()
    try:
        result = ENGINES[engine].run(job)
        before = result.preparation_seconds
        if engine == "verilator":  # built, and once more from the cache
            before, start = time.perf_counter() - start, time.perf_counter()
            result = ENGINES[engine].run(job)
            start -= before
    except ToolError as error:
        return {"failed": str(error)}
    seconds = time.perf_counter() - start - before
    memory = peak_megabytes()
    expected = ENGINES["integer"].run(job)
    return {
        "frames": frames,
        "seconds_before": before,
        "seconds": seconds,
        "frames_per_second": frames / seconds,
        "cycles": result.cycles,
        "cycles_per_second": result.cycles / seconds if result.cycles else None,
        "peak_megabytes": memory,
        "mismatches": int((result.raw != expected.raw).sum()),
    }


def alone(function, *arguments) -> dict:
    """The result of a function that runs in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as one:
        return one.apply(function, arguments)


def measurements(points, engines: list[str]) -> list[dict]:
    """Conversion and engines on the chosen designs."""
    rows = []
    for point in points:
        hidden, block, lanes = point
        print(f"{hidden} cells, k = {block}, {lanes} lanes ...", file=sys.stderr, flush=True)
        rows.append(
            {
                "hidden": hidden,
                "block": block,
                "lanes": lanes,
                "conversion": alone(run_conversion, point),
                "engines": {engine: alone(run_engine, point, engine) for engine in engines},
            }
        )
    return rows


def _grid(rows: list[dict], title: str, cell) -> str:
    """One line a layer, one column a number of lanes."""
    found = {(r["block"], r["hidden"], r["lanes"]): r for r in rows}
    lines = []
    for block, hidden in itertools.product(BLOCKS, HIDDEN):
        cells = []
        for lanes in LANES:
            row = found[block, hidden, lanes]
            cells.append("not legal" if "refused" in row else cell(row))
        lines.append((block, hidden, *cells))
    return f"{title}\n\n" + markdown(("k", "cells", *(f"{n} lanes" for n in LANES)), lines)


def _cycles(row: dict, interval: float) -> str:
    return f"{interval:g} ({100 * row['product_cycles'] / interval:.0f} %)"


def _engine_cells(run: dict) -> tuple[str, str]:
    if "failed" in run:
        return run["failed"], "-"
    speed = f"{run['frames_per_second']:.3g}"
    if run["cycles_per_second"]:
        speed += f" ({run['cycles_per_second']:,.0f} cycles/s after {run['seconds_before']:.0f} s)"
    if run["mismatches"]:
        speed += f", {run['mismatches']} mismatches"
    return speed, f"{run['peak_megabytes']:.0f}"


def text_of(rows: list[dict], measured: list[dict], engines: list[str]) -> str:
    """All tables in Markdown."""
    parts = [
        _grid(
            rows,
            "Cycles between frames of one sequence, and how much of them the lanes are busy:",
            lambda r: _cycles(r, r["interval_cycles"]),
        ),
        _grid(
            rows,
            "The same of four sequences in turn:",
            lambda r: _cycles(r, r["interval_cycles_interleaved"]),
        ),
        _grid(
            rows,
            "Multipliers (DSP48) / block RAMs of 36 kbit:",
            lambda r: f"{r['dsp']:,} / {r['bram36']:,.0f}",
        ),
        _grid(
            rows,
            "Weights in kbit / memory that holds them in kbit:",
            lambda r: f"{r['weight_bits'] / 1000:,.0f} / {r['weight_memory_bits'] / 1000:,.0f}",
        ),
    ]
    header = ["cells", "k", "lanes", "conversion, s", "lines", "VHDL, MB", "memory, MB"]
    for engine in engines:
        header += [f"{engine}, frames/s", "memory, MB"]
    lines = []
    for row in measured:
        c = row["conversion"]
        cells = [
            row["hidden"], row["block"], row["lanes"], f"{c['seconds']:.1f}",
            f"{c['logic_lines']:,}", f"{c['megabytes']:.1f}", f"{c['peak_megabytes']:.0f}",
        ]  # fmt: skip
        for engine in engines:
            cells += _engine_cells(row["engines"][engine])
        lines.append(cells)
    parts.append(
        "Conversion and engines; `after`: seconds of elaboration, or of building and a first run:\n\n"
        + markdown(header, lines)
    )
    return "\n\n".join(parts)


def draw(rows: list[dict], file: Path) -> None:
    """Cycles and block RAMs over lanes, one column a block size, one line a layer."""
    device = device_named(DEVICE)
    with picture(file, 12, 7) as figure:
        axes = figure.subplots(2, len(BLOCKS), sharex=True, sharey="row")
        for column, block in enumerate(BLOCKS):
            upper, lower = axes[:, column]
            for hidden, colour in zip(HIDDEN, COLOURS, strict=False):
                found = [
                    r
                    for r in rows
                    if (r["block"], r["hidden"]) == (block, hidden) and "refused" not in r
                ]
                lanes = [r["lanes"] for r in found]
                style = {"color": colour, "marker": "o", "markersize": 4}
                upper.plot(
                    lanes, [r["interval_cycles"] for r in found], label=f"{hidden} cells", **style
                )
                upper.plot(lanes, [r["product_cycles"] for r in found], color=colour, linestyle=":")
                lower.plot(lanes, [r["bram36"] for r in found], **style)
            fitting = [
                r["lanes"]
                for r in rows
                if r["block"] == block and "refused" not in r and r["dsp"] <= device.dsp
            ]
            for each in (upper, lower):
                each.set_xscale("log", base=2)
                each.set_xticks(LANES, [str(n) for n in LANES])
                each.minorticks_off()
                if max(fitting) < max(LANES):
                    each.axvspan(max(fitting) * 1.41, max(LANES) * 1.2, color=GREY, alpha=0.15)
            upper.set_yscale("log", base=2)
            lower.set_yscale("symlog", linthresh=10)
            lower.axhline(device.bram36, color=GREY, linestyle="--", linewidth=1)
            upper.set_title(f"k = {block}")
            lower.set_xlabel("lanes")
        axes[0, 0].yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes[0, 0].set_ylabel("cycles between frames\n(dotted: cycles of products)")
        axes[1, 0].set_ylabel(f"block RAMs of 36 kbit, 0: in LUTs\n(dashed: {device.name})")
        axes[0, -1].legend(loc="upper right")
        figure.suptitle(
            f"LSTM of {INPUTS} inputs, projection to half its cells; "
            f"grey: more multipliers than the {device.dsp:,} of {device.name}",
            fontsize=11,
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--full", action="store_true", help="convert and simulate large designs too"
    )
    default = [e for e in ("integer", "myhdl", "verilator") if e in ENGINES]
    parser.add_argument(
        "--engines", default=",".join(default), metavar="LIST", help="with commas: %(default)s"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw it here, PNG or SVG")
    arguments = parser.parse_args()
    engines = arguments.engines.split(",") if arguments.engines else []
    try:
        for engine in engines:
            choose_engine(engine)
        if arguments.picture:
            check_picture(arguments.picture)
    except DesignError as error:
        parser.error(str(error))
    rows = estimates()
    measured = measurements(CHOSEN if arguments.full else CHOSEN[:FEW], engines)
    text = text_of(rows, measured, engines)
    if arguments.picture:
        draw(rows, arguments.picture)
    result = {"environment": environment(), "estimates": rows, "measured": measured}
    report(result, text, arguments.json)
    wrong = any(run.get("mismatches") for row in measured for run in row["engines"].values())
    return 1 if wrong else 0


if __name__ == "__main__":
    leave(main)
