"""How long `ernn explore hardware` takes for ten thousand candidates of a full-size layer.

    python -m benchmarks.explore_speed [--preset paper-lstm-k8] [--count 10000] [--jobs 2] [--json FILE]

Lists and evaluates that many legal candidates, cycles and resources of each, whether they fit a device or not, and
prints the seconds and those of the processors. The formats of the word lengths are chosen before that.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from ernn_myhdl import sweep
from ernn_myhdl.calibration.presets import PRESETS, preset_design
from ernn_myhdl.design.design import Design
from ernn_myhdl.explore.candidates import Numbers, evaluate
from ernn_myhdl.explore.hardware import Choices, in_tasks
from ernn_myhdl.explore.words import in_word

WORDS = (12, 10, 8, 14, 16)
STREAMS = (1, 2, 4, 8)


def candidates(designs: list[Design], count: int) -> dict[str, tuple]:
    """Tasks of `count` legal candidates in all."""
    numbers = [Numbers.of(word, design) for word, design in zip(WORDS, designs, strict=True)]
    legal = [
        (place, hardware)
        for place, own in enumerate(numbers)
        for hardware in Choices(streams=STREAMS).combinations(own, designs[0].hardware)
        if not isinstance(hardware, str)
    ]
    return in_tasks(numbers, legal[:count])


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
    design = preset_design(arguments.preset)
    designs = [design if word == WORDS[0] else in_word(design, word) for word in WORDS]
    start, used = time.perf_counter(), processor_seconds()
    tasks = candidates(designs, arguments.count)
    number = sum(len(part) for _, part in tasks.values())
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
    leave(main)
