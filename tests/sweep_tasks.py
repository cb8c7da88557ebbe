"""Tasks of the tests of sweeps; workers import them by name."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def square(value: int) -> int:
    return value * value


def noted(task: dict) -> int:
    """Appends a line to a file of its own for every run, and takes a moment."""
    folder = Path(task["folder"])
    with (folder / f"{task['value']}.runs").open("a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(task.get("seconds", 0.0))
    return task["value"] * 10


def failing(value: int) -> int:
    if value == 2:
        raise ValueError("two")
    return value


def deaf(value: int) -> int:
    """The first fails when the second has begun, which heeds no signal to end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if value == 0:
        time.sleep(0.5)
        raise ValueError("zero")
    time.sleep(600)
    return value


def killed(value: int) -> int:
    """As the system ends a process that takes too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)
    return value
