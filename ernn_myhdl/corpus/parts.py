"""The parts of a corpus as data sets that designs are evaluated on."""

from __future__ import annotations

import numpy as np

from ernn_myhdl.corpus.corpus import Corpus, Part
from ernn_myhdl.corpus.data_set import DataSet
from ernn_myhdl.corpus.decode import Decoder, train_decoder
from ernn_myhdl.corpus.extra import speech_module
from ernn_myhdl.corpus.score import score_outputs


def corpus_data(corpus: Corpus) -> dict[str, DataSet]:
    """Part -> its utterances with the phones of frames; phones are decoded as the training part's follow one another.

    ToolError where the package is missing that phone error rates need.
    """
    speech_module("rapidfuzz.distance")
    decoder = train_decoder(corpus.train, corpus.outputs)
    return {name: _data(part, decoder) for name, part in corpus.parts.items()}


def _data(part: Part, decoder: Decoder) -> DataSet:
    return DataSet(
        [np.asarray(x, dtype=np.float64) for x in part.features],
        np.concatenate(part.labels),
        lambda outputs: score_outputs(part, outputs, decoder).phone_error_rate,
    )
