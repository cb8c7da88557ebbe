"""Cycle-accurate simulation of the core in MyHDL."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence

from myhdl import Simulation, StopSimulation, always, delay

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.engines import liveness
from ernn_myhdl.engines.liveness import liveness_limit, tail_cycles
from ernn_myhdl.engines.simulation_record import SimulationRecord
from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.hdl.elaboration import Elaboration, elaborate
from ernn_myhdl.hdl.inspection import brief_inspection
from ernn_myhdl.hdl.stream_port import StreamPort
from ernn_myhdl.rtl.core.view import CoreView, core_view
from ernn_myhdl.streams.traffic import BEAT_FIELDS, Beat, StateBeat, Traffic

RESET_CYCLES = 4


def simulate(
    design: CoreSpecification,
    beats: Iterable[Beat],
    frames: int,
    traffic: Traffic = Traffic(),
    watch: Callable | None = None,
    stages: bool = True,
    progress: Callable[[int, int], None] | None = None,
    reset_at: int | Collection[int] | None = None,
    limit: int | None = None,
    states: Sequence[StateBeat] = (),
    from_cycle: int = 0,
    states_from_cycle: int = 0,
    view: CoreView | None = None,
) -> SimulationRecord:
    """Feed `beats` to the core until `frames` frames have been delivered.

    watch: called once with the elaboration, returns a function called with every cycle's number
    (waveforms). progress: called with (frames delivered, cycle). reset_at: cycles of a one-cycle reset.
    limit: cycles without any transfer after which the run is given up (ToolError); derived when None.
    states: beats of s_state, beside those of s_axis. from_cycle, states_from_cycle: in which the first
    beat of either is offered. view: of the core, where that is at hand.
    """
    start = time.perf_counter()
    view = view or core_view(design)
    ports = {name: port.type.signals() for name, port in view.ports.items()}
    model = elaborate(view.netlist, ports)
    record = SimulationRecord(preparation_seconds=time.perf_counter() - start)
    bench = _Bench(
        design=design,
        view=view,
        ports=ports,
        model=model,
        record=record,
        queue=list(beats),
        frames=frames,
        traffic=traffic,
        loader=_StateSource(view.loader, ports, states, traffic, states_from_cycle, record),
        sample=watch(model) if watch else None,
        stages=stages,
        progress=progress,
        resets={reset_at} if isinstance(reset_at, int) else set(reset_at or ()),
        limit=limit or liveness_limit(design),
        from_cycle=from_cycle,
    )
    clk, rst = ports["clk"], ports["rst"]

    def clock():
        clk.next = not clk

    def edge():
        bench.edge()

    rst.next = True
    rst._update()
    with brief_inspection():  # MyHDL would read the source of every caller for each of them
        drivers = always(delay(1))(clock), always(clk.posedge)(edge)
    simulation = Simulation(*drivers, *model.processes)
    try:
        simulation.run(quiet=1)
    except KeyboardInterrupt:
        record.interrupted = True
        # it may have come inside a cycle before that was counted; with stages the last frame is left out
        if record.delivered and not stages:
            record.cycles = max(record.cycles, record.delivered[-1][0] + 1)
    finally:
        simulation.quit()
    return record


class _Bench:
    """What happens around the core at every edge of the clock; arguments: `simulate`.

    queue: beats of x. loader: of initial states. sample: called with every cycle. resets: their cycles.
    """

    def __init__(
        self,
        design: CoreSpecification,
        view: CoreView,
        ports: dict,
        model: Elaboration,
        record: SimulationRecord,
        queue: list[Beat],
        frames: int,
        traffic: Traffic,
        loader: _StateSource,
        sample: Callable[[int], None] | None,
        stages: bool,
        progress: Callable[[int, int], None] | None,
        resets: set[int],
        limit: int,
        from_cycle: int,
    ) -> None:
        self.design, self.model, self.record, self.queue = design, model, record, queue
        self.frames, self.traffic, self.loader = frames, traffic, loader
        self.sample, self.progress = sample, progress
        self.resets, self.limit, self.from_cycle = resets, limit, from_cycle
        self.probes = model.probes if stages else []
        self.source_random, self.sink_random = traffic.patterns()
        self.rst, self.error = ports["rst"], ports["frame_error"]
        self.s_valid, self.s_ready = (ports[name] for name in view.source.handshake)
        self.m_valid, self.m_ready = (ports[name] for name in view.sink.handshake)
        self.offered_fields = _beat_signals(view.source, ports)
        self.taken_fields = _beat_signals(view.sink, ports)
        #: Cycles behind the last frame of y; how many of them are left.
        self.tail = self.tail_left = tail_cycles(design) if stages else 0
        self.cycle = -RESET_CYCLES
        #: Beats of x accepted, frames of y delivered, cycles without a transfer.
        self.next = self.done = self.quiet = 0

    def edge(self) -> None:
        """The end of a cycle: what it transferred is recorded, and the next one offered."""
        self.count(self.cycle >= 0 and not self.rst and self.transfers())
        self.cycle += 1
        self.rst.next = self.cycle < 0 or self.cycle in self.resets
        self.offer()

    def transfers(self) -> bool:
        """Record beats and stages of this cycle; whether there was a transfer."""
        cycle, record, moved = self.cycle, self.record, False
        if self.s_valid and self.s_ready:
            record.accepted.append((cycle, self.queue[self.next]))
            self.next += 1
            moved = True
        moved |= self.loader.accepted(cycle)
        if self.m_valid and self.m_ready:
            seen: dict = {name: int(signal) for signal, name in self.taken_fields}
            beat = Beat(**seen | {"last": bool(seen["last"])})
            record.delivered.append((cycle, beat))
            moved = True
            if beat.last:
                self.done += 1
                if self.progress:
                    self.progress(self.done, cycle)
        for stage, valid, data in self.probes:
            if valid:
                record.stages[stage].append((cycle, [int(s) for s in data]))
        if self.sample:
            self.sample(cycle)
        return moved

    def count(self, moved: bool) -> None:
        """Whether the run ends here: StopSimulation where it is done, ToolError where nothing moves any more."""
        self.record.error = bool(self.error)
        self.quiet = 0 if moved else self.quiet + 1
        if moved or self.tail_left == self.tail:  # frames of x may follow that of the last y
            self.tail_left, self.record.cycles = self.tail, self.cycle + 1
        if self.done >= self.frames:
            if not self.tail_left:
                raise StopSimulation
            self.tail_left -= 1  # the last frame's output_spectrum is written after its delivery
        if self.quiet > self.limit:
            nets = self.model.signals
            values = {n: int(nets[n].val) for n in liveness.nets(self.design) if n in nets}
            raise ToolError(
                liveness.hung(
                    self.design,
                    values,
                    self.limit,
                    self.done,
                    self.frames,
                    self.next,
                    len(self.queue),
                )
            )

    def offer(self) -> None:
        """Choose the beats of x and of states, and whether y is taken, in the cycle that begins."""
        s_valid = self.s_valid
        # a beat, once offered, stays until it is accepted
        offered = bool(s_valid) and not self.s_ready and not self.rst
        self.loader.offer(self.cycle, bool(self.rst))
        if self.cycle >= self.from_cycle and self.next < len(self.queue):
            idle = self.traffic.idle
            if offered or idle == 0 or self.source_random.random() >= idle:
                s_valid.next = True
                for signal, name in self.offered_fields:
                    signal.next = getattr(self.queue[self.next], name)
            else:
                s_valid.next = False
        else:
            s_valid.next = False
        stall = self.traffic.stall
        self.m_ready.next = stall == 0 or bool(self.sink_random.random() >= stall)


def _beat_signals(stream: StreamPort, ports: dict) -> list[tuple]:
    """(signal, field of the beat) of all that a stream carries."""
    return [(ports[port], BEAT_FIELDS[field]) for field, port in stream.field_signals.items()]


class _StateSource:
    """Offers the beats of s_state; without that stream it does nothing."""

    def __init__(
        self,
        stream: StreamPort | None,
        ports: dict,
        beats: Sequence[StateBeat],
        traffic: Traffic,
        start: int,
        record: SimulationRecord,
    ) -> None:
        self.beats, self.start, self.record, self.idle = beats, start, record, traffic.idle
        self.random = traffic.state_pattern()
        self.valid = self.ready = None
        self.fields: list[tuple] = []
        if stream is not None:
            self.valid, self.ready = (ports[name] for name in stream.handshake)
            self.fields = _beat_signals(stream, ports)
        if beats and self.valid is None:
            raise DesignError("initial states: the core has no s_state to load them")

    def accepted(self, cycle: int) -> bool:
        """Whether a beat is transferred in this cycle."""
        if self.valid is None or not (self.valid and self.ready):
            return False
        self.record.loaded.append((cycle, self.beats[len(self.record.loaded)]))
        return True

    def offer(self, cycle: int, reset: bool) -> None:
        """Choose what is offered in the next cycle, `cycle`; reset: in this one."""
        if self.valid is None:
            return
        number, pending = len(self.record.loaded), bool(self.valid) and not self.ready and not reset
        offers = cycle >= max(self.start, 0) and number < len(self.beats)
        if offers and not pending and self.idle:
            offers = bool(self.random.random() >= self.idle)
        self.valid.next = offers
        if offers:
            for signal, name in self.fields:
                signal.next = getattr(self.beats[number], name)
