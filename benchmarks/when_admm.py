"""Which way to a block-circulant recogniser: dense, ADMM, projection and direct training on several data sets and seeds.

    python -m benchmarks.when_admm FOLDER [--corpus CORPUS] [--speech SPEECH] [--seeds 3] [--only ROW] [--way WAY] [--json FILE] [--print]

Every row trains a recipe of `ernn train` in several ways, all for the same number of epochs; the scores are those of the fixed-point design on
the test part. Ways:

    dense        no blocks
    half         ADMM for half of the epochs behind the dense model, the other half inside the structure
    short        ADMM for a fifth of them, the rest inside the structure
    projection, direct
                 the methods of `ernn train`

Data sets:

    vowels    speakers of the Japanese Vowels, which come with the package
    phones    frames of a corpus of `ernn corpus make` (--corpus)
    tones     label sequences without times (CTC), made here
    voices    women and men of recordings of others, told apart from short sentences (--speech: a folder with train.tsv, test.tsv and
              PART/SPEAKER/UTTERANCE.flac, columns utterance, speaker, gender and seconds)

The rows "vowels, ..." and the like change one thing of the first one of these data. FOLDER keeps every training, a run goes on where the one before
was stopped, inside a training too; --only and --way, which may be repeated, train some of the rows and ways; --print prints what is done. Exits with
3 without PyTorch or the packages of the extra speech.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.recogniser.recipe import RESULT_NAME, Recipe
from ernn_myhdl.recogniser.task import VOWELS, Task, load_task
from ernn_myhdl.train import require_torch

#: Way -> method, and of ADMM the share of the epochs behind the dense model.
WAYS: dict[str, tuple[str, float | None]] = {
    "dense": ("dense", None),
    "half": ("admm", 1 / 2),
    "short": ("admm", 1 / 5),
    "projection": ("projection", None),
    "direct": ("direct", None),
}
#: Of which the validation part chooses, as `ernn train --methods admm,projection,direct` does.
CHOSEN_OF = ("half", "projection", "direct")
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


def recipe_of(row: str, way: str, seed: int) -> Recipe:
    """What is trained."""
    recipe = ROWS[row][1]
    method, share = WAYS[way]
    behind = recipe.admm_epochs + recipe.retrain_epochs
    admm = max(round((share or 1 / 2) * behind), 1)  # the other methods have the sum of both
    return replace(recipe, method=method, admm_epochs=admm, retrain_epochs=behind - admm, seed=seed)


def place_of(folder: Path, row: str, seed: int) -> Path:
    """Of the trainings of a row."""
    return folder / row.replace(", ", "-").replace(" ", "_").replace("=", "") / f"seed{seed}"


def run(arguments: argparse.Namespace, rows: list[str], ways: list[str]) -> None:
    """Train what is missing, all rows of a seed first."""
    from ernn_myhdl.recogniser.training import train_recogniser

    tasks: dict[str, Task | None] = {}
    for seed in range(arguments.seeds):
        for row in rows:
            place = place_of(arguments.folder, row, seed)
            missing = [way for way in ways if not (place / way / RESULT_NAME).is_file()]
            if not missing:
                continue
            name = ROWS[row][0]
            if name not in tasks:
                tasks[name] = task_named(name, arguments.folder, arguments.corpus, arguments.speech)
            task = tasks[name]
            for way in missing if task is not None else ():
                print(f"{row}, seed {seed}, {way}", file=sys.stderr, flush=True)
                train_recogniser(task, recipe_of(row, way, seed), place / way, place / "start")


#: Row -> way -> seed -> result.
Found = dict[str, dict[str, dict[int, dict]]]


def found_in(folder: Path, rows: list[str], ways: list[str], seeds: int) -> Found:
    """The results that are complete."""
    found: Found = {}
    for row in rows:
        for way in ways:
            for seed in range(seeds):
                file = place_of(folder, row, seed) / way / RESULT_NAME
                if file.is_file():
                    made = json.loads(file.read_text())
                    found.setdefault(row, {}).setdefault(way, {})[seed] = made
    return found


def error(result: dict, part: str = "test") -> float:
    """The error of a design, 0 to 1."""
    return next(iter(result["scores"]["fixed_point"][part].values()))


def text_of(found: Found, ways: list[str]) -> str:
    """The table: test errors in percent, mean and deviation; the largest residual of each ADMM; and what validation chose."""
    admm = [way for way in ways if WAYS[way][0] == "admm"]
    chosen_of = CHOSEN_OF if set(CHOSEN_OF) <= set(ways) else ()  # of one or two none is chosen
    residuals = [f"residual of {way}" for way in admm]
    header = ["data", "seeds", "epochs", *ways, *residuals]
    header += [f"chosen of {', '.join(chosen_of)}"] * bool(chosen_of)
    rows = []
    for row, made in found.items():
        seeds = {seed for results in made.values() for seed in results}
        cells = [_errors(made.get(way, {}), len(seeds)) for way in ways]
        for way in admm:
            ends = [result["admm"]["residual"] for result in made.get(way, {}).values()]
            cells.append(f"{max(ends):.3f}" if ends else "-")
        if chosen_of:
            cells.append(_chosen(made, chosen_of, sorted(seeds)))
        recipe = ROWS[row][1]
        epochs = recipe.epochs + recipe.admm_epochs + recipe.retrain_epochs
        rows.append((row, len(seeds), epochs, *cells))
    return markdown(header, rows) + "\n"


def _chosen(made: dict[str, dict[int, dict]], ways: tuple[str, ...], seeds: list[int]) -> str:
    """How often the validation part chose which way, of the seeds that have all of them."""
    whole = [seed for seed in seeds if all(seed in made.get(way, {}) for way in ways)]
    chosen = [min(ways, key=lambda w, s=s: error(made[w][s], "validation")) for s in whole]
    return ", ".join(f"{chosen.count(w)} {w}" for w in ways if w in chosen) or "-"


def _errors(results: dict[int, dict], seeds: int) -> str:
    """Mean and deviation, and of how many seeds where these are not all of the row."""
    if not results:
        return "-"
    errors = 100 * np.array([error(result) for result in results.values()])
    spread = f" ± {errors.std(ddof=1):.1f}" if len(errors) > 1 else ""
    of = f" ({len(errors)})" if len(errors) < seeds else ""
    return f"{errors.mean():.1f}{spread}{of}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="of the trainings")
    parser.add_argument("--corpus", type=Path, help="of ernn corpus make; without: no phones")
    parser.add_argument("--speech", type=Path, help="recordings of others; without: no voices")
    parser.add_argument("--seeds", type=int, default=3, help="of each row")
    parser.add_argument("--only", metavar="ROW", action="append", help="a row; may be repeated")
    parser.add_argument("--way", action="append", help="a way; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    parser.add_argument("--print", action="store_true", help="print what is done, train nothing")
    arguments = parser.parse_args()
    if arguments.seeds < 1:
        parser.error("--seeds: must be at least 1")
    rows = arguments.only or list(ROWS)
    if unknown := [row for row in rows if row not in ROWS]:
        parser.error(f"--only {unknown[0]}: the rows are {'; '.join(ROWS)}")
    ways = [way for way in WAYS if way in (arguments.way or WAYS)]
    if unknown := [way for way in arguments.way or () if way not in WAYS]:
        parser.error(f"--way {unknown[0]}: the ways are {', '.join(WAYS)}")
    try:
        require_torch()
        import torch

        torch.set_num_threads(1)
        if not arguments.print:
            run(arguments, rows, ways)
    except (DesignError, ToolError) as problem:
        print(f"when_admm: {problem}", file=sys.stderr)
        return 3 if isinstance(problem, ToolError) else 2
    found = found_in(arguments.folder, rows, ways, arguments.seeds)
    result = {"environment": environment() | {"torch": torch.__version__}, "rows": found}
    report(result, text_of(found, ways), arguments.json)
    return 0


if __name__ == "__main__":
    leave(main)
