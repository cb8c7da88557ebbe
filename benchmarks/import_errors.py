"""Imports and trainings that once came out wrong without a word, and what comes out now.

    python -m benchmarks.import_errors                  # the table, exit code 1 where a case is not as wanted
    python -m benchmarks.import_errors --ernn OTHER/.venv/bin/ernn    # another installation, for the column before
    python -m benchmarks.import_errors --kind projection --json

A case is a model, made here with random weights or trained for seconds, with inputs and the outputs of its own
framework. "error" is the largest difference of the design's outputs (integer model) over the span of theirs.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path

from benchmarks.command import leave
from benchmarks.environment import environment
from benchmarks.import_cases import all_cases
from benchmarks.import_cases.case import as_json, outcome


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.import_errors",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    own = Path(sys.executable).with_name("ernn")
    parser.add_argument(
        "--ernn", type=Path, default=own, help="the command to try (default: this installation's)"
    )
    parser.add_argument("--kind", action="append", help="only this kind; may be repeated")
    parser.add_argument(
        "--first", type=int, metavar="N", help="only the first N members of each kind"
    )
    parser.add_argument("--json", action="store_true", help="a line of JSON a case")
    arguments = parser.parse_args(argv)
    cases = all_cases()
    kinds = list(dict.fromkeys(case.kind for case in cases))
    for kind in arguments.kind or []:
        if kind not in kinds:
            parser.error(f"--kind {kind}: must be one of {', '.join(kinds)}")
    if not arguments.ernn.is_file():
        parser.error(f"--ernn {arguments.ernn}: no such file; give the path of an installed ernn")
    bad, seen = 0, dict.fromkeys(kinds, 0)
    if not arguments.json:
        print("| kind | member | before | now | |\n|---|---|---|---|---|")
    for case in cases:
        if arguments.kind and case.kind not in arguments.kind:
            continue
        seen[case.kind] += 1
        if arguments.first and seen[case.kind] > arguments.first:
            continue
        missing = [name for name in case.needs if importlib.util.find_spec(name) is None]
        if missing:
            print(
                f"{case.kind}, {case.member}: left out, {missing[0]} is not installed",
                file=sys.stderr,
            )
            bad += 1
            continue
        now = outcome(case, arguments.ernn.absolute())
        fine = now.fulfils(case)
        bad += not fine
        if arguments.json:
            print(as_json(case, now), flush=True)
        else:
            verdict = "PASS" if fine else "FAIL"
            shown = f"{now}, warned" if fine and case.wanted == "warned" else str(now)
            print(
                f"| {case.kind} | {case.member} | {case.before} | {shown} | {verdict} |", flush=True
            )
    if not arguments.json:
        versions = environment("onnx", "onnxruntime", "torch")
        print("\n" + ", ".join(f"{name} {value}" for name, value in versions.items()))
    return 1 if bad else 0


if __name__ == "__main__":
    try:
        leave(main)
    except BrokenPipeError:  # nobody reads on, as behind `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
