"""Waits of tests, all of which end: what does not come in time fails with what it was."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from threading import Thread, Timer

#: For what takes moments, on a machine that others use too.
SECONDS = 60
#: For the conversion of a block or a small system.
CONVERSION_SECONDS = 600


def until(condition: Callable[[], object], what: str) -> None:
    """Wait until a condition is true."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, f"waited {SECONDS} s in vain for {what}"
        time.sleep(0.01)


def joined(process: BaseProcess) -> int | None:
    """The exit code of a process that converts."""
    process.join(CONVERSION_SECONDS)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"{process.name} has not ended in {CONVERSION_SECONDS} s")
    return process.exitcode


def joined_thread(thread: Thread) -> None:
    """Wait for the end of a thread."""
    thread.join(SECONDS)
    assert not thread.is_alive(), f"{thread.name} has not ended in {SECONDS} s"


def next_line(process: subprocess.Popen) -> str | bytes:
    """The next line of a program's output; one that writes none is ended, and there is none."""
    timer = Timer(SECONDS, process.kill)
    timer.start()
    try:
        return process.stdout.readline()
    finally:
        timer.cancel()
