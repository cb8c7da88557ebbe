"""What a prompt of Python shows of designs and runs: one short line."""

import numpy as np
import pytest

from ernn_myhdl import LinearCell, new_design, new_network


@pytest.fixture(scope="module")
def layer():
    return new_design(5, 8, block=4, cell="gru", name="one", word=14)


def test_a_layer_and_its_run(layer):
    assert repr(layer) == "Design(one: gru 5 -> 8, blocks of 4, words of 14 bits)"
    run = layer.run([np.zeros((2, 5)), np.zeros((3, 5))], engine="integer")
    assert repr(run) == "Run(one on integer: 5 frames of 2 sequences)"


@pytest.mark.parametrize(("count", "kinds"), [(2, "linear, linear"), (8, "linear, linear, linear, linear, linear, linear, ...")])  # fmt: skip
def test_a_network(count, kinds):
    network = new_network([LinearCell(4, 4, block=1)] * count, name="many")
    assert repr(network) == f"Network(many: 4 -> 4, {count} layers: {kinds})"
