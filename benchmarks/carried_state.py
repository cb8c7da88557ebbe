"""What a state that is carried over utterances does to a recogniser trained from zero states, and to one trained with it carried on.

    python -m benchmarks.carried_state FOLDER [--seeds 3] [--carry 8] [--json FILE]

A GRU of 32 cells names the speaker of each of the 370 test utterances of the Japanese Vowels by the mean of its scores over the utterance; k = 8,
direct training, 24 epochs, 12 bits. The design runs the utterances twice by the integer model: each from a state of zero, and all of them as
one stream without a reset, in an order that is drawn. Trained from zero states, and with the state carried over so many utterances (`ernn train --carry`).
FOLDER keeps the trainings. Exits with 3 without PyTorch.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.recogniser.recipe import Recipe
from ernn_myhdl.recogniser.task import VOWELS, load_task
from ernn_myhdl.runs.evaluate import evaluate
from ernn_myhdl.train import require_torch

RECIPE = Recipe(cell="gru", hidden=32, block=8, method="direct")
#: Utterances of the stream after which the accuracy is told.
AFTER = (30, 100, 370)


def shuffled(data):
    """The utterances in an order that is drawn: those of the file are sorted by speaker."""
    order = np.random.default_rng(0).permutation(len(data.sequences))
    return replace(data, sequences=[data.sequences[i] for i in order], labels=data.labels[order])


def measure(folder: Path, seeds: int, carry: int) -> dict[str, list[dict]]:
    """Training -> for each seed the accuracies of the design, 0 to 1: "reset", and of the stream after AFTER utterances."""
    from ernn_myhdl.recogniser.training import train_recogniser

    task = load_task(VOWELS)
    test = shuffled(task.parts["test"])
    found: dict[str, list[dict]] = {}
    for seed in range(seeds):
        for name, value in (("zero states", 0), (f"carried over {carry}", carry)):
            recipe = replace(RECIPE, seed=seed, carry=value)
            trained = train_recogniser(task, recipe, folder / f"carry{value}-seed{seed}")
            row = {"reset": evaluate(trained.design(), test).accuracy}
            named = evaluate(trained.design(), test, one_stream=True).predictions
            right = named.fixed == test.labels
            row |= {str(n): float(right[:n].mean()) for n in AFTER}
            found.setdefault(name, []).append(row)
    return found


def text_of(found: dict[str, list[dict]]) -> str:
    header = (
        "trained from",
        "reset before each (%)",
        *(f"the first {n} without (%)" for n in AFTER),
    )
    rows = []
    for name, runs in found.items():
        cells = []
        for key in runs[0]:
            values = 100 * np.array([run[key] for run in runs])
            spread = f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else ""
            cells.append(f"{values.mean():.1f}{spread}")
        rows.append((name, *cells))
    return markdown(header, rows) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="of the trainings")
    parser.add_argument("--seeds", type=int, default=3, help="of each training")
    parser.add_argument("--carry", type=int, default=8, help="utterances, at least 1")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    arguments = parser.parse_args()
    if arguments.seeds < 1 or arguments.carry < 1:
        parser.error("--seeds, --carry: must be at least 1")
    try:
        require_torch()
        import torch

        torch.set_num_threads(1)
        found = measure(arguments.folder, arguments.seeds, arguments.carry)
    except (DesignError, ToolError) as error:
        print(f"carried_state: {error}", file=sys.stderr)
        return 3 if isinstance(error, ToolError) else 2
    result = {"environment": environment() | {"torch": torch.__version__}, "ways": found}
    report(result, text_of(found), arguments.json)
    return 0


if __name__ == "__main__":
    leave(main)
