"""Which way to a block-circulant recogniser: dense, ADMM, projection and direct training on several data sets and seeds.

    python -m benchmarks.when_admm FOLDER [--corpus CORPUS] [--speech SPEECH] [--seeds 3] [--only NAME,...] [--json FILE] [--print]

Every row is a comparison of `ernn train --methods dense,admm,projection,direct`: all ways train for the same number of epochs, and the
scores are those of the fixed-point design on the test part. Data sets:

    vowels    speakers of the Japanese Vowels, which come with the package
    phones    frames of a corpus of `ernn corpus make` (--corpus)
    tones     label sequences without times (CTC), made here
    voices    women and men of recordings of others, told apart from short sentences (--speech: a folder with train.tsv, test.tsv and
              PART/SPEAKER/UTTERANCE.flac, columns utterance, speaker, gender and seconds)

The rows "vowels, ..." and the like change one thing of the first one of these data; "short ADMM" gives a fifth of the epochs behind the dense
model to ADMM in place of half of them. FOLDER keeps every training and goes on where it was interrupted; --print prints
what is done. Exits with 3 without PyTorch or the packages of the extra speech.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.environment import environment, markdown, report
from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.recogniser.recipe import RESULT_NAME, Recipe
from ernn_myhdl.recogniser.task import VOWELS, Task, load_task
from ernn_myhdl.train import require_torch

METHODS = ("dense", "admm", "projection", "direct")
#: Utterances of --speech in a part, the shortest ones, with at most so many of a speaker.
UTTERANCES, OF_A_SPEAKER = {"train": 240, "validation": 80, "test": 120}, 4
VOWELS_RECIPE = Recipe(hidden=32, block=8)
SPEECH_RECIPE = Recipe(hidden=48, block=8, epochs=5, admm_epochs=5, retrain_epochs=5)
#: Row -> data set and recipe.
ROWS: dict[str, tuple[str, Recipe]] = {
    "vowels": ("vowels", VOWELS_RECIPE),
    "phones": ("phones", SPEECH_RECIPE),
    "tones": ("tones", Recipe(hidden=32, block=8, rate=0.02)),
    "voices": ("voices", replace(SPEECH_RECIPE, cell="gru")),
    "phones, three times the epochs": (
        "phones", replace(SPEECH_RECIPE, epochs=15, admm_epochs=15, retrain_epochs=15)
    ),
    "phones, short ADMM": ("phones", replace(SPEECH_RECIPE, admm_epochs=2, retrain_epochs=8)),
    "vowels, short ADMM": ("vowels", replace(VOWELS_RECIPE, admm_epochs=3, retrain_epochs=13)),
    "tones, short ADMM": (
        "tones", Recipe(hidden=32, block=8, rate=0.02, admm_epochs=3, retrain_epochs=13)
    ),
    "voices, short ADMM": (
        "voices", replace(SPEECH_RECIPE, cell="gru", admm_epochs=2, retrain_epochs=8)
    ),
    "vowels, k = 16": ("vowels", replace(VOWELS_RECIPE, block=16)),
    "vowels, x dense": ("vowels", replace(VOWELS_RECIPE, input_block=1)),
    "vowels, half of the epochs": (
        "vowels", replace(VOWELS_RECIPE, epochs=4, admm_epochs=4, retrain_epochs=4)
    ),
    "vowels, three times the epochs": (
        "vowels", replace(VOWELS_RECIPE, epochs=24, admm_epochs=24, retrain_epochs=24)
    ),
    "vowels, without dropout": ("vowels", replace(VOWELS_RECIPE, dropout=0.0)),
    "vowels, a third of the data": ("vowels, a third", VOWELS_RECIPE),
}  # fmt: skip


def tones(file: Path) -> None:
    """Sequences of three to six of five tones, each some frames long, of 12 elements with noise; 12 groups."""
    rng = np.random.default_rng(0)
    shapes = rng.normal(size=(5, 12))
    x, texts, groups = {}, [], []
    for i in range(360):
        labels = rng.integers(0, 5, rng.integers(3, 7))
        frames = np.repeat(labels, rng.integers(2, 6, len(labels)))
        x[f"x{i}"] = shapes[frames] + rng.normal(0, 1.0, (len(frames), 12))
        texts.append(" ".join("abcde"[label] for label in labels))
        groups.append(f"g{i % 12}")
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, label_sequences=np.array(texts), groups=np.array(groups), **x)


def voices(speech: Path, file: Path) -> None:
    """A table of recordings of others; the speakers of test.tsv are divided into validation and test."""
    lines = ["file\tgroup\tlabel\tpart"]
    for source, parts in (("train", ("train",)), ("test", ("validation", "test"))):
        with (speech / f"{source}.tsv").open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t"))
        rows.sort(key=lambda row: float(row["seconds"]))
        speakers = sorted({row["speaker"] for row in rows})
        part_of = {name: parts[i % len(parts)] for i, name in enumerate(speakers)}
        taken: dict[str, int] = {}
        left = {part: UTTERANCES[part] for part in parts}
        for row in rows:
            speaker, part = row["speaker"], part_of[row["speaker"]]
            if taken.get(speaker, 0) < OF_A_SPEAKER and left[part]:
                taken[speaker], left[part] = taken.get(speaker, 0) + 1, left[part] - 1
                sound = speech / source / speaker / f"{row['utterance']}.flac"
                lines.append(f"{sound.resolve()}\t{speaker}\t{row['gender']}\t{part}")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def task_named(name: str, folder: Path, corpus: Path | None, speech: Path | None) -> Task | None:
    """A data set; None where its source is not given."""
    if name == "vowels":
        return load_task(VOWELS)
    if name == "vowels, a third":
        task = load_task(VOWELS)
        train = task.parts["train"]
        third = replace(train, sequences=train.sequences[::3], labels=train.labels[::3])
        return replace(
            task, parts=task.parts | {"train": third}, identity=task.identity | {"of": "a third"}
        )
    if name == "tones":
        tones(folder / "tones.npz")
        return load_task(folder / "tones.npz")
    if name == "phones":
        return None if corpus is None else load_task(corpus)
    if speech is None:
        return None
    voices(speech, folder / "voices.tsv")
    return load_task(folder / "voices.tsv", "mfcc39-20ms")


def place_of(folder: Path, row: str, seed: int) -> Path:
    """Of a comparison."""
    return folder / row.replace(", ", "-").replace(" ", "_").replace("=", "") / f"seed{seed}"


def run(arguments: argparse.Namespace, rows: list[str]) -> None:
    """Train what is missing, all rows of a seed first."""
    from ernn_myhdl.recogniser.methods import train_methods

    tasks: dict[str, Task | None] = {}
    for seed in range(arguments.seeds):
        for row in rows:
            name, recipe = ROWS[row]
            place = place_of(arguments.folder, row, seed)
            if (place / RESULT_NAME).is_file():
                continue
            if name not in tasks:
                tasks[name] = task_named(name, arguments.folder, arguments.corpus, arguments.speech)
            task = tasks[name]
            if task is not None:
                print(f"{row}, seed {seed}", file=sys.stderr, flush=True)
                train_methods(task, replace(recipe, seed=seed), METHODS, place)


def found_in(folder: Path, rows: list[str], seeds: int) -> dict[str, list[dict]]:
    """Row -> the results of its seeds that are complete."""
    found: dict[str, list[dict]] = {}
    for row in rows:
        files = [place_of(folder, row, seed) / RESULT_NAME for seed in range(seeds)]
        made = [json.loads(file.read_text()) for file in files if file.is_file()]
        if made:
            found[row] = made
    return found


def error(result: dict, method: str, part: str = "test") -> float:
    """The error of a method's design, 0 to 1."""
    return next(iter(result["methods"][method]["scores"]["fixed_point"][part].values()))


def text_of(found: dict[str, list[dict]]) -> str:
    """The table: test errors in percent, mean and deviation, residual of ADMM, and what validation chose."""
    header = ("data", "seeds", "epochs", *METHODS, "residual of ADMM", "chosen of the three")
    rows = []
    for row, results in found.items():
        recipe = ROWS[row][1]
        cells = []
        for method in METHODS:
            errors = 100 * np.array([error(r, method) for r in results])
            spread = f" ± {errors.std(ddof=1):.1f}" if len(errors) > 1 else ""
            cells.append(f"{errors.mean():.1f}{spread}")
        residuals = [r["methods"]["admm"]["admm"]["residual"] for r in results]
        chosen = [min(METHODS[1:], key=lambda m, r=r: error(r, m, "validation")) for r in results]
        counts = ", ".join(f"{chosen.count(m)} {m}" for m in METHODS[1:] if m in chosen)
        epochs = recipe.epochs + recipe.admm_epochs + recipe.retrain_epochs
        rows.append((row, len(results), epochs, *cells, f"{max(residuals):.3f}", counts))
    return markdown(header, rows) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="of the trainings")
    parser.add_argument("--corpus", type=Path, help="of ernn corpus make; without: no phones")
    parser.add_argument("--speech", type=Path, help="recordings of others; without: no voices")
    parser.add_argument("--seeds", type=int, default=3, help="of each row")
    parser.add_argument("--only", metavar="NAME", action="append", help="a row; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    parser.add_argument("--print", action="store_true", help="print what is done, train nothing")
    arguments = parser.parse_args()
    if arguments.seeds < 1:
        parser.error("--seeds: must be at least 1")
    rows = arguments.only or list(ROWS)
    if unknown := [row for row in rows if row not in ROWS]:
        parser.error(f"--only {unknown[0]}: the rows are {'; '.join(ROWS)}")
    try:
        require_torch()
        import torch

        torch.set_num_threads(1)
        if not arguments.print:
            run(arguments, rows)
    except (DesignError, ToolError) as problem:
        print(f"when_admm: {problem}", file=sys.stderr)
        return 3 if isinstance(problem, ToolError) else 2
    found = found_in(arguments.folder, rows, arguments.seeds)
    result = {"environment": environment() | {"torch": torch.__version__}, "rows": found}
    report(result, text_of(found), arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
