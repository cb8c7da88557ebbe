"""What of a run's saturations the user is told: tensors of which more than one element in a thousand saturates."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ernn_myhdl.design.cells.ranges import flat_from
from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.errors import WARNING
from ernn_myhdl.golden.tensors import JoinStage, Stage, stages_of

#: Part of a tensor's elements from which saturation is told.
TOLD_SHARE = 1e-3


def saturated_tensors(
    core: CoreSpecification, counts: Mapping[str, int], frames: int
) -> dict[str, tuple[int, int]]:
    """Tensor -> saturated elements and elements, where more than TOLD_SHARE saturated.

    counts: saturated elements of the frames of a run (`ernn_myhdl.golden.result.ModelRun`), padding left out.
    """
    stages, found = stages_of(core), {}
    for name, count in counts.items():
        if not count:
            continue
        elements = frames * int(np.count_nonzero(stages[name].elements))
        if count > TOLD_SHARE * elements:
            found[name] = count, elements
    return found


def saturation_notes(core: CoreSpecification, counts: Mapping[str, int], frames: int) -> list[str]:
    """Notes that name the tensors of `saturated_tensors`; those whose saturation costs accuracy in one warning."""
    stages, found = stages_of(core), saturated_tensors(core, counts, frames)
    flat = {name for name in found if _is_flat(stages[name])}
    costly = {name: numbers for name, numbers in found.items() if name not in flat}
    notes = []
    if costly:
        notes.append(
            f"{WARNING}{_shares(costly)} saturate; choose the formats on data like these (--calibration), or "
            "give more bits"
        )
    if flat:
        only = {name: found[name] for name in sorted(flat)}
        notes.append(
            f"{_shares(only)} saturate where sigmoid and tanh are flat, which costs nothing"
        )
    return notes


def _shares(found: Mapping[str, tuple[int, int]]) -> str:
    return ", ".join(
        f"{100 * count / elements:.3g} % of {name} ({count} of {elements} elements)"
        for name, (count, elements) in found.items()
    )


def _is_flat(stage: Stage | JoinStage) -> bool:
    """Whether the tensor is read by activations only, which do not change beyond its format."""
    if isinstance(stage, JoinStage):
        return False
    cell, formats = stage.layer.cell, stage.layer.formats
    read = [t.output for t in cell.tables(formats, stage.layer.activations).values()]
    if stage.tensor != "preactivations" or not read or not cell.only_activated:
        return False
    flat = flat_from(read[0])
    return formats.preactivation.range[1] >= flat - formats.preactivation.lsb
