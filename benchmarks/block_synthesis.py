"""Yosys on the distinct blocks of many designs; results are kept by the hash of the block.

A block of one name may differ from design to design, so each is synthesised under a name with its hash in
it. The cache is a folder of the user's choice, never part of the project: one JSON file a block.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

from ernn_myhdl.convert import memory
from ernn_myhdl.convert.leaf import convert_leaf
from ernn_myhdl.convert.names import named
from ernn_myhdl.hdl.components import Leaf, Rom
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.synthesis import yosys
from ernn_myhdl.synthesis.devices import Device

#: Blocks that are converted and synthesised before their results are stored.
BATCH = 24
Component = Leaf | Rom


@cache
def _sources(module: str) -> str:
    """Hash of the source of a block and of the graphs of the transforms."""
    state = hashlib.sha256()
    for name in (module, "ernn_myhdl.numerics.transform"):
        state.update(Path(sys.modules[name].__file__).read_bytes())
    return state.hexdigest()


def block_key(component: Component, device: Device, tool: str) -> str:
    """Hash of all that the result of a block depends on. tool: version of Yosys."""
    if isinstance(component, Rom):
        what = f"rom {component.type} {tuple(component.contents)}"
    else:
        values = sorted((n, repr(v)) for n, v in component.parameters.items())
        ports = sorted((n, p.direction, repr(p.type)) for n, p in component.ports.items())
        function = component.block.func
        what = f"{function.__name__} {ports} {values} {_sources(function.__module__)}"
    return hashlib.sha256(f"{tool} {device.family} {what}".encode()).hexdigest()[:24]


class BlockCache:
    """Resources of blocks, from the folder or from Yosys."""

    def __init__(self, folder: Path, device: Device, say: Callable[[str], None]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.device, self.say = folder, device, say
        self.tool = yosys.yosys_version(yosys.find_yosys())

    def key(self, component: Component) -> str:
        return block_key(component, self.device, self.tool)

    def resources(self, components: Iterable[Component]) -> dict[str, dict]:
        """Resources of one of each component by key; those that are not known are synthesised."""
        wanted = {self.key(c): c for c in components}
        missing = {k: c for k, c in wanted.items() if not self._file(k).is_file()}
        order = sorted(missing, key=lambda k: missing[k].name)
        for first in range(0, len(order), BATCH):
            self.say(f"{len(order) - first} blocks to synthesise")
            batch = order[first : first + BATCH]
            for key, each in self._synthesise({k: missing[k] for k in batch}).items():
                partial = self._file(key).with_suffix(".partial")
                partial.write_text(json.dumps(each))
                partial.replace(self._file(key))
        return {key: json.loads(self._file(key).read_text()) for key in wanted}

    def design(self, netlist: Netlist) -> list[dict]:
        """All leaves and memories of a core as `synthesise_blocks` counts them."""
        parts = [p for p in netlist.components().values() if isinstance(p[0], Component)]
        found = self.resources(component for component, _ in parts)
        return [
            {"name": c.name, "instances": count, "each": found[self.key(c)]} for c, count in parts
        ]

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    def _synthesise(self, components: dict[str, Component]) -> dict[str, dict]:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            hdl = folder / "hdl"
            hdl.mkdir()
            entries, keys = [], {}
            for key, component in components.items():
                named = replace(component, name=f"{component.name}_{key[:8]}")
                keys[named.name] = key
                entries.append(_write(named, hdl))
            found = yosys.synthesise_components(folder, entries, self.device, processes=1)
        return {keys[name]: each for name, each in found.items()}


def _write(component: Component, hdl: Path) -> dict:
    """The Verilog of a component; returns its entry of a manifest."""
    entry = {"name": component.name, "instances": 1, "file": f"{component.name}.sv"}
    if isinstance(component, Leaf):
        # a process of its own: MyHDL's names depend on what was made before
        context = multiprocessing.get_context("fork")
        process = context.Process(target=convert_leaf, args=(component, hdl, "Verilog"))
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(f"conversion of {component.name} failed")
        return entry | {"kind": "leaf"}
    (hdl / entry["file"]).write_text(named(memory.verilog_module(component), ""))
    names = [named(memory.hex_name(component, i), "") for i in range(len(component.contents))]
    for i, name in enumerate(names):
        (hdl / name).write_text(memory.hex_file(component, i))
    return entry | {"kind": "rom", "rom_files": names}
