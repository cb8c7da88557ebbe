"""Processes that rest where nothing has changed for them: the same values in every cycle as if all ran."""

from __future__ import annotations

import pytest
from myhdl import Signal, Simulation, StopSimulation, always, delay, instance, intbv
from state_model import random_states
from stream_model import raw_frames

from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.engines.myhdl.simulation import simulate
from ernn_myhdl.hdl import elaboration, idle_processes, inspection
from ernn_myhdl.hdl.idle_processes import Tasks
from ernn_myhdl.hdl.quick_signals import Readers
from ernn_myhdl.streams.initial_states import state_beats
from ernn_myhdl.streams.traffic import Traffic, turn_beats

#: Of every kind of cell, with what has processes of its own: projections, peepholes, narrow units, loaded states.
DESIGNS = {
    "lstm": {"cell": "lstm", "projection": 3, "peepholes": True, "initial_states": True},
    "gru": {"cell": "gru", "reset": "before", "element_width": 2},
    "rnn": {"cell": "rnn"},
    "linear": {"cell": "linear"},
}


def every_value(design) -> tuple[list, object]:
    """All Signals of a core in all cycles, and what was recorded, in traffic with gaps and stalls and with a reset, in which some frames are lost."""
    raw = [raw_frames(design, 3, seed) for seed in range(4)]
    turns = Traffic().turns([3] * 4, design.hardware.streams)
    states, loaded = (), set()
    if design.stream_shape.initial_states:
        given, loaded = random_states(design, 4, 1, share=1), {0, 1, 2, 3}
        states = state_beats(design, [(state,) for state in given], turns)
    seen = []

    def watch(model):
        def flat(signals):
            return [int(s) for s in signals] if isinstance(signals, list) else int(signals)

        return lambda cycle: seen.append((cycle, [flat(s) for s in model.signals.values()]))

    record = simulate(
        design, turn_beats(raw, turns, design, loaded), 2, Traffic(0.3, 0.3, 5), watch,
        reset_at=25, limit=500, states=states,
    )  # fmt: skip
    return seen, record


def with_myhdl_alone(monkeypatch) -> None:
    """All processes run when MyHDL runs them, on its own Signals, whose names it looks for itself."""
    monkeypatch.setattr(idle_processes, "_noticed", lambda: False)
    monkeypatch.setattr(elaboration, "quicken", lambda signal: None)
    monkeypatch.setattr(inspection, "_ELABORATION", inspection._INSPECTION)


@pytest.mark.parametrize("name", DESIGNS)
def test_every_signal_has_the_same_value_in_every_cycle(name, monkeypatch):
    design = new_design(4, 4, block=2, lanes=2, streams=2, **DESIGNS[name])
    resting, record = every_value(design)
    with_myhdl_alone(monkeypatch)
    running, expected = every_value(design)
    assert resting == running and len(running) > 60
    for field in ("accepted", "delivered", "loaded", "stages", "cycles", "error"):
        assert getattr(record, field) == getattr(expected, field), field


def runs_of(process_of) -> int | None:
    """How often a process of clk, d and q runs in 20 cycles; None where it may not rest. d changes in cycle 10 only."""
    runs = 0
    clk, d, q = Signal(False), Signal(intbv(1)[8:]), Signal(intbv(0)[8:])

    @instance
    def bench():
        for cycle in range(20):
            if cycle == 10:
                d.next = 3
            yield delay(1)
            clk.next = True
            yield delay(1)
            clk.next = False
        raise StopSimulation

    process, tasks = process_of(clk, d, q), Tasks()
    tasks.add([process])
    queue = [task for clock in tasks._clocks.values() for task in clock.queue]

    def counted(function):
        def run():
            nonlocal runs
            runs += 1
            function()

        return run

    for task in queue:
        task.function = counted(task.function)
    Simulation(bench, *tasks.processes()).run(quiet=1)
    return runs if queue else None


def copies(clk, d, q):
    @always(clk.posedge)
    def process():
        q.next = d

    return process


def counts_in_a_signal(clk, d, q):
    @always(clk.posedge)
    def process():
        q.next = (q + d) % 256

    return process


def assigns_a_variable(clk, d, q):
    total = intbv(0)[8:]

    @always(clk.posedge)
    def process():
        total[:] = d + 1
        q.next = total

    return process


def counts_in_a_variable(clk, d, q):
    total = intbv(0)[8:]

    @always(clk.posedge)
    def process():
        total[:] = (total + d) % 256
        q.next = total

    return process


def counts_in_python(clk, d, q):
    total = 0

    @always(clk.posedge)
    def process():
        nonlocal total
        total += 1
        q.next = total % 256

    return process


def reads_a_table_that_may_change(clk, d, q):
    table = {1: 2, 3: 4}

    @always(clk.posedge)
    def process():
        q.next = table[int(d)]

    return process


@pytest.mark.parametrize(
    ("process", "runs"),
    [
        (copies, 2),  # at the start and after d has changed
        (counts_in_a_signal, 20),
        (assigns_a_variable, 4),  # each time once more, since the variable has changed
        (counts_in_a_variable, 20),
        (counts_in_python, None),
        (reads_a_table_that_may_change, None),
    ],
)
def test_only_what_would_do_the_same_again_rests(process, runs):
    assert runs_of(process) == runs


def test_with_a_myhdl_that_hides_changes_every_process_runs(monkeypatch):
    monkeypatch.setattr(Readers, "wake", lambda self: [])
    idle_processes._noticed.cache_clear()
    try:
        assert runs_of(copies) is None
    finally:
        idle_processes._noticed.cache_clear()


def test_a_combinational_process_runs_once_for_all_its_signals():
    a, b, total, runs = Signal(intbv(0)[8:]), Signal(intbv(0)[8:]), Signal(intbv(0)[9:]), []

    @always(a, b)
    def add():
        runs.append((int(a), int(b)))
        total.next = a + b

    @instance
    def bench():
        for values in (1, 2), (1, 2), (3, 2), (0, 0):
            a.next, b.next = values
            yield delay(1)
            assert total == sum(values)
        raise StopSimulation

    tasks = Tasks()
    tasks.add(add)
    Simulation(bench, *tasks.processes()).run(quiet=1)
    assert runs == [(1, 2), (3, 2), (0, 0)]
