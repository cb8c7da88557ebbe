"""Processes as tasks, which run only when something has changed for them.

MyHDL runs every process that waits for the clock in every cycle, though most of a core waits: for frames,
for its turn, for the sink. What a process assigns follows from the Signals that it reads. So where none of
those has changed since it ran, it would assign what its outputs hold already, and is not run. A
simulation of a core takes a third of the time or less, with the same values in every cycle.

Only processes of which this is certain rest: that wait for one edge and refer to nothing but Signals, lists of
them, constants and variables (intbv). A variable may carry something from one run to the next, so a process
that changed one runs once more. Combinational processes run when one of their Signals changes, as in MyHDL, a
single time if several change at once.
"""

from __future__ import annotations

import builtins
import dis
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

from myhdl import Signal, concat, intbv
from myhdl._always import _Always
from myhdl._always_comb import _AlwaysComb
from myhdl._block import _Block
from myhdl._Signal import _PosedgeWaiterList, _Signal
from myhdl._Waiter import _Waiter

from ernn_myhdl.hdl.quick_signals import QuickVariable, quicken, readers
from ernn_myhdl.hdl.types import AnySignal

#: What processes call besides Python's own functions; none of them keeps anything.
_CALLED = (intbv, concat, bool, int)
_CONSTANTS = (bool, int, str, type(None))


class _Task(_Waiter):  # type: ignore[misc]  # MyHDL has no types
    """A combinational process: what MyHDL takes for one that waits."""

    __slots__ = ("awake", "function", "hasRun")

    def __init__(self, function: Callable[[], None], awake: bool) -> None:
        self.function, self.awake, self.hasRun = function, awake, 0

    def next(self, waiters: list[Any], actives: dict[int, Any], exc: list[Exception]) -> None:
        self.awake = False
        self.function()


class _ClockedTask:
    """A process that runs at the next edge of its clock once it is awake.

    queue: of those that are.
    """

    __slots__ = ("awake", "function", "queue", "variables")

    def __init__(
        self, function: Callable[[], None], variables: list[intbv], queue: list[_ClockedTask]
    ) -> None:
        self.function, self.variables, self.queue = function, variables, queue
        self.awake = True
        queue.append(self)


class _Clock:
    """What happens at an edge: processes that always run, and a queue of tasks."""

    def __init__(self, edge: Any) -> None:
        self.edge = edge
        self.always: list[Callable[[], None]] = []
        self.queue: list[_ClockedTask] = []

    def process(self) -> Iterator[Any]:
        queue = self.queue
        while True:
            yield self.edge
            for function in self.always:
                function()
            tasks = queue[:]
            del queue[:]
            for task in tasks:
                task.awake = False
                if not task.variables:
                    task.function()
                    continue
                before = [variable._val for variable in task.variables]
                task.function()
                if before != [variable._val for variable in task.variables] and not task.awake:
                    task.awake = True
                    queue.append(task)


@lru_cache(maxsize=1)
def _noticed() -> bool:
    """Whether this MyHDL lets changes be noticed so; with one that does not, all processes are as it makes them."""
    signals = Signal(False), Signal(intbv(3)[4:])
    try:
        for signal in signals:
            quicken(signal)
            task = _Task(lambda: None, False)
            readers(signal).immediate.append(task)
            signal.next = int(signal.val)
            if signal._update() or task.awake:
                return False
            signal.next = not signal.val
            if list(signal._update()) != [task] or not task.awake or signal.val not in (0, 1):
                return False
    except (AttributeError, TypeError):
        return False
    return True


@lru_cache(maxsize=1 << 12)
def _references(code: CodeType) -> tuple[str, ...] | None:
    """Names outside the function that its code reads; None where it may keep something in them."""
    if any(isinstance(constant, CodeType) for constant in code.co_consts):
        return None
    names = set(code.co_freevars)
    for instruction in dis.get_instructions(code):
        if instruction.opname in (
            "STORE_DEREF",
            "STORE_GLOBAL",
            "DELETE_DEREF",
            "DELETE_GLOBAL",
            "IMPORT_NAME",
        ):
            return None
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            names.add(instruction.argval)
    return tuple(sorted(names))


def _is_constant(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_constant, value))
    return type(value) in _CONSTANTS


def _signals_and_variables(instance: _Always) -> tuple[list[AnySignal], list[intbv]] | None:
    """Signals and variables that a process reads; None where there is anything else that might change."""
    function: FunctionType = instance.func
    names = _references(function.__code__)
    if names is None:
        return None
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    values = {name: cell.cell_contents for name, cell in cells}
    # MyHDL finds them in the source, as for the sensitivity of combinational processes
    assigned_only = instance.outputs - instance.inputs - instance.inouts
    signals: list[AnySignal] = []
    variables: list[intbv] = []
    for name in names:
        if name in values:
            value = values[name]
        elif name in function.__globals__:
            value = function.__globals__[name]
        elif hasattr(builtins, name):
            continue
        else:
            return None
        if isinstance(value, _Signal):
            found: list[AnySignal] = [value]
        elif isinstance(value, intbv):
            if type(value) is intbv:
                value.__class__ = QuickVariable
            variables.append(value)
            continue
        elif isinstance(value, list) and all(isinstance(item, _Signal) for item in value):
            found = value
        elif _is_constant(value) or any(value is called for called in _CALLED):
            continue
        else:
            return None
        if name not in assigned_only:
            signals += found
    return signals, variables


class Tasks:
    """The processes of a simulation as tasks."""

    def __init__(self) -> None:
        self._clocks: dict[int, _Clock] = {}
        self._first: list[_Task] = []
        self._others: list[Any] = []

    def add(self, instance: Any) -> None:
        """A process, or those of an instance of a block: what a block, or a decorator of a process, returned."""
        if isinstance(instance, _Block):
            instance = instance.subs
        if isinstance(instance, (list, tuple)):
            for inner in instance:
                self.add(inner)
        elif not _noticed() or not isinstance(instance, _Always) or not instance.senslist:
            self._others.append(instance)
        elif type(instance) is _AlwaysComb or (
            type(instance) is _Always
            and all(
                type(s) is not _PosedgeWaiterList and isinstance(s, _Signal)
                for s in instance.senslist
            )
        ):
            self._add_combinational(instance)
        elif (
            type(instance) is _Always
            and len(instance.senslist) == 1
            and isinstance(instance.senslist[0], _PosedgeWaiterList)
        ):
            self._add_clocked(instance)
        else:
            self._others.append(instance)

    def _add_combinational(self, instance: _Always) -> None:
        at_start = type(instance) is _AlwaysComb
        task = _Task(instance.func, at_start)
        for signal in _distinct(instance.senslist):
            quicken(signal)
            readers(signal).immediate.append(task)
        if at_start:
            self._first.append(task)

    def _add_clocked(self, instance: _Always) -> None:
        (edge,) = instance.senslist
        clock = self._clocks.setdefault(id(edge), _Clock(edge))
        found = _signals_and_variables(instance)
        if found is None:
            clock.always.append(instance.func)
            return
        signals, variables = found
        task = _ClockedTask(instance.func, variables, clock.queue)
        for signal in _distinct(signals):
            if signal is not edge.sig:
                quicken(signal)
                readers(signal).clocked.append(task)

    def processes(self) -> list[Any]:
        """What `myhdl.Simulation` runs."""
        return [*(clock.process() for clock in self._clocks.values()), *self._first, *self._others]


def _distinct(signals: Iterable[AnySignal]) -> list[AnySignal]:
    return list({id(signal): signal for signal in signals}.values())
