"""Clocked processes that are left out in cycles in which they would do the same again.

MyHDL runs every process that waits for the clock in every cycle, though most of a core waits: for frames,
for its turn, for the sink. What a process assigns follows from the Signals that it reads. So where none of
its Signals has changed since it ran, it would assign what its outputs hold already, and is not run. A
simulation of a core takes a third of the time or less, with the same values in every cycle.

Only processes of which this is certain rest: that wait for one edge and refer to nothing but Signals, lists of
them, constants and variables (intbv). A variable may carry something from one run to the next, so a process
that changed one runs once more.
"""

from __future__ import annotations

import builtins
import dis
from collections.abc import Callable, Iterator
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

from myhdl import Signal, concat, intbv
from myhdl._always import _Always
from myhdl._block import _Block
from myhdl._Signal import _PosedgeWaiterList, _Signal, _WaiterList

from ernn_myhdl.hdl.types import AnySignal

#: What processes call besides Python's own functions; none of them keeps anything.
_CALLED = (intbv, concat, bool, int)
_CONSTANTS = (bool, int, str, type(None))


class _Watched(_WaiterList):  # type: ignore[misc]
    """Those who wait for a Signal, of which MyHDL makes a copy whenever it changes.

    readers: a list for each process that refers to the Signal, whose one item is then set.
    """

    __slots__ = ("readers",)
    readers: list[list[bool]]

    def __getitem__(self, key: Any) -> Any:
        for awake in self.readers:
            awake[0] = True
        return list.__getitem__(self, key)


def _watch(signal: AnySignal, awake: list[bool]) -> None:
    """Set the item of `awake` whenever the Signal changes."""
    waiting = signal._eventWaiters
    if type(waiting) is not _Watched:
        waiting = signal._eventWaiters = _Watched(waiting)
        waiting.readers = []
    waiting.readers.append(awake)


@lru_cache(maxsize=1)
def _noticed() -> bool:
    """Whether this MyHDL lets changes be noticed so; with one that does not, every process runs in every cycle."""
    signals = Signal(False), Signal(intbv(3)[4:])
    for signal in signals:
        awake = [False]
        _watch(signal, awake)
        signal.next = int(signal.val)
        signal._update()
        if awake[0]:
            return False
        signal.next = not signal.val
        signal._update()
        if not awake[0]:
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


def _signals_and_variables(function: FunctionType) -> tuple[list[AnySignal], list[intbv]] | None:
    """What a process refers to; None where there is anything else that might change."""
    names = _references(function.__code__)
    if names is None:
        return None
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    values = {name: cell.cell_contents for name, cell in cells}
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
            signals.append(value)
        elif isinstance(value, intbv):
            variables.append(value)
        elif isinstance(value, list) and all(isinstance(item, _Signal) for item in value):
            signals += value
        elif not _is_constant(value) and not any(value is called for called in _CALLED):
            return None
    return signals, variables


def _resting(
    edge: Any, function: Callable[[], None], awake: list[bool], variables: list[intbv]
) -> Iterator[Any]:
    """The process, which runs at an edge where it is awake."""
    if variables:
        while True:
            yield edge
            if awake[0]:
                before = [int(variable) for variable in variables]
                function()
                awake[0] = before != [int(variable) for variable in variables]
    while True:
        yield edge
        if awake[0]:
            awake[0] = False
            function()


def rest_when_idle(instance: Any) -> None:
    """Let the processes of an instance of a block rest where nothing has changed for them.

    instance: what a MyHDL block, or a decorator of a process, returned; before it is simulated.
    """
    if isinstance(instance, _Block):
        instance = instance.subs
    if isinstance(instance, (list, tuple)):
        for inner in instance:
            rest_when_idle(inner)
    elif type(instance) is _Always and _noticed():
        edges = instance.senslist
        if len(edges) != 1 or not isinstance(edges[0], _PosedgeWaiterList):
            return
        found = _signals_and_variables(instance.func)
        if found is None:
            return
        (edge,), (signals, variables) = edges, found
        awake = [True]
        for signal in {id(s): s for s in signals if s is not edge.sig}.values():
            _watch(signal, awake)
        instance.gen = _resting(edge, instance.func, awake, variables)
