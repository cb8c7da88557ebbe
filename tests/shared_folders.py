"""What several tests need is made once a run, by whichever worker of pytest first asks for it."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def run_folder(tmp_path_factory) -> Path:
    """A folder of this run of pytest that all of its workers share."""
    base = tmp_path_factory.getbasetemp()
    # each worker of pytest-xdist has a folder of its own in that of the run
    folder = base.parent if base.name.startswith("popen-") else base
    folder = folder / "shared"
    folder.mkdir(exist_ok=True)
    return folder


def made_once(file: Path, make: Callable[[], Any]) -> Any:
    """What `make` returns, kept as JSON in `file`; a second process waits for the first one."""
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            beside = file.with_suffix(".part")
            beside.write_text(json.dumps(make()))
            beside.replace(file)
    return json.loads(file.read_text())
