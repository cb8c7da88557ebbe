"""Programs side by side: tasks in threads, each of which runs programs with `child_process.run`."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from ernn_myhdl.processes.child_process import end_all
from ernn_myhdl.processes.stopping import held

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")
#: Seconds between two calls of `look`.
INTERVAL = 0.5


def run_tasks(
    tasks: Mapping[Key, Callable[[], Result]],
    workers: int,
    look: Callable[[list[Key]], None] | None = None,
) -> dict[Key, Result]:
    """The result of each task, `workers` of them at a time.

    look: called every `INTERVAL` and whenever tasks end, with the keys of those that have ended, first
    to last. When a task fails or a signal comes, the programs of all others are ended before it is raised here.
    """
    pool = ThreadPoolExecutor(workers)
    futures: dict[Future[Result], Key] = {}
    done: list[Key] = []
    try:
        with held():  # one that is started must be known
            for key, task in tasks.items():
                futures[pool.submit(task)] = key
        left = set(futures)
        while left:
            finished, left = wait(left, timeout=INTERVAL, return_when="FIRST_COMPLETED")
            for future in finished:
                future.result()
            done += [key for future, key in futures.items() if future in finished]
            if look:
                look(list(done))
    except BaseException:
        with held():
            for future in futures:
                future.cancel()
            while wait(futures, timeout=0).not_done:  # a thread may be about to start a program
                end_all()
                wait(futures, timeout=0.05)
        raise
    finally:
        pool.shutdown()
    return {key: future.result() for future, key in futures.items()}
