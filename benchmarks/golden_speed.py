"""Frames per second of the golden models: fxpmath reference, integer model alone and in a batch.

    python -m benchmarks.golden_speed [--json FILE]

The default layer has 153 inputs, 256 cells, a projection to 128, peepholes and blocks of 8.
Before it measures, it compares the two models bit for bit on a few frames. Matrix products run
on one thread: on a busy machine OpenBLAS with several threads is many times slower.
"""

# ruff: noqa: E402 (the environment comes before numpy)
from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):  # read once, when numpy is imported
    os.environ.setdefault(variable, "1")

import numpy as np

from benchmarks.command import leave
from ernn_myhdl.calibration.random_weights import random_weights
from ernn_myhdl.calibration.range_analysis import choose_activations, choose_formats, model_design
from ernn_myhdl.design.cells import BLOCK_SIZES, LstmCell
from ernn_myhdl.design.design import Design
from ernn_myhdl.golden.fixed_point import FixedPointModel
from ernn_myhdl.golden.integer import IntegerModel


def build(arguments: argparse.Namespace) -> Design:
    """The layer to measure, in its default formats."""
    cell = LstmCell(
        arguments.inputs, arguments.hidden, arguments.projection, arguments.block, peepholes=True
    )
    weights = random_weights(cell, 0)
    calibration = [np.random.default_rng(0).normal(size=(100, cell.inputs))]
    formats = choose_formats(cell, weights, calibration)
    return model_design(cell, weights, formats, choose_activations(cell, formats))


def rate(run: Callable[[], object], frames: int, repeats: int) -> float:
    """Frames per second of the fastest of `repeats` runs."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return frames / best


def measure(arguments: argparse.Namespace) -> dict:
    """Rates of both models in frames per second, with what they were measured on."""
    design = build(arguments)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(arguments.frames, design.cell.inputs))
    batch = [rng.normal(size=x.shape) for _ in range(arguments.batch)]
    short = x[: arguments.reference_frames]
    reference, integer = FixedPointModel(design), IntegerModel(design)
    if not np.array_equal(reference.run(short).raw, integer.run(short).raw):
        raise SystemExit("the models differ: run the tests")
    repeats = arguments.repeats
    fixed_point = rate(lambda: reference.run(short), len(short), repeats)
    single = rate(lambda: integer.run(x), len(x), repeats)
    batched = rate(lambda: integer.run(batch), len(x) * len(batch), repeats)
    cell = design.cell
    return {
        "layer": {
            "inputs": cell.inputs,
            "hidden": cell.hidden,
            "projection": cell.projection,
            "block": cell.block,
            "peepholes": cell.peepholes,
        },
        "frames": arguments.frames,
        "batch": arguments.batch,
        "frames_per_second": {
            "fixed_point": fixed_point,
            "integer, single sequence": single,
            f"integer, batch of {arguments.batch}": batched,
        },
        "python": platform.python_version(),
        "numpy": np.__version__,
        "threads": os.environ["OPENBLAS_NUM_THREADS"],
        "processor": platform.processor() or platform.machine(),
    }


def table(result: dict) -> str:
    """The rates as text, with the factor over the reference."""
    layer = ", ".join(f"{name} {value}" for name, value in result["layer"].items())
    rates = result["frames_per_second"]
    lines = [layer, f"{'model':<26}{'frames/s':>12}{'factor':>10}"]
    lines += [
        f"{name:<26}{value:>12,.1f}{value / rates['fixed_point']:>10,.0f}"
        for name, value in rates.items()
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=153)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--projection", type=int, default=128)
    parser.add_argument("--block", type=int, default=8, choices=BLOCK_SIZES)
    parser.add_argument("--frames", type=int, default=500, help="frames of a sequence")
    parser.add_argument("--batch", type=int, default=32, help="sequences of a batch")
    parser.add_argument("--reference-frames", type=int, default=5, help="frames for fxpmath")
    parser.add_argument("--repeats", type=int, default=3, help="runs, of which the fastest counts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    arguments = parser.parse_args()
    result = measure(arguments)
    print(table(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    leave(main)
