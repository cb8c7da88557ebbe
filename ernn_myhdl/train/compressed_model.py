"""A trained model that gives its design."""

from __future__ import annotations

from ernn_myhdl.design.design import Design
from ernn_myhdl.design.network import Network
from ernn_myhdl.train.design import compressed_design
from ernn_myhdl.train.training_result import Trained


class Compressed(Trained):
    """What `compress` and `fit` give: see `Trained`."""

    def design(self, calibration, **options) -> Design | Network:
        """The model as a `Design` or `Network`: `ernn_myhdl.train.design.compressed_design`."""
        return compressed_design(self, calibration, **options)
