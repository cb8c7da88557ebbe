"""The netlist of a core in the cells of ECP5, in Icarus: what Yosys makes of the converted Verilog.

Gate by gate, so it is slow: for proofs on small cores.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from ernn_myhdl.convert.test_bench import BENCH, bench_file
from ernn_myhdl.convert.vhdl_bench import INPUT, LOG, STATES
from ernn_myhdl.convert.writer import convert
from ernn_myhdl.engines.bench_run import Transfers, parameters, read_log, result_of, write_vectors
from ernn_myhdl.engines.result import EngineResult, Job
from ernn_myhdl.errors import ToolError
from ernn_myhdl.mapping.mapped_core import map_core
from ernn_myhdl.mapping.yosys_program import newest_yosys
from ernn_myhdl.processes.child_process import run

INSTALL = "iverilog not found: install it with  sudo apt-get install iverilog"


def missing_tool() -> str | None:
    """What these engines lack, as a message with the command that installs it; or None."""
    if shutil.which("iverilog") is None:
        return INSTALL
    try:
        newest_yosys()
    except ToolError as error:
        return str(error)
    return None


def run_moved(job: Job) -> EngineResult:
    """The netlist that nextpnr places: with registers moved into the multipliers and choices folded into carry chains."""
    return _run(job, True)


def run_unmoved(job: Job) -> EngineResult:
    """The netlist as Yosys leaves it."""
    return _run(job, False)


def _run(job: Job, changed: bool) -> EngineResult:
    if reason := missing_tool():
        raise ToolError(reason)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        say = job.say or (lambda step: None)
        say("converting to verilog")
        convert(job.design, folder / "hdl", hdl="verilog")
        say("mapping to ECP5")
        sources = map_core(folder / "hdl", newest_yosys(), changed)
        say("simulating the netlist")
        ready = time.perf_counter() - start
        return result_of(job, simulate(job, folder / "hdl", sources), ready)


def simulate(job: Job, folder: Path, sources: list[str]) -> Transfers:
    """The transfers of a job in the bench of a converted folder, with other sources of the core.

    ToolError where Icarus does not compile them or the bench fails.
    """
    name = job.design.name
    bench = bench_file(name, BENCH)
    write_vectors(job.design, name, job.raw_sequences, job.traffic, job.states, folder)
    given = {"CHECK": 0, **parameters(job.design, job.traffic, len(job.output_turns))}
    texts = {"INPUT_FILE": bench_file(name, INPUT), "LOG_FILE": bench_file(name, LOG)}
    if (folder / bench_file(name, STATES)).exists():
        texts["STATES_FILE"] = bench_file(name, STATES)
    options = [f"-P{bench}.{k}={v}" for k, v in given.items()]
    options += [f'-P{bench}.{k}="{v}"' for k, v in texts.items()]
    program = "netlist.vvp"
    done = run(
        ["iverilog", "-g2012", "-s", bench, "-o", program, *options]
        + [*sources, f"test_bench/{bench}.sv"],
        folder,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[0]
        raise ToolError(f"iverilog failed on the netlist of {name}: {reason}")
    done = run(["vvp", "-n", program], folder)
    said = [x for x in done.stdout.splitlines() if x.startswith(("PASS", "FAIL"))]
    if done.returncode or not said or said[-1].startswith("FAIL"):
        lines = said or (done.stdout + done.stderr).strip().splitlines() or ["no output"]
        raise ToolError(f"netlist: the test bench failed: {lines[-1]}")
    log = (folder / bench_file(name, LOG)).read_text()
    return read_log(log, job.design, job.turns, job.lengths)
