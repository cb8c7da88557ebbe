"""The shipped classifier in MyHDL: GRU, LSTM and head on one utterance."""

from __future__ import annotations

import numpy as np
import pytest

from ernn_myhdl.corpus.japanese_vowels import load_japanese_vowels
from ernn_myhdl.cycle_model.network_schedule import network_schedule
from ernn_myhdl.demo.classifier import classes, import_classifier
from ernn_myhdl.demo.model import network_inputs
from ernn_myhdl.runs.run import run_design


@pytest.mark.slow
def test_the_shortest_utterance():
    data = load_japanese_vowels()
    network = import_classifier(data).design
    sequences = network_inputs(data, "test")
    shortest = min(range(len(sequences)), key=lambda i: len(sequences[i]))
    x = sequences[shortest]
    integer = run_design(network, [x], "integer")
    myhdl = run_design(network, [x], "myhdl")
    assert np.array_equal(myhdl.raw, integer.raw)
    for name, values in integer.stages.items():
        assert np.array_equal(myhdl.stages[name], values), name
    assert classes(myhdl.raw, [len(x)]) == [data.test.labels[shortest]]
    accepted, delivered = myhdl.frame_cycles[0]
    assert delivered - accepted == network_schedule(network).latency
