"""Convert the Japanese Vowels ``.ts`` archive files to one compact, pickle-free ``.npz``.

The ``.ts`` text format has one utterance per line: its 12 channels separated by ``:``, the
values of a channel separated by ``,``, and the class label (1-9) as the last ``:`` field.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ernn_myhdl.files.output_folder import check_file, new_file
from ernn_myhdl.files.output_target import Target

CHANNELS = 12
SPEAKERS = 9
MIN_FRAMES, MAX_FRAMES = 7, 29
COUNTS = {"train": 270, "test": 370}
FRAMES = {"train": 4274, "test": 5687}

EXAMPLES = """\
examples:
  python -m ernn_myhdl.corpus.convert_japanese_vowels JapaneseVowels_TRAIN.ts JapaneseVowels_TEST.ts
  python -m ernn_myhdl.corpus.convert_japanese_vowels JapaneseVowels_TRAIN.ts JapaneseVowels_TEST.ts -o out.npz

Take the files of unequal length: the variants named `_eq` are resampled to 25 frames.
"""


def parse_line(line: str) -> tuple[np.ndarray, int]:
    """Parse one data line to ``(frames, 12)`` float32 and the speaker 0-8.

    Frames that are NaN (or ``?``) in every channel at the end are padding and are dropped.
    """
    *channels, label = line.strip().split(":")
    if len(channels) != CHANNELS:
        raise ValueError(f"expected {CHANNELS} channels, found {len(channels)}")
    rows = [
        [float("nan") if value.strip() == "?" else float(value) for value in channel.split(",")]
        for channel in channels
    ]
    if len({len(row) for row in rows}) != 1:
        raise ValueError("the channels of an utterance differ in length")
    frames = np.array(rows, dtype=np.float32).T
    spoken = np.flatnonzero(~np.isnan(frames).all(axis=1))
    return frames[: spoken[-1] + 1 if spoken.size else 0], int(label) - 1


def parse_ts(path: Path) -> tuple[list[np.ndarray], np.ndarray]:
    """Read a ``.ts`` file: a list of ``(frames, 12)`` float32 arrays and the labels ``(n,)``."""
    sequences: list[np.ndarray] = []
    labels: list[int] = []
    in_data = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not in_data:
            in_data = line.strip().lower() == "@data"
        elif line.strip():
            try:
                frames, label = parse_line(line)
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: {error}") from error
            sequences.append(frames)
            labels.append(label)
    return sequences, np.array(labels, dtype=np.int64)


def check(part: str, sequences: Sequence[np.ndarray], labels: np.ndarray) -> None:
    """Raise ``ValueError`` unless the part has the published counts, lengths and labels."""
    if len(sequences) != COUNTS[part]:
        raise ValueError(f"{part}: expected {COUNTS[part]} utterances, found {len(sequences)}")
    for index, frames in enumerate(sequences):
        if not MIN_FRAMES <= len(frames) <= MAX_FRAMES:
            raise ValueError(
                f"{part}: utterance {index} has {len(frames)} frames, not {MIN_FRAMES}-{MAX_FRAMES}"
            )
        if not np.isfinite(frames).all():
            raise ValueError(f"{part}: utterance {index} has missing values")
    total = sum(map(len, sequences))
    if total != FRAMES[part]:
        raise ValueError(
            f"{part}: expected {FRAMES[part]} frames in all, found {total}; "
            "is this the equal-length variant?"
        )
    if labels.min() < 0 or labels.max() >= SPEAKERS:
        raise ValueError(f"{part}: labels are not 1-{SPEAKERS}")
    per_speaker = np.bincount(labels, minlength=SPEAKERS)
    if part == "train" and not (per_speaker == COUNTS["train"] // SPEAKERS).all():
        raise ValueError(f"train: expected 30 utterances per speaker, found {per_speaker}")


def convert(train: Path, test: Path, output: Target) -> None:
    """Write ``{train,test}_{frames,lengths,labels}`` to ``output``.

    ``frames`` is ``(sum of lengths, 12)`` float32; ``lengths`` and ``labels`` are ``(n,)`` uint8.
    """
    arrays: dict[str, Any] = {}  # numpy has keywords that are no arrays
    for part, path in (("train", train), ("test", test)):
        sequences, labels = parse_ts(path)
        check(part, sequences, labels)
        lengths = np.array([len(frames) for frames in sequences], dtype=np.uint8)
        arrays[f"{part}_frames"] = np.concatenate(sequences)
        arrays[f"{part}_lengths"] = lengths
        arrays[f"{part}_labels"] = labels.astype(np.uint8)
        print(
            f"{part}: {len(sequences)} utterances of {lengths.min()}-{lengths.max()} frames, "
            f"per speaker {np.bincount(labels, minlength=SPEAKERS).tolist()}"
        )
    with new_file(output) as partial:
        np.savez_compressed(partial, **arrays)
    print(f"wrote {output}, {output.path.stat().st_size} bytes")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code (0, or 2 for an unusable file)."""
    parser = argparse.ArgumentParser(
        prog="python -m ernn_myhdl.corpus.convert_japanese_vowels",
        description="Convert the Japanese Vowels .ts files to one compact .npz.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("train", type=Path, metavar="TRAIN.ts", help="the training part")
    parser.add_argument("test", type=Path, metavar="TEST.ts", help="the test part")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        default=Path(__file__).with_name("japanese_vowels.npz"),
        help="the .npz to write (default: the one in this package)",
    )
    parser.add_argument("--force", action="store_true", help="replace a file that exists")
    options = parser.parse_args(arguments)
    try:
        output = check_file(options.output, (".npz",), options.force)
        convert(options.train, options.test, output)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
