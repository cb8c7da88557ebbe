"""Writes the folder of a converted design: entities, memories, test bench, file list, manifest.

The work is done by a fresh process (`python -m ernn_myhdl.convert.writer`), because the order of MyHDL's
sensitivity lists depends on the hash of strings; so the text is the same, byte for byte, each time.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from ernn_myhdl.convert import memory, structure, writable_memory
from ernn_myhdl.convert.fusesoc_core import fusesoc_core
from ernn_myhdl.convert.instance import instance_text, port_records
from ernn_myhdl.convert.kept_leaves import keep_texts, kept_texts, leaf_key
from ernn_myhdl.convert.leaf import SUPPORT, leaf_texts, write_texts
from ernn_myhdl.convert.names import check_name, named
from ernn_myhdl.convert.test_bench import BENCH, bench_file, write_test_bench
from ernn_myhdl.design.design import CoreSpecification, Design
from ernn_myhdl.design.network import Network
from ernn_myhdl.errors import DesignError
from ernn_myhdl.hdl.components import External, Leaf, Rom
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.writable_memory import WritableMemory
from ernn_myhdl.processes.child_process import run_python
from ernn_myhdl.rtl.core.view import CoreView, core_view

#: Language -> (MyHDL's name, file suffix).
HDLS = {"vhdl": ("VHDL", "vhd"), "verilog": ("Verilog", "sv")}
#: Of a core without wrapper: how it is instantiated.
TEMPLATE_FOLDER = "template"


def convert(
    design: CoreSpecification,
    folder,
    hdl: str = "vhdl",
    force: bool = False,
    name: str | None = None,
) -> dict:
    """Write `design` as VHDL-2008 or (System)Verilog into `folder`; returns the manifest.

    The folder gets one file per entity, files.txt (in compile order), manifest.json, test_bench/ with a
    self-checking test bench and its vectors, TOP.core for FuseSoC, and template/ with an instance. All entities, packages and files of the core begin with
    its name, the design's or `name`; the top is NAME_core. An existing folder is replaced only with
    `force`, and only when the conversion has succeeded.
    Raises DesignError for an unknown language or an existing folder, ToolError if MyHDL fails.
    """
    from ernn_myhdl.design.storage import save_design
    from ernn_myhdl.files.output_folder import new_folder

    if hdl not in HDLS:
        raise DesignError(f"hdl = {hdl!r}: must be one of {', '.join(HDLS)}")
    if name is not None:
        design = renamed(design, name)
    check_name(design.name)
    with (
        new_folder(folder, force, "manifest.json") as target,
        tempfile.TemporaryDirectory() as scratch,
    ):
        saved = Path(scratch) / "design"
        save_design(design, saved)
        in_fresh_process("ernn_myhdl.convert.writer", [saved, target, hdl], hdl)
        return json.loads((target / "manifest.json").read_text())


def in_fresh_process(module: str, arguments: list, hdl: str) -> None:
    """Run a module that uses MyHDL's conversion to `hdl` in a process of its own."""
    # the order of MyHDL's sensitivity lists follows the hash of strings
    run_python(module, arguments, f"conversion to {hdl} failed", {"PYTHONHASHSEED": "0"})


#: As many leaves are worth another worker.
_LEAVES_A_WORKER = 16
#: Leaves by name; set before the workers start.
_leaves: dict[str, Leaf] = {}


def _convert_one(task: tuple[str, str, str, str, str | None, str]) -> str:
    name, folder, language, prefix, key, scratch = task
    own = Path(scratch) / str(os.getpid())
    own.mkdir(exist_ok=True)
    texts = leaf_texts(_leaves[name], language, own)
    keep_texts(key, texts)
    return write_texts(_leaves[name], texts, Path(folder), language, prefix)


def _convert_leaves(view: CoreView, folder: Path, language: str, prefix: str) -> None:
    """Leaves that are kept are written, and the others converted in processes of their own."""
    _leaves.clear()
    missing = []
    for name, (leaf, _) in view.components.items():
        if not isinstance(leaf, Leaf):
            continue
        key = leaf_key(leaf, language)
        if texts := kept_texts(key):
            write_texts(leaf, texts, folder, language, prefix)
        else:
            _leaves[name] = leaf
            missing.append((name, str(folder), language, prefix, key))
    if not missing:
        return
    context = multiprocessing.get_context("fork")
    workers = min(os.cpu_count() or 1, 8, -(-len(missing) // _LEAVES_A_WORKER))
    with tempfile.TemporaryDirectory() as scratch, context.Pool(workers) as pool:
        tasks = [(*task, scratch) for task in missing]
        for _ in pool.imap_unordered(_convert_one, tasks, chunksize=1):
            pass
        # the workers end by themselves; to terminate them here may meet one that is just being started, and wait for ever
        pool.close()
        pool.join()


def write(design: CoreSpecification, folder: Path, hdl: str) -> None:
    """Convert into an existing empty folder; only for a process that has used MyHDL for nothing."""
    view = core_view(design)
    files, components = write_netlist(view, folder, hdl, f"{design.name}_")
    bench = folder / "test_bench"
    bench.mkdir()
    write_test_bench(design, view, bench, hdl)
    suffix = HDLS[hdl][1]
    template = folder / TEMPLATE_FOLDER
    template.mkdir()
    # no file that whoever compiles all files below the folder takes for a source
    (template / f"{design.name}_instance.{suffix}.txt").write_text(
        instance_text(view.name, view.ports, suffix)
    )
    manifest = {
        "name": design.name,
        "top": view.name,
        "hdl": hdl,
        "design_digest": design.digest,
        "ports": port_records(view.ports),
        "files": files,
        "components": components,
        "logic_lines": logic_lines(folder, components),
    }
    source = bench_file(design.name, f"{BENCH}.{suffix}")
    read = sorted(f.name for f in bench.iterdir() if f.name != source)
    (folder / f"{view.name}.core").write_text(
        fusesoc_core(
            manifest,
            {
                "top": [source.removesuffix(f".{suffix}")],
                "files": [f"{bench.name}/{file}" for file in (source, *read)],
            },
        )
    )
    (folder / "files.txt").write_text("".join(f"{f}\n" for f in files))
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def renamed(design: CoreSpecification, name: str) -> CoreSpecification:
    """The same core with another name."""
    assert isinstance(design, Design | Network)
    return replace(design, name=name)


def write_netlist(
    view: CoreView, folder: Path, hdl: str, prefix: str = ""
) -> tuple[list[str], list[dict]]:
    """Write all components of a netlist; returns the files in compile order and the components.

    prefix: of the names of all entities, packages and files but the top's own.
    """
    language, suffix = HDLS[hdl]
    _convert_leaves(view, folder, language, prefix)
    components = []
    top = view.netlist
    everything = view.components | {top.name: (top, 1)}
    leaves = any(isinstance(c, Leaf) for c, _ in everything.values())
    files = [f"{prefix}{SUPPORT}.vhd"] if hdl == "vhdl" and leaves else []

    def put(file: str, text: str) -> str:
        file = named(file, prefix)
        (folder / file).write_text(named(text, prefix, file))
        return file

    for name, (component, count) in everything.items():
        entity = name if component is top else f"{prefix}{name}"
        file = f"{entity}.{suffix}"
        entry = {"name": name, "entity": entity, "instances": count, "kind": _kind(component)}
        if isinstance(component, Rom) and hdl == "vhdl":
            files.append(put(f"{entity}_contents.vhd", memory.vhdl_package(component)))
            put(file, writable_memory.vhdl_memory(component))
        elif isinstance(component, Rom):
            put(file, writable_memory.verilog_memory(component))
            entry["rom_files"] = [
                put(memory.hex_name(component, i), memory.hex_file(component, i))
                for i in range(len(component.contents))
            ]
        elif isinstance(component, External):
            external = memory.external_entity if hdl == "vhdl" else memory.external_module
            put(file, external(component))
        elif isinstance(component, Netlist):
            architecture = structure.vhdl if hdl == "vhdl" else structure.verilog
            put(file, architecture(component, entity))
        entry["file"] = file
        files.append(file)
        components.append(entry)
    return files, components


def _kind(component) -> str:
    """What a component is, in the manifest."""
    kinds = {
        Leaf: "leaf",
        Rom: "rom",
        WritableMemory: "memory",
        External: "external",
        Netlist: "netlist",
    }
    return kinds[type(component)]


def logic_lines(folder: Path, components: list[dict]) -> int:
    """Lines of all entities that are neither empty nor comments, without the memories' contents."""
    lines = (
        line.strip() for c in components for line in (folder / c["file"]).read_text().splitlines()
    )
    return sum(bool(line) and not line.startswith(("--", "//")) for line in lines)


def main(arguments: list[str]) -> int:
    """Entry of the fresh process: DESIGN FOLDER HDL."""
    from ernn_myhdl.design.storage import load_design

    write(load_design(arguments[0]), Path(arguments[1]), arguments[2])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
