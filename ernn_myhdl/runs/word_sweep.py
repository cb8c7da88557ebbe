"""Word lengths beside each other: formats and segments chosen anew for each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ernn_myhdl.calibration.build import EXTRA_STATE_BITS, MAX_STATE_WORD
from ernn_myhdl.calibration.graph_formats import choose_graph_formats
from ernn_myhdl.calibration.input_scales import scaled_format
from ernn_myhdl.calibration.network_formats import choose_network_formats
from ernn_myhdl.calibration.range_analysis import model_design
from ernn_myhdl.corpus.inputs import DataSet
from ernn_myhdl.design.design import CoreSpecification, Design
from ernn_myhdl.design.input_scaling import scaled
from ernn_myhdl.design.network import Network
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.initial_state import State
from ernn_myhdl.runs.data_outputs import Progress
from ernn_myhdl.runs.evaluate import compared
from ernn_myhdl.runs.evaluation import Evaluation
from ernn_myhdl.runs.evaluation_checks import check_data
from ernn_myhdl.runs.references import references_of

#: Words of a sweep: the state word must not pass its limit.
LEAST_WORD, LARGEST_WORD = 4, MAX_STATE_WORD - EXTRA_STATE_BITS


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
    check_data(core, data, pooling)
    sequences = data.sequences if calibration is None else calibration
    references = references_of(core, data, initial, progress)
    made = {}
    for i, word in enumerate(words):
        resized = at_word(core, sequences, word, references.initial)
        done = (i + 1) * data.frames
        made[word] = compared(resized, data, references, pooling, progress, done)
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
