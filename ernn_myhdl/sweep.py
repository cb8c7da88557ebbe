"""Many independent tasks on several processes or on a Dask cluster; results are kept as they come.

A task has a name and an argument; a function of a module, the same for all, turns the argument into a
result. With a store, every result is appended to a file as soon as it is there, with a hash of what it follows
from: a sweep that was interrupted goes on where it stopped, and never takes the result of another
argument. A worker of a cluster that dies loses nothing: its tasks run again elsewhere, and each name has one
result.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.processes import stopping
from ernn_myhdl.whole_numbers import whole

Function = Callable[[Any], Any]
Progress = Callable[[int, int, str], None]
CONNECT_SECONDS = 10.0
#: Seconds that processes have to unwind their tasks when a sweep ends early, before they are killed.
PATIENCE = 20.0
LARGEST_STORE = 1 << 28
INSTALL = "pip install 'ernn-myhdl[dask]'"


def run(
    function: Function,
    tasks: Mapping[str, Any],
    jobs: int = 1,
    dask: str | None = None,
    store: str | Path | None = None,
    progress: Progress | None = None,
    contents: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Result of every task by name, in the order of the tasks.

    jobs: processes of this machine, 1: this one. dask: address of a Dask scheduler that is used instead.
    store: file of results to read first and to append to; arguments and results must then be plain JSON
    values. progress: called with (tasks done, tasks in all, name). contents: what the result of each task follows
    from, as plain JSON values by name, where its argument holds what differs from run to run (a folder, a time, a
    process); None: the arguments.
    Raises what a task raises, ToolError without Dask, where no scheduler answers and where a process was ended from outside.
    """
    if store and os.path.lexists(store) and not os.path.isfile(store):
        raise DesignError(f"store {store}: is no file; choose another name")
    whole("jobs", jobs, 1)
    hashed = tasks if contents is None else {name: contents[name] for name in tasks}
    digests = {name: _digest(function, what) for name, what in hashed.items()} if store else {}
    done = _stored(Path(store), digests) if store else {}
    missing = {name: task for name, task in tasks.items() if name not in done}
    with _appending(store) as keep:
        for name, result in _results(function, missing, jobs, dask):
            if name in done:
                continue
            done[name] = result
            keep(name, digests.get(name, ""), result)
            if progress:
                progress(len(done), len(tasks), name)
    return {name: done[name] for name in tasks}


def _results(
    function: Function, tasks: dict[str, Any], jobs: int, dask: str | None
) -> Iterator[tuple[str, Any]]:
    """(name, result) in the order in which they come."""
    if not tasks:
        return
    if dask is not None:
        yield from _on_cluster(function, tasks, dask)
    elif jobs == 1:
        for name, task in tasks.items():
            yield name, function(task)
    else:
        yield from _on_processes(function, tasks, jobs)


def _on_processes(
    function: Function, tasks: dict[str, Any], jobs: int
) -> Iterator[tuple[str, Any]]:
    with ProcessPoolExecutor(min(jobs, len(tasks)), initializer=stopping.start_worker) as pool:
        try:
            with stopping.starting_workers():
                names = {
                    pool.submit(stopping.work, function, task): name for name, task in tasks.items()
                }
            for future in as_completed(names):
                yield names[future], future.result()
        except BrokenProcessPool as error:
            with stopping.held():
                _end(pool)
            raise ToolError(
                f"one of {jobs} processes of the sweep was ended from outside, perhaps for want of memory; take fewer (jobs)"
            ) from error
        except BaseException:
            with stopping.held():
                _end(pool)
                pool.shutdown(cancel_futures=True)
            raise


def _end(pool: ProcessPoolExecutor) -> None:
    """End the processes of a pool: one that does not heed it is killed, for the pool would wait for it for ever."""
    processes = list((getattr(pool, "_processes", None) or {}).values())
    for process in processes:
        process.terminate()
    alive = {process.sentinel: process for process in processes}
    until = time.monotonic() + PATIENCE
    while alive and (left := until - time.monotonic()) > 0:
        for sentinel in wait(list(alive), left):
            del alive[sentinel]
    for process in alive.values():
        process.kill()


def _on_cluster(
    function: Function, tasks: dict[str, Any], address: str
) -> Iterator[tuple[str, Any]]:
    try:
        from distributed import Client
        from distributed import as_completed as completed
    except ModuleNotFoundError:
        raise ToolError(f"dask: the package distributed is not installed: {INSTALL}") from None
    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError, TimeoutError) as error:
        raise ToolError(
            f"dask: no scheduler at {address} ({type(error).__name__}); start one with "
            "`dask scheduler`, and workers with `dask worker ADDRESS`"
        ) from error
    with client:
        names = {
            client.submit(function, task, key=f"ernn-{name}-{os.getpid()}", pure=False): name
            for name, task in tasks.items()
        }
        try:
            for future in completed(names):
                yield names[future], future.result()
        finally:
            client.cancel(list(names))


def _digest(function: Function, what: Any) -> str:
    """Hash of a function's name and of what its result follows from."""
    text = f"{function.__module__}.{function.__qualname__} {json.dumps(what, sort_keys=True)}"
    return hashlib.sha256(text.encode()).hexdigest()


def _stored(file: Path, digests: dict[str, str]) -> dict[str, Any]:
    """Results in the file that are those of the tasks; a line that was cut off is none."""
    found: dict[str, Any] = {}
    if not (file.exists() or file.is_symlink()):
        return found
    if not file.is_file():
        raise DesignError(f"store {file}: is no ordinary file; give another")
    if file.stat().st_size > LARGEST_STORE:
        raise DesignError(f"store {file}: has more than {LARGEST_STORE} bytes; give another")
    with file.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)  # results may be NaN
                name, digest, result = record["name"], record["digest"], record["result"]
                whole = record.get("sum") in (None, _sum(result))  # earlier versions wrote none
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                if number == 1:
                    raise DesignError(
                        f"{file}: is no store of a sweep; give another file, or delete it"
                    ) from None
                continue
            if whole and isinstance(name, str) and digests.get(name) == digest:
                found[name] = result
    return found


def _sum(result: Any) -> str:
    """Check sum of a result: a line may be damaged and still be JSON."""
    return hashlib.sha256(json.dumps(result, sort_keys=True).encode()).hexdigest()[:16]


@contextmanager
def _appending(store: str | Path | None) -> Iterator[Callable[[str, str, Any], None]]:
    """A function that appends a result to the store, each on a line of its own."""
    if store is None:
        yield lambda name, digest, result: None
        return
    file = Path(store)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+b") as output:
        output.seek(0, os.SEEK_END)
        if output.tell():
            output.seek(-1, os.SEEK_END)
            if output.read(1) != b"\n":  # the line was cut off
                output.write(b"\n")

        def keep(name: str, digest: str, result: Any) -> None:
            record = {
                "name": name,
                "digest": digest,
                "sum": _sum(json.loads(json.dumps(result))),
                "result": result,
            }
            output.write(json.dumps(record).encode() + b"\n")
            output.flush()

        yield keep
