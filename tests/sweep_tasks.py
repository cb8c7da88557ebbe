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


def killed(value: int) -> int:
    """As the system ends a process that takes too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)
    return value
