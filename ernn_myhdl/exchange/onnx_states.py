"""States after the last frame, which an ONNX graph may take its output from."""

from __future__ import annotations

import numpy as np

from ernn_myhdl.exchange.onnx_values import Labels, Signal, State, Value

#: Operators that keep zeros zero.
KEEP_ZEROS = {
    "Cast", "Concat", "Expand", "Gather", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Transpose",
    "Unsqueeze",
}  # fmt: skip


def final_state(kind: str, attributes: dict, given: list, labels: Labels) -> Value | None:
    """What follows from final states alone: other states, or the last output of one layer of several."""
    if kind == "Concat" and all(isinstance(v, Signal) and v.last for v in given):
        alone = all(v.axes and labels.size(v.axes[0]) == 1 for v in given)
        return State(tuple(given) if attributes.get("axis") == 0 and alone else ())
    if not all(isinstance(v, State | np.ndarray) for v in given) or not isinstance(given[0], State):
        return None
    if kind == "Gather" and attributes.get("axis", 0) == 0 and np.ndim(given[1]) == 0:
        index = int(given[1])
        if -len(given[0].parts) <= index < len(given[0].parts):
            part = given[0].parts[index]
            return part.moved(part.axes[1:])
    return State() if kind in KEEP_ZEROS else None
