"""One way of stopping for Ctrl-C, SIGTERM and SIGHUP: the work is unwound, the exit code is 128 + signal.

Each of them raises `Interrupted`, which is a KeyboardInterrupt: what a simulation has done so far is kept,
partial outputs are removed, children are ended. `held` delays it over steps that must not be torn apart.
Little is imported here: the command begins with this module.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Interrupted(KeyboardInterrupt):
    """A signal that stops the command. number: of the signal."""

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.number = number


class _State:
    #: The signal that stopped the command first, None where none has.
    first: int | None = None
    #: One that came while `held`, which is still to be raised.
    waiting: int | None = None
    #: Blocks of `held` inside one another.
    held = 0


_state = _State()


def install() -> None:
    """Let all signals that stop a command raise `Interrupted`; those that are ignored stay so (nohup)."""
    _state.first = _state.waiting = None
    if threading.current_thread() is not threading.main_thread():  # which gets the signals
        return
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)


def exit_code(error: BaseException | None = None) -> int:
    """128 + the signal of `error`, else the first that came, else that of Ctrl-C."""
    number = getattr(error, "number", None) or _state.first or signal.SIGINT
    return 128 + number


def stopped() -> bool:
    """Whether a signal has come."""
    return _state.first is not None


def _stop(number: int, frame: FrameType | None) -> None:
    _state.first = _state.first or number
    if _state.held:
        _state.waiting = number
    else:
        raise Interrupted(number)


class held:
    """with held(): signals that come inside are raised behind it.

    Without `install`, as in a program that uses this package, the handlers of that program are called
    behind it. In another thread than the main one, which gets no signals, nothing is done.
    """

    def __enter__(self) -> held:
        self._main = threading.current_thread() is threading.main_thread()
        self._before = {}
        if not self._main:
            return self
        _state.held += 1
        for number in SIGNALS:
            handler = signal.getsignal(number)
            if callable(handler) and handler != _stop:
                self._before[number] = handler
                signal.signal(number, _stop)
        return self

    def __exit__(self, *error) -> None:
        if not self._main:
            return
        for number, handler in self._before.items():
            signal.signal(number, handler)
        _state.held -= 1
        if _state.waiting is None or _state.held:
            return
        number, _state.waiting = _state.waiting, None
        if number in self._before:
            _state.first = None
            self._before[number](number, sys._getframe())
        else:
            raise Interrupted(number)


class starting_workers:
    """with starting_workers(): a pool begins its processes, whose initializer is `start_worker`.

    A process that is just forked has the handlers of its parent. Stopped before its first line, it would unwind
    what the parent is doing, and remove the parent's partial outputs. So signals wait, in the parent until
    the end of the block, in each worker until `start_worker`.
    """

    def __enter__(self) -> None:
        self._before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)

    def __exit__(self, *error) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._before)


def start_worker() -> None:
    """In a worker of a pool: the process that has the pool decides, and ends the worker with SIGTERM.

    Between tasks the system ends it: a handler of Python would be called when a lock or a pipe that the worker has just begun
    to wait for is there, which may be never.
    """
    _state.first = _state.waiting = None
    _state.held = 0
    # to ignore a signal that waits would take it away
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for number in SIGNALS:
        if number != signal.SIGTERM:
            signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def work(function, task):
    """`function(task)` in a worker: when it is ended, the task is unwound before."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        return function(task)
    except Interrupted as error:
        os._exit(128 + error.number)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
