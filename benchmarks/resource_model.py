"""The resource model against Yosys on designs that it was not fitted to.

    python -m benchmarks.resource_model --cache FOLDER [--special] [--designs N] [--json FILE]

Synthesises the distinct blocks of the designs in `benchmarks.resource_designs.VALIDATION`, smallest first (an
hour or two on one core; the folder keeps the results of every block, so that a run can be stopped and goes on),
or with --special of those in SPECIAL_VALIDATION, whose matrices have blocks of their own or that load states, and prints
predicted and synthesised resources. Exits with 1 unless DSP48s and block RAMs are equal and LUTs and flip-flops
within 15 % in all of them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.block_synthesis import BlockCache
from benchmarks.environment import environment, markdown, report
from benchmarks.resource_designs import SPECIAL_VALIDATION, VALIDATION
from ernn_myhdl.design import Design
from ernn_myhdl.explore.resources import estimate
from ernn_myhdl.generate import new_design
from ernn_myhdl.rtl.top import core
from ernn_myhdl.synthesis.devices import device_named
from ernn_myhdl.synthesis.resources import total_resources
from ernn_myhdl.synthesis.yosys import yosys_version

DEVICE = "xc7vx690t"
EXACT, WITHIN = ("dsp", "ramb18", "ramb36"), ("lut", "ff")
TOLERANCE = 0.15


def work(arguments: dict) -> float:
    """Roughly how long the blocks of a design take."""
    activations = 1 if arguments["cell"] == "linear" else 4
    wide = 2 if arguments["word"] > 12 else 1
    return arguments["block"] * activations * wide * (arguments["ifft_units"] + 4)


def compare(arguments: dict, cache: BlockCache) -> dict:
    """Synthesised and predicted resources of a design."""
    design = new_design(**arguments)
    return compared(arguments, design, total_resources(cache.design(core(design))))


def compared(arguments: dict, design: Design, total: dict) -> dict:
    """Predicted resources of a design beside those that it was synthesised to."""
    model = estimate(design)
    row: dict = {"design": arguments, "block": design.cell.block_text}
    for name in (*EXACT, *WITHIN):
        row[name] = {"synthesised": total[name], "predicted": getattr(model, name)}
    exact = all(row[n]["synthesised"] == row[n]["predicted"] for n in EXACT)
    row["errors"] = {n: row[n]["predicted"] / row[n]["synthesised"] - 1 for n in WITHIN}
    row["good"] = exact and all(abs(e) <= TOLERANCE for e in row["errors"].values())
    return row


def table(rows: list[dict]) -> str:
    """Predicted and synthesised, one line a design."""
    lines = []
    for row in rows:
        d = row["design"]
        cells = [
            f"{d['cell']} {d['inputs']} → {d['hidden']}"
            + (f"/{d['projection']}" if d.get("projection") else "")
            + (f", reset {d['reset']}" if d.get("reset") else "")
            + (", initial states" if d.get("initial_states") else ""),
            row["block"], d["word"], d["lanes"], d["ifft_units"], d["element_width"], d["streams"],
        ]  # fmt: skip
        for name in EXACT:
            cells.append(f"{row[name]['predicted']} / {row[name]['synthesised']}")
        for name in WITHIN:
            v = row[name]
            error = f"{100 * row['errors'][name]:+.1f} %"
            cells.append(f"{v['predicted']:,} / {v['synthesised']:,} ({error})")
        lines.append(cells)
    header = (
        "layer",
        "k",
        "bits",
        "L",
        "U",
        "E",
        "streams",
        "DSP48",
        "RAMB18",
        "RAMB36",
        "LUT",
        "FF",
    )
    return "Predicted / synthesised:\n\n" + markdown(header, lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, required=True, help="folder of results of Yosys")
    parser.add_argument(
        "--special",
        action="store_true",
        help="layers with blocks of their own and with initial states",
    )
    parser.add_argument("--designs", type=int, metavar="N", help="only the first ones")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    arguments = parser.parse_args()

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    cache = BlockCache(arguments.cache, device_named(DEVICE), say)
    designs = SPECIAL_VALIDATION if arguments.special else VALIDATION
    chosen = sorted(designs, key=work)[: arguments.designs]
    rows = [compare(one, cache) for one in chosen]
    machine = environment() | {"yosys": yosys_version()}
    report({"environment": machine, "designs": rows}, table(rows), arguments.json)
    return 0 if all(row["good"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
