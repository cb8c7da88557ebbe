"""The timing diagrams of the streams show a run, and its y is the golden model's."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from ernn_myhdl.golden.network_models import fixed_point_model

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def waves():
    spec = importlib.util.spec_from_file_location("draw_waves", DOCS / "draw_waves.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_sources_are_those_of_a_run(waves):
    assert waves.differences() == [], "draw them again: python docs/draw_waves.py"


def _words(texts) -> np.ndarray:
    """Samples of beats in hexadecimal, the lowest first, int16."""
    return np.array([np.frombuffer(bytes.fromhex(t)[::-1], "<i2") for t in texts])


@pytest.mark.parametrize("name", ["waves-core", "waves-packet"])
def test_the_y_that_is_drawn_is_that_of_the_golden_model(waves, name):
    signals = {s["name"]: s for s in json.loads((DOCS / f"{name}.json").read_text())["signal"]}
    x = _words(signals["s_axis_tdata"]["data"]).reshape(2, 8)
    y = fixed_point_model(waves.small_core()).run(x.astype(np.int64)).raw
    assert np.array_equal(_words(signals["m_axis_tdata"]["data"]), y)


@pytest.mark.parametrize("name", ["waves-core", "waves-packet"])
def test_a_picture_has_all_that_it_refers_to(name):
    text = (DOCS / f"{name}.svg").read_text(encoding="utf-8")
    ElementTree.fromstring(text)
    known = set(re.findall(r'id="([^"]+)"', text))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= known
    source = json.loads((DOCS / f"{name}.json").read_text())
    for signal in source["signal"]:
        for word in (signal["name"], *signal.get("data", ())):
            assert f"{word}<" in text or word in text.split()


def test_another_run_is_noticed(waves, monkeypatch):
    monkeypatch.setattr(waves, "WORDS", waves.WORDS[2:] + waves.WORDS[:2])
    assert len(waves.differences()) == 4
