"""Runs the commands of the tutorial as they are written, one after the other, and compares what they print.

    python docs/run_tutorial.py FOLDER [--write]

FOLDER is new; the commands run in it. A text block of the page behind a console block is what its command printed. --write
puts what they print now into the page. Takes some minutes; exits with 1 where something differs, 2 on bad usage, 3
where a command failed.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from ernn_myhdl.files.output_folder import new_file

PAGE = Path(__file__).parent / "tutorial-corpus-to-vivado.md"
STEP = re.compile(
    r"```console\n\$ (ernn [^\n]*)\n```(\n(?:(?!```)[^\n]*\n)*?```text\n)(.*?)```", re.DOTALL
)


def printed(command: str, folder: Path) -> str:
    """What a command writes to standard output; SystemExit where it fails."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        shlex.split(command), cwd=folder, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PATH": path},
    )  # fmt: skip
    if done.returncode:
        print(f"run_tutorial: exit code {done.returncode} of {command}", file=sys.stderr)
        raise SystemExit(3)
    return done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="new folder")
    parser.add_argument("--write", action="store_true", help="put the output into the page")
    arguments = parser.parse_args()
    if arguments.folder.exists():
        parser.error(f"{arguments.folder}: exists; give a new folder")
    arguments.folder.mkdir(parents=True)
    page = PAGE.read_text(encoding="utf-8")
    steps = list(STEP.finditer(page))
    made = {}
    for step in steps:
        print(step[1], file=sys.stderr, flush=True)
        made[step.start()] = printed(step[1], arguments.folder)
    changed = STEP.sub(
        lambda step: f"```console\n$ {step[1]}\n```{step[2]}{made[step.start()]}```", page
    )
    if arguments.write:
        with new_file(PAGE) as partial:
            partial.write_text(changed, encoding="utf-8")
        return 0
    lines = difflib.unified_diff(
        page.splitlines(), changed.splitlines(), "page", "now", lineterm=""
    )
    difference = "\n".join(lines)
    print(difference or f"{len(steps)} commands print what the page says")
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
