"""Designs of the Pareto front in a cycle-accurate engine: their cycles against the cycle model's."""

from __future__ import annotations

from base64 import b64decode, b64encode
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ernn_myhdl import sweep
from ernn_myhdl.calibration.generate import random_calibration
from ernn_myhdl.cycle_model.network_schedule import network_schedule
from ernn_myhdl.cycle_model.schedule import frame_times
from ernn_myhdl.design.design import CoreSpecification, Design
from ernn_myhdl.design.storage import load_design, save_design
from ernn_myhdl.design.time_joins import taken_lengths
from ernn_myhdl.explore.hardware import Exploration
from ernn_myhdl.files.package_digest import package_digest
from ernn_myhdl.rtl.cycles.graph_times import graph_depths, graph_run, graph_shape
from ernn_myhdl.rtl.fifo import READY
from ernn_myhdl.runs.run import run_design

FRAMES = 3


def _scheduled(design: CoreSpecification) -> list[int]:
    """Cycles in which frames are delivered, of a network that of the first one.

    Its model lets the others arrive once an interval, the simulation as soon as they are taken.
    """
    if isinstance(design, Design):
        return [frame.delivered for frame in frame_times(design, [0] * FRAMES)]
    return [network_schedule(design).latency]


def _course(design: CoreSpecification, frames: int) -> tuple[list[int], int]:
    """Cycles in which frames of y are delivered of a sequence through a graph, from the first beat accepted; the cycle of that."""
    shape = graph_shape(design)
    ends = [i == frames - 1 for i in range(frames)]
    times = graph_run(shape, graph_depths(shape), [0] * frames, ends=ends)
    out, first = shape.beats(shape.graph.output), times.accepted[0]
    return [cycle - first for cycle in times.delivered[out - 1 :: out]], first + READY


def _sequence(design: CoreSpecification) -> np.ndarray:
    """Inputs of FRAMES frames, or of as many as a graph needs for a result."""
    frames, graph = FRAMES, design.graph
    if graph is not None:
        frames = taken_lengths(graph, [graph.least + FRAMES - 1])[0]
    if design.takes_numbers:
        return np.resize(random_calibration(design.inputs, 1, graph)[0], (frames, design.inputs))
    return np.random.default_rng(1).standard_normal((frames, design.inputs))


def simulate(task: dict) -> dict:
    """Simulate a stored design in MyHDL; scheduled and simulated cycles, and whether all are equal."""
    with TemporaryDirectory() as scratch:  # a worker may be on another machine
        for name, content in task["files"].items():
            file = Path(scratch, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b64decode(content))
        design = load_design(scratch)
    x = _sequence(design)
    run = run_design(design, [x], "myhdl")
    cycles = run.known_frame_cycles
    if design.graph is None:
        scheduled, first = _scheduled(design), int(cycles[0, 0])
    else:
        scheduled, first = _course(design, len(x))
    simulated = (cycles[: len(scheduled), 1] - first).tolist()
    golden = run_design(design, [x], "integer")
    return {
        "name": task["name"],
        "latency": int(simulated[0]),
        "scheduled_latency": int(scheduled[0]),
        "delivered": simulated,
        "scheduled": scheduled,
        "equal": simulated == scheduled and bool((run.raw == golden.raw).all()),
    }


def _files(folder: Path) -> dict[str, str]:
    """The files of a folder as text, by their paths in it."""
    return {
        str(file.relative_to(folder)): b64encode(file.read_bytes()).decode()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def simulate_front(
    result: Exploration,
    count: int,
    jobs: int = 1,
    dask: str | None = None,
    store: str | Path | None = None,
    progress: sweep.Progress | None = None,
) -> list[dict]:
    """Simulate `count` designs spread over the front; the smallest are the quickest.

    store: the results of another run are taken where design and package are the same (`ernn_myhdl.sweep.run`).
    """
    chosen = sorted((result.candidates[i] for i in result.front), key=lambda c: c.dsp)
    places = np.unique(np.linspace(0, len(chosen) - 1, min(count, len(chosen))).round().astype(int))
    with TemporaryDirectory() as scratch:
        tasks, contents = {}, {}
        for place in places:
            candidate = chosen[place]
            layers = "_".join(
                f"L{hw.lanes}_U{hw.ifft_units}_E{hw.element_width}" for hw in candidate.layers
            )
            name = f"{candidate.word}b_{layers}_S{candidate.streams}"
            design = result.design(candidate)
            folder = save_design(design, Path(scratch) / name)
            tasks[name] = {"name": name, "files": _files(folder)}
            contents[name] = {"design": design.digest, "package": package_digest()}
        rows = sweep.run(simulate, tasks, jobs, dask, store, progress, contents)
    return list(rows.values())
