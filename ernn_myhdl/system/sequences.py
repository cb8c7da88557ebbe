"""What the host must know of the sequences of a design: frames that come out, and states that they start from."""

from __future__ import annotations

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.design.time_joins import Mean, Sum
from ernn_myhdl.host.sequences import FramesOut, LayerState, StatePart
from ernn_myhdl.numerics.circulant import blocks_for
from ernn_myhdl.streams.initial_states import raw_state


def frames_out(design: CoreSpecification) -> FramesOut:
    """The frames of y of sequences of a design."""
    graph = design.graph
    if graph is None:
        return FramesOut()
    least, most = graph.least, 0
    for join in graph.joins:
        if isinstance(join, Sum) and graph.frames[join.inputs[0]] is None:
            longest = join.frames + graph.cadences[join.inputs[0]].first
            most = min(most or longest, longest)
            least = longest if isinstance(join, Mean) else least
    cadence, per_sequence = graph.cadence, graph.frames[graph.output] or 0
    return FramesOut(per_sequence, cadence.first, cadence.step, least, most)


def layer_states(design: CoreSpecification) -> tuple[LayerState, ...]:
    """The states of the layers that load them."""
    made = []
    for number, layer in enumerate(design.layers):
        if layer.loads_states:
            unit = max(layer.cell.tile, layer.hardware.samples_per_beat)
            words = raw_state(layer, dict(layer.initial)) if layer.initial else {}
            parts = tuple(
                StatePart(
                    name, size, blocks_for(size, unit) * unit, getattr(layer.formats, name),
                    tuple(words[name].tolist()) if words else (),
                )
                for name, size in layer.cell.state_sizes.items()
            )  # fmt: skip
            made.append(LayerState(number, parts))
    return tuple(made)
