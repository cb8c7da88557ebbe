"""Resources from Yosys: each distinct block is synthesised once and counted times its instances.

Yosys takes very long for a large core as a whole, and its equal lanes would all give the same. So
the Verilog of each leaf and of each memory's shape is synthesised once, and the netlists, which
should only hold instances and wires, are read with all blocks as black boxes and checked for logic.
What a whole synthesis would remove across the borders of blocks is therefore counted.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from importlib.resources import files
from pathlib import Path
from string import Template

from ernn_myhdl.errors import ToolError
from ernn_myhdl.files.output_folder import free_name
from ernn_myhdl.mapping.yosys_program import count_cells, find_yosys, plain_name, yosys_version
from ernn_myhdl.processes.child_process import end_all
from ernn_myhdl.processes.child_process import run as run_program
from ernn_myhdl.synthesis.devices import CLOCK_SOURCES, Device
from ernn_myhdl.synthesis.resources import (
    LATCH,
    count_resources,
    format_resources,
    percentages,
    total_resources,
)
from ernn_myhdl.synthesis.timing_report import format_timing, timing_evidence

RESULT = "resources.json"
TABLE = "resources.txt"
PROCESSES = 2
#: Source of the blocks in one run; each run takes four seconds to start.
GROUP_BYTES = 40_000
Progress = Callable[[int, int, str], None]


def synthesise_blocks(
    folder: Path,
    manifest: dict,
    device: Device,
    final: Path | None = None,
    progress: Progress | None = None,
    program: str | None = None,
) -> dict:
    """Synthesise the Verilog in folder/hdl; writes resources.json, resources.txt, scripts, logs.

    manifest: of the conversion. final: what `folder` will be called, beside which the log of a
    failed block is kept. progress: called with (blocks done, blocks in all, block just done). program:
    of `find_yosys`.
    """
    command = find_yosys(program)
    for name in ("scripts", "logs", "reports"):
        (folder / name).mkdir(exist_ok=True)
    job = _Job(folder, manifest, device, final or folder, command)
    blocks = job.blocks(progress)
    total = total_resources(blocks)
    percent = percentages(total, device)
    result = {
        "tool": yosys_version(command),
        "top": manifest["top"],
        "design_digest": manifest["design_digest"],
        "device": device.record(),
        "total": total,
        "percent": percent,
        "fits": all(used <= 100 for used in percent.values()),
        "timing": timing_evidence(
            job.netlists(), {b["name"]: b["instances"] for b in blocks}, manifest["top"]
        ),
        "blocks": blocks,
    }
    (folder / RESULT).write_text(json.dumps(result, indent=2) + "\n")
    (folder / TABLE).write_text(
        f"{format_resources(result)}\n\n{format_timing(result['timing'])}\n"
    )
    return result


def synthesise_components(
    folder: Path, components: list[dict], device: Device, processes: int = PROCESSES
) -> dict[str, dict]:
    """Resources of one instance of each leaf and memory in folder/hdl, by name.

    components: entries of a manifest. Raises ToolError as `synthesise_blocks`.
    """
    command = find_yosys()
    for name in ("scripts", "logs", "reports"):
        (folder / name).mkdir(exist_ok=True)
    manifest = {"top": "", "components": components}
    blocks = _Job(folder, manifest, device, folder, command, processes).blocks(None)
    return {block["name"]: block["each"] for block in blocks}


class _Job:
    """One run: the folder, what the conversion made, and the runs of Yosys over it."""

    def __init__(
        self,
        folder: Path,
        manifest: dict,
        device: Device,
        final: Path,
        command: list[str],
        processes: int = PROCESSES,
    ) -> None:
        self.folder, self.device, self.final = folder, device, final
        self.command, self.processes = command, processes
        self.top = manifest["top"]
        self.components = {entity(c): c for c in manifest["components"]}
        #: Run of Yosys whose netlist holds a component.
        self.runs: dict[str, str] = {}

    def blocks(self, progress: Progress | None) -> list[dict]:
        """Resources of each component, in the order of the manifest."""
        logic = self.netlist_cells()
        groups = self.groups([n for n, c in self.components.items() if c["kind"] != "netlist"])
        groups += [[n] for n, cells in logic.items() if cells]
        total = sum(map(len, groups))
        found: dict[str, dict] = {}
        with ThreadPoolExecutor(self.processes) as pool:
            runs = [pool.submit(self.synthesise, i, names) for i, names in enumerate(groups)]
            try:
                for future in as_completed(runs):
                    found |= future.result()
                    if progress:
                        progress(len(found), total, self.name(list(future.result())[-1]))
            except BaseException:
                end_all()
                pool.shutdown(cancel_futures=True)
                raise
        nothing = {"each": count_resources({}), "representative": None}
        return [
            {
                "name": component["name"],
                "kind": component["kind"],
                "instances": component["instances"],
                **found.get(module, nothing),
            }
            for module, component in self.components.items()
        ]

    def name(self, module: str) -> str:
        """The block that a module is, without the name of the core."""
        return self.components[module]["name"] if module in self.components else module

    def groups(self, names: list[str]) -> list[list[str]]:
        """The blocks that share a run of Yosys, since its start takes longer than a small block.

        The length of the source stands for the work; the largest first.
        """
        sizes = {
            n: (self.folder / "hdl" / self.components[n]["file"]).stat().st_size for n in names
        }
        groups: list[list[str]] = []
        filled = GROUP_BYTES
        for name in sorted(names, key=lambda n: (-sizes[n], n)):
            if filled + sizes[name] > GROUP_BYTES:
                groups.append([])
                filled = 0
            groups[-1].append(name)
            filled += sizes[name]
        return groups

    def netlist_cells(self) -> dict[str, dict[str, int]]:
        """Cells in each netlist that are no instances of components; normally none.

        Counts the instances as well and compares with the manifest, so that a mistake there cannot
        go into the sums.
        """
        netlists = {n: c for n, c in self.components.items() if c["kind"] == "netlist"}
        if not netlists:
            return {}
        others = [c["file"] for n, c in self.components.items() if n not in netlists]
        modules = self.yosys(
            "netlists",
            "netlists",
            top=self.top,
            black_boxes=" ".join(others),
            sources=" ".join(c["file"] for c in netlists.values()),
        )
        self.runs |= dict.fromkeys(netlists, "netlists")
        cells = {name: modules.get(name, {}) for name in netlists}
        counted = self.instances(cells)
        for name, component in self.components.items():
            if counted.get(name, 0) != component["instances"]:
                raise ToolError(
                    f"the conversion is inconsistent: {component['instances']} instances of {component['name']} "
                    f"in manifest.json, {counted.get(name, 0)} in the netlists; see {self.final}"
                )
        return {
            name: {t: c for t, c in inside.items() if t not in self.components}
            for name, inside in cells.items()
        }

    def instances(self, cells: dict[str, dict[str, int]]) -> dict[str, int]:
        """Instances of each component below and with the top."""
        counted: dict[str, int] = {}

        def visit(name: str, times: int) -> None:
            counted[name] = counted.get(name, 0) + times
            for kind, number in cells.get(name, {}).items():
                if kind in self.components:
                    visit(kind, times * number)

        visit(self.top, 1)
        return counted

    def synthesise(self, number: int, names: list[str]) -> dict[str, dict]:
        """Resources of some components, without their own sub-components, from one run."""
        read, chosen, top = [], dict.fromkeys(names), ""
        for name in names:
            component = self.components[name]
            if component["kind"] == "netlist":
                others = [c["file"] for n, c in self.components.items() if n != name]
                read.append(f"read_verilog -sv -lib -defer {' '.join(others)}")
                top = f"-top {name}"
            if "rom_files" in component:
                chosen[name] = densest(self.folder / "hdl", component["rom_files"])
                # Not `hierarchy -chparam`: Yosys 0.23 cannot decode its strings.
                read.append(f"read_verilog -sv -defer {component['file']}")
                read.append(f'chparam -set INIT "{chosen[name]}" {name}')
            else:
                read.append(f"read_verilog -sv {component['file']}")
        run = f"blocks_{number}"
        modules = self.yosys(
            run,
            "blocks" if self.device.family in CLOCK_SOURCES else "blocks_ecp5",
            read="\n".join(read),
            top=top,
            family=self.device.family,
        )
        found = {}
        for name in names:
            cells = {t: n for t, n in modules[name].items() if t not in self.components}
            each = count_resources(cells)
            if each["latch"] or each["other"]:
                unexpected = sorted(c for c in cells if LATCH.fullmatch(c) or c in each["other"])
                raise self.failure(run, f"{self.name(name)} contains {', '.join(unexpected)}")
            found[name] = {"each": each, "representative": chosen[name]}
        self.runs |= dict.fromkeys(names, run)
        return found

    def netlists(self) -> dict[str, dict]:
        """The mapped netlist of every component, in the order of the manifest."""
        found = {}
        for run in sorted(set(self.runs.values())):
            modules = json.loads(self.netlist(run).read_text())["modules"]
            for name, module in modules.items():
                if self.runs.get(plain_name(name)) == run:
                    found[plain_name(name)] = module
                    for cell in module["cells"].values():
                        cell["type"] = self.name(plain_name(cell["type"]))
        return {component["name"]: found[m] for m, component in self.components.items()}

    def netlist(self, run: str) -> Path:
        """The netlist that a run of Yosys writes."""
        return self.folder / "reports" / f"{run}.netlist.json"

    def yosys(self, name: str, template: str, **values: str) -> dict[str, dict[str, int]]:
        """Run a filled-in script template; returns module -> cell type -> number."""
        text = (files("ernn_myhdl.synth") / "yosys" / f"{template}.ys").read_text(encoding="utf-8")
        netlist = self.netlist(name)
        script = Template(text).substitute(values, netlist=f"../reports/{netlist.name}")
        (self.folder / "scripts" / f"{name}.ys").write_text(script)
        with (self.folder / "logs" / f"{name}.log").open("w") as log:
            code = run_program(
                [*self.command, "-s", f"../scripts/{name}.ys"],
                cwd=self.folder / "hdl",
                env={**os.environ, "LC_ALL": "C"},
                output=log,
            ).returncode
        if code or not netlist.is_file():
            raise self.failure(name, f"exit code {code}")
        return count_cells(json.loads(netlist.read_text()))

    def failure(self, name: str, reason: str) -> ToolError:
        """The error of a failed run; keeps its log, since the folder itself will vanish."""
        kept = free_name(self.final.with_name(f"{self.final.name}.{name}.log"))
        shutil.copyfile(self.folder / "logs" / f"{name}.log", kept)
        return ToolError(f"yosys failed on {name} ({reason}): see {kept}")


def entity(component: dict) -> str:
    """The module of a component of a manifest."""
    return component.get("entity", component["name"])


def densest(folder: Path, names: list[str]) -> str:
    """The contents that leave a synthesis the least to simplify, as representative of the others.

    That is: the most bits of a word that are not constant, then the most different words, then the
    most ones; the first of equals.
    """

    def density(name: str) -> tuple[int, int, int]:
        words = [int(w, 16) for w in (folder / name).read_text().split()]
        varying = 0
        for word in words:
            varying |= word ^ words[0]
        return varying.bit_count(), len(set(words)), sum(w.bit_count() for w in words)

    return max(dict.fromkeys(names), key=density)
