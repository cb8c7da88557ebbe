"""What a hung simulation says: where the sequencer stands and what it waits for.

The same text for every engine that sees inside the core.
"""

from __future__ import annotations

from collections.abc import Mapping

from ernn_myhdl.program import SOURCES

#: Nets of the top that the text is made of.
NETS = (
    "fetch",
    "program_source",
    "program_need",
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


def hung(values: Mapping[str, int], limit: int, done: int, frames: int, accepted: int, beats: int):
    """The message of a simulation without a transfer for `limit` cycles; values: of NETS."""
    v = values
    source = SOURCES[min(v["program_source"], len(SOURCES) - 1)]
    written = ", ".join(f"{s} {v[f'sequencer_{s}_write_index']}" for s in SOURCES)
    handshakes = ", ".join(
        f"{side}_axis tvalid {v[f'{side}_axis_tvalid']} tready {v[f'{side}_axis_tready']}"
        for side in "sm"
    )
    return (
        f"simulation: no transfer for {limit} cycles, {done} of {frames} frames delivered, "
        f"{accepted} of {beats} beats accepted; the sequencer is at program address {v['fetch']}, "
        f"which needs {v['program_need']} groups of {source}; the last operation issued was number "
        f"{v['sequencer_op_address']}; next group to be written: {written}; the drain is "
        f"{'shifting' if v['sequencer_shifting'] else 'idle'}; {handshakes}; if input was on offer, "
        "this is a defect of the core: please report the design"
    )
