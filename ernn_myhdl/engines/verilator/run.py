"""Runs a built core: the bench of `ernn_myhdl.engines.myhdl.simulation`, cycle by cycle in compiled code.

The library runs in this process. Stimulus and results pass as arrays; the random patterns of the
streams are drawn here, in the same order as for MyHDL, so every cycle is the same.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from ctypes import POINTER, byref, c_int, c_int64, c_uint8, c_uint32, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.engines import liveness
from ernn_myhdl.engines.liveness import liveness_limit, tail_cycles
from ernn_myhdl.engines.simulation_record import SimulationRecord
from ernn_myhdl.engines.verilator.compiled_hdl import compiled_core
from ernn_myhdl.engines.verilator.harness_ports import layout, limbs
from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.rtl.core.view import CoreView
from ernn_myhdl.streams.traffic import Beat, StateBeat, Traffic

FINISHED, HUNG = 1, 2
#: Seconds between two looks at the progress, which is when Ctrl-C takes effect.
SLICE_SECONDS = 0.2
FIRST_SLICE = 2000


class CompiledCore:
    """A running model of a core; a context manager.

    layout: what the library takes and gives. library, memories, model: it, the words of its memories and the
    running model, as its functions take them.

    Each call of `simulate` starts with a reset and continues with the same model, so what a call
    left unfinished is lost as by a reset of the hardware.
    """

    def __init__(
        self, design: CoreSpecification, library: str | Path, view: CoreView | None = None
    ) -> None:
        """view: `compiled_core` of the design, where that is at hand."""
        self.design = design
        self.view = view = view or compiled_core(design)
        self.layout = layout(design, view)
        self.library = ctypes.CDLL(str(library))
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(self.library, name)
            function.restype, function.argtypes = result, arguments
        # the model asks for them at its first clock edge
        self._words = [_words(rom) for rom in view.memories]
        self.memories = (POINTER(c_uint32) * len(self._words))(
            *(w.ctypes.data_as(POINTER(c_uint32)) for w in self._words)
        )
        self.model = self.library.ernn_open(self.memories)

    def __enter__(self) -> CompiledCore:
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def close(self) -> None:
        """Free the model."""
        if self.model:
            self.library.ernn_close(self.model)
            self.model = None

    def simulate(
        self,
        beats: Iterable[Beat],
        frames: int,
        traffic: Traffic = Traffic(),
        stages: bool = True,
        progress: Callable[[int, int], None] | None = None,
        reset_at: int | Collection[int] | None = None,
        limit: int | None = None,
        most_cycles: int | None = None,
        states: Sequence[StateBeat] = (),
    ) -> SimulationRecord:
        """Feed `beats` to the core until `frames` frames have been delivered.

        Arguments as of `ernn_myhdl.engines.myhdl.simulation.simulate`. stages: record the named stages and
        the per-cycle trace. most_cycles: end after so many cycles, whatever has been delivered; the
        next call's reset then comes in the middle of a frame. states: beats of s_state.
        """
        beats = list(beats)
        if states and not self.layout.loader:
            raise DesignError("initial states: the core has no s_state to load them")
        limit = limit or liveness_limit(self.design)
        cycles = sorted([reset_at] if isinstance(reset_at, int) else reset_at or [])
        resets = np.array(cycles, dtype=np.int64)
        source, sink = traffic.patterns()
        gaps = _Draws(source, traffic.idle), _Draws(traffic.state_pattern(), traffic.idle)
        sources = [
            _Source(self.pack(beats, self.layout.source), len(beats), gaps[0]),
            _Source(self.pack(states, self.layout.loader), len(states), gaps[1]),
        ]
        stall = _Draws(sink, traffic.stall)
        tail = tail_cycles(self.design) if stages else 0
        self.library.ernn_start(self.model, frames, tail, limit, stages, stages)
        record, status, size, start = SimulationRecord(), 0, FIRST_SLICE, 0
        try:
            while not status:
                before = time.perf_counter()
                if most_cycles is not None:
                    size = min(size, most_cycles - start)
                status = self._slice(size, sources, stall, resets)
                cycle, _, done, *_ = self._progress()
                if progress:
                    progress(min(done, frames), cycle)
                start = cycle
                if most_cycles is not None and cycle >= most_cycles:
                    break
                seconds = max(time.perf_counter() - before, 1e-4)
                size = int(np.clip(size * SLICE_SECONDS / seconds, size // 2, size * 4)) or 1
        except KeyboardInterrupt:
            record.interrupted = True
        cycle, accepted, done, record.cycles, error = self._progress()
        record.error = bool(error)
        if status == HUNG:
            values = np.zeros(len(self.layout.state), dtype=np.int64)
            self.library.ernn_state(self.model, values.ctypes.data_as(POINTER(c_int64)))
            state = dict(zip(self.layout.state, values.tolist(), strict=True))
            raise ToolError(
                liveness.hung(self.design, state, limit, done, frames, accepted, len(beats))
            )
        self._collect(record, beats, states, stages)
        return record

    def _slice(self, size: int, sources: list[_Source], stall, resets) -> int:
        """At most `size` cycles; returns the status of the harness."""
        used = [c_int64(0) for _ in sources]
        draws, stalls = [s.idle.ahead(size) for s in sources], stall.ahead(size)
        (x, x_count), (state, state_count) = (
            (s.words.ctypes.data_as(POINTER(c_uint32)), s.count) for s in sources
        )
        status = self.library.ernn_run(
            self.model, self.memories, size, _bytes(draws[0]), byref(used[0]), _bytes(stalls),
            x, x_count, resets.ctypes.data_as(POINTER(c_int64)), len(resets), _bytes(draws[1]),
            byref(used[1]), state, state_count,
        )  # fmt: skip
        for source, count in zip(sources, used, strict=True):
            source.idle.drop(count.value)
        stall.drop(size)
        return status

    def _progress(self) -> list[int]:
        """cycle, beats accepted, frames delivered, cycles simulated, frame_error"""
        values = (c_int64 * 5)()
        self.library.ernn_progress(self.model, values)
        return list(values)

    @staticmethod
    def pack(beats: Sequence, given: list[tuple[str, int]]) -> np.ndarray:
        """Beats as the harness takes them: each field in its limbs."""
        fields = [(name, 4 * limbs(bits)) for name, bits in given]
        data = b"".join(
            int(getattr(beat, name)).to_bytes(size, "little")
            for beat in beats
            for name, size in fields
        )
        return np.frombuffer(data + bytes(4), dtype=np.uint32)

    def _collect(
        self, record: SimulationRecord, beats: list[Beat], states: Sequence[StateBeat], stages: bool
    ) -> None:
        library, model, shape = self.library, self.model, self.layout
        accepted = copied(library.ernn_accepted, model)
        record.accepted = list(zip(accepted.tolist(), beats, strict=False))
        loaded = copied(library.ernn_loaded, model)
        record.loaded = list(zip(loaded.tolist(), states, strict=False))
        cycles = copied(library.ernn_delivered_cycle, model).tolist()
        raw = copied(library.ernn_delivered, model, dtype=np.uint32).tobytes()
        fields, at = [], 0
        for name, bits in shape.sink:
            fields.append((name, at, at + 4 * limbs(bits), name == "last"))
            at += 4 * limbs(bits)
        for i, cycle in enumerate(cycles):
            row = raw[i * at : (i + 1) * at]
            values: dict[str, Any] = {
                n: int.from_bytes(row[a:b], "little") for n, a, b, _ in fields
            }
            values |= {n: bool(values[n]) for n, _, _, flag in fields if flag}
            record.delivered.append((cycle, Beat(**values)))
        if not stages:
            return
        for number, name in enumerate(shape.stages):
            when = copied(library.ernn_stage_cycle, model, number)
            if len(when):
                rows = copied(library.ernn_stage_values, model, number).reshape(len(when), -1)
                record.stages[name] = list(zip(when.tolist(), rows, strict=True))
        trace = copied(library.ernn_trace, model).reshape(-1, len(shape.trace))
        record.trace = {n: trace[:, i].copy() for i, n in enumerate(shape.trace)}


@dataclass
class _Source:
    """What a stream brings: beats in limbs, how many, and the draws of its gaps."""

    words: np.ndarray
    count: int
    idle: _Draws


class _Draws:
    """What a side of the streams draws, one byte a draw: 1 where it pauses."""

    def __init__(self, generator, probability: float) -> None:
        self._generator, self._probability = generator, probability
        self._ahead = np.zeros(0, dtype=np.uint8)

    def ahead(self, count: int) -> np.ndarray | None:
        """At least `count` draws that have not been used; None where it never pauses."""
        if self._probability == 0:
            return None
        missing = count - len(self._ahead)
        if missing > 0:
            if isinstance(self._generator, np.random.Generator):
                numbers = self._generator.random(missing)
            else:
                numbers = np.array([self._generator.random() for _ in range(missing)])
            more = (numbers < self._probability).astype(np.uint8)
            self._ahead = np.concatenate([self._ahead, more])
        return self._ahead

    def drop(self, count: int) -> None:
        """`count` draws have been used."""
        self._ahead = self._ahead[count:]


def _words(rom) -> np.ndarray:
    """Contents of all instances of a memory, each word in its limbs."""
    size = 4 * limbs(rom.type.bits)
    data = b"".join(word.to_bytes(size, "little") for words in rom.contents for word in words)
    return np.frombuffer(data, dtype=np.uint32)


def _bytes(array: np.ndarray | None):
    return None if array is None else array.ctypes.data_as(POINTER(c_uint8))


def copied(function, *arguments, dtype=np.int64) -> np.ndarray:
    """A copy of a vector of the harness."""
    data = c_void_p()
    count = function(*arguments, byref(data))
    if not count:
        return np.zeros(0, dtype=dtype)
    kind = c_uint32 if dtype == np.uint32 else c_int64
    return np.ctypeslib.as_array(ctypes.cast(data, POINTER(kind)), (count,)).copy()


_VECTOR = (c_int64, [c_void_p, POINTER(c_void_p)])
_STAGE = (c_int64, [c_void_p, c_int, POINTER(c_void_p)])
_FUNCTIONS = {
    "ernn_open": (c_void_p, [POINTER(POINTER(c_uint32))]),
    "ernn_close": (None, [c_void_p]),
    "ernn_start": (None, [c_void_p, c_int64, c_int64, c_int64, c_int, c_int]),
    "ernn_run": (
        c_int,
        [
            c_void_p, POINTER(POINTER(c_uint32)), c_int64, POINTER(c_uint8), POINTER(c_int64),
            POINTER(c_uint8), POINTER(c_uint32), c_int64, POINTER(c_int64), c_int64,
            POINTER(c_uint8), POINTER(c_int64), POINTER(c_uint32), c_int64,
        ],
    ),
    "ernn_feed": (
        c_int,
        [
            c_void_p, POINTER(POINTER(c_uint32)), c_int64, c_void_p, c_void_p, c_int64, c_void_p,
            c_int64, c_void_p, c_int64,
        ],
    ),
    "ernn_latest": (c_int64, [c_void_p, c_int64, c_int, POINTER(c_void_p)]),
    "ernn_progress": (None, [c_void_p, POINTER(c_int64)]),
    "ernn_state": (None, [c_void_p, POINTER(c_int64)]),
    "ernn_accepted": _VECTOR,
    "ernn_loaded": _VECTOR,
    "ernn_delivered_cycle": _VECTOR,
    "ernn_delivered": _VECTOR,
    "ernn_trace": _VECTOR,
    "ernn_stage_cycle": _STAGE,
    "ernn_stage_values": _STAGE,
}  # fmt: skip
