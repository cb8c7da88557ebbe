"""States after the last frame, which an ONNX graph may take its output from, and states that it takes as inputs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ernn_myhdl.exchange.graph import layer_of
from ernn_myhdl.exchange.onnx_values import GivenState, Labels, Signal, State, Value

#: Operators that keep zeros zero.
KEEP_ZEROS = {
    "Cast", "Concat", "Expand", "Gather", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Transpose",
    "Unsqueeze",
}  # fmt: skip
#: The note on a graph that is one step of its cells.
STEP_NOTE = "the model is one step, called with the states that it gave before: its calls are the frames of a sequence, between which the core keeps the states"


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
    return State(cell=given[0].cell) if kind in KEEP_ZEROS else None


def given_state(name: str, sizes: list[int | str | None]) -> GivenState:
    """States that are an input of the graph, (layers, batch, H)."""
    known = tuple(n if isinstance(n, int) else None for n in sizes)
    part = (0, known[0]) if known and known[0] is not None else None
    return GivenState(name, known, part)


def is_new_state(value: Value | None, single_step: bool, streams: bool = True) -> bool:
    """Whether a value is the state of a layer behind the last frame; single_step: of a graph whose sequences have one frame.
    streams: whether a layer starts from states that are given, so that the last frame of its y is meant as one."""
    if isinstance(value, State):
        return True
    ends = isinstance(value, Signal) and (value.state or single_step or (value.last and streams))
    layer = layer_of(value.node) if ends and isinstance(value, Signal) else None
    return layer is not None and layer.recurrent


def new_states(kind: str, attributes: dict, given: list) -> bool:
    """Whether an operator of a single step puts states of several layers together, not elements of a frame."""
    if kind != "Concat" or not all(is_new_state(value, True) for value in given):
        return False
    first = given[0]
    if not isinstance(first, Signal) or first.feature is None:
        return True
    return first.feature not in first.axes[int(attributes.get("axis", 0)) % len(first.axes)]


def parts_of_given(kind: str, attributes: dict, given: list, count: int) -> list[Value]:
    """What an operator that moves numbers makes of states that the graph takes as an input; count: of its outputs."""
    state = given[0]
    assert isinstance(state, GivenState)
    if kind in ("Cast", "Identity", "Unsqueeze", "Squeeze", "Expand"):
        return [state] * count
    first, end = state.part or (0, 0)
    numbers: list[Any] = [
        v.reshape(-1).tolist() if isinstance(v, np.ndarray) else None for v in given[1:]
    ]
    if state.part is not None and attributes.get("axis", 0) == 0:
        if kind == "Split" and (end - first) % count == 0 and not (numbers and numbers[0]):
            size = (end - first) // count
            return [replace(state, part=(first + i * size, first + (i + 1) * size)) for i in range(count)]  # fmt: skip
        if kind == "Split" and numbers and numbers[0] and sum(numbers[0]) == end - first:
            ends = np.cumsum([first, *numbers[0]]).tolist()
            return [replace(state, part=pair) for pair in zip(ends, ends[1:], strict=False)]
        if kind == "Gather" and numbers[0] and len(numbers[0]) == 1:
            at = first + int(numbers[0][0]) % (end - first)
            return [replace(state, part=(at, at + 1))]
    if kind == "Slice" and state.part is not None and len(numbers) >= 3:
        if all(n and len(n) == 1 for n in numbers) and numbers[2] == [0]:
            start, stop, _ = slice(numbers[0][0], numbers[1][0]).indices(end - first)
            return [replace(state, part=(first + start, first + stop))]
    return [replace(state, part=None)] * count


def state_inputs_note(found: list[tuple[str, str, GivenState]]) -> str:
    """The note on a graph's inputs that are states; found: name of the layer, part of its state, and what it starts from."""
    listed = ", ".join(f"{layer} {part} = {value}" for layer, part, value in found)
    return (
        f"states before the first frame are inputs of the graph ({listed}): the design has initial_states = true; "
        "`ernn simulate` takes them with --initial-states, without them a sequence starts from zero"
    )
