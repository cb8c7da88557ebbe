"""Writes the tables of the pages of docs/ whose numbers follow from the code: `make tables`.

    python docs/tables.py [FOLDER]           writes them into the pages of FOLDER; docs/ without one
    python docs/tables.py --check [FOLDER]   exit code 1 if a page has another table than the code gives

A table stands between two lines of its page: `<!-- table NAME, of make tables -->` and `<!-- end of table -->`.
Everything between them is made anew.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from ernn_myhdl.calibration.generate import new_design, new_network
from ernn_myhdl.cli.main import build_parser
from ernn_myhdl.cli.new import design_arguments
from ernn_myhdl.cycle_model.network_schedule import network_schedule
from ernn_myhdl.cycle_model.schedule import schedule_for
from ernn_myhdl.design.cells import BLOCK_SIZES, GruCell, LinearCell, LstmCell, RnnCell
from ernn_myhdl.host.registers import WEIGHT_FIELDS
from ernn_myhdl.host.weight_image import FIELDS, RECORD, ImageField
from ernn_myhdl.numerics.transform import forward_graph, inverse_graph, multiplications
from ernn_myhdl.rtl import fft
from ernn_myhdl.rtl.cells.lstm import CellTiming
from ernn_myhdl.rtl.cells.units import units_for
from ernn_myhdl.rtl.weights.memories import loadable_memories

DOCS = Path(__file__).resolve().parent
END = "<!-- end of table -->"
_MARKED = re.compile(r"<!-- table ([\w-]+), of make tables -->\n(.*?)" + END, re.DOTALL)
#: Of the cells in the tables: name, cell, m and y.
CELLS = (
    ("LSTM", LstmCell(4, 4, block=2), "–", "o * tanh(c)"),
    ("LSTM with projection", LstmCell(4, 4, 2, 2), "o * tanh(c)", "W_ym m"),
    ("GRU, reset before", GruCell(4, 4), "r * h'", "h"),
    ("GRU, reset after", GruCell(4, 4, reset="after"), "–", "h"),
    ("RNN, tanh", RnnCell(4, 4), "–", "tanh(W x + W_h y' + b)"),
    ("RNN, relu", RnnCell(4, 4, activation="relu"), "–", "max(W x + W_h y' + b, 0)"),
    ("linear", LinearCell(4, 4), "–", "act(W x + b)"),
)
#: Options of `ernn new`: the designs of the table of intervals.
DESIGNS = (
    "--inputs 12 --hidden 64 --projection 32 --block 8 --lanes 16 --peepholes",
    "--inputs 12 --hidden 64 --projection 32 --block 8 --lanes 16 --peepholes --streams 8",
    "--cell gru --inputs 12 --hidden 64 --block 8 --lanes 16",
    "--cell gru --reset after --inputs 12 --hidden 64 --block 8 --lanes 16",
    "--cell rnn --inputs 12 --hidden 64 --block 8 --lanes 8 --streams 8",
    "--cell linear --inputs 64 --hidden 16 --block 8 --lanes 2",
    "--preset paper-lstm-k8",
    "--preset paper-lstm-k16",
    "--preset paper-gru-k8",
    "--preset paper-gru-k16",
)
LSTM_FRAME = (
    "blocks of x cut",
    "gate operations issued, two passes",
    "gate rows at the head of the drain, pass 0",
    "gate rows at the head of the drain, pass 1",
    "cell outputs",
    "projection operations issued",
    "projection rows at the head of the drain",
    "y",
    "beats on m_axis",
)
GRU_FRAME = (
    "blocks of x cut",
    "gate operations issued, one pass",
    "rows of r and z at the head of the drain",
    "candidate operations issued, with x",
    "m",
    "candidate operations issued, with m",
    "rows of n at the head of the drain",
    "y",
    "beats on m_axis",
)


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """In Markdown; None is a dash."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    text = [["–" if cell is None else str(cell) for cell in line] for line in lines]
    assert all(len(line) == len(head) for line in text)
    dashes = f"|{'---|' * len(head)}"
    return "\n".join(dashes if i == 1 else f"| {' | '.join(line)} |" for i, line in enumerate(text))


def transforms() -> str:
    return table(
        [
            "k", "forward, rounded (cycles)", "inverse, unrounded (cycles)",
            "products with constants, forward", "inverse",
        ],
        [
            [
                k, fft.forward_latency(k), fft.inverse_latency(k),
                multiplications(forward_graph(k)), multiplications(inverse_graph(k)),
            ]
            for k in BLOCK_SIZES
        ],
    )  # fmt: skip


def unit_of_the_lstm() -> str:
    plain, peepholes = CellTiming(False), CellTiming(True)
    names = [name for name, value in vars(CellTiming).items() if isinstance(value, property)]
    return table(
        ["result", "without peepholes (cycles)", "with peepholes (cycles)"],
        [[f"`{name}`", getattr(plain, name), getattr(peepholes, name)] for name in names],
    )


def units() -> str:
    few = {"inputs": 5, "hidden": 8, "block": 4, "lanes": 2, "ifft_units": 1}
    designs = {
        "LSTM": new_design(**few),
        "LSTM with peepholes": new_design(**few, peepholes=True),
        "GRU, reset before": new_design(**few, cell="gru", reset="before"),
        "GRU, reset after": new_design(**few, cell="gru", reset="after"),
        "RNN, tanh": new_design(**few, cell="rnn"),
        "RNN, relu": new_design(**few, cell="rnn", activation="relu"),
        "linear": new_design(**few, cell="linear"),
    }
    rows = [
        [
            name, phase, f"`{unit.block.name}`", unit.rows, unit.latency, unit.state_latency,
            unit.multipliers,
        ]
        for name, design in designs.items()
        for phase, unit in zip(("first", "second"), units_for(design), strict=False)
    ]  # fmt: skip
    return table(
        ["cell", "phase", "block", "rows", "to `result`", "to `new_state`", "multipliers"], rows
    )


def cells() -> str:
    return table(
        ["cell", "R", "rows", "second phase", "m", "y"],
        [
            [
                name, len(cell.rows), ", ".join(row.name for row in cell.rows),
                cell.second_phase or None, m, y,
            ]
            for name, cell, m, y in CELLS
        ],
    )  # fmt: skip


@cache
def design(options: str):
    """The design that `ernn new` makes of the options."""
    return new_design(
        **design_arguments(build_parser(["new"]).parse_args(["new", "-o", "x", *options.split()]))
    )


def intervals() -> str:
    rows = []
    for options in DESIGNS:
        made = design(options)
        alone, together = schedule_for(made), schedule_for(made, made.hardware.streams)
        rows.append([f"`{options}`", alone.program.length, alone.latency] + [
            f"{s.interval:g}, lanes {100 * s.utilisation()['lanes']:.0f} %" for s in (alone, together)
        ])  # fmt: skip
    return table(
        ["design", "product cycles", "latency", "interval, one stream", "interval, all streams"],
        rows,
    )


def spans(options: str) -> list[tuple[int, int]]:
    """First and last cycle of what the first frame does, in the order of the tables."""
    schedule = schedule_for(design(options))
    times, program = schedule.frames[0], schedule.program
    second = times.issued[program.gate_length :]
    sources = [o.source for o in program.operations[program.gate_length :]]
    chunks = [o.chunks for o in program.operations if o.last]
    heads = [(h, h + c) for h, c in zip(times.heads, chunks, strict=True)]
    middle = [(times.cells[0], times.cells[-1])]
    for source in set(sources):
        issued = [c for c, s in zip(second, sources, strict=True) if s == source]
        middle.append((issued[0], issued[-1]))
    gates = program.gate_passes
    return [
        (times.blocks[0], times.blocks[-1]),
        (times.issued[0], times.issued[program.gate_length - 1]),
        *heads[:gates],
        *sorted(middle),
        *heads[gates:],
        (times.outputs[0], times.outputs[-1]),
        (times.beats[0], times.beats[-1]),
    ]


def frame(options: str, events: tuple[str, ...]) -> str:
    found = zip(events, spans(options), strict=True)
    return table(
        ["event", "cycles"], [[e, f"{a}–{b}" if a != b else f"{a}"] for e, (a, b) in found]
    )


def network() -> str:
    """Of the network whose program stands before the table."""
    text = (DOCS / "architecture.md").read_text(encoding="utf-8").partition("## Networks")[2]
    found: dict = {"new_network": new_network}
    program = re.search(r"```python\n(.*?)save_design\(network", text, re.DOTALL)
    assert program is not None
    exec(compile(program[1], "architecture.md", "exec"), found)
    made = found["network"]
    parts = [(i, schedule_for, layer) for i, layer in enumerate(made.layers)]
    rows = []
    for name, schedule, part in [*parts, ("network", network_schedule, made)]:
        alone, together = schedule(part), schedule(part, made.stream_shape.streams)
        rows.append(
            [name, alone.latency, *(f"{round(s.interval, 1):g}" for s in (alone, together))]
        )
    return table(["layer", "latency alone", "interval, one stream", "interval, all streams"], rows)


def loadable_memory_list() -> str:
    """The memories of a small network in the order of their numbers."""
    cells = [GruCell(8, 8, 4), LinearCell(8, 4, 4)]
    memories = loadable_memories(new_network(cells, lanes=(2, 1)))
    return table(
        ["number", "memory", "layer", "words", "bits of a word"],
        [[m.number, f"`{m.name}`", m.layer, m.depth, m.width] for m in memories],
    )


def image_table(fields: Iterable[ImageField]) -> str:
    """Words of an image of weights, or of a record in it."""
    rows = ([f.words or "the rest", f"`{f.name}`", f.text] for f in fields)
    return table(["words", "what", "meaning"], rows)


def weight_status() -> str:
    """What a core tells of its weights."""
    rows = ([f.low, f"`{f.name}`", f.text] for f in WEIGHT_FIELDS)
    return table(["bit", "name", "meaning"], rows)


#: Name -> what makes the table.
TABLES: dict[str, Callable[[], str]] = {
    "transforms": transforms,
    "unit-of-the-lstm": unit_of_the_lstm,
    "units": units,
    "cells": cells,
    "intervals": intervals,
    "frame-of-an-lstm": lambda: frame(DESIGNS[0], LSTM_FRAME),
    "frame-of-a-gru": lambda: frame(DESIGNS[2], GRU_FRAME),
    "network": network,
    "weight-image": lambda: image_table(FIELDS),
    "weight-record": lambda: image_table(RECORD),
    "weight-status": weight_status,
    "loadable-memories": loadable_memory_list,
}


def with_tables(text: str) -> str:
    """The page with the tables of the code."""
    return _MARKED.sub(
        lambda m: f"<!-- table {m[1]}, of make tables -->\n{TABLES[m[1]]()}\n{END}", text
    )


def main(arguments: list[str]) -> int:
    check = "--check" in arguments
    folder = Path(next((a for a in arguments if a != "--check"), DOCS))
    seen, wrong = set(), False
    for file in sorted(folder.rglob("*.md")):
        before = file.read_text(encoding="utf-8")
        seen |= {match[1] for match in _MARKED.finditer(before)}
        after = with_tables(before)
        if before == after:
            continue
        if check:
            wrong = True
            lines = (text.splitlines() for text in (before, after))
            print(
                "\n".join(difflib.unified_diff(*lines, str(file), "make tables", n=0, lineterm=""))
            )
        else:
            file.write_text(after, encoding="utf-8")
    missing = TABLES.keys() - seen
    for name in sorted(missing):
        print(f"docs/tables.py: no page has the table {name!r}")
    return 1 if wrong or missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
