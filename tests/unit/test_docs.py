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

from ernn_myhdl import new_design
from ernn_myhdl.cells import BLOCK_SIZES
from ernn_myhdl.cli.main import build_parser
from ernn_myhdl.cli.new import design_arguments
from ernn_myhdl.netlist import Leaf, Netlist
from ernn_myhdl.program import M
from ernn_myhdl.rtl import elementwise, fft
from ernn_myhdl.rtl.memory import store
from ernn_myhdl.rtl.signals import Array
from ernn_myhdl.rtl.top import core
from ernn_myhdl.schedule import schedule_for
from ernn_myhdl.transform import forward_graph, inverse_graph, multiplications

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md")) + [p for p in [ROOT / "README.md"] if p.exists()]
#: Source files of the blocks; `signals` holds types of nets and no block.
RTL = sorted(
    p for p in (ROOT / "ernn_myhdl" / "rtl").glob("*.py") if p.stem not in ("__init__", "signals")
)
STEMS = [p.stem for p in RTL]
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
    assert f"`ernn_myhdl/rtl/{stem}.py`" in page(stem)


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


@lru_cache
def designs():
    """Small designs that together have every kind of leaf."""
    return (
        new_design(12, 24, 16, 8, True, lanes=8, ifft_units=4, samples_per_beat=4),
        new_design(20, 16, 0, 4, lanes=8, ifft_units=2, samples_per_beat=16),
        new_design(5, 6, 2, 1, lanes=4, ifft_units=1),
    )


@lru_cache
def ports_by_block() -> dict[tuple[str, str], set[str]]:
    """(stem, block function or netlist) -> ports, over all designs."""
    found: dict[tuple[str, str], set[str]] = {}
    for design in designs():
        top = core(design)
        found.setdefault(("top", "core"), set()).update(top.ports)
        for component, _ in top.components().values():
            if isinstance(component, Leaf):
                function = component.block.func
                key = (function.__module__.rpartition(".")[2], function.__name__)
                found.setdefault(key, set()).update(component.ports)
        cells = elementwise.cell_block(design)
        found.setdefault(("elementwise", "cell_block"), set()).update(cells.ports)
    formats = designs()[0].formats
    forward = fft.forward("fft", 8, formats.input, formats.input_spectrum)
    found["fft", "forward"] = set(forward.ports)
    found["cluster", "lanes_N"] = set(core(designs()[0]).components()["lanes_2"][0].ports)
    found["memory", "store"] = set(store("s", 4, Array(8, 12), 2, 1, 2).ports)
    assert isinstance(forward, Netlist)
    return found


@page_of_block
def test_every_port_is_on_its_page(stem):
    blocks = {name: ports for (s, name), ports in ports_by_block().items() if s == stem}
    assert blocks, f"no design of this test uses {stem}"
    for name, ports in blocks.items():
        for port in ports:
            numbered = re.fullmatch(r"(bias|peephole|row)_[0-3]", port)  # a page names the ends
            assert numbered or port in marked(stem), f"{name}: port {port}"


@page_of_block
def test_every_block_function_is_on_its_page(stem):
    tree = ast.parse((ROOT / "ernn_myhdl" / "rtl" / f"{stem}.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            decorators = [ast.unparse(d) for d in node.decorator_list]
            assert "block" not in decorators or node.name in marked(stem), node.name


# numbers


@page_of_block
def test_constants_on_the_page_are_those_of_the_code(stem):
    module = importlib.import_module(f"ernn_myhdl.rtl.{stem}")
    quoted = dict(re.findall(r"`([A-Z][A-Z_]+) = (\d+)`", page(stem)))
    for name, value in quoted.items():
        assert getattr(module, name) == int(value), name
    source = (ROOT / "ernn_myhdl" / "rtl" / f"{stem}.py").read_text()
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


def test_latencies_of_the_element_wise_unit():
    plain, peepholes = elementwise.CellTiming(False), elementwise.CellTiming(True)
    properties = [n for n, v in vars(elementwise.CellTiming).items() if isinstance(v, property)]
    table = {r[0].strip("`"): r[1:] for r in rows(page("elementwise")) if len(r) == 3}
    for name in properties:
        assert table[name] == [str(getattr(plain, name)), str(getattr(peepholes, name))], name


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
    assert len(found) == 4
    for design, cells in found:
        alone, together = schedule_for(design), schedule_for(design, design.hardware.streams)
        expected = [str(alone.program.length), str(alone.latency)]
        for schedule in (alone, together):
            busy = 100 * schedule.utilisation()["lanes"]
            expected.append(f"{schedule.interval:g}, lanes {busy:.0f} %")
        assert cells == expected


def test_the_frame_in_cycles():
    design, _ = next(designs_of_the_table())
    times, program = schedule_for(design).frames[0], schedule_for(design).program
    issued = [(o, c) for o, c in zip(program.operations, times.issued, strict=True)]
    gates = [c for o, c in issued if o.source != M]
    projection = [c for o, c in issued if o.source == M]
    chunks = [o.chunks for o in program.operations if o.last]
    heads = [(h, h + c) for h, c in zip(times.heads, chunks, strict=True)]
    expected = [
        (times.blocks[0], times.blocks[-1]),
        (gates[0], gates[-1]),
        *heads[:2],
        (times.cells[0], times.cells[-1]),
        (projection[0], projection[-1]),
        heads[2],
        (times.outputs[0], times.outputs[-1]),
        (times.beats[0], times.beats[-1]),
    ]
    text = architecture().partition("### A frame in cycles")[2].partition("\n## ")[0]
    quoted = [r[1] for r in rows(text) if r[1] != "cycles"]
    assert quoted == [f"{first}–{last}" for first, last in expected]


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
                part = section.partition(f"`ernn {name} {kind} ")[2].partition("`ernn plot")[0]
            first = [c for row in rows(part) for c in re.findall(r"`([^`]+)`", row[0])]
            described = {c for c in first if c.startswith("-") or c.isupper()}
            options = {s for a in leaf._actions for s in a.option_strings} - {"-h", "--help"}
            options |= {a.metavar for a in leaf._actions if not a.option_strings}
            assert described == options, f"ernn {name} {kind}"


def test_exit_codes_are_described():
    from ernn_myhdl.cli import console

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
