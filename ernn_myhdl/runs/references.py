"""What a core is compared with: the float reference, and the model that the design was made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ernn_myhdl.corpus.inputs import DataSet
from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.design.source_model import SourceModel, weights_digest
from ernn_myhdl.exchange.projection import source_outputs
from ernn_myhdl.golden.initial_state import State
from ernn_myhdl.runs.data_outputs import Progress, behind_host, divided, float_outputs, in_batches


def known_source(core: CoreSpecification) -> SourceModel | None:
    """The model that the design was made of; None where it is not known, or not that of these weights."""
    source = core.source
    if source is None or source.weights_digest != weights_digest([d.weights for d in core.layers]):
        return None
    return source


@dataclass(frozen=True)
class References:
    """Outputs of every sequence by the float reference and, where it is known, by the source. initial: for each
    layer the state from which the core starts."""

    float: list[np.ndarray]
    initial: Sequence[State | None] | None
    source: SourceModel | None
    of_source: list[np.ndarray]
    one_stream: bool = False


def references_of(
    core, data: DataSet, initial, progress: Progress | None, one_stream: bool = False
) -> References:
    if initial is None:
        initial = [layer.initial for layer in core.layers]
    loaded = initial if core.stream_shape.initial_states else None
    reference = float_outputs(core, data, progress, loaded, one_stream)
    source = known_source(core)
    if source is None:
        return References(reference, loaded, None, [], one_stream)
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

        made = in_batches(data, of_source, None, 0, one_stream)
        made = behind_host(core, divided(made, data, one_stream), data)
    return References(reference, loaded, source, made, one_stream)
