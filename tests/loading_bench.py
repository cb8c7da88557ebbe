"""A core in MyHDL that takes images of weights while frames run, driven by a script that is asked in every cycle."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from myhdl import Simulation, StopSimulation, always, delay

from ernn_myhdl.design.network import Network
from ernn_myhdl.golden.network_models import integer_model
from ernn_myhdl.hdl.elaboration import elaborate
from ernn_myhdl.hdl.inspection import brief_inspection
from ernn_myhdl.rtl.core.view import core_view
from ernn_myhdl.streams.traffic import end_of_sequence, frame_beats, unpack_beat

LOADING, LOADED, PENDING, NOT_IDLE, OTHER, DAMAGED, IN_USE, INCOMPLETE = (1 << i for i in range(8))


def other_weights(core, seed: int = 9):
    """The same structure with other weights."""
    if isinstance(core, Network):
        layers = tuple(other_weights(layer, seed + i) for i, layer in enumerate(core.layers))
        return replace(core, layers=layers)
    rng = np.random.default_rng(seed)
    return replace(core, weights={n: rng.normal(0, 0.4, w.shape) for n, w in core.weights.items()})


def raw_frames(core, count: int, seed: int = 3) -> np.ndarray:
    """Frames of x over the whole format."""
    fmt = core.input_format
    return np.random.default_rng(seed).integers(fmt.minimum, fmt.maximum + 1, (count, core.inputs))


def results(core, frames: np.ndarray) -> list[list[int]]:
    """Raw frames of y of a sequence."""
    return integer_model(core).run(frames).raw.tolist()


class Sequences:
    """Frames of x, offered to a bench as a sequence of each stream. counts: of the sequence of each stream so far."""

    def __init__(self, bench: LoadingBench, x: np.ndarray, streams: int = 2) -> None:
        self.bench, self.x, self.counts = bench, x, [0] * streams

    def send(self, stream: int, first: bool = False) -> None:
        """Offer the next frame of a stream, or the first of a new sequence."""
        self.counts[stream] = 0 if first else self.counts[stream]
        self.bench.send(self.x[self.counts[stream]], first, stream)
        self.counts[stream] += 1

    def load_beside(self, words: list[int], stream: int = 0) -> Iterator[None]:
        """A sequence of a stream begins, and an image is loaded while its frames are offered all the time."""
        bench = self.bench
        self.send(stream, True)
        yield from bench.until(lambda: bench.taken)
        bench.load(words)
        while bench.image:
            if not bench.x:
                self.send(stream)
            yield
        yield from bench.loaded()


class LoadingBench:
    """delivered: (cycle, stream, raw frame) of every frame of y. taken: cycles of the first beats of frames of x. status, error: at present.

    idle, stall: shares of cycles without tvalid on x and on the image, and without tready on y.
    """

    def __init__(self, core, idle: float = 0.0, stall: float = 0.0, seed: int = 0) -> None:
        self.core, self.idle, self.stall = core, idle, stall
        self.random = np.random.default_rng(seed)
        self.x: deque = deque()
        self.image: deque = deque()
        self.delivered: list[tuple[int, int, list[int]]] = []
        self.taken: list[int] = []
        self.words: list[int] = []  # cycles in which those of images were taken
        self.status, self.error, self.cycle = 0, False, 0
        self.reset = False

    def send(self, frame: np.ndarray, first: bool, stream: int = 0, ends: bool = False) -> None:
        """Offer a frame."""
        user = int(first) | (end_of_sequence(self.core.stream_shape) if ends else 0)
        self.x.extend(frame_beats(frame, self.core, user, stream))

    def load(self, words: list[int]) -> None:
        """Offer an image, its last word with tlast."""
        self.image.extend((word, False) for word in words[:-1])
        self.image.append((words[-1], True))

    def run(self, script: Callable[[LoadingBench], Iterator[None]], limit: int = 60_000) -> None:
        """Run until the script ends."""
        view = core_view(self.core)
        ports = {name: port.type.signals() for name, port in view.ports.items()}
        model = elaborate(view.netlist, ports)
        clk, rst = ports["clk"], ports["rst"]
        rst.next = True
        rst._update()
        steps = script(self)
        beats: list = []
        state = {"rest": 0, "first": True}

        def clock():
            clk.next = not clk

        def offer(prefix: str, waiting: deque, held: bool) -> bool:
            """Whether there is one to offer; one that waits stays."""
            valid = bool(waiting) and (held or self.random.random() >= self.idle)
            ports[f"{prefix}_tvalid"].next = valid
            return valid

        def bench():
            x_held = bool(ports["s_axis_tvalid"]) and not ports["s_axis_tready"]
            w_held = bool(ports["s_weights_tvalid"]) and not ports["s_weights_tready"]
            if not rst:
                if ports["s_axis_tvalid"] and ports["s_axis_tready"]:
                    beat = self.x.popleft()
                    if state["first"]:
                        self.taken.append(self.cycle)
                    state["first"] = beat.last
                if ports["s_weights_tvalid"] and ports["s_weights_tready"]:
                    self.image.popleft()
                    self.words.append(self.cycle)
                if ports["m_axis_tvalid"] and ports["m_axis_tready"]:
                    beats.extend(unpack_beat(int(ports["m_axis_tdata"]), self.core))
                    if ports["m_axis_tlast"]:
                        stream = int(ports["m_axis_tid"]) if "m_axis_tid" in ports else 0
                        frame = beats[: self.core.outputs]
                        self.delivered.append((self.cycle, stream, frame))
                        beats.clear()
            self.status, self.error = int(ports["weights_status"]), bool(ports["frame_error"])
            self.cycle += 1
            if self.cycle > limit:
                raise AssertionError(f"not done after {limit} cycles, status {self.status:08b}")
            rst.next = self.cycle < 3 or self.reset
            if self.cycle >= 3:
                try:
                    next(steps)
                except StopIteration:
                    raise StopSimulation from None
            if rst or self.reset:
                state["first"] = True
                beats.clear()
            if offer("s_axis", self.x, x_held and not rst):
                beat = self.x[0]
                ports["s_axis_tdata"].next = beat.data
                ports["s_axis_tlast"].next = beat.last
                ports["s_axis_tuser"].next = beat.user
                if "s_axis_tid" in ports:
                    ports["s_axis_tid"].next = beat.stream
            if offer("s_weights", self.image, w_held and not rst):
                ports["s_weights_tdata"].next, ports["s_weights_tlast"].next = self.image[0]
            ports["m_axis_tready"].next = bool(self.random.random() >= self.stall)

        with brief_inspection():
            drivers = always(delay(1))(clock), always(clk.posedge)(bench)
        simulation = Simulation(*drivers, *model.processes)
        try:
            simulation.run(quiet=1)
        finally:
            simulation.quit()

    # steps of scripts

    def until(self, condition: Callable[[], bool]) -> Iterator[None]:
        while not condition():
            yield

    def wait(self, cycles: int) -> Iterator[None]:
        for _ in range(cycles):
            yield

    def frames(self, count: int) -> Iterator[None]:
        """Until so many frames of y have come."""
        yield from self.until(lambda: len(self.delivered) >= count)

    def loaded(self) -> Iterator[None]:
        """Until the images that were offered are taken, and the status of the last one is there."""
        yield from self.until(lambda: not self.image)
        yield from self.wait(3)
        yield from self.until(lambda: not self.status & LOADING)
        yield from self.wait(2)

    def of_stream(self, stream: int = 0) -> list[list[int]]:
        return [frame for _, s, frame in self.delivered if s == stream]
