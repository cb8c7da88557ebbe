"""Runs the converted VHDL in GHDL."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ernn_myhdl.convert.test_bench import BENCH, bench_file
from ernn_myhdl.convert.vhdl_bench import LOG
from ernn_myhdl.convert.writer import convert
from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.engines.bench_run import Transfers, parameters, read_log, result_of, write_vectors
from ernn_myhdl.engines.result import EngineResult, Job
from ernn_myhdl.errors import ToolError
from ernn_myhdl.processes.child_process import run
from ernn_myhdl.streams.frame_counts import output_turns
from ernn_myhdl.streams.initial_states import CoreState
from ernn_myhdl.streams.traffic import Traffic

INSTALL = "ghdl not found: install it with  sudo apt-get install ghdl"
#: Arithmetic on the undefined values before the first clock edge is no finding.
RUN_OPTIONS = ("--ieee-asserts=disable-at-0",)


@dataclass(frozen=True)
class GhdlResult:
    """A run of the test bench. passed: it printed PASS; message: its last report line."""

    passed: bool
    message: str


def missing_tool() -> str | None:
    """What GHDL's engine lacks, as a message with the command that installs it; or None."""
    return INSTALL if shutil.which("ghdl") is None else None


def find_ghdl() -> str:
    """Path of ghdl; ToolError with the command that installs it when it is missing."""
    path = shutil.which("ghdl")
    if path is None:
        raise ToolError(INSTALL)
    return path


def ghdl_version() -> str:
    """First line of `ghdl --version`."""
    result = run([find_ghdl(), "--version"])
    return result.stdout.splitlines()[0]


def _ghdl(arguments: list[str], folder: Path) -> subprocess.CompletedProcess:
    return run([find_ghdl(), *arguments], folder)


def core_name(folder: Path) -> str:
    """Name of the converted core in `folder`, with which all its files begin."""
    return json.loads((folder / "manifest.json").read_text())["name"]


def analyse(folder: Path, work: Path) -> str:
    """Analyse the converted files and the test bench of `folder` into the library folder `work`.

    Returns GHDL's warnings. Raises ToolError with the first error.
    """
    files = (folder / "files.txt").read_text().split()
    bench = bench_file(core_name(folder), BENCH)
    files.append(f"test_bench/{bench}.vhd")
    options = ["--std=08", f"--workdir={work}"]
    for arguments in (["-a", *options, *files], ["-e", *options, bench]):
        result = _ghdl(arguments, folder)
        if result.returncode:
            lines = (result.stderr.strip() or "no message").splitlines()
            raise ToolError(f"ghdl {arguments[0]} failed on {folder}: {lines[0]}")
    return result.stderr


def run_bench(folder: Path, work: Path, generics: Mapping[str, object], at: Path) -> GhdlResult:
    """Run the analysed test bench in the folder `at`, which holds its vectors."""
    options = [f"-g{name}={value}" for name, value in generics.items()]
    bench = bench_file(core_name(folder), BENCH)
    result = _ghdl(["-r", "--std=08", f"--workdir={work}", bench, *options, *RUN_OPTIONS], at)
    output = result.stdout + result.stderr
    reports = re.findall(r"\(report note\): (.*)", output)
    message = reports[-1] if reports else (output.strip().splitlines() or ["no output"])[-1]
    return GhdlResult(result.returncode == 0 and message.startswith("PASS"), message)


def check_folder(folder, idle: int = 30, stall: int = 30, seed: int = 1) -> GhdlResult:
    """Run the delivered test bench of a converted folder with its own vectors."""
    folder = Path(folder).resolve()
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        analyse(folder, work)
        for file in (folder / "test_bench").glob("*.txt"):
            shutil.copy(file, work / file.name)
        generics = {"IDLE_PERCENT": idle, "STALL_PERCENT": stall, "SEED": seed}
        return run_bench(folder, work, generics, work)


def run_ghdl(
    design: CoreSpecification,
    sequences: list[np.ndarray],
    traffic: Traffic = Traffic(),
    folder=None,
    states: Sequence[CoreState | None] = (),
    analysed: Callable[[], None] = lambda: None,
) -> Transfers:
    """Convert `design` (or take the converted `folder`) and run raw input sequences through it.

    sequences: int arrays (frames, inputs), sent in the order of `Traffic.turns`; states: before each
    (`ernn_myhdl.streams.initial_states`), none for zero; analysed:
    called when all is converted and analysed. Returns in that order
    raw outputs (frames, outputs) int64, and per frame the cycle of its first beat accepted and of its
    last beat delivered, counted as in MyHDL.
    Raises ToolError if GHDL is missing or the bench fails.
    """
    find_ghdl()
    lengths = [len(s) for s in sequences]
    turns = traffic.turns(lengths, design.stream_shape.streams)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch) / "work"
        work.mkdir()
        if folder is None:
            folder = Path(scratch) / "vhdl"
            convert(design, folder)
        folder = Path(folder).resolve()
        analyse(folder, work)
        name = core_name(folder)
        write_vectors(design, name, sequences, traffic, states, work)
        generics = {
            "EXPECTED_FILE": "none",
            **parameters(design, traffic, len(output_turns(design, turns, lengths))),
        }
        analysed()
        result = run_bench(folder, work, generics, work)
        if not result.passed:
            raise ToolError(f"ghdl: the test bench failed: {result.message}")
        return read_log((work / bench_file(name, LOG)).read_text(), design, turns, lengths)


def run_job(job: Job) -> EngineResult:
    """The converted VHDL in GHDL."""
    start, ready = time.perf_counter(), 0.0

    def analysed() -> None:
        nonlocal ready
        ready = time.perf_counter()

    transfers = run_ghdl(
        job.design, job.raw_sequences, job.traffic, states=job.states, analysed=analysed
    )
    return result_of(job, transfers, ready - start)
