"""Ctrl-C, SIGTERM and SIGHUP: one way of stopping, exit code 128 + signal, and a true message."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from pages import ROOT
from waiting import SECONDS, next_line, until

from ernn_myhdl import new_design, save_design, sweep
from ernn_myhdl.processes import child_process, stopping
from ernn_myhdl.runs.run import load_run

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def heed_signals():
    """As in a terminal: the tests themselves may run under nohup, or in the background of a script."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def start(code, folder, *arguments, **options):
    """A Python program that says `ready` when the signal may come."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=folder, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, preexec_fn=heed_signals, **options,
    )  # fmt: skip


def ready(process):
    line = next_line(process)
    assert line == "ready\n", line + process.communicate(timeout=SECONDS)[1]


def alive(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{number}/stat") as status:
        return status.read().rpartition(")")[2].split()[0] != "Z"


# the signal comes when the third frame has been delivered
SIMULATE = """
import sys
from ernn_myhdl.cli import simulate
from ernn_myhdl import console
from ernn_myhdl.cli.main import main
from contextlib import contextmanager

@contextmanager
def progress(label, frames):
    def update(done, cycle):
        if done == 3:
            print("ready", flush=True)
    yield update

simulate.frame_progress = progress
sys.exit(main(sys.argv[1:]))
"""


#: Of a core that is soon made: far more than it delivers until the signal comes.
FRAMES = 4000


@pytest.fixture
def place(tmp_path):
    save_design(new_design(1, 1, cell="linear", block=1, lanes=1), tmp_path / "design")
    np.save(tmp_path / "x.npy", np.ones((FRAMES, 1)))
    return tmp_path


@pytest.mark.parametrize("number", SIGNALS)
def test_every_signal_keeps_the_frames_that_are_done(place, number):
    command = "simulate design --input x.npy --engine myhdl --no-stages -o run --vcd run/w.vcd"
    process = start(SIMULATE, place, *command.split())
    ready(process)
    process.send_signal(number)
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + number, err
    assert "wrote run" in out and "interrupted" in out and err == ""
    assert 3 <= load_run(place / "run").frames < FRAMES
    assert (place / "run" / "w.vcd").is_file()
    assert sorted(p.name for p in place.iterdir()) == ["design", "run", "x.npy"]


@pytest.mark.parametrize("number", SIGNALS)
def test_no_partial_folder_stays(place, number):
    code = """
import sys, tempfile, time
from ernn_myhdl.cli.main import main
from dataclasses import replace
from ernn_myhdl.engines.registry import ENGINES
def work(job):
    from ernn_myhdl import save_design
    with tempfile.TemporaryDirectory() as scratch:  # as for a conversion: no output
        save_design(job.design, scratch + "/design")
        wait()
def wait():
    print("ready", flush=True)
    time.sleep(60)
ENGINES["golden"] = replace(ENGINES["golden"], run=work)
sys.exit(main("simulate design --input x.npy -o deep/run".split()))
"""
    process = start(code, place)
    ready(process)
    process.send_signal(number)
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (128 + number, "")
    assert err == "ernn: error: interrupted; no output was written\n"
    assert sorted(p.name for p in place.iterdir()) == ["design", "x.npy"]


def test_second_signal_behind_the_output_tells_that_it_was_written(place):
    code = """
import sys, time
from ernn_myhdl.cli import simulate
from ernn_myhdl.cli.main import main
def tell(*arguments):
    print("ready", flush=True)
    time.sleep(60)
simulate._tell = tell
sys.exit(main("simulate design --input x.npy --frames 2 -o run".split()))
"""
    process = start(code, place)
    ready(process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert err == "ernn: error: interrupted; wrote run\n"
    assert load_run(place / "run").frames == 2


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_during_the_imports(tmp_path, number):
    """numpy takes a minute here; the signal comes meanwhile."""
    (tmp_path / "numpy.py").write_text("import time\nprint('ready', flush=True)\ntime.sleep(60)\n")
    code = "import sys; from ernn_myhdl.cli.main import main; sys.exit(main(['info', 'design']))"
    process = start(code, tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)})
    ready(process)
    process.send_signal(number)
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (128 + number, "")
    assert err == "ernn: error: interrupted; no output was written\n"


def test_entry_point_imports_little_before_it_takes_the_signals():
    # less what is there before it: a measurement of coverage brings json
    code = "import sys; before = set(sys.modules); import ernn_myhdl.cli.main; "
    code += "print(*((set(sys.modules) - before) & set(sys.argv)))"
    heavy = ["numpy", "argparse", "json", "matplotlib", "myhdl", "tomlkit", "safetensors"]
    done = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, [])


def test_nohup_stays_in_force(place):
    code = """
import os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_IGN)
from ernn_myhdl.cli import simulate
from ernn_myhdl.cli.main import main
simulate._tell = lambda *arguments: os.kill(os.getpid(), signal.SIGHUP)
sys.exit(main("simulate design --input x.npy --frames 2 -o run".split()))
"""
    process = start(code, place)
    process.communicate(timeout=SECONDS)
    assert process.returncode == 0


# writes into the folder until it is ended; the program between starts it
GRANDCHILD = """
import os, pathlib, sys, time
pathlib.Path(sys.argv[1], "grandchild").write_text(str(os.getpid()))
while True:
    pathlib.Path(sys.argv[1], f"made{time.monotonic()}").write_text("")
    time.sleep(0.001)
"""
BETWEEN = (
    f"import subprocess, sys; subprocess.run([sys.executable, '-c', {GRANDCHILD!r}, sys.argv[1]])"
)


@pytest.mark.parametrize("number", SIGNALS)
def test_grandchildren_end_with_the_command(tmp_path, number):
    """As make and g++ under Verilator: what they still wrote made the folder's removal fail."""
    code = f"""
import sys, tempfile
from ernn_myhdl.processes import child_process
from ernn_myhdl.processes import stopping
stopping.install()
try:
    with tempfile.TemporaryDirectory(dir=".") as work:
        print(work, flush=True)
        child_process.run([sys.executable, "-c", {BETWEEN!r}, work])
except KeyboardInterrupt as error:
    sys.exit(stopping.exit_code(error))
"""
    process = start(code, tmp_path)
    note = tmp_path / next_line(process).strip() / "grandchild"
    until(lambda: note.exists() and note.read_text(), "the program that the program started")
    grandchild = int(note.read_text())
    process.send_signal(number)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + number, err
    assert not alive(grandchild)
    assert list(tmp_path.iterdir()) == []


def slow(task):
    """Tells its process and unwinds when it is ended; when it is not, it says so."""
    folder, name = task
    try:
        with open(f"{folder}/{name}", "w") as file:
            file.write(str(os.getpid()))
        time.sleep(SECONDS)
        with open(f"{folder}/{name}.finished", "w"):
            pass
    finally:
        with open(f"{folder}/{name}.unwound", "w"):
            pass


def test_workers_end_with_a_sweep(tmp_path):
    tasks = {name: (str(tmp_path), name) for name in "abcd"}
    first = [tmp_path / name for name in "ab"]

    def both(*_):
        if all(file.exists() and file.read_text() for file in first):
            raise stopping.Interrupted(signal.SIGTERM)
        signal.setitimer(signal.ITIMER_REAL, 0.1)  # the sweep must go on to begin them

    before = signal.signal(signal.SIGALRM, both)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        with pytest.raises(KeyboardInterrupt):
            sweep.run(slow, tasks, jobs=2)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not any(alive(int(file.read_text())) for file in first)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "a.unwound", "b", "b.unwound"]


# every worker is ended before its first line
STOPPED_AT_BIRTH = """
import os, signal
from ernn_myhdl import sweep
from ernn_myhdl.processes import stopping
stopping.install()
parent, fork = os.getpid(), os.fork

def fork_and_stop():
    child = fork()
    if not child:
        os.kill(os.getpid(), signal.SIGTERM)
    return child

os.fork = fork_and_stop
try:
    sweep.run(abs, {"a": 1, "b": 2}, jobs=2)
except BaseException as error:
    print("parent" if os.getpid() == parent else "worker", type(error).__name__, flush=True)
"""


def test_a_worker_that_is_ended_while_it_starts_unwinds_nothing_of_its_parent():
    """Under load, a test session ended with a sweep that failed: its second worker went on as the session."""
    done = child_process.run([sys.executable, "-c", STOPPED_AT_BIRTH])
    assert (done.stdout, done.stderr) == ("parent ToolError\n", "")


def test_held_signals_come_behind():
    done = []
    with pytest.raises(KeyboardInterrupt), stopping.held():
        with stopping.held():
            signal.raise_signal(signal.SIGINT)
            done.append("inner")
        done.append("outer")
    assert done == ["inner", "outer"]


def test_a_program_has_no_standard_input_and_its_text_may_be_any_bytes():
    code = "import sys; print(repr(sys.stdin.read()), flush=True); sys.stdout.buffer.write(bytes([255]))"
    done = child_process.run([sys.executable, "-c", code])
    assert done.returncode == 0 and done.stdout == "''\n\ufffd"


@pytest.mark.parametrize("number", SIGNALS)
def test_programs_that_a_benchmark_started_end_with_it(tmp_path, number):
    code = f"""
import sys
from benchmarks.command import leave
from ernn_myhdl.processes import child_process
print("begun", flush=True)
leave(lambda: child_process.run([sys.executable, "-c", {BETWEEN!r}, "."]))
"""
    process = start(code, tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)})
    next_line(process)
    note = tmp_path / "grandchild"
    until(lambda: note.exists() and note.read_text(), "the program that the program started")
    grandchild = int(note.read_text())
    process.send_signal(number)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + number, err
    assert "Traceback" not in err
    assert not alive(grandchild)


@pytest.mark.parametrize(("error", "code"), [("DesignError", 2), ("ToolError", 3)])
def test_errors_of_a_benchmark_are_one_line(tmp_path, error, code):
    program = f"""
from benchmarks.command import leave
from ernn_myhdl import errors
def main():
    raise errors.{error}("a reason")
leave(main)
"""
    process = start(program, tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)})
    _, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, err) == (code, "error: a reason\n")
