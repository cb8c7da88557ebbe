"""Cycle-accurate simulation of the core in MyHDL."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from myhdl import Simulation, StopSimulation, always, delay

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.engines import liveness
from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.hdl.netlist import elaborate
from ernn_myhdl.program.program import program_for
from ernn_myhdl.rtl.core.top import core, latencies
from ernn_myhdl.streams.traffic import Beat, StateBeat, Traffic

RESET_CYCLES = 4


@dataclass
class Recording:
    """What the simulation saw.

    accepted, loaded, delivered: (cycle, beat) of every transfer on s_axis, s_state and m_axis, cycles
    counted from the end of reset. stages: name -> list of (cycle, values). cycles: simulated. error: frame_error.
    interrupted: by Ctrl-C, before all frames were delivered. trace: of the compiled engine, as of
    `ernn_myhdl.engines.trace.CycleTrace`; MyHDL's is a `watch` hook.
    elaboration_seconds: wall time before the first cycle.
    """

    accepted: list[tuple[int, Beat]] = field(default_factory=list)
    delivered: list[tuple[int, Beat]] = field(default_factory=list)
    loaded: list[tuple[int, StateBeat]] = field(default_factory=list)
    stages: dict[str, list[tuple[int, list[int]]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    cycles: int = 0
    error: bool = False
    interrupted: bool = False
    trace: dict[str, np.ndarray] = field(default_factory=dict)
    elaboration_seconds: float | None = None


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
) -> Recording:
    """Feed `beats` to the core until `frames` frames have been delivered.

    watch: called once with the elaboration, returns a function called with every cycle's number
    (waveforms). progress: called with (frames delivered, cycle). reset_at: cycles of a one-cycle reset.
    limit: cycles without any transfer after which the run is given up (ToolError); derived when None.
    states: beats of s_state, beside those of s_axis. from_cycle, states_from_cycle: in which the first
    beat of either is offered.
    """
    start = time.perf_counter()
    netlist = core(design)
    ports = {name: port.type.signals() for name, port in netlist.ports.items()}
    # MyHDL reads the source of every frame on the stack for each instance: a thread has few frames
    with ThreadPoolExecutor(1) as shallow:
        model = shallow.submit(elaborate, netlist, ports).result()
    record = Recording(elaboration_seconds=time.perf_counter() - start)
    sample = watch(model) if watch else None
    queue = list(beats)
    source_random, sink_random = traffic.patterns()
    limit = limit or liveness_limit(design)
    resets = {reset_at} if isinstance(reset_at, int) else set(reset_at or ())
    clk, rst = ports["clk"], ports["rst"]
    s_valid, s_ready = ports["s_axis_tvalid"], ports["s_axis_tready"]
    s_data, s_last, s_user = (ports[f"s_axis_t{n}"] for n in ("data", "last", "user"))
    m_valid, m_ready = ports["m_axis_tvalid"], ports["m_axis_tready"]
    m_data, m_last, m_user = (ports[f"m_axis_t{n}"] for n in ("data", "last", "user"))
    tail = tail_cycles(design) if stages else 0
    s_stream, m_stream = ports.get("s_axis_tid"), ports.get("m_axis_tid")
    state = {"cycle": -RESET_CYCLES, "next": 0, "done": 0, "quiet": 0, "tail": tail}
    loader = _StateSource(ports, states, traffic, states_from_cycle, record)
    probes = model.probes if stages else []

    @always(delay(1))
    def clock():
        clk.next = not clk

    @always(clk.posedge)
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
                stream = int(m_stream) if m_stream is not None else 0
                beat = Beat(int(m_data), bool(m_last), int(m_user), stream)
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
        if state["tail"] == tail:
            record.cycles = cycle + 1
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
                s_data.next = queue[ahead].data
                s_last.next = queue[ahead].last
                s_user.next = queue[ahead].user
                if s_stream is not None:
                    s_stream.next = queue[ahead].stream
            else:
                s_valid.next = False
        else:
            s_valid.next = False
        m_ready.next = traffic.stall == 0 or bool(sink_random.random() >= traffic.stall)

    rst.next = True
    rst._update()
    simulation = Simulation(clock, bench, *model.processes)
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


class _StateSource:
    """Offers the beats of s_state; without that stream it does nothing."""

    def __init__(
        self,
        ports: dict,
        beats: Sequence[StateBeat],
        traffic: Traffic,
        start: int,
        record: Recording,
    ) -> None:
        self.beats, self.start, self.record, self.idle = beats, start, record, traffic.idle
        self.random = traffic.state_pattern()
        self.valid, self.ready = ports.get("s_state_tvalid"), ports.get("s_state_tready")
        names = {"data": "data", "last": "last", "id": "stream", "dest": "layer"}
        self.fields = [
            (ports[f"s_state_t{port}"], field)
            for port, field in names.items()
            if f"s_state_t{port}" in ports
        ]
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


def tail_cycles(design: CoreSpecification) -> int:
    """Cycles after the last delivery until every stage of the last frame has been seen."""
    return latencies(design.layers[-1]).forward_y


def liveness_limit(design: CoreSpecification) -> int:
    """Cycles without any transfer after which a run is given up."""
    return 2000 + 40 * frame_bound(design)


def frame_bound(design: CoreSpecification) -> int:
    """Cycles that no frame exceeds without stalls; only for the liveness limit."""
    total = 0
    for layer in design.layers:
        program, cell = program_for(layer), layer.cell
        total += program.length + 4 * program.gate_chunks + 8 * (cell.inputs + cell.outputs) + 400
    return total
