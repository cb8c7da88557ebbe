"""A model whose import once came out wrong without a word, and what an installation of `ernn` makes of it."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

#: Seconds after which a command is taken for one that hangs, on a machine that others use too.
TIMEOUT = 1800


@dataclass(frozen=True)
class Attempt:
    """What `Case.make` puts into its folder.

    arguments: of `ernn`; they write the design folder `design`, with paths relative to the folder. Or script:
    Python source that does so, run by the interpreter beside `ernn`. x, y: inputs (frames, inputs) of one
    sequence, or a list of them, and the outputs of the source framework for them, likewise.
    simulate: more arguments of `ernn simulate`.
    """

    x: np.ndarray | list[np.ndarray]
    y: np.ndarray | list[np.ndarray]
    arguments: tuple[str, ...] = ()
    script: str = ""
    simulate: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """kind: the kind of mistake, one name for all its members. member: this one. make: writes the model into a
    folder. needs: modules without which it cannot be made. before: what the code of 2026-11-28 made of it, as
    `--ernn` of `benchmarks.import_errors` printed it.
    wanted: "right" (error at most `limit` of the output's span, and whatever is lost is said), "refused" (exit
    code 2 and a message that holds `says`), or "warned" (a message that holds `says`).
    """

    kind: str
    member: str
    make: Callable[[Path], Attempt]
    before: str
    wanted: str = "right"
    limit: float = 1e-3
    says: str = ""
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """error: largest difference of the outputs over their span, None where refused. message: of the refusal."""

    code: int
    message: str
    error: float | None = None
    notes: str = field(default="", repr=False)

    def __str__(self) -> str:
        if self.error is None:
            return (
                f"refused: {self.message}"
                if self.code == 2
                else f"exit {self.code}: {self.message}"
            )
        return f"{self.error:.2g}"

    def fulfils(self, case: Case) -> bool:
        if case.wanted == "refused":
            return self.code == 2 and case.says in self.message
        if case.wanted == "warned":
            return self.code == 0 and case.says in self.notes
        return self.error is not None and self.error <= case.limit and case.says in self.notes


def outcome(case: Case, ernn: Path) -> Outcome:
    """What the installation that holds the command `ernn` makes of a case, in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        attempt = case.make(folder)
        command = [str(ernn), *attempt.arguments]
        if attempt.script:
            (folder / "attempt.py").write_text(attempt.script, encoding="utf-8")
            command = [str(ernn.with_name("python")), "attempt.py"]
        made = _run(command, folder)
        notes = made.stdout + made.stderr
        if made.returncode or not (folder / "design").is_dir():
            last = (made.stderr.strip().splitlines() or ["no design was written"])[-1]
            code = 2 if "DesignError" in last else made.returncode
            return Outcome(code, last.partition("error: ")[2] or last, notes=notes)
        several = isinstance(attempt.x, list)
        arrays = attempt.x if several else [attempt.x]
        np.savez(folder / "x_of_case.npz", **{f"x{i}": x for i, x in enumerate(arrays)})
        simulate = [
            str(ernn),
            "simulate",
            "design",
            "--input",
            "x_of_case.npz",
            "--engine",
            "integer",
        ]
        ran = _run([*simulate, *attempt.simulate, "-o", "run"], folder)
        if ran.returncode:
            last = (ran.stderr.strip().splitlines() or [""])[-1]
            return Outcome(ran.returncode, last.partition("error: ")[2] or last, notes=notes)
        outputs = np.load(folder / "run" / "outputs.npy")
        wanted = np.concatenate(attempt.y) if several else attempt.y
        if outputs.shape[-1] != wanted.shape[-1]:
            error = float("inf")
        else:
            span = float(np.ptp(wanted)) or 1.0
            error = float(np.abs(outputs - wanted).max()) / span
        return Outcome(0, "", error, notes + ran.stdout + ran.stderr)


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess:
    environment = {n: v for n, v in os.environ.items() if n != "PYTHONPATH"}
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env=environment,
        check=False,
    )


def as_json(case: Case, now: Outcome) -> str:
    """One line for a script."""
    return json.dumps(
        {"kind": case.kind, "member": case.member, "before": case.before, "now": str(now),
         "error": now.error, "fine": now.fulfils(case)}
    )  # fmt: skip
