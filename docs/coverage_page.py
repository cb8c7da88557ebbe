"""Writes docs/coverage.md from what coverage measured over all tests: `make coverage`.

    python -m docs.coverage_page REPORT [PAGE]

REPORT is what coverage writes as JSON. Lines are ranges; a branch is the line that it leaves and that to which no test went.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from itertools import groupby
from pathlib import Path

from benchmarks.environment import environment, markdown

PAGE = Path(__file__).with_name("coverage.md")
WANTED = 92.0
#: Of the ranges and branches of a file.
SHOWN = 12


def ranges(lines: Iterable[int]) -> list[str]:
    """Neighbouring lines as one range."""
    found = []
    for _, group in groupby(enumerate(sorted(lines)), lambda pair: pair[1] - pair[0]):
        numbers = [line for _, line in group]
        found.append(f"{numbers[0]}–{numbers[-1]}" if numbers[-1] > numbers[0] else str(numbers[0]))
    return found


def missing(file: dict) -> str:
    """Lines and branches of a file that no test takes; those of lines that are missing themselves are left out."""
    lines = set(file["missing_lines"])
    branches = [
        f"{a}→{'end' if b < 0 else b}"
        for a, b in file["missing_branches"]
        if a not in lines and b not in lines
    ]
    found = ranges(lines) + branches
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(found[:SHOWN]) + more


def percent(files: list[dict]) -> float:
    """Lines and branches that were taken, of all."""
    sums = [f["summary"] for f in files]
    taken = sum(s["covered_lines"] + s["covered_branches"] for s in sums)
    return 100 * taken / max(1, sum(s["num_statements"] + s["num_branches"] for s in sums))


def page(report: dict) -> str:
    """The page."""
    files = {
        name: file for name, file in report["files"].items() if file["summary"]["num_statements"]
    }
    total = report["totals"]
    folders = defaultdict(list)
    for name, file in files.items():
        folders[
            "/".join(
                name.split("/")[
                    : 2 if name.startswith("ernn_myhdl/") and name.count("/") > 1 else 1
                ]
            )
        ].append(file)
    rows = [
        (f"`{name}`", len(found), f"{percent(found):.1f}", sum(len(f["missing_lines"]) for f in found),
         sum(len(f["missing_branches"]) for f in found))
        for name, found in sorted(folders.items())
    ]  # fmt: skip
    whole = sum(1 for f in files.values() if not f["missing_lines"] and not f["missing_branches"])
    parts = sorted(
        ((name, f) for name, f in files.items() if f["missing_lines"] or f["missing_branches"]),
        key=lambda pair: -len(pair[1]["missing_lines"]) - len(pair[1]["missing_branches"]),
    )
    listed = [
        (f"`{name}`", f"{f['summary']['percent_covered']:.1f}", missing(f)) for name, f in parts
    ]
    machine = environment()
    return "\n".join([
        "# What the tests run",
        "",
        "    make coverage",
        "",
        f"Lines and branches of the package and `golden` that the tests take, {date.today()}: **{total['percent_covered']:.1f} %** ({WANTED:g} % wanted). Of {total['num_statements']:,} lines",
        f"{total['missing_lines']:,} are not run, of {total['num_branches']:,} branches {total['missing_branches']:,} not taken. "
        f"Processes that the tests start are measured too. {machine['processor']}, {machine['cores']} cores, Python {machine['python']}.",
        "",
        markdown(("folder", "files", "percent", "lines not run", "branches not taken"), rows),
        "",
        "## By file",
        "",
        f"{whole} files of {len(files)} are covered whole. Of the others, those with the most that is missing first: lines, and branches as the line that they leave → where no test went.",
        "",
        markdown(("file", "percent", "not covered"), listed),
        "",
    ])  # fmt: skip


def main(report: str, target: str = str(PAGE)) -> int:
    found = json.loads(Path(report).read_text(encoding="utf-8"))
    Path(target).write_text(page(found), encoding="utf-8")
    print(
        f"coverage: {found['totals']['percent_covered']:.1f} % ({WANTED:g} wanted); wrote {target}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
