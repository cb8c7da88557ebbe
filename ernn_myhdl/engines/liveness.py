"""What a hung simulation says: where the sequencer stands and what it waits for.

The same text for every engine that sees inside the core.
"""

from __future__ import annotations

from collections.abc import Mapping

from ernn_myhdl.design import Design
from ernn_myhdl.program import SOURCES, program_for

#: Nets of the top that the text is made of.
NETS = (
    "gate_fetch",
    "second_fetch",
    "sequencer_op_address",
    "sequencer_x_write_index",
    "sequencer_y_write_index",
    "sequencer_m_write_index",
    "sequencer_shifting",
    "s_axis_tvalid",
    "s_axis_tready",
    "m_axis_tvalid",
    "m_axis_tready",
)


def hung(
    design: Design,
    values: Mapping[str, int],
    limit: int,
    done: int,
    frames: int,
    accepted: int,
    beats: int,
) -> str:
    """The message of a simulation without a transfer for `limit` cycles; values: of NETS."""
    v = values
    operations = program_for(design).operations
    waiting = []
    for part, name in (("gate", "gate passes"), ("second", design.cell.second_phase)):
        if name:
            address = v[f"{part}_fetch"]
            operation = operations[address]
            waiting.append(
                f"{name} at operation {address}, which needs {operation.need} groups of "
                f"{SOURCES[operation.source]}"
            )
    written = ", ".join(f"{s} {v[f'sequencer_{s}_write_index']}" for s in SOURCES)
    handshakes = ", ".join(
        f"{side}_axis tvalid {v[f'{side}_axis_tvalid']} tready {v[f'{side}_axis_tready']}"
        for side in "sm"
    )
    return (
        f"simulation: no transfer for {limit} cycles, {done} of {frames} frames delivered, "
        f"{accepted} of {beats} beats accepted; sequencer: {', '.join(waiting)}; the last operation "
        f"issued was number {v['sequencer_op_address']}; next group to be written: {written}; the "
        f"drain is {'shifting' if v['sequencer_shifting'] else 'idle'}; {handshakes}; if input was on "
        "offer, this is a defect of the core: please report the design"
    )
