"""Programs in threads: all are ended when one fails or a signal comes, whenever that is."""

import os
import signal
import time

import pytest
from waiting import until

from ernn_myhdl.errors import ToolError
from ernn_myhdl.processes.child_process import run
from ernn_myhdl.processes.parallel_programs import run_tasks


def long_program(file):
    """Run a program of ten minutes, whose number is in a file."""
    return run(["sh", "-c", f"echo $$ > {file}; exec sleep 600"])


def wait_for(file):
    until(
        lambda: file.exists() and file.read_text().strip(),
        f"the number of a program in {file.name}",
    )


def gone(file) -> bool:
    try:
        os.kill(int(file.read_text()), 0)
    except ProcessLookupError:
        return True
    return False


def test_results_are_by_key_and_the_ended_are_told_in_turn():
    told = []
    found = run_tasks({k: lambda k=k: k * k for k in range(5)}, 2, told.append)
    assert found == {0: 0, 1: 1, 2: 4, 3: 9, 4: 16}
    assert sorted(told[-1]) == [0, 1, 2, 3, 4]
    assert all(
        later[: len(earlier)] == earlier for earlier, later in zip(told, told[1:], strict=False)
    )


def test_a_signal_while_tasks_are_started_ends_those_that_run(tmp_path):
    """Ctrl-C between two submissions left the first program running, and the command waited for it."""

    class Tasks(dict):
        def items(self):
            yield "first", lambda: long_program(tmp_path / "first")
            wait_for(tmp_path / "first")
            os.kill(os.getpid(), signal.SIGINT)
            yield "second", lambda: long_program(tmp_path / "second")

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_tasks(Tasks(), 2)
    assert time.monotonic() - begun < 300
    assert gone(tmp_path / "first")
    assert not (tmp_path / "second").exists() or gone(tmp_path / "second")


def test_a_failure_ends_programs_that_run_and_those_about_to_start(tmp_path):
    after_failure = []

    def fails():
        wait_for(tmp_path / "running")
        raise ToolError("the first")

    def late():
        time.sleep(0.5)
        long_program(tmp_path / "late")

    def running():
        long_program(tmp_path / "running")
        after_failure.append("an ended program is no success")

    tasks = {"running": running, "late": late, "fails": fails, "never": lambda: 1}
    with pytest.raises(ToolError, match="the first"):
        run_tasks(tasks, 3)
    assert gone(tmp_path / "running") and gone(tmp_path / "late")
    assert not after_failure
