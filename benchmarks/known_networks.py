"""Recurrent networks that people put on FPGAs, imported, with random weights.

    python -m benchmarks.known_networks [--only NAME ...] [--engines golden,myhdl,verilator,ghdl] [--frames 2]
        [--files torchscript,dynamo,keras] [--json FILE]

Each network (`benchmarks.network_cases`) is imported as a PyTorch module at 12 and 16 bits, at 16 bits also from what both
ONNX exporters write, and from Keras where Keras is installed. "12 bits", "16 bits": the largest difference of an output
from the framework's, over two sequences on which the formats were not chosen; at 16 bits it must be at most 1e-3. Then a
few frames go through the engines named, which must agree to the bit: VHDL in GHDL and compiled Verilog of those networks that are
small enough for it (`Case.hdl`), all others on every one. The cycle in which each frame is accepted and delivered must be
that of the schedule; a compiled simulation also has frames enough for the interval (SETTLED and more). Exits with 1 where something differs or a network
that must come in whole is refused; with 3 without PyTorch.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from ernn_myhdl import design_info
from ernn_myhdl.design.graph import row as layers_in_a_row
from ernn_myhdl.design.time_joins import Mean
from ernn_myhdl.errors import DesignError
from ernn_myhdl.rtl.cycles.graph_times import GraphShape, graph_depths, graph_run
from ernn_myhdl.rtl.fifo import READY

#: Largest difference at 16 bits.
LIMIT = 1e-3
#: Frames after which outputs come in the interval of the schedule, and how many are sent to see it.
SETTLED, MEASURED = 6, 14
#: Cycles of a frame above which MyHDL simulates the same network, with the same words, on more lanes, where it takes fewer cycles
#: of about as long; and those above which it gets one frame (of a sequence that may be so short) instead of `--frames`.
MANY_CYCLES, MORE_LANES, MOST_CYCLES = 600, 64, 1000
#: Engines for networks that are small enough.
HDL = ("ghdl", "verilator")
#: Where a network is read from, beside the module itself.
FILES = ("torchscript", "dynamo", "keras")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.known_networks", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these networks")
    parser.add_argument(
        "--engines", default="golden,myhdl,verilator,ghdl", help="with integer (default: all)"
    )
    parser.add_argument("--frames", type=int, default=2, help="through the engines (default: 2)")
    parser.add_argument(
        "--files", default=",".join(FILES), help="read from these too (default: all; '' for none)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    arguments = parser.parse_args(argv)
    os.environ.setdefault("KERAS_BACKEND", "torch")
    try:
        from benchmarks.network_cases.pytorch import CASES
    except ImportError:
        print(
            "known_networks: PyTorch is missing; pip install 'ernn-myhdl[torch]'", file=sys.stderr
        )
        return 3
    names = arguments.only or list(CASES)
    unknown = [name for name in names if name not in CASES]
    if unknown:
        parser.error(f"--only {unknown[0]!r}: must be of {', '.join(map(repr, CASES))}")
    engines = [engine for engine in arguments.engines.split(",") if engine]
    files = [kind for kind in arguments.files.split(",") if kind]
    if wrong := [kind for kind in files if kind not in FILES]:
        parser.error(f"--files {wrong[0]!r}: must be of {', '.join(FILES)}")
    found = []
    for name in names:
        start = time.perf_counter()
        found.append(network(name, engines, arguments.frames, arguments.seed, files))
        told = json.dumps({k: v for k, v in found[-1].items() if k != "notes"})
        print(f"{name}: {time.perf_counter() - start:.0f} s; {told}", file=sys.stderr, flush=True)
    result = {
        "environment": environment("torch", "onnx", "keras"),
        "seed": arguments.seed,
        "networks": found,
    }
    report(result, table(found, engines), arguments.json)
    whole = sum(row["import"] == "whole" for row in found)
    wrong = [row["network"] for row in found if not row["passed"]]
    print(
        f"{whole} of {len(found)} whole"
        + (f"; not as they must be: {', '.join(wrong)}" if wrong else "")
    )
    return 1 if wrong else 0


def network(name: str, engines: list[str], frames: int, seed: int, files: list[str]) -> dict:
    """One row of the table."""
    import torch

    from benchmarks.network_cases.pytorch import CASES, module
    from ernn_myhdl import import_module

    case = CASES[name]
    torch.set_num_threads(1)
    model, example = module(name, seed)
    row: dict = {"network": name, "passed": False}
    try:
        with quiet():
            narrow, wide = (
                import_module(model, example, word=word, hardware_argmax=case.argmax)
                for word in (12, 16)
            )
    except DesignError as error:
        row |= {"import": "refused", "reason": str(error)}
        row["passed"] = bool(case.refused) and case.refused in str(error).lower()
        return row
    x, wanted = example.numpy(), outputs(model, example)
    row |= {
        "import": "whole",
        "notes": list(wide.notes),
        "12 bits": differs(narrow.design, x, wanted),
    }
    row["16 bits"] = differs(wide.design, x, wanted)
    for kind in FILES:
        row[kind] = from_file(name, kind, model, example, seed) if kind in files else None
    own = [e for e in engines if e != "myhdl" and (case.hdl or e not in HDL)]
    row |= on_engines(wide.design, x[0], own, frames)
    if "myhdl" in engines:
        quick = wide.design
        if row["interval"] > MANY_CYCLES:
            with quiet():
                quick = import_module(
                    model, example, word=16, hardware_argmax=case.argmax, lanes=MORE_LANES
                ).design
        found = on_engines(quick, x[0], ["myhdl"], frames)
        row["engines"] |= found["engines"]
        row["myhdl lanes"] = MORE_LANES if quick is not wide.design else None
        row["different"] += found["different"]
        row["scheduled"] = row["scheduled"] and found["scheduled"]
    numbers = [row["16 bits"], *(row[kind] for kind in FILES if isinstance(row[kind], float))]
    row["passed"] = (
        not case.refused and max(numbers) <= LIMIT and row["different"] == 0 and row["scheduled"]
    )
    return row


def outputs(model, x) -> list[np.ndarray]:
    """What PyTorch computes, for each output."""
    import torch

    with torch.no_grad():
        y = model(x)
    return [each.numpy() for each in (y if isinstance(y, tuple) else (y,))]


def differs(design, x: np.ndarray, wanted: list[np.ndarray]) -> float:
    """Largest difference of the integer model's outputs, behind the host steps, from those of a framework."""
    worst = 0.0
    for i, sequence in enumerate(x):
        own = design.run(
            sequence[:, None] if sequence.ndim == 1 else sequence, engine="integer"
        ).outputs
        whole = np.concatenate([part[i].reshape(-1, part.shape[-1]) for part in wanted], axis=-1)
        if own.shape[-1] != whole.shape[-1] or len(own) < len(whole):
            return float("inf")
        worst = max(worst, float(np.abs(own[len(own) - len(whole) :] - whole).max()))
    return worst


def from_file(name: str, kind: str, model, example, seed: int) -> float | str | None:
    """The difference of a network that was read from a file, at 16 bits; a reason, or None for no such file."""
    from benchmarks.network_cases.in_keras import KERAS_CASES, keras_model
    from benchmarks.network_cases.pytorch import CASES
    from ernn_myhdl import import_model

    with tempfile.TemporaryDirectory() as folder, quiet():
        if kind == "keras":
            if name not in KERAS_CASES:
                return None
            try:
                made = keras_model(name, seed)
            except ImportError:
                return None
            file = Path(folder) / "model.keras"
            made.save(file)
            y = made.predict(example.numpy(), verbose=0)
            wanted = y if isinstance(y, list) else [y]
        else:
            file = Path(folder) / "model.onnx"
            try:
                exported(model, example, file, kind == "dynamo")
            except Exception as error:  # of an exporter, which has dozens
                return f"no export: {type(error).__name__}"
            wanted = outputs(model, example)
        try:
            design = import_model(file, word=16, hardware_argmax=CASES[name].argmax).design
        except DesignError as error:
            return f"refused: {error}"
        return differs(design, example.numpy(), wanted)


def exported(model, example, file: Path, dynamo: bool) -> None:
    """Write a module with one of PyTorch's exporters, the number of frames fixed as those want it."""
    import torch

    options = {"verbose": False} if dynamo else {}
    torch.onnx.export(model, (example,), str(file), input_names=["x"], dynamo=dynamo, **options)


@contextlib.contextmanager
def quiet():
    """Without what frameworks print."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def on_engines(design, x: np.ndarray, engines: list[str], frames: int) -> dict:
    """Words that differ between the engines on a few frames, and whether their cycles are those of the schedule.

    engines: with what each ran: frames of x, and of y. latency, interval: of the schedule.
    """
    x = x[:, None] if x.ndim == 1 else x
    info = design_info(design)
    row = {"latency": info["latency_cycles"], "interval": info["interval_cycles"]}
    wrong, scheduled = 0, True
    ran: dict[str, list[int]] = {}
    for engine in engines:
        few = 1 if engine in ("myhdl", "ghdl") and row["interval"] > MOST_CYCLES else frames
        sent = frames_of(design, x, MEASURED if engine == "verilator" else few)
        wanted = design.run(sent, engine="integer", stages=False)
        run = design.run(sent, engine=engine, stages=False)
        same = run.raw.shape == wanted.raw.shape
        wrong += int((run.raw != wanted.raw).sum()) if same else wanted.raw.size
        ran[engine] = [len(sent), len(run.raw)]
        if run.frame_cycles is not None:
            seen = run.frame_cycles[:, 1].tolist()
            scheduled = scheduled and seen == delivered(design, len(sent))
            if len(seen) > SETTLED and not over_time(design):
                apart = (seen[-1] - seen[SETTLED]) / (len(seen) - 1 - SETTLED)
                scheduled = scheduled and apart == row["interval"]
            if not over_time(design):
                first = int(run.frame_cycles[0, 1] - run.frame_cycles[0, 0])
                scheduled = scheduled and first == row["latency"]
    return row | {"different": wrong, "scheduled": scheduled, "engines": ran}


def over_time(design) -> bool:
    return design.graph is not None and design.graph.over_time


def frames_of(design, x: np.ndarray, count: int) -> np.ndarray:
    """So many frames of x, as many as a mean takes where there is one, begun anew where x has fewer."""
    means = [j for j in design.graph.joins if isinstance(j, Mean)] if design.graph else []
    count = max([count, design.graph.least if design.graph else 1]) if not means else len(x)
    return x[np.arange(count) % len(x)]


def delivered(design, frames: int) -> list[int]:
    """Of the schedule: the cycles in which the frames of y of one sequence of x are delivered."""
    graph = design.graph or layers_in_a_row(len(design.layers))
    sizes = {"x": design.inputs} | {
        f"layer_{i}": d.cell.outputs for i, d in enumerate(design.layers)
    }
    if design.signals is not None:
        sizes = design.signals.sizes
    layers = tuple((d.cell, d.hardware) for d in design.layers)
    shape = GraphShape(graph, layers, tuple(sizes.items()))
    ends = [i == frames - 1 for i in range(frames)]
    times = graph_run(shape, graph_depths(shape), [0] * frames, ends=ends)
    out = shape.beats(graph.output)
    return [cycle + READY for cycle in times.delivered[out - 1 :: out]]


def table(found: list[dict], engines: list[str]) -> str:
    """Markdown of the rows."""
    header = (
        "network",
        "import",
        "12 bits",
        "16 bits",
        "ONNX, older",
        "ONNX, newer",
        "Keras",
        "latency / interval",
        "engines",
        "scheduled = simulated",
        "result",
    )
    rows = []
    for row in found:
        if row["import"] == "refused":
            rows.append(
                (
                    row["network"],
                    f"refused: {row['reason']}",
                    *["-"] * 8,
                    "PASS" if row["passed"] else "FAIL",
                )
            )
            continue
        rows.append((
            row["network"], "whole", *(number(row[key]) for key in ("12 bits", "16 bits", *FILES)),
            f"{row['latency']:,} / {row['interval']:,}",
            ", ".join(f"{engine} {n}" for engine, (n, _) in row["engines"].items()),
            "yes" if row["scheduled"] else "NO", "PASS" if row["passed"] else "FAIL",
        ))  # fmt: skip
    return (
        markdown(header, rows)
        + f"\n\nengines beside integer ({', '.join(engines)}) with the frames of x that each took"
    )


def number(value: float | str | None) -> str:
    """A difference, a reason, or nothing."""
    return "-" if value is None else value if isinstance(value, str) else f"{value:.1e}"


if __name__ == "__main__":
    leave(main)
