"""The integer model against PyTorch's float LSTM of the same size, on one thread.

    python -m benchmarks.integer_and_torch [--blocks 8,16] [--repeats 7] [--json FILE]

The layer has 153 inputs, 1,024 cells and a projection to 512. PyTorch runs nn.LSTM(153, 1024,
proj_size=512) one frame at a time, as a stream arrives, and keeps the state; its weights are dense
and it has no peepholes. The integer model runs one sequence, and a batch of sequences; before it is
measured, its outputs are compared with the fxpmath model.

In each repeat the three are measured one after the other, so that what else the machine does hits
all alike; the ratios are the medians of the repeats' ratios. Exits with 1 where one sequence is
slower than PyTorch or the batch less than 3 times as fast, and with 3 without PyTorch.
"""

# ruff: noqa: E402 (the environment comes before numpy)
from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # read once, when numpy is imported

import numpy as np

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from benchmarks.paper_layers import paper_blocks, paper_design
from ernn_myhdl.errors import ToolError
from ernn_myhdl.golden.fixed_point import FixedPointModel
from ernn_myhdl.golden.integer import IntegerModel

#: Least ratio to PyTorch's frames per second: one sequence, a batch.
REQUIRED = {"single": 1.0, "batch": 3.0}
TORCH_VERSION = "2.13.0"


def torch_stepper(x: np.ndarray, hidden: int, projection: int) -> Callable[[], None]:
    """A function that runs PyTorch's LSTM over x (frames, inputs) one frame at a time."""
    try:
        import torch
    except ImportError as error:
        raise ToolError(
            f"PyTorch is missing; install it with `pip install torch=={TORCH_VERSION}`"
        ) from error
    warnings.filterwarnings("ignore", message="LSTM with projections is not supported with oneDNN")
    torch.set_num_threads(1)
    torch.manual_seed(1)
    lstm = torch.nn.LSTM(x.shape[1], hidden, proj_size=projection).eval()
    frames = torch.tensor(x, dtype=torch.float32)[:, None, None]  # (frames, 1, batch 1, inputs)

    def run() -> None:
        state = None
        with torch.inference_mode():
            for frame in frames:
                _, state = lstm(frame, state)

    return run


def seconds(run: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measure(block: int, arguments: argparse.Namespace) -> dict:
    """Frames per second of the three, and the ratios, for one block size."""
    design = paper_design(block)
    rng = np.random.default_rng(block)
    x = rng.normal(size=(arguments.frames, design.cell.inputs))
    batch = [
        rng.normal(size=(arguments.batch_frames, design.cell.inputs))
        for _ in range(arguments.batch)
    ]
    model = IntegerModel(design)
    short = x[: arguments.reference_frames]
    compared = FixedPointModel(design).run(short)
    mismatches = int((compared.raw != model.run(short).raw).sum())
    runs = {
        "torch": (torch_stepper(x, design.cell.hidden, design.cell.projection), len(x)),
        "single": (lambda: model.run(x), len(x)),
        "batch": (lambda: model.run(batch), arguments.batch * arguments.batch_frames),
    }
    for run, _ in runs.values():  # memory, look-up tables, threads of libraries
        run()
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(arguments.repeats):
        for name, (run, frames) in runs.items():
            rates[name].append(frames / seconds(run))
    ratios = {n: float(np.median(np.divide(rates[n], rates["torch"]))) for n in REQUIRED}
    return {
        "design": design.name,
        "mismatches": mismatches,
        "frames_per_second": {n: float(np.median(r)) for n, r in rates.items()},
        "all_frames_per_second": rates,
        "ratio": ratios,
        "passed": not mismatches and all(ratios[n] >= least for n, least in REQUIRED.items()),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--blocks", default="8,16", metavar="LIST", help="block sizes, of 8 and 16, with commas"
    )
    parser.add_argument("--frames", type=int, default=200, help="frames of the one sequence")
    parser.add_argument("--batch", type=int, default=32, help="sequences of the batch")
    parser.add_argument("--batch-frames", type=int, default=40, help="frames of each of them")
    parser.add_argument("--repeats", type=int, default=7, help="times that all are measured")
    parser.add_argument("--reference-frames", type=int, default=2, help="frames for fxpmath")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    arguments = parser.parse_args()
    blocks = paper_blocks(parser, arguments.blocks)
    for name in ("frames", "batch", "batch_frames", "repeats", "reference_frames"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name.replace('_', '-')}: must be at least 1")
    try:
        rows = [measure(block, arguments) for block in blocks]
    except ToolError as error:
        print(f"integer_and_torch: {error}", file=sys.stderr)
        return 3
    import torch

    text = markdown(
        ("layer", "PyTorch, frame by frame", "integer, one sequence", "ratio",
         f"integer, batch of {arguments.batch}", "ratio", "mismatches", "result"),
        [
            (
                row["design"], *(
                    cell
                    for name in ("torch", "single", "batch")
                    for cell in (f"{row['frames_per_second'][name]:,.0f}",
                                 *([f"{row['ratio'][name]:.2f}"] if name in REQUIRED else []))
                ),
                row["mismatches"], "PASS" if row["passed"] else "FAIL",
            )
            for row in rows
        ],
    )  # fmt: skip
    text += (
        f"\n\nframes per second on one thread; required: at least {REQUIRED['single']:g} and "
        f"{REQUIRED['batch']:g} times PyTorch"
    )
    result = {"environment": environment() | {"torch": torch.__version__}, "rows": rows}
    report(result, text, arguments.json)
    return 0 if all(row["passed"] for row in rows) else 1


if __name__ == "__main__":
    leave(main)
