"""Random ONNX graphs through the import: right, refused or wrong beside onnxruntime.

    python -m benchmarks.random_graphs --count 600 --seed 0
    python -m benchmarks.random_graphs --count 300 --only graphs --json graphs.json

Of ten models seven are graphs made node by node (`tests/random_graphs.py`), two are PyTorch modules written by
its older exporter, one by its newer one, dynamo (`tests/random_modules.py`). Numbers of frames, sequences,
elements and cells are often equal, sizes fixed or not, and some models mix frames and elements. The import's
dense layers, in float64, are run beside onnxruntime, with other sizes too where the file leaves them open.
"right": the outputs differ by at most 1e-4 of their span, whatever the order of their axes. "invalid": the
model or its export is none, or onnxruntime does not run it at all and it is refused. Exits with 1 if one is wrong.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from tests.graph_outcome import difference, outcome, runtime
from tests.random_graphs import random_graph
from tests.random_modules import export, outputs, random_module

KINDS = ("graphs", "torchscript", "dynamo")
OUTCOMES = ("right", "refused", "wrong", "invalid")
#: Kinds of ten models, one after the other.
_TURNS = ("graphs",) * 7 + ("torchscript",) * 2 + ("dynamo",)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.random_graphs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--count", type=int, default=600, help="models (default: 600)")
    parser.add_argument("--seed", type=int, default=0, help="of the first model (default: 0)")
    parser.add_argument("--only", choices=KINDS, help="models of one kind only")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every outcome here")
    arguments = parser.parse_args(argv)
    if arguments.count < 1 or arguments.seed < 0:
        parser.error("--count must be 1 or more, --seed 0 or more")
    start, found = time.perf_counter(), []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(arguments.seed, arguments.seed + arguments.count):
            kind = arguments.only or _TURNS[seed % len(_TURNS)]
            try_one = graph_outcome if kind == "graphs" else module_outcome
            result, why = try_one(seed, kind, Path(folder))
            found.append({"seed": seed, "kind": kind, "outcome": result, "why": why})
            if result == "wrong":
                print(f"wrong: {kind}, seed {seed}: {why}", file=sys.stderr, flush=True)
    counts = collections.Counter((each["kind"], each["outcome"]) for each in found)
    rows = [
        (kind, *(counts[kind, each] for each in OUTCOMES))
        for kind in KINDS
        if any(counts[kind, each] for each in OUTCOMES)
    ]
    rows.append(("all", *(sum(counts[kind, each] for kind in KINDS) for each in OUTCOMES)))
    table = markdown(("models", *OUTCOMES), rows)
    seconds = round(time.perf_counter() - start)
    versions = environment("onnx", "onnxruntime", "torch")
    report({"environment": versions, "seconds": seconds, "models": found}, table, arguments.json)
    print(f"{seconds} s")
    return 1 if rows[-1][1 + OUTCOMES.index("wrong")] else 0


def graph_outcome(seed: int, kind: str, folder: Path) -> tuple[str, str]:
    """One graph that is made node by node; kind is not used."""
    import onnx

    made = random_graph(seed, onnx)
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(made.shape).astype(np.float32)
    try:
        run = runtime(made.model)
        runs = [(x, run(x))]
    except Exception as error:  # of onnxruntime, which has a dozen
        return "invalid", str(error)[:200]
    for _ in range(0 if all(made.fixed) else 2):
        shape = [
            n if fixed else int(rng.integers(1, 8))
            for n, fixed in zip(made.shape, made.fixed, strict=True)
        ]
        other = rng.standard_normal(shape).astype(np.float32)
        try:
            runs.append((other, run(other)))
        except Exception:  # the graph holds a size that the file leaves open
            continue
    file = folder / "graph.onnx"
    onnx.save(made.model, file)
    return outcome(file, runs, made.feature, made.frame, made.mixed)


def module_outcome(seed: int, kind: str, folder: Path) -> tuple[str, str]:
    """One PyTorch module; kind: the exporter. With other sizes PyTorch itself is what it is compared with, since
    the newer exporter writes the sizes that it has seen into its shapes."""
    import torch

    torch.set_num_threads(1)
    made = random_module(seed, torch)
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(made.shape).astype(np.float32)
    file = folder / "module.onnx"
    try:
        wanted = outputs(made, x, torch)
        export(made, file, torch, kind == "dynamo")
    except Exception as error:  # the module is none, or has what the exporter does not know
        return "invalid", str(error)[:200]
    runs = [(x, wanted)]
    runs_here = True
    try:
        y = runtime(str(file))(x)
        if made.dynamic and difference(y[None], wanted) < 1e-4:
            shape = [
                n + int(rng.integers(4)) * (i in made.dynamic) for i, n in enumerate(made.shape)
            ]
            other = rng.standard_normal(shape).astype(np.float32)
            with contextlib.suppress(Exception):  # the module may hold a size
                runs.append((other, outputs(made, other, torch)))
        runs[0] = (x, y)
    except Exception:  # a broken file: it must be refused, or be what PyTorch computes
        runs_here = False
    result, why = outcome(file, runs, made.feature, made.frame)
    return ("invalid" if result == "refused" and not runs_here else result), why


if __name__ == "__main__":
    leave(main)
