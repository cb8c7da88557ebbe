"""Verilator's run-time library, compiled once: kept whole, told apart by versions and flags, never used damaged."""

from __future__ import annotations

import pytest

from ernn_myhdl.engines.verilator.runtime_objects import (
    OBJECTS,
    keep_objects,
    kept_objects,
    without_runtime,
)
from ernn_myhdl.files.cache_folder import CACHE_VARIABLE

FLAGS = ["Verilator 5.048", "g++ 12", "-O1"]


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    folder = tmp_path / "obj"
    folder.mkdir()
    for name in OBJECTS:
        (folder / name).write_text(f"code of {name}")
    return folder


def work(tmp_path, name: str):
    folder = tmp_path / name
    folder.mkdir()
    return folder


def test_objects_are_kept_for_the_same_versions_and_flags_only(made, tmp_path):
    assert kept_objects(FLAGS, work(tmp_path, "first")) == []
    keep_objects(FLAGS, made)
    kept = kept_objects(FLAGS, work(tmp_path, "second"))
    assert [o.read_text() for o in kept] == [f"code of {name}" for name in OBJECTS]
    for other in (FLAGS[:2] + ["-O3"], FLAGS[1:]):
        assert kept_objects(other, work(tmp_path, f"other {len(other)}")) == []
    make, linked = without_runtime(kept)
    assert make == ["VM_GLOBAL_FAST="] and all(str(o) in "".join(linked) for o in kept)
    assert without_runtime([]) == ([], [])


def test_damaged_objects_are_not_linked_and_are_kept_anew(made, tmp_path):
    keep_objects(FLAGS, made)
    (kept,) = (tmp_path / "cache").rglob(OBJECTS[1])
    kept.write_text("half")
    assert kept_objects(FLAGS, work(tmp_path, "damaged")) == []
    keep_objects(FLAGS, made)
    assert len(kept_objects(FLAGS, work(tmp_path, "again"))) == len(OBJECTS)


def test_where_not_all_were_made_or_nothing_can_be_kept_there_is_none(made, tmp_path, monkeypatch):
    (made / OBJECTS[2]).unlink()
    keep_objects(FLAGS, made)
    assert kept_objects(FLAGS, work(tmp_path, "incomplete")) == []
    monkeypatch.setenv(CACHE_VARIABLE, str(made / OBJECTS[0] / "cache"))  # no folder
    keep_objects(FLAGS, made)
    assert kept_objects(FLAGS, work(tmp_path, "nowhere")) == []
