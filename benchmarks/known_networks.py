"""Recurrent networks that people put on FPGAs, imported, with random weights.

    python -m benchmarks.known_networks [--only NAME ...] [--engines golden,myhdl,ghdl,verilator] [--frames 3]
        [--json FILE]

Each network (`benchmarks.network_cases`) is imported as a PyTorch module at 12 and 16 bits, at 16 bits also from what both
ONNX exporters write, and from Keras where Keras is installed. "12 bits", "16 bits": the largest difference of an output
from the framework's, over two sequences on which the formats were not chosen; at 16 bits it must be at most 1e-3. Then a
few frames go through the engines named, which must agree to the bit, and the simulated latency and interval must be those
of the schedule. Exits with 1 where something differs or a network that must come in whole is refused; with 3 without PyTorch.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from benchmarks.environment import environment, markdown, report
from ernn_myhdl.errors import DesignError

#: Largest difference at 16 bits.
LIMIT = 1e-3
#: Frames after which outputs come in the interval of the schedule.
SETTLED = 6
#: Where a network is read from, beside the module itself.
FILES = ("torchscript", "dynamo", "keras")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.known_networks", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these networks")
    parser.add_argument(
        "--engines", default="golden,myhdl", help="with integer (default: golden,myhdl)"
    )
    parser.add_argument("--frames", type=int, default=2, help="through the engines (default: 2)")
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
    found = []
    for name in names:
        start = time.perf_counter()
        found.append(network(name, engines, arguments.frames, arguments.seed))
        print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
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


def network(name: str, engines: list[str], frames: int, seed: int) -> dict:
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
            narrow, wide = (import_module(model, example, word=word) for word in (12, 16))
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
        row[kind] = from_file(name, kind, model, example, seed)
    row |= on_engines(wide.design, list(x)[:1], engines, frames)
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
            design = import_model(file, word=16).design
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


def on_engines(design, x: list[np.ndarray], engines: list[str], frames: int) -> dict:
    """Words that differ between the engines on the first frames, and whether cycles are those of the schedule."""
    whole = [s[:, None] if s.ndim == 1 else s for s in x]
    over_time = design.graph is not None and design.graph.over_time
    short = whole if over_time else [s[:frames] for s in whole]
    wanted = design.run(short, engine="integer")
    from ernn_myhdl import design_info

    info = design_info(design)
    cycles = {"latency": info["latency_cycles"], "interval": info["interval_cycles"]}
    wrong, scheduled = 0, True
    for engine in engines:
        run = design.run(short, engine=engine)
        same = run.raw.shape == wanted.raw.shape
        wrong += int((run.raw != wanted.raw).sum()) if same else wanted.raw.size
        if run.frame_cycles is not None:
            seen = int(run.frame_cycles[0, 1] - run.frame_cycles[0, 0])
            apart = np.diff(run.frame_cycles[:, 1])
            scheduled = scheduled and seen == cycles["latency"]
            if len(apart) > SETTLED:
                scheduled = scheduled and float(np.mean(apart[SETTLED:])) == cycles["interval"]
    return {"different": wrong, "scheduled": scheduled, **cycles}


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
        "result",
    )
    rows = []
    for row in found:
        if row["import"] == "refused":
            rows.append(
                (
                    row["network"],
                    f"refused: {row['reason']}",
                    *["-"] * 6,
                    "PASS" if row["passed"] else "FAIL",
                )
            )
            continue
        rows.append((
            row["network"], "whole", *(number(row[key]) for key in ("12 bits", "16 bits", *FILES)),
            f"{row['latency']} / {row['interval']}" if "latency" in row else "-", "PASS" if row["passed"] else "FAIL",
        ))  # fmt: skip
    return markdown(header, rows) + f"\n\nengines beside integer: {', '.join(engines)}"


def number(value: float | str | None) -> str:
    """A difference, a reason, or nothing."""
    return "-" if value is None else value if isinstance(value, str) else f"{value:.1e}"


if __name__ == "__main__":
    sys.exit(main())
