"""Files and modules that pages, comments and docstrings name are there, under that name."""

from __future__ import annotations

import re

from pages import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SOURCES = [
    path
    for folder in ("ernn_myhdl", "golden", "benchmarks", "tests", "docs")
    for path in sorted((ROOT / folder).rglob("*.py"))
]


def is_module(name: str) -> bool:
    """Whether a dotted name leads to a module, or to a name that one defines or imports."""
    parts = name.split(".")
    for n in (len(parts), len(parts) - 1, len(parts) - 2):
        path = ROOT.joinpath(*parts[:n])
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            return all(is_defined(part, text) for part in parts[n:])
    return False


def is_defined(name: str, text: str) -> bool:
    return bool(re.search(rf"^\s*(def |class |from .*\b|\")?{name}\b\"?\s*([(:=,]|$)", text, re.M))


def is_there(name: str) -> bool:
    """Whether a file is there, or its folder where NAME stands for what a reader chooses."""
    return (
        (ROOT / name.partition("NAME")[0]).parent.is_dir()
        if "NAME" in name
        else (ROOT / name).exists()
    )


def test_files_that_pages_name_exist():
    wrong = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        named = r"`((?:ernn_myhdl|golden|synth|tests|benchmarks|docs|\.ci)/[\w./-]*)`"
        wrong += [(page.name, n) for n in re.findall(named, text) if not is_there(n)]
        links = re.findall(r"\[`?([\w./]+\.(?:py|cpp|json|md))`?\]\(([^)#]+)\)", text)
        wrong += [(page.name, name, to) for name, to in links if not to.endswith(name)]
    assert wrong == []


def test_modules_that_texts_name_exist():
    wrong = []
    for path in [*PAGES, *SOURCES]:
        names = set(re.findall(r"`(ernn_myhdl(?:\.\w+)+)", path.read_text(encoding="utf-8")))
        wrong += [(path.name, name) for name in sorted(names) if not is_module(name)]
    assert wrong == []


def test_what_is_no_module_is_seen():
    assert is_module("ernn_myhdl.rtl.core.top") and is_module("ernn_myhdl.golden.integer")
    assert not is_module("ernn_myhdl.rtl.top") and not is_module("ernn_myhdl.design.lstm_cell")
