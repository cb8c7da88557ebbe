"""The synthetic corpus: sentences spoken by espeak-ng in many voices, with exact labels of all frames.

Deterministic: the same recipe and seed give the same features on the same machine with the same packages,
whatever the number of jobs. Speakers' variants and sentences of a part are in no other part.
"""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from ernn_myhdl.corpus.acoustics import Conditions
from ernn_myhdl.corpus.corpus import PARTS, Description, Part, Utterance
from ernn_myhdl.corpus.espeak import KNOWN_RELEASE
from ernn_myhdl.corpus.extra import speech_module
from ernn_myhdl.corpus.features import DEFAULT_FEATURES, check_features
from ernn_myhdl.corpus.phones import SYNTHETIC_PHONES
from ernn_myhdl.corpus.sentences import distinct_sentences
from ernn_myhdl.corpus.speaker_job import SpeakerJob
from ernn_myhdl.corpus.storage import TOML_NAME, unpack, write_corpus
from ernn_myhdl.corpus.voices import draw_speakers, share_variants
from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.output_folder import check_folder, new_folder
from ernn_myhdl.processes.child_process import run_python
from ernn_myhdl.processes.parallel_programs import run_tasks

#: Raised by one whenever the same options make other features.
VERSION = 2
#: First number of all seeds: that of version 1, so that version 2 differs from it by one voice only.
DRAWS = 1
MAX_SENTENCES = 20_000
#: What the corpus is made with, besides this package.
PACKAGES = ("espeakng-loader", "kaldi-native-fbank", "soxr", "numpy")

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class CorpusRecipe:
    """speakers, sentences: number in each part, in the order of PARTS. Each sentence is spoken once."""

    name: str
    speakers: tuple[int, int, int]
    sentences: tuple[int, int, int]
    conditions: Conditions = Conditions()


#: The corpora that results can name.
RECIPES = {
    recipe.name: recipe
    for recipe in (
        CorpusRecipe("espeak-tiny", (4, 1, 2), (24, 4, 8)),
        CorpusRecipe("espeak-small", (72, 8, 16), (1200, 120, 240)),
        CorpusRecipe("espeak-full", (108, 12, 24), (3696, 400, 480)),
    )
}
DEFAULT_RECIPE = "espeak-small"


def recipe_with(name: str, train: int | None = None, test: int | None = None) -> CorpusRecipe:
    """The recipe `name`, with other numbers of sentences it is called `name-custom`."""
    if name not in RECIPES:
        raise DesignError(f"name = {name!r}: must be one of {', '.join(RECIPES)}")
    recipe = RECIPES[name]
    wanted = list(recipe.sentences)
    for place, what, count in ((0, "train", train), (2, "test", test)):
        if count is None:
            continue
        least = recipe.speakers[place]
        if not least <= count <= MAX_SENTENCES:
            raise DesignError(
                f"{what} sentences = {count}: must be {least} (one for each speaker) to {MAX_SENTENCES}"
            )
        wanted[place] = count
    sentences = (wanted[0], wanted[1], wanted[2])
    if sentences == recipe.sentences:
        return recipe
    return CorpusRecipe(f"{name}-custom", recipe.speakers, sentences, recipe.conditions)


def plan(recipe: CorpusRecipe, seed: int, features: str) -> dict[str, list[SpeakerJob]]:
    """Part -> the jobs of its speakers."""
    rng = np.random.default_rng([DRAWS, seed])
    texts = distinct_sentences(sum(recipe.sentences), rng)
    variants = share_variants(dict(zip(PARTS, recipe.speakers, strict=True)), rng)
    jobs: dict[str, list[SpeakerJob]] = {}
    for number, part in enumerate(PARTS):
        own, texts = texts[: recipe.sentences[number]], texts[recipe.sentences[number] :]
        speakers = draw_speakers(part, variants[part], recipe.speakers[number], rng)
        jobs[part] = [
            SpeakerJob(
                speaker, own[i :: len(speakers)], [DRAWS, seed, number, i], features,
                recipe.conditions,
            )
            for i, speaker in enumerate(speakers)
        ]  # fmt: skip
    return jobs


def make_corpus(
    folder: str | Path,
    recipe: CorpusRecipe = RECIPES[DEFAULT_RECIPE],
    seed: int = 1,
    features: str = DEFAULT_FEATURES,
    jobs: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Make the synthetic corpus in a new folder.

    jobs: processes at a time, by default one for each core. progress: called with (utterances done, all, speaker).
    """
    _check(seed, features, jobs)
    for name in ("espeakng_loader", "kaldi_native_fbank", "soxr"):
        speech_module(name)
    target = check_folder(folder, force, TOML_NAME)
    planned = plan(recipe, seed, features)
    from importlib.metadata import version  # it brings the reader of e-mail with it

    with new_folder(target) as partial:
        parts = _run(planned, jobs or os.cpu_count() or 1, progress)
        description = Description(
            recipe.name, VERSION, seed, features, SYNTHETIC_PHONES,
            f"synthetic speech of espeak-ng {KNOWN_RELEASE}, with noise and reverberation",
            {name: version(name) for name in PACKAGES},
        )  # fmt: skip
        write_corpus(description, parts, partial)
    return Path(folder)


def _check(seed: int, features: str, jobs: int | None) -> None:
    if not 0 <= seed < 2**32:
        raise DesignError(f"seed = {seed}: must be 0 to {2**32 - 1}")
    check_features(features)
    if jobs is not None and not 1 <= jobs <= 256:
        raise DesignError(f"jobs = {jobs}: must be 1 to 256 processes")


def _run(
    planned: dict[str, list[SpeakerJob]], jobs: int, progress: Progress | None
) -> dict[str, Part]:
    every = {job.speaker.name: job for part in planned.values() for job in part}
    total = sum(len(job.texts) for job in every.values())

    def look(done: list[str]) -> None:
        if progress and done:
            progress(sum(len(every[name].texts) for name in done), total, done[-1])

    with tempfile.TemporaryDirectory(prefix="ernn-corpus-") as work:
        tasks = {name: functools.partial(_spoken, job, Path(work)) for name, job in every.items()}
        made = run_tasks(tasks, jobs, look)
    return {
        part: Part(tuple(u for job in own for u in made[job.speaker.name]))
        for part, own in planned.items()
    }


def _spoken(job: SpeakerJob, work: Path) -> list[Utterance]:
    """The job in a process of its own."""
    file, output = work / f"{job.speaker.name}.json", work / f"{job.speaker.name}.safetensors"
    file.write_text(job.to_json(), encoding="utf-8")
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    run_python(
        "ernn_myhdl.corpus.speaker_job", [file, output], f"speaker {job.speaker.name}", threads
    )
    return unpack(load_file(output), job.heads())
