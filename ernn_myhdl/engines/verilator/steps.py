"""The compiled core one frame at a time: the model stays in the process, and goes on where it stopped.

Where there are more streams than the core holds, several models of it run beside each other. A core without
`initial_states` is replaced by one with them when a state is to be loaded; what it computes is the same. Nothing loads what windows
and joins over time hold, so all sequences of such a graph begin anew then, and are fed again.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from ctypes import byref, c_void_p
from dataclasses import replace
from typing import Any

import numpy as np

from ernn_myhdl.design.design import MAX_TDATA, SAMPLE_BITS, CoreSpecification, Design
from ernn_myhdl.design.held_frames import Held, holds_frames
from ernn_myhdl.design.network import Network
from ernn_myhdl.engines import liveness
from ernn_myhdl.engines.liveness import liveness_limit
from ernn_myhdl.engines.verilator.build import build
from ernn_myhdl.engines.verilator.compiled_hdl import compiled_core
from ernn_myhdl.engines.verilator.harness_ports import limbs
from ernn_myhdl.engines.verilator.run import FINISHED, HUNG, CompiledCore
from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.golden.initial_state import State
from ernn_myhdl.streams.initial_states import layer_beats, raw_state
from ernn_myhdl.streams.traffic import (
    FROM_STATE,
    FROM_ZERO,
    StateBeat,
    beats_of_frame,
    end_of_sequence,
)

CoreStates = list[State | None]


class CompiledSteps:
    """A design or network for `streams` streams, all of which begin from zero; see `IntegerSteps`.

    say: called with what is done before a frame that takes long.
    """

    tells_frames = False

    def __init__(
        self, core: CoreSpecification, streams: int, say: Callable[[str], None] | None = None
    ) -> None:
        self.core, self.streams, self._say = core, streams, say
        self._begins: dict[int, CoreStates | None] = dict.fromkeys(range(streams))
        self._held = core.stream_shape.streams
        #: Frames of the sequences that are under way.
        self._frames = [0] * streams
        #: Streams whose sequence has loaded states that layers may not have taken yet, and those with states that none will take.
        self._loading: set[int] = set()
        self._left: set[int] = set()
        self._running, self._models = self._opened(core)

    def _opened(self, core: CoreSpecification) -> tuple[CompiledCore, list[_Model]]:
        """`core`, built, and as many models of it as the streams need."""
        view = compiled_core(core)
        library = build(core, progress=self._say, view=view).library
        running = CompiledCore(core, library, view)
        count = beats_of_frame(self.streams, self._held)
        return running, [_Model(running, core) for _ in range(count)]

    def start(self, stream: int, state: Sequence[State | None] | None = None) -> None:
        """Begin a sequence from the states of the layers, or from zero, with the next frame."""
        given = None if state is None else list(state)
        if given is not None and not self._loads:
            self._load_states()
        if stream in self._loading:
            self._loading.remove(stream)
            self._left.add(stream)
        self._begins[stream] = given
        self._frames[stream] = 0

    @property
    def _loads(self) -> bool:
        return self._running.design.stream_shape.initial_states

    def held(self, stream: int) -> dict[str, np.ndarray]:
        """Not told: `tells_frames`."""
        raise NotImplementedError

    def resume(self, stream: int, state: Sequence[State | None], frames: int, held: Held) -> None:
        """Not taken: `tells_frames`."""
        raise NotImplementedError

    def ready_for_state(self, stream: int) -> bool:
        """Whether the core has a place for a state of the stream, and loads it without another core that knows no frames."""
        if not holds_frames(self.core.graph):
            return True
        return self._loads and stream not in self._loading | self._left

    def reopen(self) -> None:
        """Begin all sequences anew, from zero, in a core that loads states."""
        graph = self.core.graph
        for i, layer in enumerate(self.core.layers):
            if graph and graph.frames[f"layer_{i}"] is not None and layer.cell.state_sizes:
                raise DesignError(
                    f"session: layer_{i} stands behind a join over time, where a core loads no states; begin sequences from zero, or open the "
                    "session on 'integer'"
                )
        self.close()
        if self._say and not self._loads:
            self._say("building the core with initial_states")
        self._running, self._models = self._opened(with_initial_states(self.core))
        self._begins = dict.fromkeys(range(self.streams))
        self._frames = [0] * self.streams
        self._loading, self._left = set(), set()

    def _load_states(self) -> None:
        """Go on with a core that loads states, each stream from its own."""
        going = [s for s in range(self.streams) if s not in self._begins]
        states = {s: self.states(s) for s in going}
        self.close()
        if self._say:
            self._say("building the core with initial_states")
        self._running, self._models = self._opened(with_initial_states(self.core))
        for stream in going:
            self._begins[stream] = list(states[stream])

    def step(self, x: np.ndarray, streams: Sequence[int]) -> np.ndarray:
        """Raw outputs (n, outputs) of raw inputs (n, inputs), one frame of each of n different streams; where windows leave frames
        out of those that have one."""
        due = [self._due(stream) for stream in streams]
        y = self._of_models(x, streams, due)
        first = self.core.graph.cadence.first if self.core.graph else 0
        # behind the first frame of y every layer has taken its state
        self._loading -= {stream for stream in streams if self._frames[stream] > first}
        return y

    def _of_models(self, x: np.ndarray, streams: Sequence[int], due: list[bool]) -> np.ndarray:
        """Frames of x through the models that hold their streams."""
        if len(self._models) == 1:
            return self._fed(self._models[0], x, streams, due)
        y = np.zeros((len(x), self.core.outputs), dtype=np.int64)
        numbers = np.array(streams) // self._held
        for number in np.unique(numbers).tolist():
            rows = np.flatnonzero(numbers == number).tolist()
            own = [i for i in rows if due[i]]
            y[own] = self._fed(
                self._models[number], x[rows], [streams[i] for i in rows], [due[i] for i in rows]
            )
        return y[due]

    def sequence_step(self, x: np.ndarray, stream: int, last: bool) -> np.ndarray:
        """As `IntegerSteps.sequence_step`."""
        graph = self.core.graph
        assert graph is not None  # with joins over time
        self._frames[stream] += 1
        come = graph.output_frames(self._frames[stream]) if last else 0
        y = self._fed(self._models[stream // self._held], x[None], [stream], [True] * come, last)
        if last:
            self._loading.discard(stream)
            self.start(stream)
        return y

    def _due(self, stream: int) -> bool:
        """Whether the next frame of a stream, which is counted here, gives one of y."""
        self._frames[stream] += 1
        if self.core.graph is None:
            return True
        return self.core.graph.cadence.has(self._frames[stream] - 1)

    def _fed(
        self,
        model: _Model,
        x: np.ndarray,
        streams: Sequence[int],
        due: Sequence[bool],
        last: bool = False,
    ) -> np.ndarray:
        """due: of the frames that come, those that are of y; each True one of them. last: the frame ends a sequence."""
        places = [s % self._held for s in streams]
        users, loads = [0] * len(streams), []
        if self._begins:
            for i, stream in enumerate(streams):
                if stream not in self._begins:
                    continue
                state = self._begins.pop(stream)
                users[i] = FROM_ZERO if state is None else FROM_STATE
                if state is not None:
                    self._loading.add(stream)
                    loads += self._state_beats(state, places[i])
        if last:
            users[-1] |= end_of_sequence(self._running.design.stream_shape)
        return model.feed(x, places, users, loads, sum(due))

    def _state_beats(self, state: CoreStates, place: int) -> list[StateBeat]:
        layers = self._running.design.layers
        return [
            beat
            for number, (layer, own) in enumerate(zip(layers, state, strict=True))
            if layer.loads_states
            for beat in layer_beats(layer, None if own is None else dict(own), place, number)
        ]

    def states(self, stream: int) -> list[dict[str, np.ndarray] | None]:
        """The state of each layer behind the last frame of a stream, raw words; None where it has none."""
        if stream in self._begins:
            begin = self._begins[stream] or [None] * len(self.core.layers)
            return [
                raw_state(layer, None if own is None else dict(own)) or None
                for layer, own in zip(self.core.layers, begin, strict=True)
            ]
        return self._models[stream // self._held].latest(stream % self._held)

    @property
    def saturations(self) -> None:
        """The core counts none."""
        return None

    def close(self) -> None:
        """Free the models."""
        for model in self._models:
            model.close()
        self._running.close()


def with_initial_states(core: CoreSpecification) -> CoreSpecification:
    """The same core with `initial_states`, its samples wide enough for the words of the states."""
    words = [
        getattr(layer.formats, name).word
        for layer in core.layers
        for name in layer.cell.state_sizes
    ]
    shape = core.stream_shape
    bits = min(b for b in SAMPLE_BITS if b >= max([*words, shape.sample_bits]))
    samples = min(shape.samples_per_beat, MAX_TDATA // bits)
    loading: list[Design] = [
        layer.with_hardware(initial_states=True, sample_bits=bits, samples_per_beat=samples)
        for layer in core.layers
    ]
    if isinstance(core, Network):
        return replace(core, layers=tuple(loading))
    return loading[0]


class _Model:
    """A running model of a core, fed frame by frame."""

    def __init__(self, core: CompiledCore, design: CoreSpecification) -> None:
        self._core, self._design = core, design
        self._library, self._memories = core.library, core.memories
        self._handle: int | None = core.library.ernn_open(core.memories)
        self._limit = liveness_limit(design)
        core.library.ernn_start(self._handle, 0, 0, self._limit, 0, 0)
        shape = design.stream_shape
        self._sample = np.dtype(f"<i{shape.sample_bits // 8}")
        self._source = _Fields(core.layout.source)
        self._sink = _Fields(core.layout.sink)
        self._beats = beats_of_frame(design.inputs, shape.samples_per_beat)
        self._delivered = beats_of_frame(design.outputs, shape.samples_per_beat)
        self._samples = self._beats * shape.samples_per_beat

    def feed(
        self, x: np.ndarray, places: list[int], users: list[int], loads: list[StateBeat], come: int
    ) -> np.ndarray:
        """Raw outputs of raw inputs, a frame for each of `places` with its tuser; come: frames of y."""
        frames, layout = len(x), self._core.layout
        samples = np.zeros((frames, self._samples), dtype=self._sample)
        samples[:, : x.shape[1]] = x
        beats = np.zeros((frames, self._beats, self._source.limbs), dtype=np.uint32)
        data = samples.view(np.uint8).reshape(frames, self._beats, -1)
        beats.view(np.uint8)[..., : data.shape[2]] = data  # tdata is the first field
        beats[:, -1, self._source.at["last"]] = 1
        beats[:, 0, self._source.at["user"]] = users
        if "stream" in self._source.at:
            beats[:, :, self._source.at["stream"]] = np.array(places)[:, None]
        states = self._core.pack(loads, layout.loader)
        sink = np.empty((come, self._delivered, self._sink.limbs), dtype=np.uint32)
        streams = np.resize(np.array(places, dtype=np.int64), max(come, 1))
        status = self._library.ernn_feed(
            self._handle, self._memories, come, streams.ctypes.data, beats.ctypes.data,
            frames * self._beats, states.ctypes.data, len(loads), sink.ctypes.data,
            come * self._delivered,
        )  # fmt: skip
        last = sink[:, -1, self._sink.at["last"]]
        if status != FINISHED or not last.all():
            raise self._failed(status, frames)
        if not come:
            return np.empty((0, self._design.outputs), dtype=np.int64)
        width = data.shape[2]
        words = np.ascontiguousarray(sink.view(np.uint8)[..., :width]).view(self._sample)
        return words.reshape(come, -1)[:, : self._design.outputs].astype(np.int64)

    def _failed(self, status: int, frames: int) -> ToolError:
        if status != HUNG:
            return ToolError(
                "session: the core delivered beats that are no whole frames; this is a defect of the core, "
                "please report the design"
            )
        names = self._core.layout.state
        values = np.zeros(len(names), dtype=np.int64)
        pointer = values.ctypes.data_as(ctypes.POINTER(ctypes.c_int64))
        self._library.ernn_state(self._handle, pointer)
        state: dict[str, Any] = dict(zip(names, values.tolist(), strict=True))
        beats = frames * self._beats
        return ToolError(liveness.hung(self._design, state, self._limit, 0, frames, beats, beats))

    def latest(self, place: int) -> list[dict[str, np.ndarray] | None]:
        """The state of each layer behind the last frame of a stream of the core."""
        number, states = 0, []
        for layer in self._design.layers:
            own = {}
            for name, size in layer.cell.state_sizes.items():
                data = c_void_p()
                count = self._library.ernn_latest(self._handle, place, number, byref(data))
                if count < size:
                    raise ToolError(
                        f"session: {count} words of {name} were seen, expected {size}; this is a defect "
                        "of the core, please report the design"
                    )
                kind = ctypes.POINTER(ctypes.c_int64)
                own[name] = np.ctypeslib.as_array(ctypes.cast(data, kind), (count,))[:size].copy()
                number += 1
            states.append(own or None)
        return states

    def close(self) -> None:
        if self._handle:
            self._library.ernn_close(self._handle)
            self._handle = None


class _Fields:
    """Place of the fields of a beat in its limbs."""

    def __init__(self, fields: list[tuple[str, int]]) -> None:
        self.at: dict[str, int] = {}
        self.limbs = 0
        for name, bits in fields:
            self.at[name] = self.limbs
            self.limbs += limbs(bits)
