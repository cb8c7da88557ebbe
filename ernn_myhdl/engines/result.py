"""What every engine returns, and what it is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.design.input_scaling import scaled
from ernn_myhdl.numerics.formats import quantise
from ernn_myhdl.streams.frame_counts import output_turns, signal_turns
from ernn_myhdl.streams.initial_states import CoreState
from ernn_myhdl.streams.traffic import Traffic, Turn


@dataclass(frozen=True)
class Job:
    """Sequences to run on an engine.

    sequences: (frames, inputs) float64 each; the state is cleared at the start of each, or that of
    `initial`, where it has one (`ernn_myhdl.streams.initial_states`).
    stages: keep every named tensor. vcd, vcd_lanes: waveform file (cycle-accurate engines) and
    whether it holds the lanes however many there are. progress: called with (frames, cycle).
    source: Verilog of the compiled engine, `verilog` or `vhdl`. say: called with what is being done
    before the first frame.
    """

    design: CoreSpecification
    sequences: list[np.ndarray]
    traffic: Traffic = Traffic()
    stages: bool = True
    vcd: Path | None = None
    vcd_lanes: bool = False
    progress: Callable[[int, int], None] | None = None
    source: str = "verilog"
    say: Callable[[str], None] | None = None
    initial: list[CoreState | None] = field(default_factory=list)

    @property
    def frames(self) -> int:
        return sum(len(s) for s in self.sequences)

    @property
    def raw_sequences(self) -> list[np.ndarray]:
        """The sequences in the `input` format."""
        sequences = scaled(self.design.host_scaling, self.sequences)
        return [quantise(s, self.design.input_format) for s in sequences]

    @property
    def lengths(self) -> list[int]:
        """Frames of each sequence."""
        return [len(s) for s in self.sequences]

    @property
    def states(self) -> list[CoreState | None]:
        """The initial state of each sequence."""
        return self.initial or [None] * len(self.sequences)

    @property
    def loaded(self) -> frozenset[int]:
        """Sequences that start from a state other than zero."""
        return frozenset(i for i, state in enumerate(self.states) if state is not None)

    @cached_property
    def turns(self) -> list[Turn]:
        """All frames in the order in which they enter the core."""
        return self.traffic.turns(self.lengths, self.design.stream_shape.streams)

    def turns_of(self, signal: str) -> list[Turn]:
        """All frames of a signal or stage of the design's graph, in the order in which they come."""
        return signal_turns(self.design, signal, self.turns, self.lengths)

    @cached_property
    def output_turns(self) -> list[Turn]:
        """All frames of y in the order in which they leave the core."""
        return output_turns(self.design, self.turns, self.lengths)

    @cached_property
    def output_lengths(self) -> list[int]:
        """Frames of y of each sequence."""
        return self.design.output_lengths(self.lengths)


@dataclass
class EngineResult:
    """Raw outputs (frames, outputs) int64 and, where the engine knows them, the rest.

    stages: named tensors (frames, ...). stage_cycles: cycle of every block of them.
    frame_cycles: (frames, 2), first beat of x accepted and last beat of y delivered.
    saturations: counts by tensor. trace: per-cycle signals, see `ernn_myhdl.engines.trace`.
    notes: what the user should know about the run. done: after Ctrl-C, frames of each sequence that
    the result holds.
    preparation_seconds: wall time before the first cycle: elaboration, conversion, compilation.
    """

    raw: np.ndarray
    stages: dict[str, np.ndarray] = field(default_factory=dict)
    stage_cycles: dict[str, np.ndarray] = field(default_factory=dict)
    frame_cycles: np.ndarray | None = None
    saturations: dict[str, int] | None = None
    trace: dict[str, np.ndarray] = field(default_factory=dict)
    cycles: int | None = None
    notes: list[str] = field(default_factory=list)
    done: list[int] | None = None
    preparation_seconds: float = 0.0
