"""The engines by name; all agree on every bit of what they compute.

A new engine is a module with a function that runs a job, and an entry here; nothing else knows names of
engines. What an entry needs is imported when it runs.
"""

from __future__ import annotations

from collections.abc import Iterable

from ernn_myhdl.engines.engine import Engine, on_call
from ernn_myhdl.errors import DesignError

ENGINES: dict[str, Engine] = {
    engine.name: engine
    for engine in (
        Engine(
            "golden",
            "fxpmath",
            on_call("models", "run_golden"),
            on_call("models", "golden_steps"),
            stages=True,
            reference=True,
        ),
        Engine(
            "integer",
            "numpy",
            on_call("models", "run_integer"),
            on_call("models", "integer_steps"),
            stages=True,
            reference=True,
        ),
        Engine(
            "myhdl",
            "the core, cycle by cycle",
            on_call("myhdl.engine", "run_myhdl"),
            cycles=True,
            stages=True,
            waveform=True,
            speed=1,
        ),
        Engine(
            "verilator",
            "the converted core, compiled once, about a thousand times as fast",
            on_call("verilator.engine", "run_verilator"),
            on_call("verilator.steps", "CompiledSteps"),
            cycles=True,
            stages=True,
            sources=("verilog", "vhdl"),
            missing_tool=on_call("verilator.build", "missing_tool"),
            speed=2,
        ),
        Engine(
            "ghdl",
            "the converted VHDL",
            on_call("ghdl", "run_job"),
            cycles=True,
            missing_tool=on_call("ghdl", "missing_tool"),
        ),
        Engine(
            "netlist",
            "the netlist for ECP5 that is placed, with registers in its multipliers, gate by gate",
            on_call("netlist", "run_moved"),
            cycles=True,
            missing_tool=on_call("netlist", "missing_tool"),
            gates=True,
        ),
        Engine(
            "netlist-unmoved",
            "the same as Yosys leaves it",
            on_call("netlist", "run_unmoved"),
            cycles=True,
            missing_tool=on_call("netlist", "missing_tool"),
            gates=True,
        ),
    )
}
#: The fastest engine there that knows cycles and sees inside.
AUTO = "auto"
#: All that may be asked for.
ENGINE_NAMES = (*ENGINES, AUTO)
#: Engine of a run when none is named, and model of a check.
DEFAULT = "golden"
#: The engines that know cycles, those that take frames one at a time, and the models of a check.
CYCLE_ENGINES = tuple(e.name for e in ENGINES.values() if e.cycles)
STEP_ENGINES = tuple(e.name for e in ENGINES.values() if e.steps)
REFERENCES = tuple(e.name for e in ENGINES.values() if e.reference)
#: HDL that engines can be made from, and which is taken when none is named.
SOURCES = tuple(dict.fromkeys(s for e in ENGINES.values() for s in e.sources))
DEFAULT_SOURCE = SOURCES[0]


def quoted(engines: Iterable[Engine]) -> str:
    """Names of engines in a message: 'a', 'b'."""
    return ", ".join(repr(e.name) for e in engines)


def choose_engine(name: str, vcd: bool = False) -> tuple[str, list[str]]:
    """The engine of this name, with notes on the choice; DesignError unless there is one.

    vcd: a waveform is asked for.
    """
    if name not in ENGINE_NAMES:
        raise DesignError(f"engine {name!r}: must be one of {', '.join(ENGINE_NAMES)}")
    if name != AUTO:
        return name, []
    fast = sorted((e for e in ENGINES.values() if e.speed), key=lambda e: -e.speed)
    if vcd:
        chosen = next(e for e in fast if e.waveform)
        return chosen.name, [f"engine auto: {chosen.name}, since only that makes a waveform"]
    reasons = []
    for engine in fast:
        missing = engine.missing_tool()
        if not missing:
            break
        reasons.append(missing)
    since = f", since {'; '.join(reasons)}" if reasons else ""
    return engine.name, [f"engine auto: {engine.name}{since}"]


def check_options(engine: Engine, source: str, vcd: bool, traffic: bool) -> None:
    """DesignError where a run asks an engine for what it cannot do.

    source: HDL to make it from. vcd: a waveform is asked for. traffic: gaps or back-pressure are.
    """
    with_sources = [e for e in ENGINES.values() if e.sources]
    with_waveform = [e for e in ENGINES.values() if e.waveform]
    if source != DEFAULT_SOURCE and not engine.sources:
        raise DesignError(
            f"source {source!r} with engine {engine.name!r}: only {quoted(with_sources)} compiles HDL"
        )
    if vcd and not engine.waveform:
        raise DesignError(
            f"vcd with engine {engine.name!r}: only engine {quoted(with_waveform)} makes a waveform"
        )
    if traffic and not engine.cycles:
        raise DesignError(
            f"traffic with engine {engine.name!r}: only {' and '.join(CYCLE_ENGINES)} have streams"
        )
