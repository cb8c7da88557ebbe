"""The documentation against the code: blocks, ports, constants, cycles, links, commands."""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import io
import itertools
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import pytest

from ernn_myhdl import Format, GruCell, LinearCell, LstmCell, RnnCell, new_design, new_network
from ernn_myhdl.cli.main import build_parser
from ernn_myhdl.design.cells import CELLS
from ernn_myhdl.design.element_wise import ElementWise
from ernn_myhdl.design.graph import ArgMax, Embedding, Graph, Join, Window
from ernn_myhdl.design.time_joins import LastFrame, Maximum, Mean, Repeat
from ernn_myhdl.hdl.components import Leaf
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.types import Array
from ernn_myhdl.rtl import fft
from ernn_myhdl.rtl.cells.units import units_for
from ernn_myhdl.rtl.core.latencies import Latencies
from ernn_myhdl.rtl.core.top import core, layer_core
from ernn_myhdl.rtl.memory import store

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md")) + [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


#: Files that share a page: those of a folder, and others by name.
FOLDER_PAGES = {"sequencer": "sequencer", "core": "top", "weights": "weight_loading"}
SHARED_PAGES = {
    "stream": (
        "fifo",
        "beat_frames",
        "beat_blocks",
        "input_frames",
        "output_frames",
        "stream_user",
    ),
    "initial_state": ("state_frames", "state_pages", "state_route"),
    "elementwise": ("elementwise", "cell_parts"),
    "network": ("network", "graph"),
    "joins": ("join", "beats"),
    "window": ("window", "window_frames", "window_layout"),
    "time_joins": ("time_join", "time_control", "time_samples"),
    "state_loading": ("state_loading",),
    "weight_loading": ("weight_loading",),
}


def page_stem(path: Path) -> str:
    """Name of the page of a source file: those of the cells are called `lstm_cells` and the like."""
    for stem, files in SHARED_PAGES.items():
        if path.stem in files:
            return stem
    if path.parent.name == "cells" and path.stem in CELLS:
        return f"{path.stem}_cells"
    return FOLDER_PAGES.get(path.parent.name, path.stem)


#: Page -> source files of the blocks; `parameters` holds contents of memories, `stages` latencies, `view` what is asked of a core.
#: `cycles` is left out as a folder: it counts cycles in Python, and nothing of it becomes hardware.
RTL: dict[str, list[Path]] = {}
for _path in sorted((ROOT / "ernn_myhdl" / "rtl").rglob("*.py")):
    if _path.parent.name == "cycles":
        continue
    if _path.stem not in ("__init__", "parameters", "stages", "view"):
        RTL.setdefault(page_stem(_path), []).append(_path)
STEMS = list(RTL)


def over_all(subjects: Sequence, test: Callable) -> Callable:
    """One test of all pages together; it tells what is wrong with which."""

    def whole():
        wrong = {}
        for subject in subjects:
            try:
                test(subject)
            except AssertionError as error:
                wrong[str(subject)] = str(error)
        assert wrong == {}

    whole.__doc__ = test.__doc__
    return whole


def page_of_block(test: Callable[[str], None]) -> Callable[[], None]:
    return over_all(STEMS, test)


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
    for path in RTL[stem]:
        assert f"`{path.relative_to(ROOT)}`" in page(stem)


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
WITHOUT_BLOCKS = ("units", "state_loading", "joins")


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
        *(
            new_design(
                5, 16, cell="linear", activation=name, slope=slope, **few | {"ifft_units": 1}
            )
            for name, slope in (("relu", None), ("leaky_relu", 0.01), ("hard_sigmoid", 0.2))
        ),
        new_design(5, 9, cell="gru", input_block=2, **few),
        *(
            new_design(
                5,
                9,
                cell="rnn",
                **few | {"ifft_units": 1, "lanes": 2},
                weights=kind,
                weight_banks=banks,
                streams=banks,
            )
            for kind, banks in (("fixed", 1), ("loadable", 1), ("loadable", 2))
        ),
        new_design(5, 9, 0, 4, lanes=2, element_width=1 / 4),
        new_design(5, 9, cell="rnn", activation="relu", **few | {"ifft_units": 1, "lanes": 2}),
    )


@lru_cache
def network():
    cells = [GruCell(5, 8, 4), LstmCell(8, 8, 4, 4), LinearCell(4, 3, 1)]
    return new_network(cells, streams=2, initial_states=True)


@lru_cache
def graph():
    """x divides behind its entry; both joins, a window, an ArgMax; samples of the concatenation wait for others."""
    joins = (
        Join("addition", ("layer_0", "layer_1"), Format(12, 9)),
        Join("concatenation", ("x", "join_0"), Format(12, 9)),
        Window(inputs=("join_1",), size=8, kernel=2),
        ArgMax(inputs=("join_4",), size=2),
        ElementWise(inputs=("layer_2",), activation="leaky_relu", slope=0.1),
    )
    cells = [GruCell(5, 3, 1), RnnCell(5, 3, 1), LinearCell(16, 2, 1)]
    return new_network(
        cells, graph=Graph(("x", "x", "join_2"), joins, "join_3"), streams=2, initial_states=True,
        samples_per_beat=2,
    )  # fmt: skip


@lru_cache
def graph_over_time():
    """All joins over time, of x too, behind its entry."""
    joins = (
        Maximum(("layer_0",)), Mean(("layer_0",), frames=3), LastFrame(("x",)),
        Join("concatenation", ("join_0", "join_1", "join_2"), Format(12, 9)), Repeat(("join_3",), frames=2),
    )  # fmt: skip
    cells = [RnnCell(5, 3, 1), LinearCell(11, 3, 1)]
    return new_network(
        cells, graph=Graph(("x", "join_4"), joins, "layer_1"), streams=2, initial_states=True, samples_per_beat=2
    )  # fmt: skip


@lru_cache
def graph_of_numbers():
    """A table, of whose rows x is the numbers."""
    table = Embedding(table=[[0.0, 0.5, 1.0], [1.0, -0.5, 0.0], [0.25, 0.0, -1.0]])
    graph = Graph(("join_0",), (table,), "layer_0")
    return new_network([LinearCell(3, 2, 1)], graph=graph, samples_per_beat=2)


def modules_of(stem: str) -> list[str]:
    return [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in RTL[stem]]


def page_of_module(name: str) -> str:
    return next(stem for stem in RTL if name in modules_of(stem))


@lru_cache
def ports_by_block() -> dict[tuple[str, str], set[str]]:
    """(stem, block function or netlist) -> ports, over all designs."""
    found: dict[tuple[str, str], set[str]] = {}

    def add(stem: str, name: str, component) -> None:
        found.setdefault((stem, name), set()).update(component.ports)

    tops = [(layer_core(design), "top", design.layers) for design in designs()]
    graphs = (graph(), graph_over_time(), graph_of_numbers())
    tops += [(core(n), "network", n.layers) for n in (network(), *graphs)]
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
    functions |= {"partial_sums", "product"}  # inside another block
    for stem in RTL:
        for name in block_functions(stem):
            assert name in functions, f"{stem}: {name}"


def block_functions(stem: str) -> list[str]:
    return [
        node.name
        for path in RTL[stem]
        for node in ast.parse(path.read_text()).body
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
    constants = {}
    for name in modules_of(stem):
        constants |= vars(importlib.import_module(name))
    quoted = dict(re.findall(r"`([A-Z][A-Z_]+) = (\d+)`", page(stem)))
    for name, value in quoted.items():
        assert constants[name] == int(value), name
    source = "\n".join(path.read_text() for path in RTL[stem])
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


def described(cell) -> str:
    """A cell as the tables name it."""
    if cell.kind == "gru":
        return f"GRU, reset {cell.reset}"
    if cell.kind == "rnn":
        return f"RNN, {cell.activation}"
    kind = "LSTM" if cell.kind == "lstm" else cell.kind
    return kind + (" with peepholes" if getattr(cell, "peepholes", False) else "")


def tables(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, DOCS / "tables.py", *arguments], capture_output=True, text=True
    )


def test_the_tables_are_those_of_the_code():
    """All of them, each as a whole."""
    done = tables("--check")
    assert done.returncode == 0, f"{done.stdout}{done.stderr}make tables writes them again"


def test_a_number_that_is_not_that_of_the_code_is_noticed_and_mended(tmp_path):
    """A table of each page, copied with another number, another row and without its row."""
    fft, units = "blocks/fft.md", "blocks/units.md"
    text = {name: (DOCS / name).read_text(encoding="utf-8") for name in (fft, units)}
    (tmp_path / "blocks").mkdir()
    changed = text[fft].replace("| 8 | 7 | 6 | 2 | 2 |", "| 8 | 7 | 5 | 2 | 2 |")
    (tmp_path / fft).write_text(changed, encoding="utf-8")
    rows_of = [line for line in text[units].splitlines(keepends=True) if "| first |" in line]
    (tmp_path / units).write_text(text[units].replace(rows_of[0], ""), encoding="utf-8")
    done = tables("--check", tmp_path)
    assert done.returncode == 1
    assert "-| 8 | 7 | 5 | 2 | 2 |\n+| 8 | 7 | 6 | 2 | 2 |" in done.stdout
    assert f"+{rows_of[0]}" in done.stdout
    assert "no page has the table 'intervals'" in done.stdout
    tables(tmp_path)
    assert {name: (tmp_path / name).read_text(encoding="utf-8") for name in text} == text


def test_the_table_of_units_has_all_cells():
    cells = {row[0] for row in rows(page("units")) if len(row) == 7} - {"cell"}
    assert cells == {described(d.cell) for d in designs()}
    for design in designs():
        for unit in units_for(design):
            for kept in unit.kept:
                assert f"after {kept.latency} cycles" in page("units")


def test_the_latencies_of_the_top():
    part = page("top").partition("`latencies(design)`")[2].partition("\n## ")[0]
    names = {r[0].strip("`") for r in rows(part)} - {"interval"}
    assert names == set(Latencies.__dataclass_fields__)


def test_what_is_wrong_is_told_of_every_page():
    def about(subject: int) -> None:
        assert subject != 2, "two"

    with pytest.raises(AssertionError, match="two"):
        over_all((1, 2, 3), about)()
    over_all((1, 3), about)()


# links


def anchors(file: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    lines = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


def prose(file: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"```.*?```", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)


def page_of_docs(test: Callable[[Path], None]) -> Callable[[], None]:
    return over_all(PAGES, test)


@page_of_docs
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


def quoted_commands(file: Path) -> list[str]:
    """Every `ernn ...` that a page shows as a line of code, fenced or indented."""
    text = re.sub(r"\\\n", " ", file.read_text(encoding="utf-8"))
    fenced = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    indented = re.findall(r"^ {4,}.*$", text, re.MULTILINE)
    lines = (re.sub(r"^\$ ", "", x.strip()) for x in "\n".join([*fenced, *indented]).splitlines())
    return [line for line in lines if re.match(r"ernn( |$)", line)]


def complaint(command: str) -> str | None:
    """What the parser says of a command, or None."""
    words = shlex.split(command, comments=True)[1:]
    # what the shell does with it is no part of the command
    words = list(itertools.takewhile(lambda word: word not in ("<", ">", ">>", "|", "&"), words))
    if any(w in ("--help", "--version") for w in words):
        words = [w for w in words if w not in ("--help", "--version")]
        known = not words or words[0] in subcommands(build_parser())
        return None if known else f"{command}: no sub-command {words[0]}"
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            build_parser().parse_args(words)
    except SystemExit:
        return f"{command}: {said.getvalue()}"
    return None


def test_quoted_commands_parse():
    """On all pages; a wrong one is told with its page."""
    commands = {file: quoted_commands(file) for file in PAGES}
    assert sum(map(len, commands.values())) > 100
    wrong = {
        str(file.relative_to(ROOT)): said
        for file, quoted in commands.items()
        if (said := [c for c in map(complaint, quoted) if c])
    }
    assert wrong == {}


def test_a_command_that_does_not_parse_is_told():
    assert "--lames" in (complaint("ernn new --lames 4 -o x") or "")
    assert complaint("ernn nothing --help") == "ernn nothing --help: no sub-command nothing"


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
