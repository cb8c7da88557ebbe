"""Random designs through all engines: mismatching bits, and cycles against the schedule.

    python -m benchmarks.random_designs [--designs 60] [--first 0] [--ghdl] [--json FILE]

Each design is drawn from its number (`tests/random_designs.py`): cell options, block size, sizes,
lanes, word lengths, beats. Two sequences of two frames go through golden, integer and MyHDL, with
--ghdl through the converted VHDL as well, that with random gaps and back-pressure. The exit code is
1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from benchmarks.command import leave
from ernn_myhdl.cycle_model.schedule import frame_times
from ernn_myhdl.design.cells import BLOCK_SIZES
from ernn_myhdl.design.design import Design
from ernn_myhdl.runs.run import Run
from ernn_myhdl.streams.traffic import Traffic
from tests.random_designs import random_design, random_inputs

#: Largest number of inputs and of cells by block size: large blocks simulate slowly.
LARGEST = {1: 12, 2: 16, 4: 24, 8: 32, 16: 40, 32: 48}
FRAMES = (2, 2)


def draw(number: int) -> Design:
    """Design `number`; the block sizes come in turn."""
    block = BLOCK_SIZES[number % len(BLOCK_SIZES)]
    return random_design(number, block=block, max_inputs=LARGEST[block], max_hidden=LARGEST[block])


def different_bits(run: Run, golden: Run, bits: int) -> int:
    """Bits that differ in the outputs of two runs."""
    mask = (1 << bits) - 1
    return sum(int(d).bit_count() for d in ((run.raw ^ golden.raw) & mask).ravel())


def compare(number: int, ghdl: bool) -> dict:
    """One design through the engines."""
    design = draw(number)
    x = random_inputs(number, design, sum(FRAMES))
    sequences = np.split(x, np.cumsum(FRAMES)[:-1])
    golden = design.run(sequences, engine="golden")
    bits = design.formats.output.word
    start = time.perf_counter()
    runs = {engine: design.run(sequences, engine=engine) for engine in ("integer", "myhdl")}
    seconds = time.perf_counter() - start
    row = {
        "number": number,
        "block": design.cell.block,
        "cell": f"{design.cell.inputs}-{design.cell.hidden}-{design.cell.projection}",
        "options": ("p" if design.cell.peepholes else "-") + design.cell.g_activation[0],
        "hardware": "{lanes}/{ifft_units}/{element_width}/{samples_per_beat}".format(
            **vars(design.hardware)
        ),
        "words": f"{design.formats.weight_word}/{design.formats.cell_state.word}",
    }
    for engine, run in runs.items():
        stages = sum(
            int(np.count_nonzero(run.stages[n] != golden.stages[n])) for n in golden.stages
        )
        row[f"{engine}_bits"] = different_bits(run, golden, bits)
        row[f"{engine}_stage_words"] = stages
    cycles = runs["myhdl"].frame_cycles
    row["cycles"] = (np.sort(cycles[:, 1]) - cycles[:, 0].min()).tolist()
    streams = [turn.stream for turn in Traffic().turns(FRAMES, design.hardware.streams)]
    row["scheduled"] = [f.delivered for f in frame_times(design, streams)]
    if ghdl:
        traffic = Traffic(idle=0.3, stall=0.3, seed=number)
        run = design.run(sequences, engine="ghdl", traffic=traffic)
        row["ghdl_bits"] = different_bits(run, golden, bits)
    row["seconds"] = round(seconds, 1)
    return row


def wrong(row: dict) -> bool:
    """Whether an engine or the schedule differs."""
    differing = [v for n, v in row.items() if n.endswith(("_bits", "_stage_words"))]
    return any(differing) or row["cycles"] != row["scheduled"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--designs", type=int, default=60)
    parser.add_argument("--first", type=int, default=0, help="number of the first design")
    parser.add_argument("--ghdl", action="store_true", help="the converted VHDL as well")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows here")
    arguments = parser.parse_args()
    print(f"{'design':>6} {'k':>2} {'x-h-p':>9} {'opt':>3} {'L/U/E/S':>11} {'words':>6} "
          f"{'integer':>7} {'MyHDL':>5} {'GHDL':>5} {'cycles':>6}")  # fmt: skip
    rows = []
    for number in range(arguments.first, arguments.first + arguments.designs):
        row = compare(number, arguments.ghdl)
        rows.append(row)
        same = row["cycles"] == row["scheduled"]
        print(f"{number:>6} {row['block']:>2} {row['cell']:>9} {row['options']:>3} "
              f"{row['hardware']:>11} {row['words']:>6} {row['integer_bits']:>7} "
              f"{row['myhdl_bits']:>5} {row.get('ghdl_bits', '-'):>5} "
              f"{row['cycles'][-1]:>6}{'' if same else ' not as scheduled'}", flush=True)  # fmt: skip
    bad = [row["number"] for row in rows if wrong(row)]
    print(f"{len(rows)} designs, {len(bad)} with differences" + (f": {bad}" if bad else ""))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")
    return bool(bad)


if __name__ == "__main__":
    leave(main)
