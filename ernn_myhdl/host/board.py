"""The driver: sequences of values through a core on a board, or through its simulation."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from ernn_myhdl.design.host_steps import stepped
from ernn_myhdl.errors import DesignError
from ernn_myhdl.host.arguments import check_kind, check_transport, flag_of, list_of, seconds_of
from ernn_myhdl.host.description import SystemDescription
from ernn_myhdl.host.packets import pack, raw_frame, raw_frames, unpack
from ernn_myhdl.host.registers import (
    DIGEST_WORDS,
    ERROR_FIELDS,
    IDENTITY,
    IRQ_FIELDS,
    MAJOR,
    MODES,
    names_of,
    register,
)
from ernn_myhdl.host.sequences import own_state, packet_groups, state_words
from ernn_myhdl.host.transport import BoardError, BoardTimeout, ClosedTransport, Transport
from ernn_myhdl.host.weight_loading import WeightStatus, load_image, weight_status
from ernn_myhdl.numerics.formats import to_real
from ernn_myhdl.whole_numbers import whole

#: Seconds until an answer must have come.
TIMEOUT = 10.0
#: What `run` takes.
_LEGAL = "an array (frames, inputs) of one sequence, or a list of several"
#: Frames of a sequence that its register can count.
MOST_FRAMES = (1 << register("SEQUENCE").fields[0].bits) - 1


@dataclass(frozen=True)
class BoardStatus:
    """What the registers tell.

    busy, in_packet: frames are in the core, a packet of x has begun. inside: frames in the core. errors, causes: names of the
    bits that are set in ERRORS and IRQ_STATUS. The counters are modulo 2^32, since their clear.
    """

    busy: bool
    in_packet: bool
    inside: int
    errors: tuple[str, ...]
    causes: tuple[str, ...]
    frames_in: int
    frames_out: int
    packets_out: int
    busy_cycles: int
    stall_in: int
    stall_out: int

    def __str__(self) -> str:
        errors = ", ".join(self.errors) or "none"
        state = "busy" if self.busy else "idle"
        return (
            f"{state}, {self.frames_in} frames in, {self.frames_out} out, {self.inside} inside, errors: {errors}, "
            f"{self.busy_cycles} busy cycles, {self.stall_in} stalled at x, {self.stall_out} at y"
        )


class Board:
    """A core behind a transport.

    system: what the folder of the conversion says of it; the registers must say the same. timeout: seconds.
    Raises BoardError where what answers is no system of this version, or another design.
    """

    def __init__(
        self, transport: Transport, system: SystemDescription, timeout: float = TIMEOUT
    ) -> None:
        check_transport(transport)
        check_kind(
            system, SystemDescription, "system", "a SystemDescription: load_description(folder)"
        )
        seconds_of(timeout, "timeout")
        self.transport: Transport = transport
        self.system, self.timeout = system, timeout
        self._kept: dict[str, int] = {}
        #: Frames of the sequence of `step`, and of one that has ended.
        self._frames = self._ended = 0
        #: Frames of x since the counters were cleared.
        self._sent = 0
        #: Whether an exchange has not ended: words of it may be in the core.
        self._broken = False
        self._check_identity()
        self.reset()

    def __enter__(self) -> Board:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the transport back; nothing can be done with this board behind it."""
        self.transport.close()
        self.transport = ClosedTransport()

    def _read(self, name: str) -> int:
        return self.transport.read(register(name).address)

    def _write(self, name: str, value: int) -> None:
        self.transport.write(register(name).address, value)

    def _keep(self, name: str, value: int) -> None:
        """Write a register that keeps its word, if that is not there already."""
        if self._kept.get(name) != value:
            self._write(name, value)
            self._kept[name] = value

    def _trigger(self, *names: str) -> None:
        self._write("CONTROL", sum(register("CONTROL").field(name).mask for name in names))

    def _check_identity(self) -> None:
        system = self.system
        if (found := self._read("ID")) != IDENTITY:
            raise BoardError(
                f"board: ID reads 0x{found:08X}, must be 0x{IDENTITY:08X}: no AXI system of a core is at this address; "
                "check the address and the bitstream"
            )
        version = register("VERSION").field("major").of(self._read("VERSION"))
        if version != MAJOR:
            raise BoardError(
                f"board: registers of version {version}, this driver knows {MAJOR}; use the driver of the core"
            )
        digest = "".join(f"{self._read(f'DIGEST_{i}'):08x}" for i in range(DIGEST_WORDS))
        if digest != system.digest:
            raise BoardError(
                f"board: holds the design {digest[:16]}..., the folder is of {system.digest[:16]}...; load the bitstream "
                "of this folder, or give the folder of this bitstream"
            )
        for name, wanted in (("INPUTS", system.inputs), ("OUTPUTS", system.outputs)):
            if (count := self._read(name)) != wanted:
                raise BoardError(
                    f"board: {name} reads {count}, the folder says {wanted}; convert the design again"
                )
        if (bits := self._read("BUS")) != system.bus_bits:
            raise BoardError(
                f"board: streams of {bits} bits, the folder says {system.bus_bits}; use one conversion for both"
            )

    def reset(self) -> None:
        """Forget all frames, errors and counts."""
        self._trigger("soft_reset", "clear_errors", "clear_counters")
        self._kept.clear()
        self._sent, self._broken = 0, False
        self._keep("SEQUENCE", 0)
        self._keep("STREAMS", 1)
        if self.system.states:
            self._keep("STATES", 0)

    def status(self) -> BoardStatus:
        """What the registers tell now."""
        status, fields = self._read("STATUS"), register("STATUS")
        return BoardStatus(
            bool(fields.field("busy").of(status)),
            bool(fields.field("in_packet").of(status)),
            fields.field("inside").of(status),
            tuple(names_of(ERROR_FIELDS, self._read("ERRORS"))),
            tuple(names_of(IRQ_FIELDS, self._read("IRQ_STATUS"))),
            self._read("FRAMES_IN"),
            self._read("FRAMES_OUT"),
            self._read("PACKETS_OUT"),
            self._read("BUSY_CYCLES"),
            self._read("STALL_IN"),
            self._read("STALL_OUT"),
        )

    def weights(self) -> WeightStatus:
        """What the core tells of its weights now."""
        return weight_status(self._read("WEIGHTS"))

    def load_weights(self, image: bytes | str | Path) -> WeightStatus:
        """Load an image of weights (`ernn weights`), a file or its bytes, and wait until the core has taken it.

        With one bank no frame may be in the core; a sequence that goes on does so with the new weights. With two banks frames may
        go on: the new weights are taken at the start of the next sequence (`pending` until then). Raises DesignError for an image that is damaged
        or for another structure, before anything is sent; BoardError with what the core said where it refused the image; BoardTimeout.
        """
        return load_image(self.transport, image, self.system.weights, self.timeout)

    def clear_errors(self) -> None:
        """Clear the sticky errors."""
        self._trigger("clear_errors")

    def _exchange(self, frames: np.ndarray, due: int) -> np.ndarray:
        """A packet of raw frames of x; returns that of y of `due` frames, which is none where they are 0. BoardError where the core reports one."""
        system, size, self._broken = self.system, due * self.system.output_bytes, True
        try:
            (data,) = self.transport.exchange([pack(frames, system)], [size], self.timeout)
        except BoardTimeout as error:
            told = f"; weights: {self.weights()}" if self.system.weights else ""
            raise BoardTimeout(f"{error}; the core says: {self.status()}{told}") from error
        self._sent += len(frames)
        if not size:
            self._wait_for_entry()
        self._broken = len(data) != size
        wrong = names_of(ERROR_FIELDS, self._read("ERRORS"))
        if wrong:
            texts = {f.name: f.text for f in ERROR_FIELDS}
            self.clear_errors()
            raise BoardError(
                "board: the core reported " + "; ".join(f"{n} ({texts[n]})" for n in wrong)
            )
        if len(data) != size:
            raise BoardError(
                f"board: a packet of y has {len(data)} bytes, must have {size}; call reset()"
            )
        return unpack(data, system)

    def _wait_for_entry(self) -> None:
        """Frames that have no y may wait in front of the core still, where what is written next would hit them."""
        deadline, in_packet = time.monotonic() + self.timeout, register("STATUS").field("in_packet")
        while (self._sent - self._read("FRAMES_IN")) % (1 << 32) or in_packet.of(
            self._read("STATUS")
        ):
            if time.monotonic() > deadline:
                raise BoardTimeout(
                    f"board: frames of x have not entered the core in {self.timeout:g} s; the core says: {self.status()}"
                )

    def run_raw(
        self,
        sequences: Sequence[np.ndarray],
        streams: int = 1,
        initial: Sequence[Any] | None = None,
    ) -> list[np.ndarray]:
        """Raw y, int64 (frames, outputs), of whole sequences of values or of raw words.

        streams: of sequences of one length, so many share a packet and take turns in the core, which keeps its lanes busy. initial: the state before
        each sequence, as `Design.run` takes it, None for zero; without it those that are the design's own.
        """
        whole("streams", streams, 1, self.system.streams, unit="of the core")
        raw = [raw_frames(s, self.system) for s in list_of(sequences, "x", _LEGAL)]
        states = self._states(initial, len(raw))
        for number, sequence in enumerate(raw):
            if len(sequence):
                self._check_frames(len(sequence), f"sequence {number}")
        results: list[np.ndarray] = [np.empty((0, self.system.outputs), dtype=np.int64)] * len(raw)
        if self._broken:
            self.reset()
        self._keep("PACKET", MODES["sequence"])
        for group in packet_groups([len(s) for s in raw], streams):
            length = len(raw[group[0]])
            self._keep("STREAMS", len(group))
            # of several sequences in a packet its end tells that of the last one only
            self._keep("SEQUENCE", length if self.system.frames_out.ends and len(group) > 1 else 0)
            self._start_from([states[i] for i in group])
            turns = np.stack([raw[i] for i in group], axis=1).reshape(-1, self.system.inputs)
            due = self.system.frames_out.frames(length)
            made = self._exchange(turns, due * len(group))
            for place, number in enumerate(group):
                behind = slice(place * due, (place + 1) * due)
                in_turn = slice(place, None, len(group))
                results[number] = made[behind if self.system.frames_out.ends else in_turn]
        return results

    def _check_frames(self, frames: int, where: str) -> None:
        self.system.frames_out.check(frames, where)
        if frames > MOST_FRAMES:
            raise DesignError(f"{where}: has {frames} frames, must have at most {MOST_FRAMES}")

    def _states(self, initial: Sequence[Any] | None, count: int) -> list[Any]:
        """The state before each of `count` sequences."""
        if initial is None:
            return [own_state(self.system.states, self.system.layers)] * count
        if not self.system.states:
            raise DesignError(
                "initial states: the core starts every sequence from zero; make the design with initial_states and convert it again"
            )
        if not isinstance(initial, Sequence) or len(initial) != count:
            raise DesignError(
                f"initial states: must be a list of one for each of {count} sequences, None for zero"
            )
        for state in initial:  # before anything is sent
            self._state_words(state, 0)
        return list(initial)

    def _state_words(self, state: Any, stream: int) -> list[list[int]]:
        system = self.system
        return state_words(
            system.states, system.layers, state, stream, system.sample_bits, system.samples_per_beat
        )

    def _start_from(self, states: Sequence[Any]) -> None:
        """The next sequence of each stream starts from a state; None: from zero."""
        use, words = any(state is not None for state in states), []
        if use:
            for stream, state in enumerate(states):
                words += self._state_words(state, stream)
        if self.system.states:
            self._keep("STATES", int(use))
        for *first, last in words:
            for word in first:
                self._write("STATE_DATA", word)
            self._write("STATE_LAST", last)

    def run(
        self,
        x: np.ndarray | Sequence[np.ndarray],
        streams: int = 1,
        initial: Any = None,
    ) -> np.ndarray | list[np.ndarray]:
        """Values of y behind the host's steps, float64, of one sequence (frames, inputs) or of a list of them.

        initial: the state before the sequence, or a list of them, as `Design.run` takes it; of cores with initial states. A design with windows or joins over
        time has other frames of y than of x: `system.frames_out`.
        """
        one = isinstance(x, np.ndarray)
        sequences = [x] if isinstance(x, np.ndarray) else list_of(x, "x", _LEGAL)
        states = [initial] if one and initial is not None else initial
        raw = self.run_raw(sequences, streams, states)
        made = [self._values(y, len(s)) for y, s in zip(raw, sequences, strict=True)]
        return made[0] if one else made

    def step(
        self, x: np.ndarray, start: bool = False, last: bool | None = None, initial: Any = None
    ) -> np.ndarray | None:
        """Values of y of one frame (inputs,) of values or raw words, which goes on with the sequence, or starts one.

        The first frame behind `run`, and behind `reset`, starts one in any case. last: of a design with joins over time, whether the frame is the last
        of its sequence: y is (frames, outputs) then, without frames but with the last one. initial: the state that the sequence starts from, with start.
        Where windows leave frames out, y of a frame that has none is None.
        """
        raw = self.step_raw(x, start, last, initial)
        if raw is None:
            return None
        several = raw.ndim == 2
        values = self._values(raw if several else raw[None], self._ended or self._frames)
        return values if several else values[0]

    def step_raw(
        self, x: np.ndarray, start: bool = False, last: bool | None = None, initial: Any = None
    ) -> np.ndarray | None:
        """Raw y, int64 (outputs,), of one frame; see `step`."""
        frame, out = raw_frame(x, self.system), self.system.frames_out
        start = flag_of(start, "start")
        if not (isinstance(last, bool) if out.ends else last is None):
            raise DesignError(
                f"last = {last!r}: "
                + (
                    "tell True with the last frame of a sequence, else False"
                    if out.ends
                    else "only a design with joins over time takes it"
                )
            )
        if self._kept.get("PACKET") != MODES["frame"]:
            start = True
        if initial is not None and not start:
            raise DesignError("initial state: a sequence goes on; give start=True with it")
        state = self._states([initial] if initial is not None else None, 1)
        number = 0 if start or self._ended else self._frames
        if out.ends and (last or (out.most and number + 1 >= out.most)):
            out.check(number + 1 + (not last), "sequence")
        if self._broken and number:
            raise BoardError(
                "board: the exchange before did not end, so the sequence's state is lost; give start=True, or call reset()"
            )
        if self._broken:
            self.reset()
        self._keep("PACKET", MODES["frame"])
        self._keep("STREAMS", 1)
        self._keep("SEQUENCE", 0)
        if number == 0:
            self._start_from(state)
            self._trigger("start")
        if last:
            self._trigger("finish")
        self._frames, self._ended = number + 1, number + 1 if last else 0
        due = out.frames(number + 1) - (0 if out.ends else out.frames(number))
        made = self._exchange(frame, 0 if out.ends and not last else due)
        if out.ends:
            return made
        return made[0] if len(made) else None

    def _values(self, raw: np.ndarray, frames: int) -> np.ndarray:
        """Values (frames, outputs) of raw y behind the host's steps; frames: of x."""
        return stepped(
            self.system.output_steps, to_real(raw, self.system.output_format), frames=frames
        )
