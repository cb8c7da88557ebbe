"""Cycle-accurate simulation of the core in MyHDL."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from myhdl import Simulation, StopSimulation, always, delay

from ernn_myhdl.design import Design
from ernn_myhdl.engines.stimulus import Beat, Traffic
from ernn_myhdl.errors import ToolError
from ernn_myhdl.netlist import elaborate
from ernn_myhdl.program import program_for
from ernn_myhdl.rtl.top import core, latencies

RESET_CYCLES = 4


@dataclass
class Recording:
    """What the simulation saw.

    accepted, delivered: (cycle, beat) of every transfer on s_axis and m_axis, cycles counted from the
    end of reset. stages: name -> list of (cycle, values). cycles: simulated. error: frame_error.
    elaboration_seconds: wall time before the first cycle.
    """

    accepted: list[tuple[int, Beat]] = field(default_factory=list)
    delivered: list[tuple[int, Beat]] = field(default_factory=list)
    stages: dict[str, list[tuple[int, list[int]]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    cycles: int = 0
    error: bool = False
    elaboration_seconds: float = 0.0


def simulate(
    design: Design,
    beats: Iterable[Beat],
    frames: int,
    traffic: Traffic = Traffic(),
    watch: Callable | None = None,
    stages: bool = True,
    progress: Callable[[int, int], None] | None = None,
    reset_at: int | None = None,
    limit: int | None = None,
) -> Recording:
    """Feed `beats` to the core until `frames` frames have been delivered.

    watch: called once with the elaboration, returns a function called with every cycle's number
    (waveforms). progress: called with (frames delivered, cycle). reset_at: cycle of a one-cycle reset.
    limit: cycles without any transfer after which the run is given up (ToolError); derived when None.
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
    limit = limit or 2000 + 40 * frame_bound(design)
    clk, rst = ports["clk"], ports["rst"]
    s_valid, s_ready = ports["s_axis_tvalid"], ports["s_axis_tready"]
    s_data, s_last, s_user = (ports[f"s_axis_t{n}"] for n in ("data", "last", "user"))
    m_valid, m_ready = ports["m_axis_tvalid"], ports["m_axis_tready"]
    m_data, m_last, m_user = (ports[f"m_axis_t{n}"] for n in ("data", "last", "user"))
    tail = latencies(design).forward if stages else 0
    state = {"cycle": -RESET_CYCLES, "next": 0, "done": 0, "quiet": 0, "tail": tail}
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
            if m_valid and m_ready:
                beat = Beat(int(m_data), bool(m_last), bool(m_user))
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
            raise ToolError(
                f"simulation: no transfer for {limit} cycles, {state['done']} of {frames} frames "
                f"delivered, {state['next']} of {len(queue)} beats accepted; the last operation issued was "
                f"number {int(model.signals['sequencer_op_address'])} of the program; if input was on "
                "offer, this is a defect of the core: please report the design"
            )
        state["cycle"] = cycle + 1
        rst.next = cycle + 1 < 0 or cycle + 1 == reset_at
        # a beat, once offered, stays until it is accepted
        offered = bool(s_valid) and not s_ready and not rst
        ahead = state["next"]
        if cycle + 1 >= 0 and ahead < len(queue):
            if offered or traffic.idle == 0 or source_random.random() >= traffic.idle:
                s_valid.next = True
                s_data.next = queue[ahead].data
                s_last.next = queue[ahead].last
                s_user.next = queue[ahead].user
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
    finally:
        simulation.quit()
    return record


def frame_bound(design: Design) -> int:
    """Cycles that no frame exceeds without stalls; only for the liveness limit."""
    program = program_for(design)
    cell = design.cell
    streams = cell.inputs + cell.outputs
    return program.length + 4 * program.gate_chunks + 8 * streams + 400
