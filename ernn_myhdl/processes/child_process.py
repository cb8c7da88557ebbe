"""Programs and Python modules in processes of their own, which end with the one that started them.

Each is the leader of a session: when the command is stopped, the program and all that it has started
(make, compilers) are ended before anything is removed. Modules never see the current folder as a place
of modules, where a `random.py` or `tomlkit.py` of the user's may lie.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.processes.stopping import held

#: Seconds that a program has to end by itself before it is killed.
PATIENCE = 2.0
#: Exit codes of modules: those of the command, and one for an error of the operating system.
BAD_INPUT, TOOL, SYSTEM = 2, 3, 74

# Python puts the current folder first for `-c`, as for `-m`; option -P against that is of Python 3.11
_START = """\
import sys
sys.path[:] = [path for path in sys.path if path]
root = sys.argv[1]
if root not in sys.path:
    ends = [path.endswith("-packages") for path in sys.path]
    sys.path.insert(ends.index(True) if True in ends else len(ends), root)
del sys.argv[:2]
from ernn_myhdl.processes.child_process import run_module
run_module()
"""

_running: set[subprocess.Popen] = set()
#: Those that `end_all` has ended, whose exit is no failure of theirs.
_ended: set[subprocess.Popen] = set()
_lock = threading.Lock()


def run(
    command: Sequence[str],
    cwd: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    output: IO | None = None,
) -> subprocess.CompletedProcess:
    """Run a program to its end; its standard output and error as text, both in `output` where that is given.

    ToolError where another thread ended it (`end_all`).
    """
    process: subprocess.Popen | None = None
    try:
        with held():
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env={**(os.environ if env is None else env), "PYTHONSAFEPATH": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output or subprocess.PIPE,
                stderr=subprocess.STDOUT if output else subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            with _lock:
                _running.add(process)
        out, err = process.communicate()
    except BaseException:
        if process is not None:
            with held():
                _end(process)
        raise
    finally:
        with _lock:
            _running.discard(process)
            ended = process in _ended
            _ended.discard(process)
    if ended:
        raise ToolError(f"{command[0]}: was ended")
    return subprocess.CompletedProcess(command, process.returncode, out or "", err or "")


def end_all() -> None:
    """End the programs that other threads are running."""
    with held():
        with _lock:
            running = list(_running)
            _ended.update(running)
        for process in running:
            _end(process)


def _end(process: subprocess.Popen) -> None:
    """End a program and what it has started."""
    for number, seconds in ((signal.SIGTERM, PATIENCE), (signal.SIGKILL, PATIENCE)):
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):
            break
        until = time.monotonic() + seconds
        while time.monotonic() < until and _alive(process):
            time.sleep(0.01)
    process.wait()


def _alive(process: subprocess.Popen) -> bool:
    """Whether the program or anything of its session's group is there still."""
    process.poll()
    try:
        os.killpg(process.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def python_module(module: str, arguments: Sequence[object]) -> list[str]:
    """The command that runs a module of this package, whatever lies in the current folder."""
    root = str(Path(__file__).resolve().parents[2])
    return [sys.executable, "-c", _START, root, module, *map(str, arguments)]


def run_python(
    module: str, arguments: Sequence[object], what: str, env: Mapping[str, str] | None = None
) -> None:
    """Run a module of this package; its errors are raised here.

    what: begins the message of an error. env: variables to set.
    """
    done = run(python_module(module, arguments), env=os.environ | (env or {}))
    if not done.returncode:
        return
    reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    if done.returncode == SYSTEM:
        raise OSError(*json.loads(reason))
    raise (DesignError if done.returncode == BAD_INPUT else ToolError)(f"{what}: {reason}")


def run_module() -> None:
    """In the new process: run the module that the arguments name; errors as one line and an exit code."""
    import runpy

    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except (DesignError, ToolError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        sys.exit(BAD_INPUT if isinstance(error, DesignError) else TOOL)
    except OSError as error:
        if error.errno is None:
            raise
        print(json.dumps([error.errno, error.strerror, error.filename]), file=sys.stderr)
        sys.exit(SYSTEM)
