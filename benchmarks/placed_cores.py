"""The clocks that small cores reach on ECP5, placed and routed by open tools, and the gate of CI.

    python -m benchmarks.placed_cores [--only NAME] [--seeds 3]    measures the cores and writes the record beside this file
    python -m benchmarks.placed_cores --gate                       exit code 1 where GATE has become slower than its record allows

Each row of the record is one core on one device; `ernn new` with its options and `ernn synth --tool nextpnr --run` with the
same seeds make it again. With --only the other rows stay as they are. --gate places GATE once, with seed 1, and wants LEAST of
the clock that is recorded for that seed. Prints the table of the README. Needs the extra `open`; some minutes a seed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.environment import environment, markdown, report
from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.cli.main import build_parser
from ernn_myhdl.cli.new import design_arguments
from ernn_myhdl.synthesis import synthesise

RECORD = Path(__file__).with_suffix(".json")
GRU = "--cell gru --reset after --inputs 12 --hidden 16 --block 4 --lanes 2"
LSTM = "--cell lstm --inputs 12 --hidden 32 --block 8 --lanes 2 --element-width 1/8"
#: Name -> what it is called in the table, options of `ernn new`, device.
CORES = {
    "gru": ("GRU 12 → 16, k = 4", GRU, "lfe5u-85f-6"),
    "gru-shared": ("GRU 12 → 16, k = 4, E = 1/4", f"{GRU} --element-width 1/4", "lfe5u-85f-6"),
    "lstm-shared": ("LSTM 12 → 32, k = 8, E = 1/8", LSTM, "lfe5u-85f-6"),
    "lstm-shared-fast": ("LSTM 12 → 32, k = 8, E = 1/8", LSTM, "lfe5u-85f-8"),
}
#: The core of the gate, and the part of its recorded clock that it must reach.
GATE, LEAST = "gru-shared", 0.9
HEADER = ("core, 2 lanes", "device", "Fmax, MHz", "of the seeds", "LUT", "FF", "multipliers", "block RAM")  # fmt: skip


def placed(name: str, seeds: int) -> dict:
    """The row of a core of CORES, with the clocks of the seeds from 1 on."""
    title, options, device = CORES[name]
    arguments = build_parser().parse_args(["new", "-o", "x", *options.split()])
    with tempfile.TemporaryDirectory() as folder:
        found = synthesise(
            new_design(**design_arguments(arguments)), Path(folder) / "placed", device, tool="nextpnr", run=True,
            seeds=seeds,
        )  # fmt: skip
    return {
        "core": title,
        "options": options,
        "device": device,
        "tool": found["tool"],
        "fmax_mhz": round(found["fmax_mhz"], 1),
        "seeds_mhz": [round(seed["fmax_mhz"], 1) for seed in found["seeds"]],
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
                row["core"], row["device"].upper(), f"{row['fmax_mhz']:.1f}",
                ", ".join(f"{mhz:.1f}" for mhz in row["seeds_mhz"]), f"{row['lut']:,}", f"{row['ff']:,}",
                row["multiplier"], row["block_ram"],
            )
            for row in record["cores"].values()
        ],
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip
    parser.add_argument("--only", choices=list(CORES), help="measure this core")
    parser.add_argument("--seeds", type=int, default=3, help="runs of nextpnr (default 3)")
    parser.add_argument("--gate", action="store_true", help="compare GATE with its record")
    arguments = parser.parse_args()
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {"cores": {}}
    if arguments.gate:
        mhz = placed(GATE, 1)["seeds_mhz"][0]
        wrong = slower(record["cores"][GATE], mhz)
        print(wrong or f"{GATE}: {mhz:.1f} MHz")
        return 1 if wrong else 0
    rows = record["cores"]
    for name in [arguments.only] if arguments.only else CORES:
        rows[name] = placed(name, arguments.seeds)
        made = {"environment": environment(), "cores": {n: rows[n] for n in CORES if n in rows}}
        report(made, table(made), RECORD)
    return 0


if __name__ == "__main__":
    sys.exit(main())
