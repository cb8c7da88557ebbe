"""The blocks of both tables in one GHDL library: converted by one process, analysed by one, run in groups.

Case n of `LIBRARY` is the entity `bn`, a netlist with the block as its only instance; its leaf, files and
package begin with `bn_`. `bn_bench` reads bn.vectors and writes bn.results, and `group_m` holds the
benches of some neighbours, which run in one process. `python -m block_library FOLDER` converts.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from block_bench import Values, as_netlist, read_results, run_myhdl, vhdl_bench, write_vectors
from block_case import BlockCase
from block_cases import CASES
from control_cases import CASES as CONTROL
from seeds import seed_of
from shared_folders import made_once

from ernn_myhdl.convert.writer import write_netlist
from ernn_myhdl.rtl.core.view import CoreView

LIBRARY: list[BlockCase] = [*CASES, *CONTROL]
NUMBER = {case.name: number for number, case in enumerate(LIBRARY)}
#: Benches that one process of GHDL runs.
GROUP = 16
GHDL = ["--std=08", "--workdir=work"]


def alone(number: int):
    """The case as the netlist that is converted."""
    return as_netlist(LIBRARY[number].component(), f"b{number}")


def convert_all(folder: Path) -> None:
    """Convert all cases; files.txt has the files in compile order.

    Only for a process that has used MyHDL for nothing else; leaves are converted in children of it.
    """
    files: list[str] = []
    for number in range(len(LIBRARY)):
        netlist = alone(number)
        files += write_netlist(CoreView(netlist), folder, "vhdl", f"b{number}_")[0]
        bench = vhdl_bench(netlist, f"b{number}_bench", f"b{number}")
        (folder / f"b{number}_bench.vhd").write_text(bench)
        files.append(f"b{number}_bench.vhd")
    for first in range(0, len(LIBRARY), GROUP):
        name = f"group_{first // GROUP}"
        members = range(first, min(first + GROUP, len(LIBRARY)))
        instances = "".join(f"    i{n}: entity work.b{n}_bench;\n" for n in members)
        (folder / f"{name}.vhd").write_text(
            f"entity {name} is\nend entity {name};\n\n"
            f"architecture structure of {name} is\nbegin\n{instances}end architecture structure;\n"
        )
        files.append(f"{name}.vhd")
    (folder / "files.txt").write_text("\n".join(files))


def _run(command: list[str], folder: Path, **environment: str) -> tuple[bool, str]:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env=os.environ | environment
    )
    return done.returncode == 0, done.stdout + done.stderr


def library(shared: Path) -> Path:
    """The folder of the analysed library; GHDL may say nothing of it."""
    folder = shared / "blocks"

    def make() -> str:
        (folder / "work").mkdir(parents=True)
        paths = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
        command = [sys.executable, "-m", "block_library", str(folder)]
        # as in a conversion, strings have the same hash each time
        ok, said = _run(command, folder, PYTHONHASHSEED="0", PYTHONPATH=paths)
        assert ok, said
        ok, said = _run(["ghdl", "-a", *GHDL, *(folder / "files.txt").read_text().split()], folder)
        assert ok and not said, said
        return str(folder)

    return Path(made_once(shared / "library.json", make))


def myhdl_run(case: BlockCase, shared: Path) -> tuple[list[Values], list[Values]]:
    """Inputs and outputs of a case in every cycle in MyHDL, simulated once for all tests."""
    return tuple(
        made_once(
            shared / f"{NUMBER[case.name]}.json",
            lambda: run_myhdl(
                case.component(), case.vectors(np.random.default_rng(seed_of(case.name)))
            ),
        )
    )


def vhdl_run(case: BlockCase, shared: Path) -> list[Values]:
    """Outputs of a case in every cycle in GHDL for its inputs in MyHDL."""
    folder, number = library(shared), NUMBER[case.name]
    group = number // GROUP

    def make() -> dict[str, str]:
        """What GHDL said of each case that failed."""
        members = range(len(LIBRARY))[group * GROUP : (group + 1) * GROUP]
        for n in members:
            write_vectors(alone(n), myhdl_run(LIBRARY[n], shared)[0], folder / f"b{n}.vectors")
        ok, said = _simulate(f"group_{group}", folder)
        if ok:
            return {}
        # one stopped them all: which?
        results = {str(n): _simulate(f"b{n}_bench", folder) for n in members}
        failed = {n: said for n, (ok, said) in results.items() if not ok}
        return failed or {str(n): said for n in members}

    failed = made_once(shared / f"group_{group}.json", make)
    assert str(number) not in failed, failed[str(number)]
    return read_results(alone(number), folder / f"b{number}.results")


def _simulate(entity: str, folder: Path) -> tuple[bool, str]:
    ok, said = _run(["ghdl", "-r", *GHDL, entity, "--ieee-asserts=disable-at-0"], folder)
    return ok and not said, said


if __name__ == "__main__":
    convert_all(Path(sys.argv[1]))
