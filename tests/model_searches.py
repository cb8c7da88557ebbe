"""Searches of a model whose trainings are formulas."""

from __future__ import annotations

from functools import cache

from ernn_myhdl.calibration.build import build_design
from ernn_myhdl.calibration.generate import random_calibration
from ernn_myhdl.calibration.random_weights import random_weights
from ernn_myhdl.design.cells import GruCell, LinearCell, LstmCell
from ernn_myhdl.explore.block_bounds import (
    model_operations,
)
from ernn_myhdl.explore.model import explore_model
from ernn_myhdl.explore.model_hardware import HardwareFit
from ernn_myhdl.synthesis.devices import device_named

SMALL, LARGE = device_named("xc7z020"), device_named("xc7vx690t")
WORD = 12


def cells_of(hidden, inputs=39):
    """The layers of a choice, with a dense read-out."""

    def cells(choice):
        kind = {"lstm": LstmCell, "gru": GruCell}[choice.cell]
        own = choice.input_block if choice.input_block != choice.block else 0
        layer = kind(inputs=inputs, hidden=hidden, block=choice.block, input_block=own)
        return [layer, LinearCell(hidden, 44, 1)]

    return cells


@cache
def design(name):
    """A small design that is told from others by its name."""
    cell = LinearCell(2, 2, 1)
    return build_design(cell, random_weights(cell, 0), random_calibration(2, 0), name=name)


def design_name(choice):
    return choice.name.replace("-", "_")


class Fake:
    """A training that gives accuracies by choice and counts; it crashes before the crash-th call."""

    def __init__(self, accuracies, crash=None):
        self.accuracies, self.crash, self.trained = accuracies, crash, []

    def __call__(self, choice):
        if len(self.trained) == self.crash:
            raise KeyboardInterrupt
        self.trained.append(choice)
        accuracy = self.accuracies(choice)
        return accuracy, design(design_name(choice))


def by_operations(cells):
    """Hardware that takes the more of a device the more operations there are."""
    return HardwareFit({"lut": model_operations(cells) / 1e6, "dsp": 1e-6})


def search(
    train, folder, hidden=128, inputs=39, device=SMALL, accuracy=0.7, fit=by_operations, **options
):
    return explore_model(
        cells_of(hidden, inputs), train, accuracy, device, folder, word=WORD, fit=fit, **options
    )


def least_good(largest_block, gru=True, larger_input=True):
    """Accuracies of a network that loses too much above a block size."""

    def accuracy(choice):
        good = choice.block <= largest_block
        good &= gru or choice.cell == "lstm"
        good &= larger_input or choice.input_block == choice.block
        return 0.75 if good else 0.6

    return accuracy
