"""What the rest of the package knows of an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ernn_myhdl.design.design import CoreSpecification
    from ernn_myhdl.engines.result import EngineResult, Job
    from ernn_myhdl.engines.steps import Steps


@dataclass(frozen=True)
class Engine:
    """One way to run a design.

    name: what the user asks for. description: what it is, in a word or two for `--help`.
    run: runs a job. steps: what takes frames one at a time, of a core, a number of streams and what is called with
    what takes long; None where it takes whole sequences only. cycles: it knows cycles, so it has streams with gaps and back-pressure.
    stages: it sees every named tensor. waveform: it writes VCD files. reference: a model that others are
    checked against. sources: HDL that it can be made from, the first one by default; none where it takes no
    HDL. missing_tool: what it lacks on this machine, as a message with the command that installs it, or
    None. gates: it simulates single gates, which is for proofs on small cores. speed: `auto` takes the engine with the highest one whose tools are there; 0: never.
    """

    name: str
    description: str
    run: Callable[[Job], EngineResult]
    steps: Callable[[CoreSpecification, int, Callable[[str], None] | None], Steps] | None = None
    cycles: bool = False
    stages: bool = False
    waveform: bool = False
    reference: bool = False
    sources: tuple[str, ...] = ()
    missing_tool: Callable[[], str | None] = lambda: None
    gates: bool = False
    speed: int = 0


def on_call(module: str, function: str) -> Callable[..., Any]:
    """`function` of a module of this package, imported when it is called: `ernn --help` waits for none."""

    def call(*arguments: Any) -> Any:
        return getattr(import_module(f"ernn_myhdl.engines.{module}"), function)(*arguments)

    return call
