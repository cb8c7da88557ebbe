"""`make test-deep CASE=NAME`: a wrong name was told behind minutes of other tests, and they ran beside every case."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace

import pytest
from pages import ROOT

DEEP = ROOT / "tests" / "deep"


@pytest.fixture
def deep(monkeypatch):
    """The conftest of the deep tests."""
    monkeypatch.syspath_prepend(DEEP)
    spec = importlib.util.spec_from_file_location("deep_conftest", DEEP / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def asking(names, deselected=None):
    """A configuration of pytest with these cases asked for."""
    hook = SimpleNamespace(pytest_deselected=lambda items: deselected.extend(items))
    return SimpleNamespace(getoption={"case": names}.get, hook=hook)


@pytest.mark.parametrize(
    "name",
    ["nonsense", "gru-5-tanh-1", "gru-4-wrong-1", "lstm-x-tanh-3", "gru-4-tanh-x", "", "gru-4", "cell-4-1"],
)  # fmt: skip
def test_a_wrong_name_is_told_at_once(name, deep):
    with pytest.raises(pytest.UsageError, match=rf"^case {name}: unknown; names are like gru-4-"):
        deep.pytest_configure(asking([name]))


def test_names_of_all_kinds_are_taken(deep):
    names = [case.name for case in deep.cases("verilator", 20261201, 200, 40)]
    assert {name.partition("-")[0] for name in names} == {"lstm", "gru", "rnn", "linear", "network", "graph"}  # fmt: skip
    deep.pytest_configure(asking(names))
    assert [deep.Case.of(name).name for name in names] == names


@pytest.mark.parametrize("names, left", [(["gru-4-1"], ["named"]), (None, ["named", "graphs"])])
def test_beside_a_named_case_nothing_runs(names, left, deep):
    items = [
        SimpleNamespace(name="named", fixturenames=["case", "tmp_path"]),
        SimpleNamespace(name="graphs", fixturenames=["request", "tmp_path"]),
    ]
    out: list = []
    deep.pytest_collection_modifyitems(asking(names, out), items)
    assert [item.name for item in items] == left and len(items) + len(out) == 2
