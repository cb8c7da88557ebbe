"""The port of weights of a core in Python: words of images in, the status out, and what its memories hold then."""

from __future__ import annotations

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.host.loadable_weights import LoadableWeights
from ernn_myhdl.host.registers import STRUCTURE_WORDS, WEIGHT_FIELDS, register
from ernn_myhdl.host.weight_image import image_contents, read_image

MASKS = {f.name: f.mask for f in WEIGHT_FIELDS}


class WeightPortModel:
    """What a core does with images. refuses: the name of a reason for which it takes none."""

    def __init__(self, weights: LoadableWeights, refuses: str | None = None) -> None:
        self.weights, self.refuses = weights, refuses
        self.status, self.contents = 0, None
        self._words: list[int] = []

    def take(self, word: int, last: bool) -> None:
        """A word of an image."""
        if not self._words:
            self.status = MASKS["loading"] | self.status & MASKS["pending"]
        self._words.append(word)
        if last:
            self.status = self.status & MASKS["pending"] | MASKS[self._outcome()]
            self._words.clear()

    def _outcome(self) -> str:
        if self.refuses is not None:
            return self.refuses
        try:
            image = read_image(np.array(self._words, dtype="<u4").tobytes())
            if image.structure != self.weights.structure:
                return "other_structure"
            self.contents = image_contents(image, self.weights.structure, self.weights.memories)
        except DesignError:
            return "damaged"
        return "loaded"


def register_words(weights: LoadableWeights) -> dict[int, int]:
    """What the constant registers of a core with these weights read, by address."""
    digits = weights.structure
    made = {f"STRUCTURE_{i}": int(digits[8 * i : 8 * i + 8], 16) for i in range(STRUCTURE_WORDS)}
    return {register(n).address: v for n, v in (made | {"WEIGHT_BANKS": weights.banks}).items()}
