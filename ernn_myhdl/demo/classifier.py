"""The classifier: a stacked GRU and LSTM with a linear head, imported from a PyTorch state dict.

The whole network is in the core: y of a frame are the scores of the nine speakers, and the class of an
utterance is the largest of their means. docs/classifier.md; trained by `train --network classifier`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ernn_myhdl.corpus.japanese_vowels import JapaneseVowels, load_japanese_vowels
from ernn_myhdl.demo.model import network_inputs
from ernn_myhdl.exchange.importing import Imported, import_model

#: The state dict of GRU, LSTM and head, dense float32 matrices in PyTorch's names.
CLASSIFIER_FILE = Path(__file__).with_name("classifier.safetensors")
#: Blocks and lanes of GRU, LSTM and head.
BLOCKS, LANES = (8, 8, 1), (8, 8, 9)


def import_classifier(
    data: JapaneseVowels | None = None, file: Path = CLASSIFIER_FILE, **options
) -> Imported:
    """The network, with formats chosen on the training utterances.

    options: of `import_model`, in the place of BLOCKS, LANES and the name `classifier`.
    """
    options = {"block": BLOCKS, "lanes": LANES, "name": "classifier"} | options
    calibration = network_inputs(data or load_japanese_vowels(), "train")
    return import_model(file, calibration=calibration, **options)


def classes(raw: np.ndarray, lengths: Sequence[int]) -> np.ndarray:
    """The class of each utterance: the largest mean of the scores over its frames.

    raw: scores (frames, 9) of all utterances one after the other, integers in the format of y, so that
    the sums are exact. lengths: frames of each utterance.
    """
    utterances = np.split(raw, np.cumsum(lengths)[:-1])
    return np.array([scores.sum(axis=0).argmax() for scores in utterances])
