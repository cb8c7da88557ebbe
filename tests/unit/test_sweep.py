"""Sweeps: each task once, in the order of the tasks, resumed from what was stored, on processes and on Dask."""

import os
import signal
import threading
import time

import pytest
from sweep_tasks import deaf, failing, killed, noted, square
from tools import require_module
from waiting import SECONDS, joined_thread

from ernn_myhdl import sweep
from ernn_myhdl.errors import DesignError, ToolError

TASKS = {f"task {i}": i for i in range(7)}
SQUARES = {f"task {i}": i * i for i in range(7)}


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_by_name_in_the_order_of_the_tasks(jobs):
    calls = []
    found = sweep.run(square, TASKS, jobs, progress=lambda *c: calls.append(c))
    assert found == SQUARES and list(found) == list(TASKS)
    assert [c[:2] for c in calls] == [(i, 7) for i in range(1, 8)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_of_a_task_is_that_of_the_sweep(jobs):
    with pytest.raises(ValueError, match="two"):
        sweep.run(failing, TASKS, jobs)


def test_a_process_that_the_system_ends_is_one_clear_line():
    with pytest.raises(ToolError, match="one of 2 processes of the sweep was ended from outside"):
        sweep.run(killed, TASKS, jobs=2)


def test_a_process_that_does_not_heed_its_end_is_killed(monkeypatch):
    """A sweep that failed would wait for it for ever."""
    monkeypatch.setattr(sweep, "PATIENCE", 0.5)
    with pytest.raises(ValueError, match="zero"):
        sweep.run(deaf, {"a": 0, "b": 1}, jobs=2)


@pytest.mark.parametrize("jobs", [0, True, 1.5])
def test_jobs_must_be_a_number_from_one_on(jobs):
    with pytest.raises(DesignError, match=f"jobs = {jobs!r}: must be a whole number, at least 1"):
        sweep.run(square, TASKS, jobs)


def _tasks(folder, count=4, **more):
    return {f"task {i}": {"folder": str(folder), "value": i} | more for i in range(count)}


def _runs(folder) -> dict[str, int]:
    return {f.stem: len(f.read_text().splitlines()) for f in folder.glob("*.runs")}


def test_what_is_stored_does_not_run_again(tmp_path):
    store = tmp_path / "results.jsonl"
    sweep.run(noted, _tasks(tmp_path, 2), store=store)
    found = sweep.run(noted, _tasks(tmp_path, 4), store=store)
    assert found == {f"task {i}": i * 10 for i in range(4)}
    assert _runs(tmp_path) == {str(i): 1 for i in range(4)}


def test_a_sweep_that_failed_keeps_what_was_done(tmp_path):
    store = tmp_path / "results.jsonl"
    with pytest.raises(ValueError, match="two"):
        sweep.run(failing, TASKS, store=store)
    assert len(store.read_text().splitlines()) == 2


def test_a_line_that_was_cut_off_is_no_result(tmp_path):
    store = tmp_path / "results.jsonl"
    sweep.run(noted, _tasks(tmp_path, 3), store=store)
    store.write_text(store.read_text()[:-20])
    found = sweep.run(noted, _tasks(tmp_path, 3), store=store)
    assert found == {f"task {i}": i * 10 for i in range(3)}
    assert _runs(tmp_path) == {"0": 1, "1": 1, "2": 2}
    assert sweep.run(noted, _tasks(tmp_path, 3), store=store) == found
    assert _runs(tmp_path) == {"0": 1, "1": 1, "2": 2}


def test_a_result_of_another_argument_is_not_taken(tmp_path):
    store = tmp_path / "results.jsonl"
    sweep.run(square, {"a": 2}, store=store)
    assert sweep.run(square, {"a": 3}, store=store) == {"a": 9}


def test_a_file_that_is_no_store_is_refused(tmp_path):
    store = tmp_path / "notes.txt"
    store.write_text("a note\n")
    with pytest.raises(DesignError, match=r"notes\.txt: is no store of a sweep"):
        sweep.run(square, TASKS, store=store)
    assert store.read_text() == "a note\n"


@pytest.mark.dask
@pytest.mark.filterwarnings("ignore")
def test_no_scheduler_is_one_clear_line(monkeypatch):
    distributed = require_module("distributed", sweep.INSTALL)
    monkeypatch.setattr(sweep, "CONNECT_SECONDS", 0.5)
    assert distributed
    with pytest.raises(ToolError, match=r"dask: no scheduler at tcp://127\.0\.0\.1:9"):
        sweep.run(square, TASKS, dask="tcp://127.0.0.1:9")


@pytest.mark.dask
@pytest.mark.filterwarnings("ignore")
def test_a_worker_that_dies_loses_nothing_and_doubles_nothing(tmp_path):
    distributed = require_module("distributed", sweep.INSTALL)
    tasks = _tasks(tmp_path, 12, seconds=0.3)
    store = tmp_path / "results.jsonl"
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        killed = []

        def kill():
            """The first worker that has begun a task, while it is at it."""
            end = time.monotonic() + SECONDS
            while not killed and time.monotonic() < end:
                begun = [file.read_text().split() for file in tmp_path.glob("*.runs")]
                for pid, *_ in filter(None, begun):  # a file is there before its line is
                    os.kill(int(pid), signal.SIGKILL)
                    killed.append(pid)
                    break
                time.sleep(0.02)

        thread = threading.Thread(target=kill)
        thread.start()
        found = sweep.run(noted, tasks, dask=cluster.scheduler_address, store=store)
        joined_thread(thread)
    assert killed, "no worker began a task"
    assert found == {f"task {i}": i * 10 for i in range(12)}
    lines = store.read_text().splitlines()
    assert len(lines) == 12  # one result for each name
    runs = _runs(tmp_path)
    assert len(runs) == 12 and sum(runs.values()) > 12  # the worker's task ran again elsewhere
