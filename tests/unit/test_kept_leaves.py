"""Converted leaves that are kept: what the key holds, what is damaged, and that no text is another's."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from myhdl import block

import ernn_myhdl
from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.convert import convert, kept_leaves
from ernn_myhdl.convert.kept_leaves import keep_texts, kept_texts, leaf_key
from ernn_myhdl.files import package_digest
from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.types import Array, Bit, Word
from ernn_myhdl.processes.child_process import python_module
from ernn_myhdl.rtl.core.top import core
from ernn_myhdl.rtl.delay import delay_bit, delay_data
from ernn_myhdl.rtl.drain import join

LEAF = Leaf("delay", delay_data, ins(clk=Bit(), a=Word(3)) | outs(q=Word(3)), {"cycles": 2})


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_leaves, "_repeatable", lambda: True)
    monkeypatch.setenv("ERNN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_key_holds_all_that_a_text_follows_from(monkeypatch):
    others = [
        replace(LEAF, name="other"),
        replace(LEAF, block=delay_bit),
        replace(LEAF, parameters={"cycles": 3}),
        replace(LEAF, parameters={"cycles": True}),
        replace(LEAF, parameters={"cycles": (2,)}),
        replace(LEAF, parameters={"depth": 2}),
        replace(LEAF, parameters={}),
        replace(LEAF, ports=ins(clk=Bit(), a=Word(4)) | outs(q=Word(3))),
        replace(LEAF, ports=ins(clk=Bit(), a=Array(1, 3)) | outs(q=Word(3))),
        replace(LEAF, ports=ins(clk=Bit(), b=Word(3)) | outs(q=Word(3))),
        replace(LEAF, ports=ins(a=Word(3), clk=Bit()) | outs(q=Word(3))),
        replace(LEAF, ports=ins(clk=Bit(), q=Word(3)) | outs(a=Word(3))),
    ]
    keys = [
        leaf_key(LEAF, "VHDL"),
        leaf_key(LEAF, "Verilog"),
        *(leaf_key(x, "VHDL") for x in others),
    ]
    for name in ("package_digest", "_myhdl_digest", "_python"):
        with monkeypatch.context() as changed:
            changed.setattr(kept_leaves, name, lambda: "another version")
            keys.append(leaf_key(LEAF, "VHDL"))
    assert None not in keys and len(set(keys)) == len(keys)
    assert leaf_key(replace(LEAF, parameters={"cycles": 2}), "VHDL") == keys[0]


def test_every_leaf_of_a_core_is_kept():
    for options in ({"projection": 3, "peepholes": True}, {"cell": "gru"}):
        top = core(new_design(5, 8, block=4, lanes=4, streams=2, **options))
        leaves = [c for c, _ in top.components().values() if isinstance(c, Leaf)]
        keys = [leaf_key(leaf, "VHDL") for leaf in leaves]
        assert None not in keys and len(set(keys)) == len(leaves) > 40


def test_what_a_text_follows_from_must_be_known(monkeypatch):
    @block
    def own(clk, a, q, cycles):
        return []

    assert leaf_key(replace(LEAF, block=own), "VHDL") is None
    assert leaf_key(replace(LEAF, parameters={"cycles": object()}), "VHDL") is None
    assert leaf_key(replace(LEAF, parameters={"cycles": (1, [2])}), "VHDL") is None
    with monkeypatch.context() as changed:  # the block of that name is another one now
        changed.setattr("ernn_myhdl.rtl.delay.delay_data", join)
        assert leaf_key(LEAF, "VHDL") is None
    monkeypatch.setattr(kept_leaves, "_repeatable", lambda: False)
    assert leaf_key(LEAF, "VHDL") is None
    assert kept_texts(None) is None


def test_a_damaged_file_counts_as_none(cache):
    texts = {"delay": "entity CORE_NAME_delay\n" * 20}
    first, second = leaf_key(LEAF, "VHDL"), leaf_key(LEAF, "Verilog")
    assert kept_texts(first) is None
    keep_texts(first, texts)
    assert kept_texts(first) == texts
    (file,) = (p for p in cache.rglob("*") if p.is_file())
    whole = file.read_bytes()
    for damaged in (b"", whole[:-1], whole + b"\0", bytes(len(whole)), whole[:40], whole[1:]):
        file.write_bytes(damaged)
        assert kept_texts(first) is None
    for place in range(0, len(whole), 7):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert kept_texts(first) is None
    file.write_bytes(whole)
    file.rename(file.with_name(second))  # another leaf's
    assert kept_texts(second) is None
    keep_texts(second, texts)
    assert kept_texts(second) == texts


def test_leaves_of_sources_that_nobody_uses_are_removed(cache):
    for name, days in (("old", 20), ("recent", 2)):
        folder = cache / "leaves" / name
        folder.mkdir(parents=True)
        os.utime(folder, times=(folder.stat().st_mtime - days * 24 * 3600,) * 2)
    keep_texts(leaf_key(LEAF, "VHDL"), {"delay": ""})
    here = package_digest.package_digest()[:32]
    assert {p.name for p in (cache / "leaves").iterdir()} == {"recent", here}


def texts_of(folder: Path) -> dict[str, str]:
    files = [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")]
    return {str(p.relative_to(folder)): p.read_text() for p in files}


def test_a_conversion_is_the_same_with_and_without(tmp_path, cache, monkeypatch):
    """Nothing kept, two at once; all kept; under another name; some damaged; a cache that cannot be."""
    design = new_design(1, 1, block=1, cell="linear", lanes=1)

    def converted(place: str, name: str | None = None) -> dict[str, str]:
        convert(design, tmp_path / place, "verilog", name=name)
        return texts_of(tmp_path / place)

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(converted, ("first", "second"))
    assert first == second
    kept = sorted(p for p in cache.rglob("*") if p.is_file())
    assert len(kept) > 10 and not [p for p in kept if p.name.startswith(".")]
    times, whole = [p.stat().st_mtime_ns for p in kept], [p.read_bytes() for p in kept]
    assert converted("again") == first
    other = converted("other", "filter")
    assert sorted(p for p in cache.rglob("*") if p.is_file()) == kept
    assert [p.stat().st_mtime_ns for p in kept] == times
    damaged = kept[::6]
    for file in damaged:
        file.write_bytes(file.read_bytes()[:-5])
    assert converted("damaged") == first
    assert [p.read_bytes() for p in kept] == whole
    changed = [p for p, t in zip(kept, times, strict=True) if p.stat().st_mtime_ns != t]
    assert changed == damaged
    monkeypatch.setenv("ERNN_CACHE", str(tmp_path / "first" / "manifest.json"))  # no folder
    assert converted("alone", "filter") == other


ALONE_AND_TOGETHER = """
import multiprocessing
from ernn_myhdl import new_design
from ernn_myhdl.convert.leaf import leaf_texts
from ernn_myhdl.hdl.components import Leaf
from ernn_myhdl.rtl.core.view import core_view

design = new_design(3, 4, block=2, lanes=2, streams=2, cell="gru", initial_states=True)
leaves = {n: c for n, (c, _) in core_view(design).components.items() if isinstance(c, Leaf)}
chosen = list(leaves)[::12]

def texts(task):
    return task, leaf_texts(leaves[task[0]], task[1])

tasks = [(name, hdl) for hdl in ("VHDL", "Verilog") for name in chosen]
with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
    alone = dict(pool.imap(texts, tasks))
    pool.close()
    pool.join()
for order in tasks, tasks[::-1]:
    assert dict(map(texts, order)) == alone
print(len(tasks))
"""


def test_a_leaf_has_the_same_text_whatever_was_converted_before():
    """MyHDL numbers blocks and keeps what it knows of Signals; each leaf once had a process of its own for that."""
    done = subprocess.run(
        [sys.executable, "-c", ALONE_AND_TOGETHER], capture_output=True, text=True,
        env=os.environ | {"PYTHONHASHSEED": "0"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 12


def test_the_digest_is_of_the_whole_package_and_golden():
    """It once was of the folder `files` alone, so a changed block would have found an old build."""
    root = Path(ernn_myhdl.__file__).parent
    found = {str(p.relative_to(root)) for p in package_digest.sources()}
    wanted = ("rtl/lane.py", "hdl/netlist.py", "convert/leaf.py", "golden/fixed_point.py")
    wanted += ("engines/verilator/harness.cpp", "files/package_digest.py", "numerics/pwl.py")
    assert found >= set(wanted)
    digest = hashlib.sha256()
    for name in sorted(found, key=lambda n: root / n):
        digest.update(f"{name}\n".encode() + (root / name).read_bytes())
    assert package_digest.package_digest() == digest.hexdigest()


def test_modules_of_this_package_are_never_found_without_it():
    """The folder that is put on the path of a new process holds the package; it is not the package."""
    root = Path(python_module("module", [])[3])
    assert (root / "ernn_myhdl" / "__init__.py").is_file() and not (root / "__init__.py").exists()


def test_a_cache_with_spaces_in_its_path_keeps_what_it_converts(tmp_path, monkeypatch):
    cache = tmp_path / "a cache of 'mine' & others"
    monkeypatch.setenv("ERNN_CACHE", str(cache))
    design = new_design(1, 1, cell="linear", block=1, lanes=1)
    convert(design, tmp_path / "first")
    kept = {file for file in cache.rglob("*") if file.is_file()}
    assert len(kept) > 5
    convert(design, tmp_path / "second")
    assert {file for file in cache.rglob("*") if file.is_file()} == kept
    for file in (tmp_path / "first").glob("*.vhd"):
        assert file.read_bytes() == (tmp_path / "second" / file.name).read_bytes()
