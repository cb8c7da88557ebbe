"""A user's own copy of TIMIT (LDC93S1) as a corpus: `.wav` and `.phn` files in the usual folders.

    TRAIN/DR1/FCJF0/SI1027.WAV, .PHN and .TXT

in capitals or small letters, the audio with a NIST SPHERE or a RIFF header. The sentences SA1 and SA2, which
all speakers say, are left out, as is usual. Test is the core test set, validation the 50 speakers of the test
folder that A. K. Halberstadt's thesis (MIT, 1998) and Kaldi's recipe tune on. Phones: see `phones`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ernn_myhdl.corpus.corpus import PARTS, Description, Part, Utterance
from ernn_myhdl.corpus.extra import speech_module
from ernn_myhdl.corpus.features import (
    DEFAULT_FEATURES,
    FEATURES,
    RATE,
    WINDOW,
    check_features,
    feature_function,
)
from ernn_myhdl.corpus.phones import GLOTTAL_STOP, PHONES_39, TIMIT_TO_39
from ernn_myhdl.corpus.segments import collapse, frame_labels
from ernn_myhdl.corpus.storage import TOML_NAME, write_corpus
from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.output_folder import check_folder, new_folder

#: Raised by one whenever the same files make other features or labels.
VERSION = 1
CORE_TEST_SPEAKERS = frozenset({
    "mdab0", "mwbt0", "felc0", "mtas1", "mwew0", "fpas0", "mjmp0", "mlnt0", "fpkt0", "mlll0",
    "mtls0", "fjlm0", "mbpm0", "mklt0", "fnlp0", "mcmj0", "mjdh0", "fmgd0", "mgrt0", "mnjm0",
    "fdhc0", "mjln0", "mpam0", "fmld0",
})  # fmt: skip
VALIDATION_SPEAKERS = frozenset({
    "faks0", "fdac1", "fjem0", "mgwt0", "mjar0", "mmdb1", "mmdm2", "mpdf0", "fcmh0", "fkms0",
    "mbdg0", "mbwm0", "mcsh0", "fadg0", "fdms0", "fedw0", "mgjf0", "mglb0", "mrtk0", "mtaa0",
    "mtdt0", "mthc0", "mwjg0", "fnmr0", "frew0", "fsem0", "mbns0", "mmjr0", "mdls0", "mdlf0",
    "mdvc0", "mers0", "fmah0", "fdrw0", "mrcs0", "mrjm4", "fcal1", "mmwh0", "fjsj0", "majc0",
    "mjsw0", "mreb0", "fgjd0", "fjmg0", "mroa0", "mteb0", "mjfc0", "mrjr0", "fmml0", "mrws1",
})  # fmt: skip
#: Utterances of the parts of a complete copy: eight of each of 462, 50 and 24 speakers.
COMPLETE = {"train": 3696, "validation": 400, "test": 192}
MAX_SECONDS = 60
MAX_LABEL_BYTES = 100_000
#: A .phn may end so many samples before the audio, or a frame's behind it.
_LEAST_COVER, _MOST_BEYOND = RATE, WINDOW
_AUDIO = (".wav", ".sph", ".flac", ".wav.wav")

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Recording:
    """The files of one utterance. text: None where there is no .txt."""

    name: str
    speaker: str
    audio: Path
    labels: Path
    text: Path | None


def import_timit(
    timit: str | Path,
    folder: str | Path,
    features: str = DEFAULT_FEATURES,
    incomplete: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Make a corpus folder of a TIMIT folder.

    incomplete: take what there is of the parts, and call it `timit-incomplete`. progress: called with
    (utterances done, all, speaker).
    """
    check_features(features)
    target = check_folder(folder, force, TOML_NAME)
    compute, shift = feature_function(features), FEATURES[features].shift
    found = find_recordings(Path(timit))
    complete = {name: len(r) for name, r in found.items()} == COMPLETE
    if not (complete or incomplete):
        raise DesignError(_what_is_missing(Path(timit), found))
    from importlib.metadata import version

    total, done = sum(map(len, found.values())), 0
    parts = {}
    with new_folder(target) as partial:
        for name in PARTS:
            made = []
            for recording in found[name]:
                made.append(read_utterance(recording, compute, shift))
                done += 1
                if progress:
                    progress(done, total, recording.speaker)
            parts[name] = Part(tuple(made))
        description = Description(
            "timit" if complete else "timit-incomplete", VERSION, -1, features, PHONES_39,
            "TIMIT (LDC93S1) from the user's folder, without SA sentences; core test set",
            {name: version(name) for name in ("kaldi-native-fbank", "soundfile", "numpy")},
        )  # fmt: skip
        write_corpus(description, parts, partial)
    return Path(folder)


def _what_is_missing(timit: Path, found: dict[str, list[Recording]]) -> str:
    counts = ", ".join(f"{name} {len(found[name])} of {COMPLETE[name]}" for name in PARTS)
    present = {r.speaker for r in found["test"]}
    absent = sorted(CORE_TEST_SPEAKERS - present)
    core = (
        f"; of the core test set {', '.join(absent[:4])} and others are missing" if absent else ""
    )
    return (
        f"TIMIT {timit}: is not complete, utterances without SA: {counts}{core}; copy the whole corpus, or "
        "take what there is with --incomplete, which is no result on TIMIT then"
    )


def find_recordings(timit: Path) -> dict[str, list[Recording]]:
    """Part -> recordings, sorted by name, without SA sentences."""
    if not timit.is_dir():
        what = "is a file" if timit.exists() else "does not exist"
        raise DesignError(f"TIMIT {timit}: {what}; give the folder that holds TRAIN and TEST")
    halves = _halves(timit)
    found: dict[str, list[Recording]] = {name: [] for name in PARTS}
    for half, folder in halves.items():
        for recording in _recordings(folder):
            if part := _part_of(half, recording.speaker):
                found[part].append(recording)
    for name in PARTS:
        if not found[name]:
            raise DesignError(
                f"TIMIT {timit}: has no utterances of the {name} part; recordings are expected in "
                "TRAIN/DR1/FCJF0/SI1027.WAV and .PHN, and so on"
            )
    return found


def _halves(timit: Path) -> dict[str, Path]:
    """The folders `train` and `test`, in the folder given or below `timit` or `data` in it."""
    for folder in _candidates(timit):
        below = _folders(folder)
        if {"train", "test"} <= set(below):
            return {name: below[name] for name in ("train", "test")}
    raise DesignError(f"TIMIT {timit}: holds no folders TRAIN and TEST; give the one that does")


def _candidates(timit: Path, depth: int = 2) -> Iterator[Path]:
    yield timit
    if depth:
        below = _folders(timit)
        for name in ("timit", "data"):
            if name in below:
                yield from _candidates(below[name], depth - 1)


def _folders(folder: Path) -> dict[str, Path]:
    """Name in small letters -> folder below."""
    return {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_dir()}


def _part_of(half: str, speaker: str) -> str | None:
    if half == "train":
        return "train"
    if speaker in CORE_TEST_SPEAKERS:
        return "test"
    return "validation" if speaker in VALIDATION_SPEAKERS else None


def _recordings(half: Path) -> Iterator[Recording]:
    """The recordings of one half but SA sentences: region, speaker, sentence."""
    for region, region_folder in sorted(_folders(half).items()):
        for speaker, folder in sorted(_folders(region_folder).items()):
            files = {path.name.lower(): path for path in sorted(folder.iterdir())}
            for name in sorted(files):
                stem = name.removesuffix(".phn")
                if stem == name or stem.startswith("sa"):
                    continue
                audio = [files[stem + suffix] for suffix in _AUDIO if stem + suffix in files]
                if not audio:
                    raise DesignError(
                        f"TIMIT {files[name]}: has no recording {stem}.wav beside it; copy the corpus anew"
                    )
                yield Recording(
                    f"{region}-{speaker}-{stem}", speaker, audio[0], files[name],
                    files.get(stem + ".txt"),
                )  # fmt: skip


def read_utterance(recording: Recording, compute: Callable, shift: int) -> Utterance:
    """Audio and labels of a recording, folded to 39 phones.

    compute, shift: of the features (`feature_function`, `Features.shift`).
    """
    samples = read_audio(recording.audio)
    starts, phones = folded(*read_labels(recording.labels, len(samples)))
    numbers = np.array([PHONES_39.index(phone) for phone in phones])
    return Utterance(
        recording.name,
        recording.speaker,
        _text(recording.text),
        compute(samples),
        frame_labels(np.array(starts), numbers, len(samples), shift),
        collapse(numbers),
    )


def _text(file: Path | None) -> str:
    """What is said, of a file `0 46797 She had your dark suit ...`."""
    if file is None:
        return ""
    with file.open(encoding="utf-8", errors="replace") as stream:
        words = stream.read(MAX_LABEL_BYTES)
    return re.sub(r"^\s*\d+\s+\d+\s+", "", " ".join(words.split()))


def read_audio(file: Path) -> np.ndarray:
    """Samples of a WAV or SPHERE file in -1..1, float32 ``(n,)``."""
    soundfile = speech_module("soundfile")
    try:
        with soundfile.SoundFile(file) as sound:
            _check_audio(file, sound)
            return sound.read(dtype="float32")
    except soundfile.SoundFileError as error:
        raise DesignError(
            f"TIMIT {file}: cannot be read ({' '.join(str(error).split())}); it must be 16 kHz PCM with a SPHERE "
            "or RIFF header, unpacked (sph2pipe unpacks shortened files)"
        ) from error


def _check_audio(file: Path, sound) -> None:
    if (sound.samplerate, sound.channels) != (RATE, 1):
        raise DesignError(
            f"TIMIT {file}: {sound.samplerate} Hz, {sound.channels} channels; must be {RATE} Hz, 1 channel"
        )
    if not WINDOW <= sound.frames <= MAX_SECONDS * RATE:
        raise DesignError(
            f"TIMIT {file}: {sound.frames} samples, must be {WINDOW} to {MAX_SECONDS * RATE}, at most "
            f"{MAX_SECONDS} s"
        )


def read_labels(file: Path, samples: int) -> tuple[list[int], list[str]]:
    """First samples and phones of a .phn file of a recording of so many samples."""
    if file.stat().st_size > MAX_LABEL_BYTES:
        raise DesignError(f"TIMIT {file}: {file.stat().st_size} bytes, at most {MAX_LABEL_BYTES}")
    starts, phones, end = [], [], 0
    text = file.read_text(encoding="ascii", errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        match = re.fullmatch(r"\s*(\d{1,9})\s+(\d{1,9})\s+(\S+)\s*", line)
        if match is None or (match[3] not in TIMIT_TO_39 and match[3] != GLOTTAL_STOP):
            raise DesignError(
                f"TIMIT {file}, line {number}: {line[:60]!r}, must be first sample, last sample and one of "
                "TIMIT's 61 phones"
            )
        first, last = int(match[1]), int(match[2])
        if first < end or last <= first:
            raise DesignError(
                f"TIMIT {file}, line {number}: samples {first} to {last}, must rise and begin at {end} or later"
            )
        starts.append(first)
        phones.append(match[3])
        end = last
    if not phones:
        raise DesignError(f"TIMIT {file}: holds no phones; copy the corpus anew")
    if not samples - _LEAST_COVER <= end <= samples + _MOST_BEYOND:
        raise DesignError(
            f"TIMIT {file}: ends at sample {end}, its recording has {samples}; they do not belong together"
        )
    return starts, phones


def folded(starts: list[int], phones: list[str]) -> tuple[list[int], list[str]]:
    """The phones of the 39; where `q` is removed its neighbours meet in its middle. The first begins at 0."""
    kept_starts, kept = [], []
    ends = [*starts[1:], starts[-1]]
    removed = None
    for start, end, phone in zip(starts, ends, phones, strict=True):
        if phone == GLOTTAL_STOP:
            removed = (start + end) // 2
            continue
        kept_starts.append(start if removed is None else removed)
        kept.append(TIMIT_TO_39[phone])
        removed = None
    if not kept:
        raise DesignError(f"phones {phones}: only glottal stops; they have no phone of the 39")
    return [0, *kept_starts[1:]], kept
