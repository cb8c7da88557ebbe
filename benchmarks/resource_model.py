"""The resource model against Yosys on designs that it was not fitted to.

    python -m benchmarks.resource_model --cache FOLDER [--special | --explored] [--designs N] [--json FILE]
    python -m benchmarks.resource_model --page docs/explore-hardware.md

Synthesises the distinct blocks of the designs in `benchmarks.resource_designs.VALIDATION`, smallest first (an
hour or two on one core; the folder keeps the results of every block, so that a run can be stopped and goes on),
or with --special of those in SPECIAL_VALIDATION, whose matrices have blocks of their own or that load states, or with --explored
of the networks in EXPLORED on the hardware that `ernn explore hardware` chose, and prints predicted and synthesised resources.
--page puts what is predicted today into the tables of the page, beside what was synthesised when they were made, and the largest
errors into its sentence. Exits with 1 unless DSP48s and block RAMs are equal and LUTs and flip-flops
within 15 % in all of them.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from benchmarks.block_synthesis import BlockCache
from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from benchmarks.resource_designs import (
    EXPLORED,
    SPECIAL_VALIDATION,
    VALIDATION,
    explored_network,
)
from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.calibration.presets import preset_design
from ernn_myhdl.design.design import Design
from ernn_myhdl.explore.resources import Resources, estimate
from ernn_myhdl.rtl.core.top import core
from ernn_myhdl.synthesis.devices import device_named
from ernn_myhdl.synthesis.resources import total_resources
from ernn_myhdl.synthesis.yosys import find_yosys, yosys_version

DEVICE = "xc7vx690t"
EXACT, WITHIN = ("dsp", "ramb18", "ramb36"), ("lut", "ff")
TOLERANCE = 0.15
#: Of a design that was not synthesised.
NOTHING = dict.fromkeys((*EXACT, *WITHIN), 1)
TITLES = ("DSP48", "RAMB18", "RAMB36", "LUT", "FF")
#: What stands on the page above the designs that were not synthesised again since the core was changed.
EARLIER = "## Before the stages"
SENTENCE = re.compile(r"LUTs differ by at most [0-9.]+ % and flip-flops by at most [0-9.]+ %")


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
    return _compared(arguments, estimate(design), total) | {"block": design.cell.block_text}


def _compared(about: dict, model: Resources, total: dict) -> dict:
    row: dict = {"design": about}
    for name in (*EXACT, *WITHIN):
        row[name] = {"synthesised": total[name], "predicted": getattr(model, name)}
    exact = all(row[n]["synthesised"] == row[n]["predicted"] for n in EXACT)
    row["errors"] = {n: row[n]["predicted"] / row[n]["synthesised"] - 1 for n in WITHIN}
    row["good"] = exact and all(abs(e) <= TOLERANCE for e in row["errors"].values())
    return row


def compared_network(row: tuple, total: dict) -> dict:
    """Of a row of EXPLORED."""
    layers, word, beat, why, hardware, *factor = row
    about = {
        "layers": list(layers), "word": word, "samples_per_beat": beat, "explored": why,
        "hardware": [list(h) for h in hardware], "factor": factor[0] if factor else 1,
    }  # fmt: skip
    return _compared(about, estimate(explored_network(row)), total)


def numbers(row: dict) -> list[str]:
    """Predicted / synthesised of all resources, as cells of a table."""
    cells = [f"{row[name]['predicted']:,} / {row[name]['synthesised']:,}" for name in EXACT]
    for name in WITHIN:
        v = row[name]
        error = f"{100 * row['errors'][name]:+.1f} %"
        cells.append(f"{v['predicted']:,} / {v['synthesised']:,} ({error})")
    return cells


def _layer_text(kind: str, inputs: int, hidden: int, projection: int | None) -> str:
    return f"{kind} {inputs} → {hidden}" + (f"/{projection}" if projection else "")


def table(rows: list[dict]) -> str:
    """Predicted and synthesised, one line a design."""
    lines = []
    for row in rows:
        d = row["design"]
        cells = [
            _layer_text(d["cell"], d["inputs"], d["hidden"], d.get("projection"))
            + (f", reset {d['reset']}" if d.get("reset") else "")
            + (", initial states" if d.get("initial_states") else ""),
            row["block"], d["word"], d["lanes"], d["ifft_units"], d["element_width"], d["streams"],
        ]  # fmt: skip
        lines.append([*cells, *numbers(row)])
    header = ("layer", "k", "bits", "L", "U", "E", "streams", *TITLES)
    return "Predicted / synthesised:\n\n" + markdown(header, lines)


def network_table(rows: list[dict]) -> str:
    """Predicted and synthesised of networks, one line each."""
    lines = []
    for row in rows:
        d = row["design"]
        layers = [
            _layer_text(c["kind"], c["inputs"], c["hidden"], c.get("projection"))
            for c in d["layers"]
        ]
        each = ["/".join(str(h[i]) for h in d["hardware"]) for i in range(3)]
        blocks = "/".join(str(c["block"]) for c in d["layers"])
        if d["factor"] > 1:
            layers[0] += f", weights times {d['factor']}"
        about = ["; ".join(layers), d["explored"], blocks, d["word"], *each, d["samples_per_beat"]]
        lines.append([*about, *numbers(row)])
    header = ("network", "explored", "k", "bits", "L", "U", "E", "beat", *TITLES)
    return "Predicted / synthesised:\n\n" + markdown(header, lines)


def on_the_page(text: str) -> list[tuple[str, dict]]:
    """Every line of the page's tables of designs, networks and presets, and what it says today (`compared`).

    Those below the heading EARLIER are not read.
    """
    lines = text.partition(EARLIER)[0].splitlines()
    found = []
    for arguments in (*VALIDATION, *SPECIAL_VALIDATION):
        for line in _lines_of(table([compared_with_nothing(arguments)]), 7, lines):
            found.append((line, compared(arguments, new_design(**arguments), _total(line, 7))))
    for row in EXPLORED:
        about = network_table([compared_network(row, NOTHING)])
        found += [
            (line, compared_network(row, _total(line, 8))) for line in _lines_of(about, 8, lines)
        ]
    for line in lines:
        if preset := re.match(r"\| `(paper-[^`]+)` \|", line):
            about = {"preset": preset[1]}
            found.append(
                (line, _compared(about, estimate(preset_design(preset[1])), _total(line, 1)))
            )
    return found


def compared_with_nothing(arguments: dict) -> dict:
    """What is predicted of a design that was not synthesised."""
    return compared(arguments, new_design(**arguments), NOTHING)


def _lines_of(text: str, first: int, lines: list[str]) -> list[str]:
    """The lines that begin with the same cells as the table's last one, up to column `first`."""
    begin = "|".join(text.splitlines()[-1].split("|")[: first + 1]) + "|"
    return [line for line in lines if line.startswith(begin)]


def line_of(row: dict) -> str:
    """The line of the page for a design, network or preset."""
    if "preset" in row["design"]:
        return f"| `{row['design']['preset']}` | {' | '.join(numbers(row))} |"
    made = network_table if "layers" in row["design"] else table
    return made([row]).splitlines()[-1]


def bounds(rows: list[dict]) -> dict[str, float]:
    """Largest errors of LUTs and flip-flops, in percent with one digit."""
    return {n: round(max(abs(100 * row["errors"][n]) for row in rows), 1) for n in WITHIN}


def rewritten(text: str) -> str:
    """The page with what is predicted today, and with the largest errors in its sentence."""
    found = on_the_page(text)
    for line, row in found:
        text = text.replace(line, line_of(row))
    most = bounds([row for _, row in found])
    text, count = SENTENCE.subn(sentence(most), text)
    if count != 1:
        raise SystemExit("the page has no sentence of the largest errors")
    return text


def sentence(most: dict[str, float]) -> str:
    """What the page says of the largest errors."""
    return f"LUTs differ by at most {most['lut']} % and flip-flops by at most {most['ff']} %"


def _total(line: str, first: int) -> dict:
    """What was synthesised by a line of the page, whose resources begin in column `first`."""
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    made = [int(cell.split(" / ")[1].split()[0].replace(",", "")) for cell in cells[first:]]
    return dict(zip((*EXACT, *WITHIN), made, strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, help="folder of results of Yosys")
    parser.add_argument("--page", type=Path, metavar="FILE", help="bring this page up to date")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--explored", action="store_true", help="networks on hardware that was explored"
    )
    which.add_argument(
        "--special",
        action="store_true",
        help="layers with blocks of their own and with initial states",
    )
    parser.add_argument("--designs", type=int, metavar="N", help="only the first ones")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    arguments = parser.parse_args()
    if arguments.page:
        text = arguments.page.read_text(encoding="utf-8")
        arguments.page.write_text(rewritten(text), encoding="utf-8")
        found = [row for _, row in on_the_page(text)]
        print(f"{len(found)} designs: {sentence(bounds(found))}")
        return 0 if all(row["good"] for row in found) else 1
    if arguments.cache is None:
        parser.error("give --cache, or --page")

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    cache = BlockCache(arguments.cache, device_named(DEVICE), say)
    if arguments.explored:
        chosen = EXPLORED[: arguments.designs]
        rows = [
            compared_network(row, total_resources(cache.design(core(explored_network(row)))))
            for row in chosen
        ]
        return finish(rows, network_table(rows), arguments.json)
    designs = SPECIAL_VALIDATION if arguments.special else VALIDATION
    chosen = sorted(designs, key=work)[: arguments.designs]
    rows = [compare(one, cache) for one in chosen]
    return finish(rows, table(rows), arguments.json)


def finish(rows: list[dict], text: str, file: Path | None) -> int:
    """Report rows; the exit code."""
    machine = environment() | {"yosys": yosys_version(find_yosys())}
    report({"environment": machine, "designs": rows}, text, file)
    return 0 if all(row["good"] for row in rows) else 1


if __name__ == "__main__":
    leave(main)
