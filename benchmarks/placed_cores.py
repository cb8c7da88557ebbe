"""The clocks that small cores reach on ECP5, placed and routed by open tools, and the gate of CI.

    python -m benchmarks.placed_cores [--only NAME] [--seeds 3] [--keep DIR]    measures the cores and writes the record beside this file
    python -m benchmarks.placed_cores --design NAME -o DIR                       writes the design of a core, measures nothing
    python -m benchmarks.placed_cores --gate                                    exit code 1 where GATE has become slower than its record allows

Each row of the record is one core on one device. `ernn synth DIR --tool nextpnr --run` with the device and the seeds makes it again, from a
design that --design writes, or `ernn new` with the options of the row. With --only the other rows stay as they are. --keep: a folder
for the design (DIR/NAME/design) and all of its place and route (DIR/NAME/placed), for `ernn info --placed`. --gate places GATE once, with
seed 1, and wants LEAST of the clock that is recorded for that seed. Prints the table of the README. Needs the extra `open`; some minutes a
seed for the small cores, longer for the demonstration.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from ernn_myhdl.calibration.generate import new_design, new_network
from ernn_myhdl.cli.main import build_parser
from ernn_myhdl.cli.new import design_arguments
from ernn_myhdl.demo.model import demo_design
from ernn_myhdl.design.cells import LinearCell, LstmCell
from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.design.storage import MARKS, write_design
from ernn_myhdl.files.output_folder import new_folder
from ernn_myhdl.runs.report import design_info
from ernn_myhdl.synthesis import synthesise

RECORD = Path(__file__).with_suffix(".json")
GRU = "--cell gru --reset after --inputs 12 --hidden 16 --block 4 --lanes 2"
KEYWORDS = "keyword spotting: LSTM 10 → 144/98, k = 8, and head of 12, a lane each, E = 1/8"
LSTM = "--cell lstm --inputs 12 --hidden 32 --block 8 --lanes 2 --element-width 1/8"


def of_options(options: str) -> CoreSpecification:
    """The design of `ernn new` with these options."""
    arguments = build_parser().parse_args(["new", "-o", "x", *options.split()])
    return new_design(**design_arguments(arguments))


def keyword_spotting() -> CoreSpecification:
    """LSTM of 144 cells with peepholes and a projection to 98 on 10 features, and its head of 12 classes for every frame.

    One lane, one product of the head and one cell a cycle: 18 multipliers, of 28 on the smallest ECP5.
    """
    lstm = LstmCell(inputs=10, hidden=144, projection=98, block=8, peepholes=True)
    cells = [lstm, LinearCell(98, 12, block=1)]
    return new_network(cells, name="keywords", lanes=1, element_width=(1 / 8, 1))


@dataclass(frozen=True)
class Core:
    """A core on a device. title: in the table; options: of `ernn new`, "" where another function makes the design."""

    title: str
    device: str
    make: Callable[[], CoreSpecification]
    options: str = ""


def _new(title: str, options: str, device: str) -> Core:
    return Core(title, device, partial(of_options, options), options)


CORES = {
    "gru": _new("GRU 12 → 16, k = 4, 2 lanes", GRU, "lfe5u-85f-6"),
    "gru-shared": _new("GRU 12 → 16, k = 4, 2 lanes, E = 1/4", f"{GRU} --element-width 1/4", "lfe5u-85f-6"),
    "lstm-shared": _new("LSTM 12 → 32, k = 8, 2 lanes, E = 1/8", LSTM, "lfe5u-85f-6"),
    "lstm-shared-fast": _new("LSTM 12 → 32, k = 8, 2 lanes, E = 1/8", LSTM, "lfe5u-85f-8"),
    "demonstration": Core("demonstration: LSTM 12 → 64/32, k = 8, 8 lanes, E = 1/2", "lfe5u-85f-8", demo_design),
    "keywords": Core(KEYWORDS, "lfe5u-25f-6", keyword_spotting),
    "keywords-fast": Core(KEYWORDS, "lfe5u-25f-8", keyword_spotting),
}  # fmt: skip
#: The core of the gate, and the part of its recorded clock that it must reach.
GATE, LEAST = "gru-shared", 0.9
HEADER = (
    "core", "row", "device", "Fmax, MHz", "of the seeds", "cycles a frame", "frames/s", "LUT", "FF", "multipliers", "block RAM"
)  # fmt: skip


def write_core(design: CoreSpecification, folder: Path) -> None:
    """Write the design as a new folder."""
    with new_folder(folder, False, MARKS) as new:
        write_design(design, new)


def placed(name: str, seeds: int, keep: Path | None = None) -> dict:
    """The row of a core of CORES, with the clocks of the seeds from 1 on. keep: a folder for what is made."""
    core = CORES[name]
    design = core.make()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) if keep is None else keep / name
        if keep is not None:
            work.mkdir(parents=True, exist_ok=True)
            write_core(design, work / "design")
        found = synthesise(
            design, work / "placed", core.device, tool="nextpnr", run=True, seeds=seeds
        )
    return row_of(core, design, found)


def row_of(core: Core, design: CoreSpecification, found: dict) -> dict:
    """The row of a core from the report of its place and route."""
    speed = design_info(design, found["fmax_mhz"], "measured")
    return {
        "core": core.title,
        "options": core.options,
        "device": core.device,
        "tool": found["tool"],
        "fmax_mhz": round(found["fmax_mhz"], 1),
        "seeds_mhz": [round(seed["fmax_mhz"], 1) for seed in found["seeds"]],
        "latency_cycles": speed["latency_cycles"],
        "interval_cycles": speed["interval_cycles"],
        "frames_per_second": round(speed["frames_per_second_single"]),
        **{kind: use["used"] for kind, use in found["utilisation"].items()},
        "longest": found["paths"][0],
    }


def slower(row: dict, mhz: float) -> str | None:
    """What is wrong with a clock of seed 1, if it is below LEAST of the recorded one."""
    wanted = LEAST * row["seeds_mhz"][0]
    if mhz >= wanted:
        return None
    return (
        f"{row['core']} on {row['device']}: {mhz:.1f} MHz, must be at least {wanted:.1f}, "
        f"{LEAST:.0%} of the recorded {row['seeds_mhz'][0]:.1f}"
    )


def table(record: dict) -> str:
    """The rows of the record in Markdown."""
    return markdown(
        HEADER,
        [
            (
                row["core"], f"`{name}`", row["device"].upper(), f"{row['fmax_mhz']:.1f}",
                ", ".join(f"{mhz:.1f}" for mhz in row["seeds_mhz"]), f"{row['interval_cycles']:,}",
                f"{row['frames_per_second']:,}", f"{row['lut']:,}", f"{row['ff']:,}", row["multiplier"], row["block_ram"],
            )
            for name, row in record["cores"].items()
        ],
    )  # fmt: skip


def recorded() -> dict:
    """The record as it is now; without rows where there is none."""
    return json.loads(RECORD.read_text()) if RECORD.exists() else {"cores": {}}


def add_row(name: str, row: dict) -> None:
    """Write a row into the record, whose others stay, and print the table."""
    rows = {**recorded()["cores"], name: row}  # read again: another run may have written meanwhile
    made = {"environment": environment(), "cores": {n: rows[n] for n in CORES if n in rows}}
    report(made, table(made), RECORD)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip
    parser.add_argument("--only", choices=list(CORES), help="measure this core")
    parser.add_argument("--seeds", type=int, default=3, help="runs of nextpnr (default 3)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="new folders of each core in it")
    parser.add_argument("--design", choices=list(CORES), help="write this core's design")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="new folder of --design")
    parser.add_argument("--gate", action="store_true", help="compare GATE with its record")
    arguments = parser.parse_args()
    if (arguments.design is None) != (arguments.output is None):
        parser.error("--design NAME and -o DIR: give both or none")
    if arguments.design:
        write_core(CORES[arguments.design].make(), arguments.output)
        return 0
    if arguments.gate:
        mhz = placed(GATE, 1)["seeds_mhz"][0]
        wrong = slower(recorded()["cores"][GATE], mhz)
        print(wrong or f"{GATE}: {mhz:.1f} MHz")
        return 1 if wrong else 0
    for name in [arguments.only] if arguments.only else CORES:
        add_row(name, placed(name, arguments.seeds, arguments.keep))
    return 0


if __name__ == "__main__":
    leave(main)
