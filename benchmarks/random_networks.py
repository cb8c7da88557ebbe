"""Random networks of one to three layers through all engines: words that differ from the golden model.

    python -m benchmarks.random_networks [--networks 60] [--first 0] [--ghdl-every 6]
        [--verilator-every 20] [--json FILE]

Each network is drawn from its number (`tests/random_designs.py`): cells and their options, sizes, block
sizes, formats, lanes, beats, streams. Two sequences of two frames go through golden, integer and MyHDL,
every so many through GHDL and Verilator as well, that with random gaps and back-pressure. Exits with 1 if
anything differs.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from ernn_myhdl.design.network import Network
from ernn_myhdl.runs.run import Run
from ernn_myhdl.streams.traffic import Traffic
from tests.random_designs import NETWORKS, corner_inputs, numbered_network, random_inputs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=NETWORKS, help=f"default {NETWORKS}")
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    parser.add_argument("--ghdl-every", type=int, default=6, metavar="N", help="0: none")
    parser.add_argument("--verilator-every", type=int, default=20, metavar="N", help="0: none")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    arguments = parser.parse_args()
    rows = []
    for number in range(arguments.first, arguments.first + arguments.networks):
        engines = ["integer", "myhdl"]
        for engine, every in (
            ("ghdl", arguments.ghdl_every), ("verilator", arguments.verilator_every),
        ):  # fmt: skip
            if every and number % every == every - 1:
                engines.append(engine)
        rows += compare(number, engines)
        print(f"network {number}: {cells(numbered_network(number))}", file=sys.stderr, flush=True)
    total = [summary(engine, rows) for engine in dict.fromkeys(r["engine"] for r in rows)]
    report({"environment": environment(), "networks": rows, "engines": total}, table(total),
           arguments.json)  # fmt: skip
    return 1 if any(t["different_words"] for t in total) else 0


def cells(network: Network) -> str:
    """The layers in a few words."""
    return ", ".join(f"{d.cell.kind} {d.cell.sizes} k={d.cell.block_text}" for d in network.layers)


def compare(number: int, engines: list[str]) -> list[dict]:
    """One network through the engines."""
    network = numbered_network(number)
    sequences = [random_inputs(number, network, 2), corner_inputs(network, 2)]
    golden = network.run(sequences, engine="golden")
    rows = []
    for engine in engines:
        rough = Traffic(0.2, 0.2, number, shuffle=True)
        traffic = {} if engine == "integer" else {"traffic": rough}
        start = time.perf_counter()
        run = network.run(sequences, engine=engine, **traffic)
        rows.append(
            {
                "network": number,
                "cells": cells(network),
                "engine": engine,
                "seconds": time.perf_counter() - start,
                **differences(golden, run),
            }
        )
    return rows


def differences(golden: Run, run: Run) -> dict:
    """Words of y and of the named tensors that differ."""
    wrong, words = int((run.raw != golden.raw).sum()), run.raw.size
    for name, values in run.stages.items():
        wrong += int(np.count_nonzero(values != golden.stages[name]))
        words += values.size
    return {"frames": run.frames, "words": words, "different_words": wrong}


def summary(engine: str, rows: list[dict]) -> dict:
    """Totals of one engine."""
    own = [r for r in rows if r["engine"] == engine]
    keys = ("frames", "words", "different_words", "seconds")
    return {"engine": engine, "networks": len(own)} | {k: sum(r[k] for r in own) for k in keys}


def table(total: list[dict]) -> str:
    """Markdown of the totals."""
    rows = [
        (t["engine"], t["networks"], t["frames"], f"{t['words']:,}", t["different_words"],
         f"{t['seconds']:.0f}")
        for t in total
    ]  # fmt: skip
    return markdown(("engine", "networks", "frames", "words compared", "different", "s"), rows)


if __name__ == "__main__":
    leave(main)
