"""The utterances of one speaker, made in a process of their own.

    python -m ernn_myhdl.corpus.speaker_job JOB.json OUT.safetensors

espeak-ng's samples depend on what was said before in its process; in a fresh one they are always the same.
Errors are one line on standard error with the exit code of `ernn`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from ernn_myhdl.corpus.acoustics import Conditions, distort
from ernn_myhdl.corpus.corpus import Utterance
from ernn_myhdl.corpus.espeak import Espeak, Spoken, Voice
from ernn_myhdl.corpus.extra import speech_module
from ernn_myhdl.corpus.features import FEATURES, RATE, feature_function
from ernn_myhdl.corpus.phones import ESPEAK_TO_PHONE, SILENCE, STRESS, SYNTHETIC_PHONES
from ernn_myhdl.corpus.segments import collapse, frame_labels, silent_runs, with_silence
from ernn_myhdl.corpus.storage import pack
from ernn_myhdl.corpus.voices import Speaker
from ernn_myhdl.errors import DesignError, ToolError

#: Pauses that espeak-ng puts before stops and between words are zeros; those shorter than this (one or two
#: frames' shift) are no closures and belong to the phone before them.
LEAST_PAUSE_SECONDS = 0.015
#: Silence before and behind the speech is drawn from this range, seconds.
MARGIN = (0.1, 0.3)
#: An utterance's rate against that of its speaker.
RATE_SPREAD = (0.9, 1.1)


@dataclass(frozen=True)
class SpeakerJob:
    """texts: what the speaker says. entropy: numbers that seed utterance i, with i behind them."""

    speaker: Speaker
    texts: list[str]
    entropy: list[int]
    features: str
    conditions: Conditions

    def to_json(self) -> str:
        """The job as a text that `from_json` reads."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> SpeakerJob:
        """The job of `to_json`."""
        table = json.loads(text)
        speaker = table["speaker"]
        speaker = Speaker(speaker["name"], Voice(**speaker["voice"]), speaker["stretch"])
        conditions = Conditions(**{name: tuple(r) for name, r in table["conditions"].items()})
        return SpeakerJob(**table | {"speaker": speaker, "conditions": conditions})

    def heads(self) -> list[dict[str, str]]:
        """Name, speaker and text of each utterance."""
        name = self.speaker.name
        return [
            {"name": f"{name}-{i:03d}", "speaker": name, "text": text}
            for i, text in enumerate(self.texts)
        ]


@dataclass(frozen=True)
class SpokenText:
    """Speech at 16 kHz, ``(n,)`` in -1..1, and its phones from their first samples on."""

    samples: np.ndarray
    starts: np.ndarray
    phones: list[str]


def utterances(job: SpeakerJob) -> Iterator[Utterance]:
    """Speak, distort and analyse, one after the other."""
    espeak = Espeak()
    compute, shift = feature_function(job.features), FEATURES[job.features].shift
    for i, head in enumerate(job.heads()):
        rng = np.random.default_rng([*job.entropy, i])
        clean = record(espeak, head["text"], job.speaker, rng)
        heard = distort(clean.samples, job.conditions, rng)
        yield analysed(head, heard, clean, compute, shift)


def record(espeak: Espeak, text: str, speaker: Speaker, rng: np.random.Generator) -> SpokenText:
    """A sentence in the speaker's voice, clean."""
    rate = round(speaker.voice.rate * rng.uniform(*RATE_SPREAD))
    spoken = espeak.say(text, Voice(**asdict(speaker.voice) | {"rate": rate}))
    starts, phones = phones_of(spoken, espeak.rate)
    played = espeak.rate * speaker.stretch
    samples = speech_module("soxr").resample(spoken.samples / 32768.0, played, RATE)
    before, behind = (round(rng.uniform(*MARGIN) * RATE) for _ in range(2))
    places = np.round(np.array(starts) * (RATE / played)).astype(np.int64) + before
    end = before + len(samples)
    return SpokenText(
        np.pad(samples, (before, behind)),
        np.concatenate([[0], places, [end]]),
        [SILENCE, *phones, SILENCE],
    )


def phones_of(spoken: Spoken, rate: int) -> tuple[list[int], list[str]]:
    """First samples and phones; the pauses that espeak-ng speaks are silence, as closures are in TIMIT."""
    starts, phones = [0], [SILENCE]
    for place, mnemonic in spoken.phonemes:
        plain = mnemonic.lstrip(STRESS)
        if not plain:
            continue
        if plain not in ESPEAK_TO_PHONE:
            raise ToolError(
                f"espeak-ng: speaks a phoneme {mnemonic!r} that has no phone here; another release of its "
                "data is installed, use that of `pip install 'ernn-myhdl[speech]'`"
            )
        if place == starts[-1]:
            starts.pop(), phones.pop()
        starts.append(place)
        phones.append(ESPEAK_TO_PHONE[plain])
    runs = silent_runs(spoken.samples, round(LEAST_PAUSE_SECONDS * rate))
    return with_silence(starts, phones, runs, SILENCE)


def analysed(
    head: dict[str, str], heard: np.ndarray, clean: SpokenText, compute: Callable, shift: int
) -> Utterance:
    """The utterance of what was heard, with the phones of the clean recording.

    compute, shift: of the features (`feature_function`, `Features.shift`).
    """
    numbers = np.array([SYNTHETIC_PHONES.index(phone) for phone in clean.phones])
    labels = frame_labels(clean.starts, numbers, len(heard), shift)
    return Utterance(**head, features=compute(heard), labels=labels, phones=collapse(numbers))


def main(job_file: str, output: str) -> int:
    """Make the utterances of a job's file; the exit code."""
    try:
        job = SpeakerJob.from_json(Path(job_file).read_text(encoding="utf-8"))
        save_file(pack(list(utterances(job))), output)
    except (DesignError, ToolError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 2 if isinstance(error, DesignError) else 3
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
