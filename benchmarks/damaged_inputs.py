"""Damaged inputs: every command of `ernn` on files, folders and arguments that are not what they should be.

    python -m benchmarks.damaged_inputs --count 3000 --seed 1

Each case is a command in a fresh folder with one of its inputs damaged. It must end within the time, take less than
2 GB, end without a traceback and with one line where it refuses, and lose, change or leave behind no file. The
exit code is 1 where one does not. A case is run again, and its folder kept, by its name:

    python -m benchmarks.damaged_inputs --case "run folders:1:17" --keep folder
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ["MPLBACKEND"] = "Agg"

from benchmarks.damage.cases import KINDS, SLOW  # noqa: E402
from benchmarks.damage.forked import Result, run_command  # noqa: E402
from benchmarks.damage.originals import make_originals  # noqa: E402
from benchmarks.environment import environment, markdown, report  # noqa: E402

FINE = ("accepted", "check failed", "refused", "tool")
FAULTS = ("traceback", "files", "memory", "hung", "killed", "message")


def names(count: int, seed: int, kinds: list[str]) -> list[str]:
    """Names of `count` cases, shared out among the kinds."""
    shares = {kind: KINDS[kind][1] for kind in kinds}
    total = sum(shares.values())
    return [
        f"{kind}:{seed}:{number}"
        for kind, share in shares.items()
        for number in range(-(-count * share // total))
    ]


def run_case(name: str, originals: Path, folder: Path) -> tuple[list[str], str, Result]:
    """A case by its name, in `folder`, which must not exist: arguments, damage, result."""
    kind = name.split(":")[0]
    shutil.copytree(originals, folder, symlinks=True)
    case = KINDS[kind][0](Random(name), folder)
    return (
        case.argv,
        case.how,
        run_command(case.argv, folder, case.outputs, case.appended, case.prepare, case.silent),
    )


def _one(task: tuple[str, Path, Path]) -> tuple[str, list[str], str, Result]:
    name, originals, place = task
    folder = place / f"case_{os.getpid()}"
    try:
        return (name, *run_case(name, originals, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def preload() -> None:
    """What commands import, so that every case need not."""
    import matplotlib.figure  # noqa: F401
    import onnx.reference
    import onnx.shape_inference
    import onnx.version_converter  # noqa: F401
    import torch
    from tqdm import tqdm  # noqa: F401

    torch.set_num_threads(1)


def table(results: dict[str, Result]) -> str:
    """Outcomes by kind, in Markdown."""
    counts: dict[str, Counter] = {}
    for name, result in results.items():
        counts.setdefault(name.split(":")[0], Counter())[result.outcome] += 1
    columns = (*FINE, *FAULTS)
    rows = [[kind, c.total(), *(c[o] for o in columns)] for kind, c in counts.items()]
    rows.append(["all", *(sum(row[i] for row in rows) for i in range(1, len(columns) + 2))])
    return markdown(["kind", "inputs", *columns], rows)


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.damaged_inputs", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--count", type=int, default=3000, help="inputs, at least (3000)")
    parser.add_argument("--seed", type=int, default=1, help="of the damage (1)")
    parser.add_argument("--kinds", help=f"some of {', '.join(KINDS)}, with commas")
    parser.add_argument("--short", action="store_true", help=f"without {', '.join(SLOW)}")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--case", help="run this case alone and print its messages")
    parser.add_argument("--keep", type=Path, help="new folder for the files of --case")
    parser.add_argument("--json", type=Path, help="write the results as JSON")
    args = parser.parse_args(argv)
    kinds = [k for k in KINDS if not (args.short and k in SLOW)]
    args.kinds = kinds if args.kinds is None else [k.strip() for k in args.kinds.split(",")]
    if args.case:
        args.kinds = [args.case.split(":")[0]]
    if unknown := [k for k in args.kinds if k not in KINDS]:
        parser.error(f"kind {unknown[0]!r}: must be one of {', '.join(KINDS)}")
    if args.count < 1 or args.jobs < 1:
        parser.error("--count and --jobs: must be at least 1")
    return args


def main(argv: list[str] | None = None) -> int:
    """The exit code: 0 where no case went wrong."""
    args = arguments(argv)
    preload()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="damaged-") as place:
        os.environ["HOME"] = os.environ["XDG_CACHE_HOME"] = place
        originals = Path(place) / "originals"
        originals.mkdir()
        make_originals(originals, not set(SLOW) & set(args.kinds))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)  # which the command has set
        if args.case:
            return _show(args, originals, Path(place))
        results: dict[str, Result] = {}
        tasks = [
            (name, originals, Path(place)) for name in names(args.count, args.seed, args.kinds)
        ]
        with multiprocessing.get_context("fork").Pool(args.jobs) as pool:
            for name, command, how, result in pool.imap_unordered(_one, tasks, 4):
                results[name] = result
                for fault, what in result.faults.items():
                    text = f"{fault}: {name}: ernn {' '.join(command)[:200]} ({how}): {what}"
                    print(
                        text.encode("ascii", "backslashreplace").decode(),
                        file=sys.stderr,
                        flush=True,
                    )
    results = {name: results[name] for name, *_ in tasks}
    largest = max(r.megabytes for r in results.values())
    longest = max(r.seconds for r in results.values())
    faults = sum(bool(r.faults) for r in results.values())
    summary = {
        "environment": environment(),
        "seed": args.seed,
        "inputs": len(results),
        "faults": faults,
        "megabytes": round(largest),
        "longest_seconds": round(longest, 1),
    }
    text = (
        f"{table(results)}\n\n{len(results)} inputs, seed {args.seed}: {faults} went wrong; at most {largest:.0f} MB and "
        f"{longest:.1f} s; {time.perf_counter() - start:.0f} s in all"
    )
    report(summary, text, args.json)
    return int(faults > 0)


def _show(args, originals: Path, place: Path) -> int:
    """One case by its name."""
    folder = args.keep.absolute() if args.keep else place / "case"
    command, how, result = run_case(args.case, originals, folder)
    shown = result.error.encode("ascii", "backslashreplace").decode()
    print(json.dumps({"argv": [a[:200] for a in command], "damage": how, "code": result.code, "outcome": result.outcome,
                      "faults": result.faults, "megabytes": result.megabytes, "seconds": result.seconds}, indent=1))  # fmt: skip
    print(shown[-6000:])
    return int(bool(result.faults))


if __name__ == "__main__":
    sys.exit(main())
