"""Digests of everything that a change of the code's structure must leave alone.

    python -m benchmarks.hdl_digests -o before.json
    python -m benchmarks.hdl_digests --compare before.json      # exit code 1 where anything differs
    python -m benchmarks.hdl_digests --designs 3 --networks 1 --presets 0 -o short.json

SHA-256 of every converted file (VHDL and Verilog, with bench and vectors) of the demonstration, the presets, random
designs and random networks; of the golden outputs and the simulated cycles of the random ones; and of
what `ernn info --json` prints. Only public names are used, so that the same command runs before and after a move.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np

from benchmarks.command import leave
from benchmarks.environment import environment
from benchmarks.random_designs import draw
from ernn_myhdl import preset_design, save_design
from tests.random_designs import numbered_network, random_inputs

PRESETS = ("paper-lstm-k8", "paper-lstm-k16", "paper-gru-k8", "paper-gru-k16")
FRAMES = (2, 2)
HDLS = ("vhdl", "verilog")


def named_design(name: str):
    """The design of a name: demonstration, a preset, design_N or network_N."""
    if name == "demonstration":
        from ernn_myhdl.demo.model import demo_design

        return demo_design()
    kind, _, number = name.partition("_")
    if kind == "design":
        return draw(int(number))
    if kind == "network":
        return numbered_network(int(number))
    return preset_design(name)


def digests(name: str) -> dict[str, str]:
    """Everything of one design: "vhdl/core.vhd" -> SHA-256, ..., "golden", "cycles", "info"."""
    design = named_design(name)
    found = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for hdl in HDLS:
            design.convert(folder / hdl, hdl=hdl)
            for file in sorted(p for p in (folder / hdl).rglob("*") if p.is_file()):
                if not file.name.startswith("."):
                    found[str(file.relative_to(folder))] = _sha256(file.read_bytes())
        save_design(design, folder / "design")
        command = [str(Path(sys.executable).with_name("ernn")), "info", "design", "--json"]
        printed = subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout
        found["info"] = _sha256(printed)
    if name.startswith(("design_", "network_")):
        x = random_inputs(int(name.partition("_")[2]), design, sum(FRAMES))
        sequences = np.split(x, np.cumsum(FRAMES)[:-1])
        golden = design.run(sequences, engine="golden")
        found["golden"] = _sha256(golden.raw.astype("<i8").tobytes())
        run = design.run(sequences, engine="myhdl")
        found["cycles"] = _sha256(run.frame_cycles.astype("<i8").tobytes())
        if not np.array_equal(run.raw, golden.raw):
            raise RuntimeError(f"{name}: MyHDL and golden model differ")
    return found


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def differences(before: dict, after: dict) -> list[str]:
    """A line for each thing that is other, missing or new."""
    lines = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old is None or new is None:
            lines.append(f"{name}: {'is new' if old is None else 'was left out'}")
            continue
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) != new.get(key):
                what = (
                    "differs"
                    if key in old and key in new
                    else ("is new" if key in new else "is gone")
                )
                lines.append(f"{name}: {key} {what}")
    return lines


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.hdl_digests",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--designs", type=int, default=30, help="random designs (default 30)")
    parser.add_argument("--networks", type=int, default=10, help="random networks (default 10)")
    parser.add_argument(
        "--presets", type=int, default=len(PRESETS), help="of the presets the first N (default all)"
    )
    parser.add_argument("--processes", type=int, default=2, help="default 2")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write the digests as JSON"
    )
    parser.add_argument(
        "--compare",
        type=Path,
        metavar="FILE",
        help="digests of before; only what they hold is made",
    )
    arguments = parser.parse_args(argv)
    if arguments.compare:
        try:
            before = json.loads(arguments.compare.read_text(encoding="utf-8"))["digests"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            parser.error(f"--compare {arguments.compare}: is no file of this command ({error})")
        names = list(before)
    else:
        names = ["demonstration", *PRESETS[: arguments.presets]]
        names += [f"design_{i}" for i in range(arguments.designs)]
        names += [f"network_{i}" for i in range(arguments.networks)]
    made: dict[str, dict[str, str]] = {}
    with ProcessPoolExecutor(arguments.processes) as pool:
        jobs = {pool.submit(digests, name): name for name in names}
        for job in as_completed(jobs):
            made[jobs[job]] = job.result()
            if sys.stderr.isatty():
                print(f"\r{len(made)} of {len(names)}", end="", file=sys.stderr, flush=True)
    made = {name: made[name] for name in names}
    total = sum(len(found) for found in made.values())
    print(
        f"{len(made)} designs, {total} digests, all together {_sha256(json.dumps(made).encode())[:16]}"
    )
    print(", ".join(f"{name} {value}" for name, value in environment().items()))
    if arguments.output:
        text = json.dumps({"environment": environment(), "digests": made}, indent=1) + "\n"
        arguments.output.write_text(text, encoding="utf-8")
    if not arguments.compare:
        return 0
    lines = differences(before, made)
    print("\n".join(lines) or "nothing differs")
    return 1 if lines else 0


if __name__ == "__main__":
    leave(main)
