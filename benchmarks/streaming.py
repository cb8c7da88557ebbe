"""Frames per second of sessions that take one frame at a time, beside PyTorch's step of the same dense model.

    python -m benchmarks.streaming [--frames 25] [--repeats 300] [--json FILE]

Cores: the demonstration's (LSTM, x 12, 64 cells, projection to 32, k = 8) and `paper-lstm-k8` (x 153, 1,024 cells,
projection to 512). Engines: `integer` on one thread, and for the demonstration's core the compiled one. PyTorch runs nn.LSTM
of the same sizes one frame at a time on one thread and keeps the state; its weights are dense float32 and it has
no peepholes. Before they are measured, the outputs of every session are compared with a whole run of the integer
model, bit for bit.

What counts is the fastest of `--repeats` short runs, so that what else the machine does does not: by the wall clock, and
by the processor time of this process. Exits with 1 where a rate is below REQUIRED or bits differ, and with 3
where Verilator or PyTorch is missing.
"""

# ruff: noqa: E402 (the environment comes before numpy)
from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # read once, when numpy is imported

import numpy as np

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from benchmarks.integer_and_torch import torch_stepper
from ernn_myhdl.calibration.presets import preset_design
from ernn_myhdl.demo.model import demo_design
from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.runs.run import run_design

#: (core, engine) -> least frames per second.
REQUIRED = {
    ("demonstration", "integer"): 3000,
    ("demonstration", "verilator"): 1000,
    ("paper-lstm-k8", "integer"): 1500,
}
PYTORCH = "PyTorch, dense"


def rates(run: Callable[[], object], frames: int, repeats: int) -> dict[str, float]:
    """Frames per second of the fastest run, by the wall clock and by processor time."""
    wall = processor = float("inf")
    for _ in range(repeats):
        start, used = time.perf_counter(), time.process_time()
        run()
        wall = min(wall, time.perf_counter() - start)
        processor = min(processor, time.process_time() - used)
    return {"frames_per_second": frames / wall, "per_processor_second": frames / processor}


def measure(core: CoreSpecification, engine: str, x: np.ndarray, repeats: int) -> dict:
    """Frames per second of a session, and whether it gave the bits of a whole run."""
    expected = run_design(core, x, "integer", stages=False).outputs
    with core.open(engine=engine) as session:
        same = np.array_equal([session.step(frame) for frame in x], expected)

        def run() -> None:
            for frame in x:
                session.step(frame)

        return rates(run, len(x), repeats) | {"same_bits": bool(same)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=25, help="frames of a run")
    parser.add_argument(
        "--repeats", type=int, default=300, help="runs, of which the fastest counts"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    arguments = parser.parse_args()
    cores = {"demonstration": demo_design(), "paper-lstm-k8": preset_design("paper-lstm-k8")}
    rows: list[dict] = []
    for name, core in cores.items():
        x = np.random.default_rng(0).normal(size=(arguments.frames, core.inputs))
        engines = [engine for of, engine in REQUIRED if of == name]
        for engine in engines:
            row = {"core": name, "engine": engine, "required": REQUIRED[name, engine]}
            rows.append(row | measure(core, engine, x, arguments.repeats))
        cell = core.layers[0].cell
        step = torch_stepper(x, cell.hidden, cell.outputs)
        row = {"core": name, "engine": PYTORCH}
        rows.append(row | rates(step, len(x), arguments.repeats))
    result = {"environment": environment("torch", "verilator"), "rows": rows}
    header = ("core", "engine", "frames/s", "by processor time", "required", "bits of a whole run")
    table = [
        (
            row["core"], row["engine"], f"{row['frames_per_second']:,.0f}",
            f"{row['per_processor_second']:,.0f}", f"{row['required']:,}" if "required" in row else "",
            {True: "yes", False: "NO"}.get(row.get("same_bits"), ""),
        )
        for row in rows
    ]  # fmt: skip
    report(result, markdown(header, table), arguments.json)
    failed = any(
        not row.get("same_bits", True) or row["frames_per_second"] < row.get("required", 0)
        for row in rows
    )
    return 1 if failed else 0


if __name__ == "__main__":
    leave(main)
