"""What a simulation of the core records, in MyHDL and compiled."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from ernn_myhdl.streams.traffic import Beat, StateBeat


@dataclass
class SimulationRecord:
    """What the simulation saw.

    accepted, loaded, delivered: (cycle, beat) of every transfer on s_axis, s_state and m_axis, cycles
    counted from the end of reset. stages: name -> list of (cycle, values). cycles: simulated. error: frame_error.
    interrupted: by Ctrl-C, before all frames were delivered. trace: of the compiled engine, as of
    `ernn_myhdl.engines.trace.CycleTrace`; MyHDL's is a `watch` hook.
    preparation_seconds: wall time before the first cycle.
    """

    accepted: list[tuple[int, Beat]] = field(default_factory=list)
    delivered: list[tuple[int, Beat]] = field(default_factory=list)
    loaded: list[tuple[int, StateBeat]] = field(default_factory=list)
    stages: dict[str, list[tuple[int, list[int]]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    cycles: int = 0
    error: bool = False
    interrupted: bool = False
    trace: dict[str, np.ndarray] = field(default_factory=dict)
    preparation_seconds: float = 0.0
