"""The driver: sequences of values through a core on a board, or through its simulation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from ernn_myhdl.design.host_steps import stepped
from ernn_myhdl.errors import DesignError
from ernn_myhdl.host.description import SystemDescription
from ernn_myhdl.host.packets import pack, raw_frames, unpack
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
from ernn_myhdl.host.transport import BoardError, BoardTimeout, Transport
from ernn_myhdl.host.weight_loading import WeightStatus, load_image, weight_status
from ernn_myhdl.numerics.formats import to_real

#: Seconds until an answer must have come.
TIMEOUT = 10.0


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
        if not timeout > 0:
            raise DesignError(f"timeout = {timeout!r}: must be above 0 seconds")
        self.transport, self.system, self.timeout = transport, system, timeout
        self._kept: dict[str, int] = {}
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
        """Give the transport back."""
        self.transport.close()

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
        self._keep("SEQUENCE", 0)
        self._keep("STREAMS", 1)

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
        if self.system.weights is None:
            raise DesignError(
                'board: the weights of this core are fixed; make the design with [hardware] weights = "loadable" and convert it again'
            )
        return load_image(self.transport, image, self.system.weights, self.timeout)

    def clear_errors(self) -> None:
        """Clear the sticky errors."""
        self._trigger("clear_errors")

    def _exchange(self, packets: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Packets of raw frames of x; returns those of y. BoardError where the core reports one."""
        system = self.system
        sizes = [len(p) * system.output_bytes for p in packets]
        try:
            made = self.transport.exchange([pack(p, system) for p in packets], sizes, self.timeout)
        except BoardTimeout as error:
            told = f"; weights: {self.weights()}" if self.system.weights else ""
            raise BoardTimeout(f"{error}; the core says: {self.status()}{told}") from error
        wrong = names_of(ERROR_FIELDS, self._read("ERRORS"))
        if wrong:
            texts = {f.name: f.text for f in ERROR_FIELDS}
            self.clear_errors()
            raise BoardError(
                "board: the core reported " + "; ".join(f"{n} ({texts[n]})" for n in wrong)
            )
        for number, (data, size) in enumerate(zip(made, sizes, strict=True)):
            if len(data) != size:
                raise BoardError(
                    f"board: packet {number} of y has {len(data)} bytes, must have {size}; call reset()"
                )
        return [unpack(data, system) for data in made]

    def run_raw(self, sequences: Sequence[np.ndarray], streams: int = 1) -> list[np.ndarray]:
        """Raw y, int64 (frames, outputs), of whole sequences of values or of raw words.

        streams: of sequences of one length, so many share a packet and take turns in the core, which keeps its lanes busy.
        """
        if not isinstance(streams, int) or not 1 <= streams <= self.system.streams:
            raise DesignError(
                f"streams = {streams!r}: must be 1 to {self.system.streams}, what the core holds"
            )
        raw = [raw_frames(s, self.system) for s in sequences]
        results: list[np.ndarray] = [np.empty((0, self.system.outputs), dtype=np.int64)] * len(raw)
        self._keep("PACKET", MODES["sequence"])
        self._keep("SEQUENCE", 0)
        for group in _groups([len(s) for s in raw], streams):
            self._keep("STREAMS", len(group))
            turns = np.stack([raw[i] for i in group], axis=1).reshape(-1, self.system.inputs)
            (made,) = self._exchange([turns])
            for place, number in enumerate(group):
                results[number] = made[place :: len(group)]
        return results

    def run(
        self, x: np.ndarray | Sequence[np.ndarray], streams: int = 1
    ) -> np.ndarray | list[np.ndarray]:
        """Values of y behind the host's steps, float64, of one sequence (frames, inputs) or of a list of them."""
        one = isinstance(x, np.ndarray)
        sequences = [x] if isinstance(x, np.ndarray) else list(x)
        made = [self._values(raw) for raw in self.run_raw(sequences, streams)]
        return made[0] if one else made

    def step(self, x: np.ndarray, start: bool = False) -> np.ndarray:
        """Values of y of one frame (inputs,) of values or raw words, which goes on with the sequence, or starts one.

        The first frame behind `run`, and behind `reset`, starts one in any case.
        """
        return self._values(self.step_raw(x, start)[None])[0]

    def step_raw(self, x: np.ndarray, start: bool = False) -> np.ndarray:
        """Raw y, int64 (outputs,), of one frame; see `step`."""
        frame = raw_frames(np.asarray(x)[None], self.system)
        if self._kept.get("PACKET") != MODES["frame"]:
            start = True
        self._keep("PACKET", MODES["frame"])
        self._keep("STREAMS", 1)
        if start:
            self._trigger("start")
        (made,) = self._exchange([frame])
        raw: np.ndarray = made[0]
        return raw

    def _values(self, raw: np.ndarray) -> np.ndarray:
        """Values (frames, outputs) of raw y behind the host's steps."""
        return stepped(self.system.output_steps, to_real(raw, self.system.output_format))


def _groups(lengths: Sequence[int], streams: int) -> Iterator[list[int]]:
    """Numbers of sequences that share a packet: of one length, at most `streams`; empty ones in none."""
    waiting: dict[int, list[int]] = {}
    for number, length in enumerate(lengths):
        if length:
            waiting.setdefault(length, []).append(number)
    for numbers in waiting.values():
        for at in range(0, len(numbers), streams):
            yield numbers[at : at + streams]
