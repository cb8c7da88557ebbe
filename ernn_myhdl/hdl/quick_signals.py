"""Signals of a simulated core: MyHDL's own, of which what runs often takes less time.

A Signal of MyHDL that holds a bool or an intbv becomes one of these by its class alone; values, types and errors are those
of MyHDL. What differs: an assignment of the value that a Signal has, and would have next, is no event, and
tasks (`ernn_myhdl/hdl/idle_processes.py`) that read a Signal learn of its change without waiting for it anew.
"""

from __future__ import annotations

from typing import Any

from myhdl import intbv
from myhdl._Signal import _Signal, _WaiterList
from myhdl._simulator import _siglist

from ernn_myhdl.hdl.types import AnySignal

_changed = _siglist.append


class Readers(_WaiterList):  # type: ignore[misc]  # MyHDL has no types
    """Who waits for a Signal, in MyHDL's list, and beside it the tasks that read it.

    clocked: tasks that run at the next edge of a clock. immediate: those that run at once.
    """

    __slots__ = ("clocked", "immediate")

    def __init__(self, waiting: list[Any]) -> None:
        super().__init__(waiting)
        self.clocked: list[Any] = []
        self.immediate: list[Any] = []

    def wake(self) -> list[Any]:
        """Who runs at once since the Signal has changed: each task a single time, however many of its Signals change."""
        for task in self.clocked:
            if not task.awake:
                task.awake = True
                task.queue.append(task)
        found = []
        for task in self.immediate:
            if not task.awake:
                task.awake = True
                found.append(task)
        if self:
            found += self
            del self[:]
        return found


def readers(signal: AnySignal) -> Readers:
    """The readers of a Signal."""
    waiting = signal._eventWaiters
    if type(waiting) is not Readers:
        waiting = signal._eventWaiters = Readers(waiting)
    return waiting


def _woken(signal: AnySignal) -> list[Any]:
    waiting = signal._eventWaiters
    if type(waiting) is Readers:
        return waiting.wake()
    found: list[Any] = waiting[:]
    del waiting[:]
    return found


class QuickBit(_Signal):  # type: ignore[misc]  # MyHDL has no types
    """A Signal of a bool."""

    __slots__ = ()
    _val: Any
    _next: Any

    @property
    def next(self) -> Any:
        _changed(self)
        return self._next

    @next.setter
    def next(self, val: Any) -> None:
        if val is not True and val is not False:
            if isinstance(val, _Signal):
                val = val._val
            if isinstance(val, intbv):
                val = val._val
            if val not in (0, 1):
                raise ValueError(f"Expected boolean value, got {val!r} ({type(val)})")
        if self._next != val or self._val != val:
            self._next = val
            _changed(self)

    def _update(self) -> Any:
        val, following = self._val, self._next
        if val == following:
            return ()
        found = _woken(self)
        edge = self._posedgeWaiters if following else self._negedgeWaiters
        if edge:
            found += edge
            del edge[:]
        self._val = following
        return found

    def __bool__(self) -> bool:
        return bool(self._val)

    def __int__(self) -> int:
        return int(self._val)


def _word(value: int) -> intbv:
    """`intbv(value)`."""
    made = intbv.__new__(intbv)
    made._val, made._min, made._max, made._nrbits = value, None, None, 0
    return made


def _plain(value: Any) -> Any:
    """An operand without the Signal and the intbv around it."""
    if isinstance(value, _Signal):
        value = value._val
    return value._val if isinstance(value, intbv) else value


class QuickWord(_Signal):  # type: ignore[misc]  # MyHDL has no types
    """A Signal of an intbv."""

    __slots__ = ()
    _val: Any
    _next: Any

    @property
    def next(self) -> Any:
        _changed(self)
        return self._next

    @next.setter
    def next(self, val: Any) -> None:
        if type(val) is not int:
            val = _plain(val)
            if not isinstance(val, int):
                raise TypeError(f"Expected int or intbv, got {type(val)}")
        following = self._next
        if following._val != val or self._val._val != val:
            following._val = val
            following._handleBounds()
            _changed(self)

    def _update(self) -> Any:
        val, following = self._val, self._next._val
        before = val._val
        if before == following:
            return ()
        found = _woken(self)
        if not before or not following:
            edge = self._negedgeWaiters if before else self._posedgeWaiters
            if edge:
                found += edge
                del edge[:]
        val._val = following
        return found

    def __getitem__(self, key: Any) -> Any:
        if type(key) is int:
            return bool((self._val._val >> key) & 1)
        if type(key) is slice and type(key.start) is int:
            high, low = key.start, 0 if key.stop is None else key.stop
            if type(low) is int and 0 <= low < high:
                made = intbv.__new__(intbv)
                limit = 1 << (high - low)
                made._val = (self._val._val >> low) & (limit - 1)
                made._min, made._max, made._nrbits = 0, limit, high - low
                return made
        return self._val[key]

    def __bool__(self) -> bool:
        return bool(self._val._val)

    def __int__(self) -> int:
        return int(self._val._val)

    __index__ = __int__

    def __add__(self, other: Any) -> Any:
        return self._val._val + (other if type(other) is int else _plain(other))

    def __sub__(self, other: Any) -> Any:
        return self._val._val - (other if type(other) is int else _plain(other))

    def __mul__(self, other: Any) -> Any:
        return self._val._val * (other if type(other) is int else _plain(other))

    def __rshift__(self, other: Any) -> Any:
        return _word(self._val._val >> (other if type(other) is int else _plain(other)))

    def __lshift__(self, other: Any) -> Any:
        return _word(int(self._val._val) << (other if type(other) is int else _plain(other)))

    def __and__(self, other: Any) -> Any:
        return _word(self._val._val & (other if type(other) is int else _plain(other)))

    def __or__(self, other: Any) -> Any:
        return _word(self._val._val | (other if type(other) is int else _plain(other)))

    def __eq__(self, other: Any) -> Any:
        return self._val._val == (other if type(other) is int else _plain(other))

    def __ne__(self, other: Any) -> Any:
        return self._val._val != (other if type(other) is int else _plain(other))

    def __lt__(self, other: Any) -> Any:
        return self._val._val < (other if type(other) is int else _plain(other))

    def __le__(self, other: Any) -> Any:
        return self._val._val <= (other if type(other) is int else _plain(other))

    def __gt__(self, other: Any) -> Any:
        return self._val._val > (other if type(other) is int else _plain(other))

    def __ge__(self, other: Any) -> Any:
        return self._val._val >= (other if type(other) is int else _plain(other))

    # as in MyHDL, Signals that are compared have no hash
    __hash__ = _Signal.__hash__


class QuickVariable(intbv):  # type: ignore[misc]  # MyHDL has no types
    """An intbv that a process assigns as a whole, `variable[:] = …`."""

    _val: int

    def __setitem__(self, key: Any, val: Any) -> None:
        if type(key) is slice and key.start is None and key.stop is None:
            self._val = int(val)
            self._handleBounds()
        else:
            intbv.__setitem__(self, key, val)


def quicken(signal: AnySignal) -> None:
    """Make a Signal one of these; one that holds something else stays as it is."""
    if type(signal) is _Signal and not signal._tracing:
        if signal._type is bool:
            signal.__class__ = QuickBit
        elif signal._type is intbv:
            signal.__class__ = QuickWord
