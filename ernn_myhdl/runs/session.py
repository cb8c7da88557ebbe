"""Sessions: a design that is fed one frame at a time and keeps its state between the frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from ernn_myhdl.calibration.saturation import saturation_notes
from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.design.held_frames import holds_frames
from ernn_myhdl.design.host_steps import stepped
from ernn_myhdl.design.time_joins import check_frames
from ernn_myhdl.engines.steps import steps_of
from ernn_myhdl.errors import DesignError, short
from ernn_myhdl.files.output_folder import new_file
from ernn_myhdl.files.output_target import check_file
from ernn_myhdl.golden.initial_state import ModelState
from ernn_myhdl.golden.sequences import check_raw
from ernn_myhdl.numerics.formats import MAX_WORD, Format, quantise, saturate, to_real
from ernn_myhdl.runs.sequence_history import SequenceHistory, behind_frames, check_told
from ernn_myhdl.streams.initial_states import (
    as_models_take_it,
    core_state,
    own_state,
    saturated_states,
)
from ernn_myhdl.streams.sequence_file import SequenceUnderWay, read_sequences, write_sequences
from ernn_myhdl.streams.tensor_file import STATE_SUFFIXES
from ernn_myhdl.whole_numbers import is_whole, whole

#: More streams in a session are a mistake.
MAX_SESSION_STREAMS = 4096


class Session:
    """One frame in, one frame out, bit for bit as in a run over whole sequences; a context manager.

    Streams are independent of each other. Each begins with a sequence from zero, or from the state that is the design's own (`initial` of its layers);
    `start` and `end` begin another one. Designs need no `initial_states` for it.

    design, engine, streams: as they were given. frames: of the present sequence of each stream. warnings: what
    `start` and `restore` had to round off.
    """

    def __init__(
        self,
        design: CoreSpecification,
        engine: str = "integer",
        streams: int = 1,
        say: Callable[[str], None] | None = None,
    ) -> None:
        whole("streams", streams, 1, MAX_SESSION_STREAMS)
        self.design, self.engine, self.streams = design, engine, streams
        self.frames = [0] * streams
        self.warnings: list[str] = []
        self._every = list(range(streams))
        self._total = self._saturated_inputs = 0
        self._wide = Format(MAX_WORD, design.input_format.frac)
        self._steps = steps_of(design, engine, streams, say)
        self._over_time = design.graph is not None and design.graph.over_time
        self._history = SequenceHistory(design, streams) if holds_frames(design.graph) else None
        self._open = True
        self._own = own_state(design)
        for stream in self._every if self._own else ():
            self.start(stream)

    def __repr__(self) -> str:
        plural = "s" if self.streams > 1 else ""
        state = "" if self._open else ", closed"
        return (
            f"<Session of {self.design.name}: {self.engine}, {self.streams} stream{plural}{state}>"
        )

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free what the engine holds; may be called again."""
        if self._open:
            self._open = False
            self._steps.close()

    def step(
        self, x: Any, stream: int | Sequence[int] | None = None, last: bool | None = None
    ) -> Any:
        """y of one frame x, values: (outputs,) float64 of (inputs,) floating point; for an embedding (1,), integers too.

        stream: whose frame it is; may be left out in a session of one. For several streams at once x is
        (n, inputs), a frame for each of `stream`, or of all streams where that is left out; y is (n, outputs).
        last: of a network with joins over time, whether the frame is the last of its sequence. Then y is (frames, outputs) of one
        stream, a list of these of several: no frames but with the last one, behind which a new sequence begins.
        What the host does to x before the core (`host_scaling`) and to y behind it (`host_steps`) is done here.
        Where windows leave frames out (a stride, no padding), y is of those of the streams that have a frame of y now: (m, outputs),
        and None of a single frame that has none.
        Raises DesignError where x is anything else; then no stream has gone on.
        """
        kinds, what = "f", "floating point values"
        if self.design.takes_numbers:
            kinds, what = "fiu", "whole numbers, the rows of an embedding"
        frames, streams, single = self._checked(x, stream, kinds, what, last)
        if not np.isfinite(frames).all():
            raise DesignError("frame: holds NaN or infinity; clean the data first")
        self.design.check_numbers(frames, "frame")
        scaling = self.design.host_scaling
        wide = quantise(frames if scaling is None else scaling.apply(frames), self._wide)
        raw = saturate(wide, self.design.input_format)
        saturated = int(np.count_nonzero(raw != wide))
        counts = [self.frames[each] + 1 for each in streams]
        words = self._stepped(raw, streams, last)
        self._saturated_inputs += saturated
        fmt, steps = self.design.output_format, self.design.host_steps
        if self._over_time:
            made = [
                stepped(steps, to_real(y, fmt), frames=n)
                for y, n in zip(words, counts, strict=True)
            ]
            return made[0] if single else made
        y = stepped(steps, to_real(words, fmt))
        return _single(y) if single else y

    def step_raw(
        self, x: Any, stream: int | Sequence[int] | None = None, last: bool | None = None
    ) -> Any:
        """As `step`, with x and y in words of the formats `input` and `output`, integers: what the AXI-Streams carry."""
        frames, streams, single = self._checked(x, stream, "iu", "integers, raw words", last)
        check_raw(frames, self.design.input_format, "frame", "`step` takes values")
        self.design.check_numbers(frames, "frame")
        y = self._stepped(frames.astype(np.int64), streams, last)
        return _single(y) if single else y

    def start(self, stream: int = 0, initial: ModelState = None) -> None:
        """Begin a sequence with the next frame of a stream: from a state as `run` takes it, or from the design's own, which is zero where it has none.

        initial: name -> (size,) array (`ernn_myhdl.golden.initial_state`), of a network a list of one for each layer;
        what `state` returns. Frames before it count as zeros for windows, and as none for joins over time.
        """
        self._check_open()
        stream = self._stream(stream)
        state = self._own if initial is None else core_state(self.design, initial)
        self.warnings += saturated_states(self.design, [state])
        going = {}
        if state is not None and not self._steps.ready_for_state(stream):
            going = {s: self._told(s) for s in self._every}
            self._steps.reopen()
        self._go_on(going | {stream: SequenceUnderWay(state)})

    def end(self, stream: int = 0) -> None:
        """End the sequence of a stream: its next frame begins one from the design's own state, which is zero where it has none."""
        self.start(stream)

    def state(self, stream: int = 0) -> ModelState:
        """The state of a stream behind its last frame, values: what `start` and `run` take as `initial`; DesignError in a
        design with windows or joins over time, whose frames are no part of it."""
        self._check_open()
        if self._history:
            raise DesignError(
                "state: the frames that windows and joins over time hold are no part of a state, from which a sequence could go on; "
                "save(file) and restore(file) keep all of it"
            )
        stream = self._stream(stream)
        states = [
            own and {n: to_real(raw, getattr(layer.formats, n)) for n, raw in own.items()}
            for layer, own in zip(self.design.layers, self._steps.states(stream), strict=True)
        ]
        return as_models_take_it(self.design, tuple(states))

    def save(self, file: str | Path, force: bool = False) -> Path:
        """Write the states of all streams, one a sequence, into a .safetensors or .npz file that `ernn simulate --initial-states` and
        `restore` read; of a design with windows or joins over time what these hold too, which `restore` reads alone. An existing file
        is an error, or replaced with `force`."""
        self._check_open()
        if not (self._history or any(layer.cell.state_sizes for layer in self.design.layers)):
            raise DesignError("state: no layer of the design has one, so there is nothing to save")
        file = _file(file)
        if force is False and file.is_file():
            raise DesignError(
                f"output {file}: exists; choose another, or replace it with save(file, force=True)"
            )
        sequences = [self._under_way(stream) for stream in self._every]
        with new_file(check_file(file, STATE_SUFFIXES, force)) as partial:
            write_sequences(sequences, self.design, partial)
        return file

    def restore(self, file: str | Path) -> None:
        """Go on with every stream from a file that `save` wrote, on whatever engine; of one that a run wrote a sequence begins from its
        states.

        Raises DesignError where the file is for another number of streams or another design; then nothing has
        changed.
        """
        self._check_open()
        sequences = read_sequences(_file(file), self.design, self.streams)
        if not self._steps.tells_frames:
            check_told(self.design, sequences, self.engine, f"initial states {file}")
        self.warnings += saturated_states(self.design, [each.states for each in sequences])
        loads = [s for s, each in enumerate(sequences) if each.first_state is not None]
        if any(not self._steps.ready_for_state(stream) for stream in loads):
            self._steps.reopen()
        self._go_on(dict(enumerate(sequences)))

    @property
    def saturations(self) -> dict[str, int] | None:
        """Tensor -> saturated elements of all frames so far; None on an engine that counts none."""
        counts = self._steps.saturations
        if counts is None:
            return None
        name = self.design.input_stage
        return counts | {name: counts[name] + self._saturated_inputs}

    @property
    def notes(self) -> list[str]:
        """What the user should know: `warnings`, and tensors of which more than one element in a thousand saturates."""
        counts = self.saturations
        told = saturation_notes(self.design, counts, self._total) if counts and self._total else []
        return [*self.warnings, *told]

    def _stepped(self, raw: np.ndarray, streams: list[int], last: bool | None) -> Any:
        if self._over_time:
            y: Any = [
                self._steps.sequence_step(frame, stream, bool(last))
                for frame, stream in zip(raw, streams, strict=True)
            ]
        else:
            y = self._steps.step(raw, streams)
        ends = bool(last and self._over_time)
        if self._history:
            self._history.add(raw, streams)
        for stream in streams:
            self.frames[stream] = 0 if ends else self.frames[stream] + 1
            if self._own and ends:
                self.start(stream)
            elif self._history and ends:
                self._history.start(stream)
        self._total += len(streams)
        return y

    def _under_way(self, stream: int) -> SequenceUnderWay:
        """Where the sequence of a stream is."""
        frames, history = self.frames[stream], self._history
        if history is None:
            return SequenceUnderWay(tuple(self._steps.states(stream)), frames)
        if not self._steps.tells_frames:
            return behind_frames(self.design, self._told(stream))
        states, held = tuple(self._steps.states(stream)), self._steps.held(stream)
        return SequenceUnderWay(states, frames, held, history.begins[stream], history.x(stream))

    def _told(self, stream: int) -> SequenceUnderWay:
        """The sequence of a stream by its frames."""
        assert self._history is not None  # a graph with windows or joins over time
        frames, x = self.frames[stream], self._history.x(stream)
        begin = self._history.begins[stream]
        if x is None:
            raise DesignError(
                f"state: the sequence of stream {stream} has {frames} frames, of which {self.engine!r} keeps {self._history.most} at most for "
                "windows and joins over time, that nothing loads; end sequences, or open the session on 'integer'"
            )
        return SequenceUnderWay(begin, frames, {}, begin, x)

    def _go_on(self, sequences: dict[int, SequenceUnderWay]) -> None:
        """Streams go on with sequences that were under way, or begin those that have no frame yet."""
        for stream, sequence in sequences.items():
            self.frames[stream] = sequence.frames
            if self._history:
                self._history.resume(stream, sequence)
            if sequence.frames and self._steps.tells_frames:
                states = sequence.states or [None] * len(self.design.layers)
                self._steps.resume(stream, states, sequence.frames, sequence.held)
            else:
                self._steps.start(stream, sequence.first_state)
        if not self._steps.tells_frames:
            self._feed_again({s: each.x for s, each in sequences.items() if each.x is not None})

    def _feed_again(self, x: dict[int, np.ndarray]) -> None:
        """Feed the frames of sequences under way to a core that has begun these."""
        for number in range(max((len(frames) for frames in x.values()), default=0)):
            streams = [s for s, frames in x.items() if number < len(frames)]
            if self._over_time:
                for stream in streams:
                    self._steps.sequence_step(x[stream][number], stream, False)
            else:
                self._steps.step(np.array([x[s][number] for s in streams]), streams)

    def _check_lengths(self, streams: list[int], last: bool | None) -> None:
        """DesignError where `last` is not told, or a sequence has other frames than a join over time takes."""
        if not self._over_time:
            if last is not None:
                raise DesignError(
                    "last: only a network with joins over time asks for the ends of sequences; leave it out"
                )
            return
        if not isinstance(last, bool):
            raise DesignError(
                f"last = {last!r}: the network has a join over time; tell True with the last frame of a sequence, else False"
            )
        graph = self.design.graph
        for stream in streams:
            check_frames(graph, self.frames[stream] + 1, last, f"stream {stream}")

    def _checked(
        self,
        x: Any,
        stream: int | Sequence[int] | None,
        kinds: str,
        what: str,
        last: bool | None,
    ) -> tuple[np.ndarray, list[int], bool]:
        """x as (n, inputs), the stream of each row, and whether x is a single frame."""
        self._check_open()
        frames, inputs = _array(x), self.design.inputs
        if frames.dtype.kind not in kinds:
            raise DesignError(f"frame: type {frames.dtype}, must be {what}")
        single = frames.ndim == 1
        if single and stream is None and self.streams > 1:
            raise DesignError(
                f"frame: shape {frames.shape} in a session of {self.streams} streams; give stream=, or a frame "
                f"for each: ({self.streams}, {inputs})"
            )
        streams: list[Any] = self._every
        if stream is not None:
            named = list(stream) if isinstance(stream, list | tuple | np.ndarray) else [stream]
            streams = [self._stream(s) for s in named]
            if len(set(streams)) != len(streams) or not streams:
                raise DesignError(f"stream = {stream}: must name different streams, at least one")
        shape = (inputs,) if single else (len(streams), inputs)
        if frames.shape != shape or (single and len(streams) != 1):
            legal = f"({inputs},)" if len(streams) == 1 else f"({len(streams)}, {inputs})"
            raise DesignError(f"frame: shape {frames.shape}, must be {legal}")
        self._check_lengths(streams, last)
        return frames.reshape(len(streams), inputs), streams, single

    def _check_open(self) -> None:
        if not self._open:
            raise DesignError("session: is closed; open another one with design.open()")

    def _stream(self, stream: Any) -> int:
        """The number of a stream, NumPy's integers too; DesignError where there is none of it."""
        number = int(stream) if isinstance(stream, np.integer) else stream
        if not is_whole(number):
            raise DesignError(f"stream = {stream!r}: must be a whole number")
        if not 0 <= number < self.streams:
            raise DesignError(
                f"stream = {number}: must be 0 to {self.streams - 1}; open the session with more streams"
            )
        return number


def check_turn(design: CoreSpecification, turn: np.ndarray, words: bool, where: str) -> None:
    """DesignError for frames of standard input that the design does not take. words: of the format of x, not values. where: names them."""
    if words:
        advice = "values are read with --input-format float32, float64 or text"
        check_raw(turn, design.input_format, where, advice)
    design.check_numbers(turn, where)


def _array(x: Any) -> np.ndarray:
    """x as an array; DesignError where NumPy makes none of it, such as lists of several lengths or a tensor with a gradient."""
    try:
        return np.asarray(x)
    except (ValueError, TypeError, RuntimeError) as error:
        raise DesignError(f"frame: is no array ({short(error)})") from error


def _file(file: object) -> Path:
    if not isinstance(file, str | Path):
        raise DesignError(f"file: is {type(file).__name__}, must be a name")
    return Path(file)


def _single(y: np.ndarray) -> np.ndarray | None:
    """The only frame of y; None where there is none."""
    return y[0] if len(y) else None


def open_session(
    design: CoreSpecification,
    engine: str = "integer",
    streams: int = 1,
    say: Callable[[str], None] | None = None,
) -> Session:
    """A `Session` of a design: with `open_session(design) as session: y = session.step(x)`.

    engine: `integer` (numpy, the fastest), `golden` (fxpmath) or `verilator` (the core itself, compiled at the first
    use). streams: independent streams, of the core's own or more. say: called with what takes long.
    Raises DesignError for other engines and numbers, ToolError where a tool is missing.
    """
    return Session(design, engine, streams, say)
