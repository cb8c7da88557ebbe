"""Waveforms of a simulation: a VCD file, and a compact trace for `ernn plot waveform`.

Both are `watch` hooks of `ernn_myhdl.engines.myhdl.simulation.simulate`: called with the elaborated core
they return a function that samples all signals just before the clock edge that ends a cycle.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ernn_myhdl.design.design import CoreSpecification, Design
from ernn_myhdl.hdl.elaboration import Elaboration
from ernn_myhdl.hdl.stream_port import LOADER, READY, SINK, SOURCE, VALID, signals
from ernn_myhdl.hdl.types import Array

if TYPE_CHECKING:
    from vcd import VCDWriter

#: A cycle in the VCD file, in nanoseconds: cycle n lasts from n to n + 1 times this.
CYCLE_NS = 10
#: Elements of signals that a VCD holds before the lanes are left out.
MANY_ELEMENTS = 6000

_LANE = re.compile(r"lanes_\d+_\d+")


class VcdTrace:
    """Writes a VCD file while a simulation runs; a context manager.

    Hierarchical names become scopes, elements of arrays variables `name(i)`; only changes are
    written. lanes: include the lanes' own nets in a large core too. left_out: number of nets that
    are not in the file.
    """

    def __init__(self, file: str | Path, lanes: bool = False) -> None:
        self.file = Path(file)
        self.lanes = lanes
        self.left_out = 0
        self.note = ""
        self._variables: list = []
        self._signals: list = []
        self._last: Sequence[int | None] = []

    def __enter__(self) -> VcdTrace:
        self._stream = open(self.file, "w", encoding="ascii")
        self._writer: VCDWriter | None = None
        return self

    def __exit__(self, *exception) -> None:
        if self._writer is not None:
            self._writer.close()
        self._stream.close()

    def watch(self, model: Elaboration):
        """The hook for `simulate`."""
        types = model.types
        elements = sum(t.count if isinstance(t, Array) else 1 for t in types.values())
        kept = list(types)
        if elements > MANY_ELEMENTS and not self.lanes:
            kept = [name for name in types if not _LANE.match(name)]
            self.left_out = len(types) - len(kept)
        comment = "cycle n lasts from 10 n to 10 (n + 1) ns; values as sampled at its end"
        if self.left_out:
            self.note = f"{self.left_out} nets of the lanes are left out of the waveform"
            comment += f"; {self.note}"
        from vcd import VCDWriter

        # a fixed date: equal runs give equal files
        writer = VCDWriter(self._stream, timescale="1 ns", date="", comment=comment)
        self._writer = writer
        for name in kept:
            if name != "clk":
                self._register(writer, name, types[name], model.signals[name])
        clock = writer.register_var("core", "clk", "wire", size=1, init=0)
        self._last = [None] * len(self._signals)
        return lambda cycle: self._sample(writer, cycle, clock)

    def _register(self, writer: VCDWriter, name: str, kind, signal) -> None:
        *scopes, leaf = name.split(".")
        scope = ".".join(["core", *scopes])
        parts = [(leaf, kind.bits, signal)]
        if isinstance(kind, Array):
            parts = [(f"{leaf}({i})", kind.width, s) for i, s in enumerate(signal)]
        for label, bits, part in parts:
            self._variables.append(writer.register_var(scope, label, "wire", size=bits))
            self._signals.append(part)

    def _sample(self, writer: VCDWriter, cycle: int, clock) -> None:
        last = self._last
        time = cycle * CYCLE_NS
        values = [int(s.val) for s in self._signals]
        if values != last:
            variables = self._variables
            for i, (value, before) in enumerate(zip(values, last, strict=True)):
                if value != before:
                    writer.change(variables[i], time, value)
            self._last = values
        writer.change(clock, time, 1)
        writer.change(clock, time + CYCLE_NS // 2, 0)


#: Signals of the trace: name -> net of the top.
_INNER = {
    "state_held": "state_held",
    "frame_start": "frame_start",
    "op_valid": "sequencer_op_valid",
    "op_recurrent": "sequencer_op_recurrent",
    "op_second": "sequencer_op_second",
    "op_second_x": "sequencer_op_second_x",
    "op_index": "sequencer_op_index",
    "op_address": "sequencer_op_address",
    "op_first": "sequencer_op_first",
    "op_last": "sequencer_op_last",
    "shifting": "sequencer_shifting",
    "x_write": "x_write",
    "m_write": "m_write",
    "y_write": "y_write",
}
_ENTERING = (
    *signals(SOURCE, VALID, READY, "tuser", "tlast"),
    *signals(LOADER, VALID, READY, "tlast"),
)
_LEAVING = (*signals(SINK, VALID, READY, "tuser", "tlast"), "frame_error")
TRACED = {n: n for n in _ENTERING} | _INNER | {n: n for n in _LEAVING}
#: Those of them that are ports of the core.
_STREAMS = _ENTERING + _LEAVING
#: Of the beats, whose first sample is traced.
SAMPLES = signals(SOURCE, "tdata") + signals(SINK, "tdata")


def traced(design: CoreSpecification) -> dict[str, str]:
    """Signals of the trace of a core: name -> net; those of a network's layers with their prefix."""
    if isinstance(design, Design):
        return dict(TRACED)
    names = {name: net for name, net in TRACED.items() if net in _STREAMS}
    for prefix in design.layer_prefixes:
        names |= {f"{prefix}{name}": f"{prefix}{net}" for name, net in TRACED.items()}
    return names


#: Suffix of the array that tells when a stage's value is valid.
STAGE_VALID = ".valid"


class CycleTrace:
    """A readable set of signals in every cycle, compact enough to keep.

    Control bits and words by name; for every named stage `stage` (its first element) and
    `stage.valid`; tdata of x and y: the first sample of the beat.
    """

    def __init__(self, design: CoreSpecification) -> None:
        self._bits = design.stream_shape.sample_bits
        self._traced = traced(design)
        self._columns: dict[str, list[int]] = {}

    def watch(self, model: Elaboration):
        """The hook for `simulate`."""
        plain = {n: model.signals[net] for n, net in self._traced.items() if net in model.signals}
        stages: dict[str, tuple] = {}
        for stage, valid, data in model.probes:
            stages.setdefault(stage, (valid, data[0]))
        columns = self._columns = {name: [] for name in (*plain, *SAMPLES)}
        for stage in stages:
            columns[stage], columns[stage + STAGE_VALID] = [], []
        sign, mask = 1 << (self._bits - 1), (1 << self._bits) - 1

        def sample(cycle: int) -> None:
            for name, signal in plain.items():
                columns[name].append(int(signal.val))
            for name in SAMPLES:
                word = int(model.signals[name].val) & mask
                columns[name].append((word ^ sign) - sign)
            for stage, (valid, first) in stages.items():
                columns[stage].append(int(first.val))
                columns[stage + STAGE_VALID].append(int(valid.val))

        return sample

    def arrays(self) -> dict[str, np.ndarray]:
        """Signal -> (cycles,) int64, from cycle 0."""
        return {name: np.array(values, dtype=np.int64) for name, values in self._columns.items()}
