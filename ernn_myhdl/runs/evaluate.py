"""How good a design is on a data set: accuracy, or error against the float reference.

Where a design keeps what it was made of (`ernn_myhdl.design.source_model`), both are compared with it too. The fixed-point results come from the integer model, which is bit-identical to the golden model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ernn_myhdl.corpus.inputs import DataSet
from ernn_myhdl.corpus.label_sequences import label_error_rate
from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.golden.initial_state import State
from ernn_myhdl.golden.output_loss import output_loss
from ernn_myhdl.golden.sqnr import sqnr
from ernn_myhdl.runs.data_outputs import Progress, behind_host, divided, fixed_runs
from ernn_myhdl.runs.evaluation import Evaluation, SourceComparison
from ernn_myhdl.runs.evaluation_checks import check_data
from ernn_myhdl.runs.predictions import Predictions, accuracy_of, predicted
from ernn_myhdl.runs.references import References, references_of
from ernn_myhdl.runs.sequence_predictions import SequencePredictions, spelled


def evaluate(
    core: CoreSpecification,
    data: DataSet,
    pooling: str = "mean",
    progress: Progress | None = None,
    initial: Sequence[State | None] | None = None,
    one_stream: bool = False,
) -> Evaluation:
    """A design or network on a data set.

    pooling: which output names the class of a sequence with one label: the "mean" of its frames, or
    its "last" frame, or of each output the largest ("max"). progress: called with (frames done, 0); the float reference and the model each
    do all frames. initial: for each layer the state before every sequence, None for zero; the core's only where it
    loads them. Without it the states are the design's own (`initial` of its layers). one_stream: the state is carried from each sequence to the next one, and not reset before it, as of a stream
    that does not end.
    """
    check_data(core, data, pooling, one_stream)
    references = references_of(core, data, initial, progress, one_stream)
    return compared(core, data, references, pooling, progress, data.frames)


def compared(core, data: DataSet, references: References, pooling, progress, done) -> Evaluation:
    """The integer model of `core` against the outputs of the references."""
    runs = fixed_runs(core, data, progress, done, references.initial, references.one_stream)
    given = divided([run.outputs for run in runs], data, references.one_stream)
    fixed, reference = behind_host(core, given, data), references.float
    exact, fixed_outputs = np.concatenate(reference), np.concatenate(fixed)
    float_scores, scores = _scores(reference, data, pooling), _scores(fixed, data, pooling)
    source = None
    if references.source is not None:
        source = SourceComparison(
            references.source,
            output_loss(references.of_source, reference),
            output_loss(references.of_source, fixed),
            **_scores(references.of_source, data, pooling),
        )
    return Evaluation(
        core,
        sqnr(exact, fixed_outputs),
        np.array([sqnr(exact[:, i], fixed_outputs[:, i]) for i in range(core.outputs)]),
        np.abs(fixed_outputs - exact).max(axis=0),
        {name: sum(run.saturations[name] for run in runs) for name in runs[0].saturations},
        **{f"float_{name}": value for name, value in float_scores.items()},
        **scores,
        frames=data.frames,
        rounding=output_loss(reference, fixed),
        source=source,
        predictions=_predictions(core, data, references, fixed, pooling),
    )


def _predictions(
    core: CoreSpecification,
    data: DataSet,
    references: References,
    fixed: list[np.ndarray],
    pooling: str,
) -> Predictions | SequencePredictions | None:
    if data.label_sequences is not None:
        known = references.source is not None
        own = spelled(references.of_source) if known else None
        return SequencePredictions(data, spelled(references.float), spelled(fixed), own)
    if data.labels is None:
        return None
    source = None
    if references.source is not None:
        source = predicted(references.of_source, data, pooling)
    of_float = predicted(references.float, data, pooling)
    return Predictions(data, core.outputs, of_float, predicted(fixed, data, pooling), source)


def _scores(outputs: list[np.ndarray], data: DataSet, pooling: str) -> dict[str, float]:
    """Accuracy and phone error rate, where the data have what they need."""
    scores = {}
    if data.labels is not None:
        scores["accuracy"] = accuracy_of(outputs, data, pooling)
    if data.phone_error_rate is not None:
        scores["phone_error_rate"] = data.phone_error_rate(outputs)
    if data.label_sequences is not None:
        scores["label_error_rate"] = label_error_rate(data.label_sequences, spelled(outputs))
    return scores
