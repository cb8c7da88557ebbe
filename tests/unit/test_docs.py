"""The documentation against the code: blocks, ports, constants, cycles, links, commands."""

from __future__ import annotations

import ast
import importlib
import re
import runpy
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import pytest
from documented_designs import designs, graph, graph_of_numbers, graph_over_time, network
from pages import DOCS, PAGES, ROOT, page, rows

from ernn_myhdl.design.cells import CELLS
from ernn_myhdl.hdl.components import Leaf
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.types import Array
from ernn_myhdl.rtl import fft
from ernn_myhdl.rtl.cells.units import units_for
from ernn_myhdl.rtl.core.top import core, layer_core
from ernn_myhdl.rtl.memory import store

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
    "network_core": ("network_core", "graph"),
    "joins": ("join", "beats"),
    "window": ("window", "window_ends", "window_frames", "window_layout"),
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


#: Modules without blocks of their own.
WITHOUT_BLOCKS = ("units", "state_loading", "joins", "product")


def modules_of(stem: str) -> list[str]:
    return [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in RTL[stem]]


@lru_cache
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
    tops += [(core(n), "network_core", n.layers) for n in (network(), *graphs)]
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


def test_what_is_wrong_is_told_of_every_page():
    def about(subject: int) -> None:
        assert subject != 2, "two"

    with pytest.raises(AssertionError, match="two"):
        over_all((1, 2, 3), about)()
    over_all((1, 3), about)()


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


def test_the_datapath_is_what_its_script_draws(tmp_path):
    """Its words at least: the outlines of letters differ between versions of matplotlib."""
    from matplotlib import pyplot as plt

    drawn = tmp_path / "datapath.svg"
    with plt.rc_context():
        plt.rcdefaults()
        runpy.run_path(str(DOCS / "draw_datapath.py"))["main"]([str(drawn)])
    plt.close("all")
    words = [
        re.findall(r"<!-- (.*?) -->", file.read_text(encoding="utf-8"))
        for file in (drawn, DOCS / "datapath.svg")
    ]
    assert "sequencer" in words[0]
    assert words[0] == words[1], "draw it again: python docs/draw_datapath.py"
