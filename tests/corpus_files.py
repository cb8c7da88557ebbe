"""Corpora that tests make: a small synthetic one, and recordings in TIMIT's layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from seeds import seed_of
from tools import require_module

from ernn_myhdl.corpus import make_corpus
from ernn_myhdl.corpus.synthetic import CorpusRecipe

INSTALL = "pip install 'ernn-myhdl[speech]'"
MODULES = ("espeakng_loader", "kaldi_native_fbank", "rapidfuzz", "soundfile", "soxr")

#: A corpus that is made in seconds.
FEW = CorpusRecipe("few", (2, 1, 1), (5, 1, 2))


def require_speech() -> None:
    """The packages of the extra; without them as `require_module`."""
    for name in MODULES:
        require_module(name, INSTALL)


def make_few(folder: Path, **options) -> Path:
    """The corpus FEW in a folder."""
    require_speech()
    return make_corpus(folder, FEW, **options)


def sphere(samples: np.ndarray, rate: int = 16000, count: int | None = None) -> bytes:
    """A SPHERE file as TIMIT has it. count: samples that the header names."""
    fields = [
        "NIST_1A", "   1024", "database_id -s5 TIMIT", "channel_count -i 1",
        f"sample_count -i {len(samples) if count is None else count}", f"sample_rate -i {rate}",
        "sample_n_bytes -i 2", "sample_byte_format -s2 01", "sample_sig_bits -i 16", "end_head", "",
    ]  # fmt: skip
    return "\n".join(fields).encode().ljust(1024) + samples.astype("<i2").tobytes()


def riff(samples: np.ndarray, rate: int = 16000) -> bytes:
    """The same with a RIFF header, by the standard library."""
    import io
    import wave

    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setparams((1, 2, rate, len(samples), "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())
    return stream.getvalue()


#: Phones of a sentence and their first samples; q is removed, and epi folds to sil as h# does.
PHONES = [("h#", 0), ("sh", 1000), ("ix", 2600), ("q", 4000), ("ao", 4400), ("tcl", 6000),
          ("t", 6800), ("axr", 7300), ("epi", 9000), ("h#", 9400)]  # fmt: skip
SAMPLES = 10_000


def labels_text(phones=PHONES, end: int = SAMPLES) -> str:
    """A .phn file."""
    ends = [start for _, start in phones[1:]] + [end]
    return "".join(f"{s} {e} {p}\n" for (p, s), e in zip(phones, ends, strict=True))


def add_speaker(
    root: Path, half: str, region: str, speaker: str, sentences: int = 1, upper=True, header=sphere
) -> Path:
    """A speaker's folder with SA1 and some other sentences; its path."""

    def cased(text: str) -> str:
        return text.upper() if upper else text.lower()

    folder = root / cased(half) / cased(region) / cased(speaker)
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed_of(speaker))
    for name in ("sa1", *(f"si{i + 1}" for i in range(sentences))):
        samples = rng.integers(-1000, 1000, SAMPLES)
        (folder / cased(f"{name}.wav")).write_bytes(header(samples))
        (folder / cased(f"{name}.phn")).write_text(labels_text())
        (folder / cased(f"{name}.txt")).write_text(f"0 {SAMPLES} She had it.\n")
    return folder


def timit(root: Path, **options) -> Path:
    """A TIMIT folder with one speaker of training, validation and core test, and one that is none."""
    add_speaker(root, "train", "dr1", "fcjf0", 2, **options)
    add_speaker(root, "test", "dr1", "mdab0", **options)
    add_speaker(root, "test", "dr2", "fdac1", **options)
    add_speaker(root, "test", "dr3", "mxyz0", **options)
    return root
