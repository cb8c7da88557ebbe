"""The documentation against the code: blocks, ports, constants, cycles, links, commands."""

from __future__ import annotations

import argparse
import ast
import importlib
import re
import shlex
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest

from ernn_myhdl import GruCell, LinearCell, LstmCell, new_design, new_network
from ernn_myhdl.cli.main import build_parser
from ernn_myhdl.cli.new import design_arguments
from ernn_myhdl.cycle_model.network_schedule import network_schedule
from ernn_myhdl.cycle_model.schedule import schedule_for
from ernn_myhdl.design.cells import BLOCK_SIZES, CELLS
from ernn_myhdl.hdl.netlist import Leaf, Netlist
from ernn_myhdl.hdl.types import Array
from ernn_myhdl.numerics.transform import forward_graph, inverse_graph, multiplications
from ernn_myhdl.rtl import fft
from ernn_myhdl.rtl.cells.lstm import CellTiming
from ernn_myhdl.rtl.cells.units import units_for
from ernn_myhdl.rtl.core.top import Latencies, core, layer_core
from ernn_myhdl.rtl.memory import store

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md")) + [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


def page_stem(path: Path) -> str:
    """Name of the page of a source file: those of the cells are called `lstm_cells` and the like."""
    return f"{path.stem}_cells" if path.parent.name == "cells" and path.stem in CELLS else path.stem


#: Page -> source file of the blocks; `parameters` holds contents of memories and no block.
RTL = {
    page_stem(path): path
    for path in sorted((ROOT / "ernn_myhdl" / "rtl").rglob("*.py"))
    if path.stem not in ("__init__", "parameters")
}
STEMS = list(RTL)
page_of_block = pytest.mark.parametrize("stem", STEMS)


def names(paths):
    return [str(p.relative_to(ROOT)) for p in paths]


@lru_cache
def page(stem: str) -> str:
    return (DOCS / "blocks" / f"{stem}.md").read_text(encoding="utf-8")


@lru_cache
def marked(stem: str) -> frozenset[str]:
    """Every word that the page sets in code style."""
    return frozenset(w for code in re.findall(r"`([^`\n]+)`", page(stem)) for w in code.split())


def headings(text: str) -> list[str]:
    return re.findall(r"^## (.+)$", text, re.MULTILINE)


@page_of_block
def test_every_block_has_its_page_with_all_headings(stem):
    assert headings(page(stem)) == headings((DOCS / "blocks" / "TEMPLATE.md").read_text())
    assert f"`{RTL[stem].relative_to(ROOT)}`" in page(stem)


def test_every_page_has_a_block():
    stems = {p.stem for p in (DOCS / "blocks").glob("*.md")} - {"TEMPLATE"}
    assert stems == set(STEMS)


def test_the_index_names_every_page():
    index = (DOCS / "README.md").read_text()
    for file in DOCS.rglob("*.md"):
        if file.name != "README.md":
            assert f"]({file.relative_to(DOCS)})" in index, file


@page_of_block
def test_tests_of_a_block_are_named_on_its_page(stem):
    for test in (ROOT / "tests" / "rtl").glob(f"test_{stem}*.py"):
        assert f"/{test.name})" in page(stem)


# ports


#: Modules without blocks of their own.
WITHOUT_BLOCKS = ("units", "state_loading")


@lru_cache
def designs():
    """Small designs that together have every kind of leaf and every unit."""
    few = {"block": 4, "lanes": 4, "ifft_units": 2}
    return (
        new_design(12, 24, 16, 8, True, lanes=8, ifft_units=4, samples_per_beat=4),
        new_design(20, 16, 0, 4, lanes=8, ifft_units=2, samples_per_beat=16),
        new_design(5, 6, 2, 1, lanes=4, ifft_units=1, streams=2, initial_states=True),
        new_design(5, 9, cell="gru", reset="before", **few),
        new_design(5, 9, cell="gru", reset="after", **few, streams=2),
        new_design(5, 16, cell="linear", **few | {"ifft_units": 1}),
        new_design(5, 9, cell="gru", input_block=2, **few),
    )


@lru_cache
def network():
    cells = [GruCell(5, 8, 4), LstmCell(8, 8, 4, 4), LinearCell(4, 3, 1)]
    return new_network(cells, streams=2, initial_states=True)


def module_of(stem: str) -> str:
    return ".".join(RTL[stem].relative_to(ROOT).with_suffix("").parts)


def page_of_module(name: str) -> str:
    return next(stem for stem in RTL if module_of(stem) == name)


@lru_cache
def ports_by_block() -> dict[tuple[str, str], set[str]]:
    """(stem, block function or netlist) -> ports, over all designs."""
    found: dict[tuple[str, str], set[str]] = {}

    def add(stem: str, name: str, component) -> None:
        found.setdefault((stem, name), set()).update(component.ports)

    tops = [(layer_core(design), "top", design.layers) for design in designs()]
    tops.append((core(network()), "network", network().layers))
    for top, stem, layers in tops:
        add(stem, "core", top)
        for component, _ in top.components().values():
            if isinstance(component, Leaf):
                function = component.block.func
                add(page_of_module(function.__module__), function.__name__, component)
        for layer in layers:
            for unit in units_for(layer):
                add(f"{layer.cell.kind}_cells", unit.block.name, unit.block)
    formats = designs()[0].formats
    forward = fft.forward("fft", 8, formats.input, formats.input_spectrum)
    assert isinstance(forward, Netlist)
    add("fft", "forward", forward)
    add("cluster", "lanes_N", core(designs()[0]).components()["lanes_2"][0])
    add("memory", "store", store("s", 4, Array(8, 12), 2, 1, 2))
    return found


def named(ports: set[str]) -> set[str]:
    """The ports that a page names: of those with a number behind the name the first and the last."""
    numbered: dict[str, list[int]] = {}
    for port in ports:
        if match := re.fullmatch(r"(bias|peephole|row)_(\d)", port):
            numbered.setdefault(match[1], []).append(int(match[2]))
    between = {f"{name}_{i}" for name, places in numbered.items() for i in sorted(places)[1:-1]}
    return ports - between


@page_of_block
def test_every_port_is_on_its_page(stem):
    blocks = {name: ports for (s, name), ports in ports_by_block().items() if s == stem}
    assert bool(blocks) != (stem in WITHOUT_BLOCKS), f"no design of this test uses {stem}"
    for name, ports in blocks.items():
        for port in named(ports):
            assert port in marked(stem), f"{name}: port {port}"


@page_of_block
def test_every_unit_is_on_its_page(stem):
    """`cell_block` and the like, with the ports of each in a table below its name."""
    blocks = {name: ports for (s, name), ports in ports_by_block().items() if s == stem}
    if not stem.endswith("_cells"):
        return
    units = {name: ports for name, ports in blocks.items() if name.endswith("_block")}
    units.pop("mask_block", None)  # a leaf
    assert units
    for name, ports in units.items():
        part = page(stem).partition(f"\n`{name}` (a netlist)")[2].partition("(a netlist)")[0]
        table = {w for row in rows(part) for w in re.findall(r"`(\w+)`", row[0])}
        assert named(ports) - table <= {"clk", "rst", "valid"}, name


def test_the_designs_have_all_leaves_and_cells():
    """Otherwise the tests of ports would say little."""
    assert {design.cell.kind for design in designs()} == set(CELLS)
    assert {u.block.name for d in designs() for u in units_for(d)} == {
        "cell_block", "gates_block", "candidate_block", "sum_block",
    }  # fmt: skip
    functions = {name for _, name in ports_by_block()}
    functions |= {"partial_sum", "frame_may_begin"}  # inside other blocks
    for stem in RTL:
        for name in block_functions(stem):
            assert name in functions, f"{stem}: {name}"


def block_functions(stem: str) -> list[str]:
    tree = ast.parse(RTL[stem].read_text())
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and "block" in [ast.unparse(d) for d in node.decorator_list]
    ]


@page_of_block
def test_every_block_function_is_on_its_page(stem):
    functions = block_functions(stem)
    assert not (functions and stem in WITHOUT_BLOCKS)
    for name in functions:
        assert name in marked(stem), name


# numbers


@page_of_block
def test_constants_on_the_page_are_those_of_the_code(stem):
    module = importlib.import_module(module_of(stem))
    quoted = dict(re.findall(r"`([A-Z][A-Z_]+) = (\d+)`", page(stem)))
    for name, value in quoted.items():
        assert getattr(module, name) == int(value), name
    source = RTL[stem].read_text()
    own = set(
        re.findall(r"^([A-Z][A-Z_]*LATENCY|DEPTH|CLUSTER|OUTPUT_PAGES) = ", source, re.MULTILINE)
    )
    assert own <= set(quoted), f"not quoted: {own - set(quoted)}"


def rows(text: str) -> list[list[str]]:
    """Cells of every line of every table."""
    return [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|") and not set(line) <= set("|- ")
    ]


def test_latencies_of_the_transforms():
    table = {int(r[0]): [int(c) for c in r[1:]] for r in rows(page("fft")) if r[0].isdigit()}
    assert table == {
        k: [
            fft.forward_latency(k),
            fft.inverse_latency(k),
            multiplications(forward_graph(k)),
            multiplications(inverse_graph(k)),
        ]
        for k in BLOCK_SIZES
    }


def test_latencies_of_the_unit_of_the_lstm():
    plain, peepholes = CellTiming(False), CellTiming(True)
    properties = [n for n, v in vars(CellTiming).items() if isinstance(v, property)]
    table = {r[0].strip("`"): r[1:] for r in rows(page("lstm_cells")) if len(r) == 3}
    for name in properties:
        assert table[name] == [str(getattr(plain, name)), str(getattr(peepholes, name))], name


def described(cell) -> str:
    """A cell as the tables name it."""
    if cell.kind == "gru":
        return f"GRU, reset {cell.reset}"
    kind = "LSTM" if cell.kind == "lstm" else cell.kind
    return kind + (" with peepholes" if getattr(cell, "peepholes", False) else "")


def test_the_table_of_units():
    expected = {}
    for design in designs():
        for phase, unit in zip(("first", "second"), units_for(design), strict=False):
            state = "–" if unit.state_latency is None else str(unit.state_latency)
            expected[described(design.cell), phase] = [
                f"`{unit.block.name}`", str(unit.rows), str(unit.latency), state,
                str(unit.multipliers),
            ]  # fmt: skip
            for kept in unit.kept:
                assert f"after {kept.latency} cycles" in page("units")
    table = {(r[0], r[1]): r[2:] for r in rows(page("units")) if len(r) == 7 and r[0] != "cell"}
    assert table == expected


def test_the_latencies_of_the_top():
    part = page("top").partition("`latencies(design)`")[2].partition("\n## ")[0]
    names = {r[0].strip("`") for r in rows(part)} - {"interval"}
    assert names == set(Latencies.__dataclass_fields__)


def test_the_table_of_cells():
    """Rows and phases on the page of the architecture."""
    part = architecture().partition("## Cells, rows and phases")[2].partition("\n## ")[0]
    table = {r[0]: r[1:] for r in rows(part) if r[0] != "cell"}
    projected = LstmCell(4, 4, 2, 2)
    cells = [LstmCell(4, 4, block=2), GruCell(4, 4), GruCell(4, 4, reset="after"), LinearCell(4, 4)]
    assert set(table) == {described(c) for c in cells} | {"LSTM with projection"}
    for name, cell in [("LSTM with projection", projected), *((described(c), c) for c in cells)]:
        first, names, second, *_ = table[name]
        assert first == str(len(cell.rows))
        assert names == ", ".join(row.name for row in cell.rows)
        assert second == (cell.second_phase or "–")


def architecture() -> str:
    return (DOCS / "architecture.md").read_text(encoding="utf-8")


def designs_of_the_table():
    """(design, cells) of the table of latencies, designs made by the options in its first column."""
    for row in rows(architecture()):
        if row[0].startswith("`--"):
            args = build_parser().parse_args(["new", "-o", "x", *row[0].strip("`").split()])
            yield new_design(**design_arguments(args)), row[1:]


def test_latencies_and_intervals_of_the_architecture_page():
    found = list(designs_of_the_table())
    assert len(found) == 9
    assert {d.cell.kind for d, _ in found} == set(CELLS)
    for design, cells in found:
        alone, together = schedule_for(design), schedule_for(design, design.hardware.streams)
        expected = [str(alone.program.length), str(alone.latency)]
        for schedule in (alone, together):
            busy = 100 * schedule.utilisation()["lanes"]
            expected.append(f"{schedule.interval:g}, lanes {busy:.0f} %")
        assert cells == expected


def spans(design) -> list[tuple[int, int]]:
    """First and last cycle of what the first frame does, in the order of the tables."""
    times, program = schedule_for(design).frames[0], schedule_for(design).program
    first = (times.issued[0], times.issued[program.gate_length - 1])
    second = times.issued[program.gate_length :]
    sources = [o.source for o in program.operations[program.gate_length :]]
    chunks = [o.chunks for o in program.operations if o.last]
    heads = [(h, h + c) for h, c in zip(times.heads, chunks, strict=True)]
    middle = []
    for source in sorted(set(sources)):
        issued = [c for c, s in zip(second, sources, strict=True) if s == source]
        middle.append((issued[0], issued[-1]))
    cells = (times.cells[0], times.cells[-1])
    gates = program.gate_passes
    return [
        (times.blocks[0], times.blocks[-1]),
        first,
        *heads[:gates],
        *sorted([cells, *middle]),
        *heads[gates:],
        (times.outputs[0], times.outputs[-1]),
        (times.beats[0], times.beats[-1]),
    ]


@pytest.mark.parametrize(
    ("heading", "kind"),
    [("### A frame in cycles", "lstm"), ("### A frame of a GRU in cycles", "gru")],
)
def test_the_frame_in_cycles(heading, kind):
    design = next(d for d, _ in designs_of_the_table() if d.cell.kind == kind)
    text = architecture().partition(heading)[2].partition("\n#")[0]
    quoted = [r[1] for r in rows(text) if r[1] != "cycles"]
    assert quoted == [f"{a}–{b}" if a != b else f"{a}" for a, b in spans(design)]


def test_the_network_of_the_architecture_page():
    """The code of the example, and its table."""
    text = architecture().partition("## Networks")[2].partition("\n## ")[0]
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    found: dict = {}
    exec(compile(code.partition("save_design(network")[0], "architecture.md", "exec"), found)
    network = found["network"]
    kinds = [(str(i), schedule_for, d) for i, d in enumerate(network.layers)]
    expected = []
    for name, schedule, layer in [*kinds, ("network", network_schedule, network)]:
        alone, together = schedule(layer), schedule(layer, network.stream_shape.streams)
        intervals = [f"{round(s.interval, 1):g}" for s in (alone, together)]
        expected.append([name, str(alone.latency), *intervals])
    assert [r for r in rows(text) if r[0] != "layer"] == expected


# links


def anchors(file: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    lines = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


def prose(file: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"```.*?```", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("file", PAGES, ids=names(PAGES))
def test_relative_links_resolve(file):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(file)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        goal = (file.parent / path).resolve() if path else file
        assert goal.exists(), target
        assert ROOT in goal.parents, f"{target} leaves the repository"
        if anchor:
            assert anchor in anchors(goal), target


# commands


def subcommands(parser) -> dict[str, argparse.ArgumentParser]:
    actions = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    return dict(actions[0].choices) if actions else {}


def quoted_commands():
    """Every `ernn ...` that a page shows as a line of code, fenced or indented."""
    for file in PAGES:
        text = re.sub(r"\\\n", " ", file.read_text(encoding="utf-8"))
        fenced = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
        indented = re.findall(r"^ {4,}.*$", text, re.MULTILINE)
        for line in "\n".join([*fenced, *indented]).splitlines():
            command = re.sub(r"^\$ ", "", line.strip())
            if re.match(r"ernn( |$)", command):
                yield pytest.param(command, id=f"{file.relative_to(ROOT)}: {command[:60]}")


@pytest.mark.parametrize("command", list(quoted_commands()))
def test_quoted_commands_parse(command):
    words = shlex.split(command, comments=True)[1:]
    if any(w in ("--help", "--version") for w in words):
        words = [w for w in words if w not in ("--help", "--version")]
        assert not words or words[0] in subcommands(build_parser())
        return
    try:
        build_parser().parse_args(words)
    except SystemExit as error:
        pytest.fail(f"{command}: exit code {error.code}")


def test_every_option_is_described():
    text = (DOCS / "command-line.md").read_text(encoding="utf-8")
    commands = subcommands(build_parser())
    for name, parser in commands.items():
        heading = f"## `ernn {name}`"
        assert heading in text
        section = text.partition(heading)[2].partition("\n## ")[0]
        leaves = subcommands(parser) or {"": parser}
        for kind, leaf in leaves.items():
            part = section
            if kind:
                part = section.partition(f"`ernn {name} {kind} ")[2].partition(f"`ernn {name} ")[0]
            first = [c for row in rows(part) for c in re.findall(r"`([^`]+)`", row[0])]
            described = {c for c in first if c.startswith("-") or c.isupper()}
            options = {s for a in leaf._actions for s in a.option_strings} - {"-h", "--help"}
            options |= {a.metavar for a in leaf._actions if not a.option_strings}
            assert described == options, f"ernn {name} {kind}"


def test_every_command_is_in_the_table_of_commands_and_counted():
    """The page said eleven where there were fourteen, and its table lacked three."""
    text = (DOCS / "command-line.md").read_text(encoding="utf-8")
    commands = set(subcommands(build_parser()))
    table = text.partition("\n## ")[0]
    listed = [re.fullmatch(r"\[`(\w+)`\]\(#ernn-(\w+)\)", row[0]) for row in rows(table)]
    assert {m[1] for m in listed if m} == {m[2] for m in listed if m} == commands
    counts = dict(enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"]))  # fmt: skip
    assert f"`ernn` has {counts[len(commands)]} sub-commands." in text


def test_exit_codes_are_described():
    from ernn_myhdl import console

    text = (DOCS / "command-line.md").read_text(encoding="utf-8")
    codes = {
        int(r[0])
        for r in rows(text.partition("## Exit codes")[2].partition("\n## ")[0])
        if r[0].isdigit()
    }
    assert codes == {console.FINE, console.FAILED, console.BAD_INPUT, console.TOOL}


# picture


def test_the_datapath_is_what_its_script_draws(tmp_path):
    """Its words at least: the outlines of letters differ between versions of matplotlib."""
    drawn = tmp_path / "datapath.svg"
    subprocess.run([sys.executable, DOCS / "draw_datapath.py", drawn], check=True)
    words = [
        re.findall(r"<!-- (.*?) -->", file.read_text(encoding="utf-8"))
        for file in (drawn, DOCS / "datapath.svg")
    ]
    assert "sequencer" in words[0]
    assert words[0] == words[1], "draw it again: python docs/draw_datapath.py"
