"""The synthetic corpus: deterministic, labels where the sound is, parts that share nothing."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from corpus_files import FEW, make_few, require_speech
from hypothesis import given
from hypothesis import strategies as st
from tools import require_module

from ernn_myhdl.corpus import RECIPES, load_corpus, recipe_with
from ernn_myhdl.corpus.acoustics import Conditions, distort, room_response
from ernn_myhdl.corpus.corpus import PARTS
from ernn_myhdl.corpus.decode import PRIOR_WEIGHT
from ernn_myhdl.corpus.features import (
    FEATURES,
    RATE,
    feature_function,
    frame_centres,
    frame_count,
    slopes,
)
from ernn_myhdl.corpus.phones import ESPEAK_TO_PHONE, PHONES_39, SYNTHETIC_PHONES
from ernn_myhdl.corpus.segments import collapse, frame_labels, silent_runs, with_silence
from ernn_myhdl.corpus.sentences import distinct_sentences, word_lists
from ernn_myhdl.corpus.speaker_job import LEAST_PAUSE_SECONDS, SpeakerJob, phones_of, record
from ernn_myhdl.corpus.storage import load_description
from ernn_myhdl.corpus.synthetic import CorpusRecipe, plan
from ernn_myhdl.corpus.voices import VARIANTS, share_variants
from ernn_myhdl.errors import ToolError

pytestmark = pytest.mark.speech
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """The folder of a small corpus, made by two processes at a time."""
    return make_few(tmp_path_factory.mktemp("corpus") / "few", jobs=2)


def sha256(folder) -> str:
    return load_description(folder)["sha256"]


def test_the_number_of_jobs_does_not_change_the_corpus(few, tmp_path):
    again = make_few(tmp_path / "again", jobs=1)
    assert sha256(again) == sha256(few)
    assert {p.name: p.read_bytes() for p in again.iterdir()} == {
        p.name: p.read_bytes() for p in few.iterdir()
    }


def test_another_seed_makes_another_corpus(few, tmp_path):
    assert sha256(make_few(tmp_path / "other", seed=2)) != sha256(few)


def test_espeak_keeps_state_and_a_fresh_process_does_not():
    """Regression: samples depended on what was said before, so each speaker has a process of its own."""
    require_speech()
    code = """
import hashlib
from ernn_myhdl.corpus.espeak import Espeak, Voice
espeak = Espeak()
print([hashlib.sha256(espeak.say("nine thin fishes", Voice("m3")).samples).hexdigest() for _ in range(2)])
"""
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
        ).stdout
        for _ in range(2)
    ]  # fmt: skip
    assert runs[0] == runs[1]
    first, second = ast.literal_eval(runs[0])
    assert first != second


def test_jobs_survive_their_files():
    jobs = plan(FEW, 5, "mfcc39")
    for job in jobs["train"]:
        assert SpeakerJob.from_json(job.to_json()) == job
    assert plan(FEW, 5, "mfcc39") == jobs
    assert plan(FEW, 6, "mfcc39") != jobs


@pytest.mark.parametrize("name", RECIPES)
def test_parts_share_no_sentence_and_no_variant(name):
    recipe = RECIPES[name]
    jobs = plan(recipe, 1, "mfcc39")
    texts = {part: [t for job in own for t in job.texts] for part, own in jobs.items()}
    variants = {part: {job.speaker.voice.variant for job in own} for part, own in jobs.items()}
    every = [t for own in texts.values() for t in own]
    assert len(every) == len(set(every)) == sum(recipe.sentences)
    assert [len(texts[part]) for part in PARTS] == list(recipe.sentences)
    assert [len(jobs[part]) for part in PARTS] == list(recipe.speakers)
    for a in PARTS:
        for b in PARTS:
            assert a == b or not variants[a] & variants[b]


@given(st.lists(st.integers(1, 200), min_size=3, max_size=3), st.integers(0, 2**32 - 1))
def test_every_part_has_variants_and_none_is_shared(weights, seed):
    shares = share_variants(dict(zip(PARTS, weights, strict=True)), np.random.default_rng(seed))
    assert all(shares.values())
    every = [v for own in shares.values() for v in own]
    assert len(every) == len(set(every)) <= len(VARIANTS)


def test_the_word_list_names_its_classes():
    lists = word_lists()
    sentences = distinct_sentences(3000, np.random.default_rng(1))
    assert len(set(sentences)) == 3000
    assert not any("<" in s for s in sentences)
    assert all(len(words) == len(set(words)) for words in lists.values())
    assert sum(len(words) for name, words in lists.items() if name != "patterns") > 350


SAY = """
import hashlib, sys
from ernn_myhdl.corpus.espeak import Espeak, Voice
print(hashlib.sha256(Espeak().say("the old man walked to a river", Voice(sys.argv[1])).samples.tobytes()).hexdigest())
"""


def test_voices_with_breath_speak_the_same_in_every_process():
    """Corpora with the voice "victor" were others every time."""
    require_speech()
    from espeakng_loader import get_data_path

    files = {v: Path(get_data_path()) / "voices" / "!v" / v for v in VARIANTS}
    breathing = [v for v, file in files.items() if "breath" in file.read_text("utf-8", "replace")]
    assert breathing

    def said(task):
        variant, size = task
        command = [sys.executable, "-c", SAY, variant]
        # another size of the environment moves the stack
        environment = os.environ | {"SIZE": "x" * size, "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, check=True, capture_output=True, env=environment).stdout

    with ThreadPoolExecutor(2) as pool:
        for variant in breathing:
            tasks = [(variant, size) for size in range(0, 4000, 500)]
            assert len(set(pool.map(said, tasks))) == 1, variant


def test_every_phoneme_of_many_sentences_has_a_phone():
    """In this process: only the phonemes are looked at, not the samples."""
    require_speech()
    from ernn_myhdl.corpus.espeak import Espeak, Voice

    espeak, found = Espeak(), set()
    for sentence in distinct_sentences(250, np.random.default_rng(3)):
        spoken = espeak.say(sentence, Voice("m3"))
        starts, phones = phones_of(spoken, espeak.rate)
        found.update(phones)
        assert starts[0] == 0 and starts == sorted(set(starts))
        assert len(starts) == len(phones)
    assert found == set(SYNTHETIC_PHONES) == set(ESPEAK_TO_PHONE.values())


def test_labels_stand_where_the_sound_is():
    """Hiss is high and silence quiet; moved by a frame or more the labels fit the sound worse."""
    require_speech()
    from ernn_myhdl.corpus.espeak import Espeak

    espeak, compute = Espeak(), feature_function("logmel40")
    labels, high, loud = [], [], []
    for job in plan(RECIPES["espeak-tiny"], 1, "logmel40")["train"]:
        for text in job.texts[:3]:
            clean = record(espeak, text, job.speaker, np.random.default_rng(1))
            numbers = np.array([SYNTHETIC_PHONES.index(phone) for phone in clean.phones])
            labels.append(frame_labels(clean.starts, numbers, len(clean.samples)))
            power = np.exp(compute(clean.samples).astype(np.float64))
            assert len(power) == len(labels[-1])
            high.append(power[:, 30:].sum(axis=1) / (power.sum(axis=1) + 1e3))
            loud.append(np.log10(power.sum(axis=1) + 1))
    labels = np.concatenate(labels)
    for phones, sound, least in (
        (("s", "z", "sh", "ch"), np.concatenate(high), 0.5),
        (("sil",), -np.concatenate(loud), 0.8),
    ):
        mask = np.isin(labels, [SYNTHETIC_PHONES.index(phone) for phone in phones])
        fits = {n: np.corrcoef(np.roll(mask, n), sound)[0, 1] for n in range(-5, 6)}
        assert max(fits, key=fits.get) == 0 and fits[0] > least, fits
        assert fits[0] > max(fits[3], fits[-3]) + 0.1, fits


def test_pauses_that_espeak_speaks_are_silence():
    samples = np.array([1, 0, 0, 0, 2, 3, 0, 0, 4, 0, 0, 0])
    assert silent_runs(samples, 3) == [(1, 4), (9, 12)]
    starts, phones = with_silence(
        [0, 2, 5, 9], ["a", "b", "c", "d"], silent_runs(samples, 3), "sil"
    )
    assert list(zip(starts, phones, strict=True)) == [
        (0, "a"), (1, "sil"), (4, "b"), (5, "c"), (9, "sil"), (12, "d"),
    ]  # fmt: skip


@given(st.lists(st.integers(0, 1), min_size=1, max_size=60), st.integers(1, 5))
def test_silence_covers_exactly_the_runs(bits, least):
    samples = np.array(bits)
    places = list(range(0, len(samples), 7))
    names = [f"p{i}" for i in range(len(places))]
    runs = silent_runs(samples, least)
    starts, phones = with_silence(places, names, runs, "sil")
    for position in range(len(samples)):
        now = phones[max(i for i, s in enumerate(starts) if s <= position)]
        silent = any(a <= position < b for a, b in runs)
        assert now == ("sil" if silent else names[position // 7])


def test_an_unknown_phoneme_is_no_phone():
    from ernn_myhdl.corpus.espeak import Spoken

    with pytest.raises(ToolError, match="a phoneme '\"R0' that has no phone"):
        phones_of(Spoken(np.ones(100, np.int16), [(5, '"R0')]), 22050)


def test_the_phones_are_those_of_timit_and_five_more():
    assert SYNTHETIC_PHONES[:39] == PHONES_39
    assert len(SYNTHETIC_PHONES) == len(set(SYNTHETIC_PHONES)) == 44


def test_the_reference_is_the_sequence_of_the_frames(few):
    """Only phones shorter than a frame's shift may be in the reference alone."""
    for part in load_corpus(few).parts.values():
        for u in part.utterances:
            missing = len(u.phones) - len(collapse(u.labels))
            assert 0 <= missing <= 0.15 * len(u.phones)
            assert set(u.labels.tolist()) <= set(u.phones.tolist())


@pytest.mark.parametrize("name", FEATURES)
def test_frames_and_sizes_of_the_features(name):
    require_speech()
    compute = feature_function(name)
    for samples in (400, 559, 560, 16000):
        x = compute(np.random.default_rng(samples).uniform(-0.5, 0.5, samples))
        shift = FEATURES[name].shift
        assert x.shape == (frame_count(samples, shift), FEATURES[name].size)
        assert x.dtype == np.float32 and np.isfinite(x).all()
        assert len(frame_centres(samples, shift)) == len(x)
    assert {n: f.size for n, f in FEATURES.items()} == {
        "mfcc39": 39,
        "mfcc39-20ms": 39,
        "logmel40": 40,
        "logmel153": 153,
    }


def test_a_longer_shift_keeps_every_other_frame_and_its_label():
    require_speech()
    samples = np.random.default_rng(3).uniform(-0.5, 0.5, 5000)
    every, other = (feature_function(name)(samples) for name in ("mfcc39", "mfcc39-20ms"))
    assert np.array_equal(other, every[::2])
    starts, phones = np.array([0, 700, 1500, 1700, 4000]), np.arange(5)
    labels = frame_labels(starts, phones, 5000)
    assert np.array_equal(frame_labels(starts, phones, 5000, 320), labels[::2])
    assert FEATURES["mfcc39-20ms"].hours(180_000) == 1.0


def test_silence_has_finite_features():
    require_speech()
    for name in FEATURES:
        assert np.isfinite(feature_function(name)(np.zeros(1000))).all()


def test_a_click_is_in_the_frames_around_it():
    require_speech()
    samples = np.full(16000, 1e-5) * np.random.default_rng(0).standard_normal(16000)
    samples[8000] = 0.9
    loud = feature_function("logmel40")(samples).sum(axis=1)
    assert abs(frame_centres(16000)[loud.argmax()] - 8000) <= 160


def test_slopes_of_a_line_and_its_ends():
    x = np.arange(10, dtype=np.float32)[:, None] * np.float32(3)
    assert np.allclose(slopes(x)[2:-2], 3)
    assert np.allclose(slopes(x)[0], 3 * (1 + 2 * 2) / 10)
    assert slopes(x[:1]).tolist() == [[0.0]]


def test_the_conditions_are_met():
    rng = np.random.default_rng(4)
    room = room_response(0.3, 6.0, rng)
    assert room[0] == 1.0 and np.sum(room[1:] ** 2) == pytest.approx(10**-0.6)
    early, late = np.sum(room[1:2400] ** 2), np.sum(room[2400:] ** 2)
    assert 10 * np.log10(late / early) == pytest.approx(
        -30, abs=3
    )  # half the time, half the decibels
    dry = Conditions((1e-3, 1e-3), (90, 90), (10, 10), (1, 1), (0, 0), (-6, -6))
    speech = np.sin(np.arange(RATE) * 0.3)
    heard = distort(speech, dry, rng)
    assert np.abs(heard).max() == pytest.approx(10**-0.3)
    gain = heard @ speech / (speech @ speech)
    noise = heard - gain * speech
    assert 10 * np.log10(np.sum((gain * speech) ** 2) / np.sum(noise**2)) == pytest.approx(
        10, abs=0.3
    )


def test_other_numbers_of_sentences_have_another_name():
    assert recipe_with("espeak-small") is RECIPES["espeak-small"]
    assert recipe_with("espeak-small", 1200, 240) is RECIPES["espeak-small"]
    assert recipe_with("espeak-small", 100) == CorpusRecipe(
        "espeak-small-custom", (72, 8, 16), (100, 120, 240)
    )


@pytest.mark.torch
def test_the_benchmark_of_a_corpus(few, tmp_path):
    require_module("torch", "pip install 'ernn-myhdl[torch]'")
    command = [sys.executable, "-m", "benchmarks.corpus"]
    small = ["--hidden", "4", "--epochs", "1", "--json", str(tmp_path / "result.json")]
    done = subprocess.run([*command, str(few), *small], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    rows = {(r["part"], r["phones"]): r for r in result["scores"]}
    assert rows["test", "right labels, at least 1"]["frame_accuracy"] == 100
    assert "| test | decoded |" in done.stdout
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2 and "holds no corpus.toml" in done.stderr


def test_the_page_names_sizes_conditions_and_features():
    text = (ROOT / "docs" / "corpus.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    table = {row[0].strip("`"): row[1:] for row in rows}
    for name, recipe in RECIPES.items():
        for place, counts in enumerate((recipe.sentences, recipe.speakers)):
            assert table[name][place] == ", ".join(f"{count:,}" for count in counts)
    for name, features in FEATURES.items():
        assert table[name][0] == str(features.size)
    ranges = [low_high for key, low_high in table.items() if key in CONDITIONS_ON_THE_PAGE]
    stated = [tuple(map(float, re.findall(r"-?\d+(?:\.\d+)?", row[0]))) for row in ranges]
    assert stated == list(asdict(Conditions()).values())
    assert f"one of {len(VARIANTS)} variants" in text
    assert f"one of {len(SYNTHETIC_PHONES)} phones" in text
    assert f"these last {1000 * LEAST_PAUSE_SECONDS:g} ms" in text
    assert f"less {PRIOR_WEIGHT:g} times" in text


CONDITIONS_ON_THE_PAGE = (
    "reverberation time, to -60 dB (decaying noise, Polack's model)",
    "direct sound over reverberation",
    "speech over noise",
    "slope of the noise: its power falls with the frequency to the power of",
    "channel: y[n] = x[n] - a x[n-1] with a",
    "largest sample",
)
