"""Quantisation-aware training: the model computes with the weights that a `Design` stores.

The spectrum of every block is rounded to the words of the hardware, in the format and by the code with
which a design is built from the weights; gradients pass the rounding unchanged (straight-through).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ernn_myhdl.calibration.range_analysis import weight_format
from ernn_myhdl.errors import DesignError
from ernn_myhdl.numerics.circulant import pack_spectrum, unpack_spectrum
from ernn_myhdl.numerics.formats import quantise, to_real
from ernn_myhdl.train.call_forms import checked_call
from ernn_myhdl.train.matrices import Matrix
from ernn_myhdl.train.phases import CirculantPhase
from ernn_myhdl.train.signals import SignalRounding
from ernn_myhdl.whole_numbers import whole

#: float32 vectors hold spectra of so many bits exactly.
WORDS = 4, 18


@checked_call
@dataclass(frozen=True)
class Quantisation:
    """word: bits of the weights' spectra, as in `build_design`. epochs: of the fine-tuning; 0: the
    trained weights are rounded only. signals: x and y are rounded to as many bits during the fine-tuning
    (`ernn_myhdl.train.signals`); the model that is returned rounds weights only."""

    word: int = 12
    epochs: int = 2
    signals: bool = False

    def __post_init__(self) -> None:
        for name, (least, most) in (("word", WORDS), ("epochs", (0, 1 << 20))):
            whole(f"quantisation {name}", getattr(self, name), least, most)
        if not isinstance(self.signals, bool):
            raise DesignError(f"quantisation signals = {self.signals!r}: must be True or False")


def rounded(vectors: Tensor, word: int) -> Tensor:
    """First columns (..., k) whose spectra have `word` bits, in the format that a design chooses."""
    array = vectors.detach().cpu().numpy()
    fmt = weight_format(array, word)
    spectra = to_real(quantise(pack_spectrum(array), fmt), fmt)
    return torch.from_numpy(unpack_spectrum(spectra)).to(vectors)


class QuantisedPhase(CirculantPhase):
    """Training of the vectors of every matrix, dense ones too, while the model has the rounded ones."""

    def __init__(self, model: nn.Module, quantisation: Quantisation, matrices: Sequence[Matrix]):
        super().__init__("quantise", model, quantisation.epochs, matrices)
        self.word = quantisation.word
        self._signals = SignalRounding(model, self.word) if quantisation.signals else None

    def _holds(self, matrix: Matrix) -> bool:
        return True

    def stored(self, vectors: Tensor) -> Tensor:
        return rounded(vectors, self.word)

    def start(self) -> dict | None:
        self._attach({})
        return super().start()

    def _attach(self, peaks: dict[str, float]) -> None:
        if self._signals is not None:
            self._signals.peaks = dict(peaks)
            self._signals.attach()

    def finish(self) -> dict:
        if self._signals is not None:
            self._signals.detach()
        return super().finish()

    def state(self) -> dict:
        peaks = {} if self._signals is None else self._signals.peaks
        return {"vectors": super().state(), "peaks": peaks}

    def restore(self, state: dict) -> None:
        super().restore(state["vectors"])
        self._attach(state["peaks"])
