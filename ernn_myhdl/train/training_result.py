"""What a training ends with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from ernn_myhdl.train.quantisation import Quantisation
from ernn_myhdl.train.trial import Trial


@dataclass(frozen=True, repr=False)
class Trained:
    """A trained model.

    model: the one that was given; its matrices are dense tensors that are block-circulant. vectors: first
    columns (gates, p, q, k) of every matrix with blocks, by the name of its parameter; with quantisation of all
    matrices, as the hardware has them. blocks: size by name. history: `History.as_dict`. report: numbers
    for people: method, phases, seconds, stored numbers, distance from the structure before it was enforced, and
    "host": what the model does behind its last module, such as a mean over the frames, which the design leaves to
    the host (None where the training went on from a checkpoint). trial: the check of designs against the model.
    shifts: of x, by the name of the matrix that was trained for scaled x; empty for none.
    """

    model: nn.Module
    vectors: Mapping[str, Tensor]
    blocks: Mapping[str, int]
    history: dict[str, list[dict]]
    report: dict[str, Any]
    quantisation: Quantisation | None = None
    trial: Trial | None = field(default=None, repr=False, compare=False)
    shifts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Method, numbers, block sizes and the last loss, on one line."""
        report, epochs = self.report, self.history["epochs"]
        sizes = ", ".join(str(k) for k in sorted(set(self.blocks.values())))
        text = f"{report['method']}, {report['numbers']} of {report['dense_numbers']} numbers, blocks {sizes}"
        if epochs:
            text += f", loss {epochs[-1]['loss']:.4g} after {len(epochs)} epochs"
        if report.get("converged") is not None:
            text += ", converged" if report["converged"] else ", not converged"
        return f"{type(self).__name__}({type(self.model).__name__}: {text})"
