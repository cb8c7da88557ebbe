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
from ernn_myhdl.hdl.elaboration import elaborate
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
    sample = watch(model) if watch else None
    queue = list(beats)
    source_random, sink_random = traffic.patterns()
    limit = limit or liveness_limit(design)
    resets = {reset_at} if isinstance(reset_at, int) else set(reset_at or ())
    clk, rst = ports["clk"], ports["rst"]
    s_valid, s_ready = (ports[name] for name in view.source.handshake)
    m_valid, m_ready = (ports[name] for name in view.sink.handshake)
    offered_fields = _beat_signals(view.source, ports)
    taken_fields = _beat_signals(view.sink, ports)
    tail = tail_cycles(design) if stages else 0
    state = {"cycle": -RESET_CYCLES, "next": 0, "done": 0, "quiet": 0, "tail": tail}
    loader = _StateSource(view.loader, ports, states, traffic, states_from_cycle, record)
    probes = model.probes if stages else []

    def clock():
        clk.next = not clk

    def bench():
        cycle = state["cycle"]
        moved = False
        if cycle >= 0 and not rst:
            if s_valid and s_ready:
                record.accepted.append((cycle, queue[state["next"]]))
                state["next"] += 1
                moved = True
            moved |= loader.accepted(cycle)
            if m_valid and m_ready:
                seen = {name: int(signal) for signal, name in taken_fields}
                beat = Beat(**seen | {"last": bool(seen["last"])})
                record.delivered.append((cycle, beat))
                moved = True
                if beat.last:
                    state["done"] += 1
                    if progress:
                        progress(state["done"], cycle)
            for stage, valid, data in probes:
                if valid:
                    record.stages[stage].append((cycle, [int(s) for s in data]))
            if sample:
                sample(cycle)
        record.error = bool(ports["frame_error"])
        state["quiet"] = 0 if moved else state["quiet"] + 1
        if moved or state["tail"] == tail:  # frames of x may follow that of the last y
            state["tail"], record.cycles = tail, cycle + 1
        if state["done"] >= frames:
            if not state["tail"]:
                raise StopSimulation
            state["tail"] -= 1  # the last frame's output_spectrum is written after its delivery
        if state["quiet"] > limit:
            values = {
                n: int(model.signals[n].val) for n in liveness.nets(design) if n in model.signals
            }
            raise ToolError(
                liveness.hung(
                    design, values, limit, state["done"], frames, state["next"], len(queue)
                )
            )
        state["cycle"] = cycle + 1
        rst.next = cycle + 1 < 0 or cycle + 1 in resets
        # a beat, once offered, stays until it is accepted
        offered = bool(s_valid) and not s_ready and not rst
        ahead = state["next"]
        loader.offer(cycle + 1, bool(rst))
        if cycle + 1 >= from_cycle and ahead < len(queue):
            if offered or traffic.idle == 0 or source_random.random() >= traffic.idle:
                s_valid.next = True
                for signal, name in offered_fields:
                    signal.next = getattr(queue[ahead], name)
            else:
                s_valid.next = False
        else:
            s_valid.next = False
        m_ready.next = traffic.stall == 0 or bool(sink_random.random() >= traffic.stall)

    rst.next = True
    rst._update()
    with brief_inspection():  # MyHDL would read the source of every caller for each of them
        drivers = always(delay(1))(clock), always(clk.posedge)(bench)
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
