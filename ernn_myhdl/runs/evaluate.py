"""How good a design is on a data set: accuracy, or error against the float reference; word lengths.

Where a design keeps what it was made of (`ernn_myhdl.design.source_model`), both are compared with it too. The fixed-point results come from the integer model, which is bit-identical to the golden model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ernn_myhdl.calibration.build import EXTRA_STATE_BITS, MAX_STATE_WORD
from ernn_myhdl.calibration.graph_formats import choose_graph_formats
from ernn_myhdl.calibration.input_scales import scaled_format
from ernn_myhdl.calibration.network_formats import choose_network_formats
from ernn_myhdl.calibration.range_analysis import model_design
from ernn_myhdl.corpus.inputs import DataSet
from ernn_myhdl.corpus.label_sequences import label_error_rate
from ernn_myhdl.design.design import CoreSpecification, Design
from ernn_myhdl.design.graph import ArgMax
from ernn_myhdl.design.host_steps import stepped
from ernn_myhdl.design.input_scaling import scaled
from ernn_myhdl.design.network import Network
from ernn_myhdl.design.source_model import SourceModel, weights_digest
from ernn_myhdl.design.time_joins import check_lengths
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.projection import source_outputs
from ernn_myhdl.golden.initial_state import State
from ernn_myhdl.golden.network import float_model, integer_model
from ernn_myhdl.golden.output_loss import OutputLoss, output_loss
from ernn_myhdl.golden.sqnr import sqnr
from ernn_myhdl.runs.predictions import POOLINGS, Predictions, accuracy_of, predicted
from ernn_myhdl.runs.sequence_predictions import SequencePredictions, spelled

#: Words of a sweep: the state word must not pass its limit.
LEAST_WORD, LARGEST_WORD = 4, MAX_STATE_WORD - EXTRA_STATE_BITS
#: Sequences that run side by side.
BATCH = 64

Progress = Callable[[int, int], None]


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
        """Accuracy lost by fixed point, in points (percent of the labels)."""
        if self.accuracy is None or self.float_accuracy is None:
            return None
        return 100.0 * (self.float_accuracy - self.accuracy)

    @property
    def error(self) -> float:
        """Largest error of all outputs."""
        return float(self.output_error.max())

    @property
    def saturated(self) -> int:
        """Saturated elements of all tensors together."""
        return sum(self.saturations.values())

    def keeps(self, max_loss: float | None = None, min_sqnr: float | None = None) -> bool:
        """Whether the limits that are given hold: points of accuracy and dB."""
        if max_loss is not None and (self.loss is None or self.loss > max_loss):
            return False
        return min_sqnr is None or self.sqnr >= min_sqnr


def check_limits(data: DataSet, max_loss: float | None, min_sqnr: float | None) -> None:
    """DesignError where the limits make no sense for the data."""
    if max_loss is not None:
        if data.labels is None:
            raise DesignError(
                "max_loss: the data have no labels, so there is no accuracy; limit the error "
                "with min_sqnr"
            )
        if not 0 <= max_loss <= 100:
            raise DesignError(f"max_loss = {max_loss}: must be 0 to 100 points of accuracy")
    if min_sqnr is not None and not -100 <= min_sqnr <= 140:
        raise DesignError(f"min_sqnr = {min_sqnr}: must be -100 to 140 dB")


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
    loads them. one_stream: the state is carried from each sequence to the next one, and not reset before it, as of a stream
    that does not end.
    """
    _check(core, data, pooling, one_stream)
    references = _references(core, data, initial, progress, one_stream)
    return _compared(core, data, references, pooling, progress, data.frames)


def sweep_words(
    core: CoreSpecification,
    data: DataSet,
    words: Sequence[int],
    calibration: Sequence[np.ndarray] | None = None,
    pooling: str = "mean",
    progress: Progress | None = None,
    initial: Sequence[State | None] | None = None,
) -> dict[int, Evaluation]:
    """Word length -> evaluation, with formats and segments chosen anew for each.

    words: bits of inputs, outputs, gates and weight spectra; the cell state and pre-activations have
    4 more. calibration: sequences that the formats are chosen on; those of the data when None. initial: as in `evaluate`.
    """
    check_words(words)
    _check(core, data, pooling)
    sequences = data.sequences if calibration is None else calibration
    references = _references(core, data, initial, progress)
    made = {}
    for i, word in enumerate(words):
        resized = at_word(core, sequences, word, references.initial)
        done = (i + 1) * data.frames
        made[word] = _compared(resized, data, references, pooling, progress, done)
    return made


def at_word(
    core: CoreSpecification,
    calibration: Sequence[np.ndarray],
    word: int,
    initial: Sequence[State | None] | None = None,
):
    """The cells of `core` in formats of another word length, for the models (smallest hardware).

    The scaling of x stays: it does not depend on the word length. initial: as in `build_network`.
    """
    cells = [design.cell for design in core.layers]
    weights = [design.weights for design in core.layers]
    calibration = scaled(core.host_scaling, calibration)
    first = core.layers[0].input_scaling
    given = [scaled_format(first, calibration, word), *[None] * (len(cells) - 1)]
    state, graph = word + EXTRA_STATE_BITS, core.graph
    if graph is None:
        formats = choose_network_formats(
            cells, weights, calibration, word, state, given, initial=initial
        )
    else:
        formats, graph = choose_graph_formats(
            graph.without_formats(), cells, weights, calibration, word, state, given[0], initial
        )
    layers = [
        model_design(*layer, input_scaling=first if i == 0 else None)
        for i, layer in enumerate(zip(cells, weights, formats, strict=True))
    ]
    if isinstance(core, Design):
        return layers[0].with_host_steps(core.host_steps)
    assert isinstance(core, Network)
    made = Network(tuple(layers), core.name, None, graph, input_scaling=core.input_scaling)
    return made.with_host_steps(core.host_steps)


def smallest_word(
    evaluations: dict[int, Evaluation],
    max_loss: float | None = None,
    min_sqnr: float | None = None,
) -> int | None:
    """The smallest word length that keeps the limits, as do all longer ones; None where there is none.

    A shorter word may hit a few labels more by chance; it is not chosen if a longer one fails.
    """
    chosen = None
    for word in sorted(evaluations, reverse=True):
        if not evaluations[word].keeps(max_loss, min_sqnr):
            break
        chosen = word
    return chosen


def check_words(words: Sequence[int]) -> None:
    """DesignError unless `words` are lengths of a sweep."""
    if not words:
        raise DesignError("words: none; give lengths like 8..16 or 8,12,16")
    for word in words:
        if not LEAST_WORD <= word <= LARGEST_WORD:
            raise DesignError(f"words: {word} bits, must be {LEAST_WORD} to {LARGEST_WORD}")
    if len(set(words)) < len(words):
        raise DesignError("words: a length occurs twice; give each once")


def _check(core: CoreSpecification, data: DataSet, pooling: str, one_stream: bool = False) -> None:
    _check_frames(core, data, one_stream)
    if pooling not in POOLINGS:
        raise DesignError(f"pooling = {pooling!r}: must be one of {', '.join(POOLINGS)}")
    by_frame = data.labels is not None and len(data.labels) != len(data.sequences)
    other_frames = core.graph is not None and not core.graph.frames_of_x
    if other_frames and (by_frame or data.phone_error_rate is not None):
        raise DesignError(
            "labels: one for each frame of x, but the design gives other frames; give a label for each sequence, or label sequences"
        )
    if core.graph is not None and isinstance(core.graph.join_of(core.graph.output), ArgMax):
        raise DesignError(
            "evaluate: y is the number of a class (ArgMax), of which there is no error; evaluate the design with its argmax at the host"
        )
    classes = len(data.classes or ())
    if data.label_sequences is not None and core.outputs != classes + 1:
        raise DesignError(
            f"label_sequences: {classes} classes, and the design has {core.outputs} outputs, must be {classes + 1}: one for each "
            "class and the blank"
        )
    if data.labels is not None:
        low, high = int(data.labels.min()), int(data.labels.max())
        if low < 0 or high >= core.outputs:
            raise DesignError(
                f"labels: from {low} to {high}, must be 0 to {core.outputs - 1}, the outputs of the "
                "design; the class of a frame is its largest output"
            )


def _check_frames(core: CoreSpecification, data: DataSet, one_stream: bool) -> None:
    """DesignError where y has other frames than the labels are of, or than the joins over time take."""
    check_lengths(core.graph, [len(s) for s in data.sequences])
    graph = core.graph
    if graph is None or not graph.over_time:
        return
    if one_stream:
        raise DesignError(
            "one stream: a join over time of the design asks for the ends of the sequences; evaluate them one by one"
        )
    if graph.frames[graph.output] is None:
        return
    per_frame = data.labels is not None and data.labels_per_frame
    if per_frame or data.label_sequences is not None or data.phone_error_rate is not None:
        raise DesignError(
            f"labels: of frames, but the design gives {graph.frames[graph.output]} frames for a whole sequence; give one "
            "label for each sequence"
        )


def _batches(
    data: DataSet, run, progress: Progress | None, done: int, one_stream: bool = False
) -> list:
    """`run` on the sequences, some at a time. done: frames that progress begins with. one_stream: on all of them as one."""
    results = []
    if one_stream:
        (whole,) = run([np.concatenate(data.sequences)])
        if progress:
            progress(done + data.frames, 0)
        return [whole]
    for start in range(0, len(data.sequences), BATCH):
        batch = data.sequences[start : start + BATCH]
        results += run(batch)
        done += sum(len(s) for s in batch)
        if progress:
            progress(done, 0)
    return results


def known_source(core: CoreSpecification) -> SourceModel | None:
    """The model that the design was made of; None where it is not known, or not that of these weights."""
    source = core.source
    if source is None or source.weights_digest != weights_digest([d.weights for d in core.layers]):
        return None
    return source


@dataclass(frozen=True)
class _References:
    """Outputs of every sequence by the float reference and, where it is known, by the source. initial: for each
    layer the state from which the core starts."""

    float: list[np.ndarray]
    initial: Sequence[State | None] | None
    source: SourceModel | None
    of_source: list[np.ndarray]
    one_stream: bool = False


def _divided(outputs: list[np.ndarray], data: DataSet, one_stream: bool) -> list[np.ndarray]:
    """Outputs of every sequence, of those of one stream."""
    if not one_stream:
        return outputs
    return np.split(outputs[0], np.cumsum([len(s) for s in data.sequences])[:-1])


def _references(
    core, data: DataSet, initial, progress: Progress | None, one_stream: bool = False
) -> _References:
    loaded = initial if core.stream_shape.initial_states else None
    reference = float_outputs(core, data, progress, loaded, one_stream)
    source = known_source(core)
    if source is None:
        return _References(reference, loaded, None, [], one_stream)
    if source.layers is None:
        same = loaded is not None or initial is None or all(s is None for s in initial)
        made = reference if same else float_outputs(core, data, None, initial, one_stream)
    else:
        layers, states = source.layers, [None] * len(core.layers) if initial is None else initial
        graph, scaling = core.graph, core.host_scaling

        def of_source(x: list[np.ndarray]) -> list[np.ndarray]:
            if scaling is not None:
                x = [scaling.normalised(each) for each in x]
            return source_outputs(layers, x, states, graph)

        made = _batches(data, of_source, None, 0, one_stream)
        made = _behind_host(core, _divided(made, data, one_stream), data)
    return _References(reference, loaded, source, made, one_stream)


def float_outputs(
    core: CoreSpecification,
    data: DataSet,
    progress: Progress | None = None,
    initial: Sequence[State | None] | None = None,
    one_stream: bool = False,
) -> list[np.ndarray]:
    """Outputs (frames, outputs) of every sequence by the float reference, behind the host steps (but argmax, which
    the scores are made with themselves). initial, one_stream: as in `evaluate`."""
    model = float_model(core)

    def run(x: list) -> list:
        return model.run(x, initial=_each(core, initial, x))

    made = _batches(data, run, progress, 0, one_stream)
    return _behind_host(core, _divided(made, data, one_stream), data)


def _behind_host(
    core: CoreSpecification, outputs: list[np.ndarray], data: DataSet
) -> list[np.ndarray]:
    return [
        stepped(core.host_steps, y, argmax=False, frames=np.full(len(y), len(x)))
        for y, x in zip(outputs, data.sequences, strict=True)
    ]


def fixed_runs(
    core: CoreSpecification,
    data: DataSet,
    progress: Progress | None = None,
    done: int = 0,
    initial: Sequence[State | None] | None = None,
    one_stream: bool = False,
) -> list:
    """The run of every sequence by the integer model; with one_stream the one of all of them. done: frames that progress begins
    with."""
    model = integer_model(core)

    def run(x: list) -> list:
        return model.run(x, initial=_each(core, initial, x))

    return _batches(data, run, progress, done, one_stream)


def _each(core, initial: Sequence[State | None] | None, x: list) -> list | None:
    """The state of a core for each of the sequences x, as its models take it."""
    if initial is None:
        return None
    return [initial[0] if isinstance(core, Design) else list(initial)] * len(x)


def _compared(core, data: DataSet, references: _References, pooling, progress, done) -> Evaluation:
    """The integer model of `core` against the outputs of the references."""
    runs = fixed_runs(core, data, progress, done, references.initial, references.one_stream)
    given = _divided([run.outputs for run in runs], data, references.one_stream)
    fixed, reference = _behind_host(core, given, data), references.float
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
    references: _References,
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
