"""What an evaluation found: scores, errors and saturations of one core on a data set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.design.source_model import SourceModel
from ernn_myhdl.golden.output_loss import OutputLoss
from ernn_myhdl.runs.predictions import Predictions
from ernn_myhdl.runs.sequence_predictions import SequencePredictions


@dataclass(frozen=True)
class SourceComparison:
    """A design against the model that it was made of, on a data set.

    projection: outputs of the float reference, with the design's matrices, against those of the source; total:
    those of fixed point. accuracy: of the source, 0 to 1; None without labels. phone_error_rate, label_error_rate: likewise.
    """

    model: SourceModel
    projection: OutputLoss
    total: OutputLoss
    accuracy: float | None = None
    phone_error_rate: float | None = None
    label_error_rate: float | None = None


@dataclass(frozen=True)
class Evaluation:
    """One design, or one word length, on a data set.

    core: what was run. saturations: tensor -> saturated elements over all sequences.
    sqnr: of all outputs together, dB. output_sqnr, output_error: for each output, dB and largest
    magnitude of the error as a value; all against the float reference. frames: of the data.
    float_accuracy, accuracy: part of the labels that the float reference and the fixed-point model hit, 0 to
    1; None without labels. float_phone_error_rate, phone_error_rate: of speech of a corpus, None of other data.
    float_label_error_rate, label_error_rate: of label sequences, edits for each label; None of other data.
    source: the same of the source model, None where it is not known. rounding: fixed point against the float
    reference. predictions: classes that the models name; None without labels.
    """

    core: CoreSpecification
    sqnr: float
    output_sqnr: np.ndarray
    output_error: np.ndarray
    saturations: dict[str, int]
    float_accuracy: float | None = None
    accuracy: float | None = None
    float_phone_error_rate: float | None = None
    phone_error_rate: float | None = None
    frames: int = 0
    rounding: OutputLoss | None = None
    source: SourceComparison | None = None
    predictions: Predictions | SequencePredictions | None = None
    float_label_error_rate: float | None = None
    label_error_rate: float | None = None

    @property
    def loss(self) -> float | None:
        """What fixed point loses, in points (percent of the labels): of accuracy; of label sequences what their error rate rises by."""
        if self.accuracy is not None and self.float_accuracy is not None:
            return 100.0 * (self.float_accuracy - self.accuracy)
        if self.label_error_rate is not None and self.float_label_error_rate is not None:
            return 100.0 * (self.label_error_rate - self.float_label_error_rate)
        return None

    @property
    def error(self) -> float:
        """Largest error of all outputs."""
        return float(self.output_error.max())

    @property
    def saturated(self) -> int:
        """Saturated elements of all tensors together."""
        return sum(self.saturations.values())

    def keeps(self, max_loss: float | None = None, min_sqnr: float | None = None) -> bool:
        """Whether the limits that are given hold: points of `loss` and dB."""
        if max_loss is not None and (self.loss is None or self.loss > max_loss):
            return False
        return min_sqnr is None or self.sqnr >= min_sqnr
