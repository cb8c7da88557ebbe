"""What a hung simulation says: where the sequencer stands and what it waits for.

The same text for every engine that sees inside the core. And how long a simulation is waited for.
"""

from __future__ import annotations

from collections.abc import Mapping

from ernn_myhdl.design.design import CoreSpecification, Design
from ernn_myhdl.hdl.stream_port import LOADER, READY, SINK, SOURCE, VALID, signals
from ernn_myhdl.program.program import SOURCES, program_for
from ernn_myhdl.rtl.core.latencies import latencies

#: Nets of a layer that the text is made of, and those of the top.
LAYER_NETS = (
    "sequencer_gate_address",
    "sequencer_second_address",
    "sequencer_op_address",
    "sequencer_x_write_index",
    "sequencer_y_write_index",
    "sequencer_m_write_index",
    "sequencer_shifting",
)
#: Nets that only a layer with initial states has, and only one with several streams.
STATE_NETS = ("state_held", "s_head_tid")
STATE_STREAM = signals(LOADER, VALID, READY)
STREAM_NETS = signals(SOURCE, VALID, READY) + signals(SINK, VALID, READY)


def nets(design: CoreSpecification) -> tuple[str, ...]:
    """Names of the nets that `hung` wants to see."""
    names: tuple[str, ...] = LAYER_NETS
    if design.stream_shape.initial_states:
        names += STATE_NETS
    layers = (prefix + net for prefix in design.layer_prefixes for net in names)
    return (*layers, *STREAM_NETS, *STATE_STREAM)


def hung(
    design: CoreSpecification,
    values: Mapping[str, int],
    limit: int,
    done: int,
    frames: int,
    accepted: int,
    beats: int,
) -> str:
    """The message of a simulation without a transfer for `limit` cycles; values: of `nets`."""
    v = values
    layers = "; ".join(
        _state(layer, prefix, v)
        for layer, prefix in zip(design.layers, design.layer_prefixes, strict=True)
    )
    streams = [s for s in (SOURCE, SINK, LOADER) if signals(s, VALID)[0] in v]
    handshakes = ", ".join(
        " ".join([s, *(f"{field} {v[signals(s, field)[0]]}" for field in (VALID, READY))])
        for s in streams
    )
    return (
        f"simulation: no transfer for {limit} cycles, {done} of {frames} frames delivered, "
        f"{accepted} of {beats} beats accepted; {layers}; {handshakes}; if input was on "
        "offer, this is a defect of the core: please report the design"
    )


def _state(layer: Design, prefix: str, values: Mapping[str, int]) -> str:
    """Where the sequencer of a layer stands."""
    v = {net: values[prefix + net] for net in LAYER_NETS}
    operations = program_for(layer).operations
    waiting = []
    for part, name in (("gate", "gate passes"), ("second", layer.cell.second_phase)):
        if name:
            address = v[f"sequencer_{part}_address"]
            operation = operations[address]
            waiting.append(
                f"{name} at operation {address}, which needs {operation.need} groups of "
                f"{SOURCES[operation.source]}"
            )
    written = ", ".join(f"{s} {v[f'sequencer_{s}_write_index']}" for s in SOURCES)
    held = ""
    if values.get(f"{prefix}state_held"):
        stream = values.get(f"{prefix}s_head_tid", 0)
        held = f"; x waits for the initial state of stream {stream} on s_state"
    return (
        f"{prefix}sequencer: {', '.join(waiting)}; the last operation issued was number "
        f"{v['sequencer_op_address']}; next group to be written: {written}; the drain is "
        f"{'shifting' if v['sequencer_shifting'] else 'idle'}{held}"
    )


def tail_cycles(design: CoreSpecification) -> int:
    """Cycles after the last transfer until every stage of the last frame has been seen, when all of y was delivered.

    Frames that a window with a stride leaves out may follow that of the last y, and go as far as the window.
    """
    last = design.layers[-1:] if design.graph is None else design.layers
    cycles = max(latencies(layer).forward_y for layer in last)
    if design.graph is not None:
        cycles += design.graph.unused_frames() * frame_bound(design)
    return cycles


def liveness_limit(design: CoreSpecification) -> int:
    """Cycles without any transfer after which a run is given up."""
    return 2000 + 40 * frame_bound(design)


def frame_bound(design: CoreSpecification) -> int:
    """Cycles that no frame exceeds without stalls; only for the liveness limit."""
    total = 0
    for layer in design.layers:
        program, cell = program_for(layer), layer.cell
        total += program.length + 4 * program.gate_chunks + 8 * (cell.inputs + cell.outputs) + 400
    return total
