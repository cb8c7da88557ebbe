"""How long `ernn explore hardware` takes for ten thousand candidates of a full-size layer.

    python -m benchmarks.explore_speed [--preset paper-lstm-k8] [--count 10000] [--jobs 2] [--json FILE]

Evaluates that many legal candidates, cycles and resources of each, whether they fit a device or not, and prints
the seconds and those of the processors. With more word lengths the cycles are computed once for all.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

from benchmarks.environment import environment, markdown, report
from ernn_myhdl import sweep
from ernn_myhdl.explore.candidates import Numbers, evaluate
from ernn_myhdl.explore.hardware import CHUNK, Choices
from ernn_myhdl.explore.words import in_word
from ernn_myhdl.presets import PRESETS, preset_design

WORDS = (12, 10, 8, 14, 16)
STREAMS = (1, 2, 4, 8)


def candidates(preset: str, count: int) -> dict[str, tuple]:
    """Tasks of `count` legal candidates in all."""
    tasks: dict[str, tuple] = {}
    design = preset_design(preset)
    for word in WORDS:
        numbers = Numbers.of(design if word == WORDS[0] else in_word(design, word))
        legal = [
            hardware
            for hardware in Choices(streams=STREAMS).combinations(numbers, design.hardware)
            if not isinstance(hardware, str)
        ][:count]
        count -= len(legal)
        for first in range(0, len(legal), CHUNK):
            tasks[f"{word}, {first}"] = (numbers, legal[first : first + CHUNK])
    return tasks


def processor_seconds() -> float:
    """Of this process and its children that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in used)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="paper-lstm-k8", choices=tuple(PRESETS))
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    arguments = parser.parse_args()
    tasks = candidates(arguments.preset, arguments.count)
    number = sum(len(part) for _, part in tasks.values())
    start, used = time.perf_counter(), processor_seconds()
    sweep.run(evaluate, tasks, arguments.jobs)
    seconds, used = time.perf_counter() - start, processor_seconds() - used
    result = {
        "environment": environment(), "preset": arguments.preset, "candidates": number,
        "jobs": arguments.jobs, "seconds": seconds, "processor_seconds": used,
    }  # fmt: skip
    row = (arguments.preset, f"{number:,}", arguments.jobs, f"{seconds:.1f}", f"{used:.1f}")
    header = ("preset", "candidates", "processes", "seconds", "processor seconds")
    report(result, markdown(header, [row]), arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
