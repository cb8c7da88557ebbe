"""One command in a process of its own, and what became of it: exit code, messages, memory, time, files."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import signal
import stat
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

#: Bytes that a command may take, seconds of processor time, and seconds in all: a slow machine is no error.
MEMORY, SECONDS, PATIENCE = 2 << 30, 90.0, 600.0
#: Characters of a refusal.
LINE = 1100


@dataclass
class Result:
    """code: the exit code, negative for a signal. faults: what went wrong, by kind of fault."""

    code: int
    error: str
    seconds: float
    megabytes: float
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        """The first fault, or what the exit code says."""
        if self.faults:
            return next(iter(self.faults))
        return {0: "accepted", 1: "check failed", 2: "refused", 3: "tool"}.get(self.code, "other")


def run_command(
    argv: Sequence[str],
    folder: Path,
    outputs: Sequence[str],
    appended: Sequence[str] = (),
    prepare: Callable[[], None] = lambda: None,
    silent: bool = False,
) -> Result:
    """`ernn` with these arguments in `folder`, in a fork of this process.

    outputs: files and folders in it that the command may make or replace when it succeeds; appended: files to
    which it may append. prepare: called in the new process. silent: its messages may not arrive.
    """
    messages = folder.with_name(folder.name + ".messages")
    messages.mkdir()
    before = snapshot(folder)
    start = time.perf_counter()
    process = os.fork()
    if not process:
        _child(argv, folder, messages, prepare)
    code, usage = _wait(process)
    seconds = time.perf_counter() - start
    out, error = (
        (messages / name).read_bytes().decode("utf-8", "replace") for name in ("out", "err")
    )
    shutil.rmtree(messages)
    result = Result(
        -9 if code is None else code, error, seconds, usage.ru_maxrss / 1000 if usage else 0.0
    )
    faults = result.faults
    if "Traceback (most recent call last)" in error:
        faults["traceback"] = error.strip().splitlines()[-1]
    if code is None:
        faults["hung"] = f"ended after {seconds:.0f} s"
    elif code < 0:
        faults["killed"] = signal.Signals(-code).name
    if result.megabytes * 1000 * 1024 > MEMORY or "out of memory" in error:
        faults["memory"] = f"{result.megabytes:.0f} MB"
    made = result.code in (0, 1) or silent
    changes = _unwanted(before, snapshot(folder), outputs if made else (), appended)
    if changes:
        faults["files"] = ", ".join(changes[:5])
    if not faults and not silent and (message := _wrong_message(argv, result.code, out, error)):
        faults["message"] = message
    return result


def _child(argv: Sequence[str], folder: Path, messages: Path, prepare) -> None:
    """Runs the command as `python -m ernn_myhdl` would; does not return."""
    code = 70
    try:
        os.setpgid(0, 0)
        os.chdir(folder)
        for number, name in ((1, "out"), (2, "err")):
            file = os.open(messages / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, number)
            os.close(file)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False, errors="backslashreplace")  # noqa: SIM115
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY + (1 << 28)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        prepare()
        from ernn_myhdl.cli.main import main

        try:
            code = main(list(argv))
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        code = 1
        os.write(2, traceback.format_exc().encode("utf-8", "backslashreplace"))
    finally:
        os._exit(code & 255)


def _wait(process: int):
    """Exit code and usage; the code is None where the process had to be ended."""
    pause, end = 0.001, time.perf_counter() + PATIENCE
    while time.perf_counter() < end and _processor_seconds(process) < SECONDS:
        found, status, usage = os.wait4(process, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status), usage
        time.sleep(pause)
        pause = min(2 * pause, 0.02)
    os.killpg(process, signal.SIGKILL)
    _, _, usage = os.wait4(process, 0)
    return None, usage


def _processor_seconds(process: int) -> float:
    """Of a process that has not been waited for, and of its children that have ended."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def snapshot(folder: Path) -> dict[str, str]:
    """Path in the folder -> what lies there: a digest of a file, the aim of a link."""
    found = {}
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = os.path.join(place, name)
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                what = f"link to {os.readlink(path)}"
            elif stat.S_ISDIR(status.st_mode):
                what = "folder"
            elif stat.S_ISREG(status.st_mode) and status.st_size < 1 << 28:
                what = hashlib.sha1(Path(path).read_bytes()).hexdigest()
            else:
                what = f"{stat.S_IFMT(status.st_mode)} {status.st_size}"
            found[os.path.relpath(path, folder)] = what
    return found


def _unwanted(before: dict[str, str], after: dict[str, str], outputs, appended) -> list[str]:
    """What was lost, changed or left behind, and should not have been."""
    legal = [os.path.normpath(o) for o in outputs]

    def is_output(path: str) -> bool:
        return any(path == o or path.startswith(o + "/") for o in legal) or path in appended

    changes = []
    for path, what in before.items():
        if after.get(path) != what and not is_output(path):
            changes.append(f"{'lost' if path not in after else 'changed'} {path}")
    for path in sorted(set(after) - set(before)):
        parents = any(o.startswith(path + "/") for o in legal)
        if ".partial-" in path or ".old-" in path or not (is_output(path) or parents):
            changes.append(f"left {path}")
    return changes


def _wrong_message(argv: Sequence[str], code: int, out: str, error: str) -> str:
    """What is wrong with the texts of a command that ended as it should."""
    if code in (2, 3):
        lines = error.strip().splitlines()
        if len(lines) != 1:
            return f"{len(lines)} lines on standard error: {error[:300]!r}"
        if len(lines[0]) > LINE or not lines[0].startswith("ernn"):
            return f"{len(lines[0])} characters: {lines[0][:100]!r}"
        if not lines[0].isprintable():
            return f"unprintable characters: {lines[0][:300]!r}"
    if code == 0 and "--json" in argv and out.startswith("{"):
        try:
            json.loads(out, parse_constant=float.fromhex)
        except ValueError as fault:
            return f"--json: {fault}"
    if code not in (0, 1, 2, 3):
        return f"exit code {code}"
    return ""
