"""Runs the programs and commands of a tutorial as they are written, one after the other, and compares what they print.

    python docs/run_tutorial.py FOLDER [--page tutorial-own-recordings.md] [--write]

FOLDER is new; all run in it. A text block of the page is what the last command or program before it printed. --write puts what they print
now into the page. Takes some minutes; exits with 1 where something differs, 2 on bad usage, 3 where a command failed.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

from ernn_myhdl.files.output_folder import new_file

DOCS = Path(__file__).parent
PAGES = ("tutorial-corpus-to-vivado.md", "tutorial-own-recordings.md")
BLOCK = re.compile(r"```(python|console|text)\n(.*?)```", re.DOTALL)


def printed(kind: str, text: str, folder: Path) -> str:
    """What a program, or the commands of a console block, write to standard output; SystemExit where one fails."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path}
    if kind == "python":
        commands = [([sys.executable, "-c", text], None)]
    else:
        lines = [line[2:] for line in text.splitlines() if line.startswith("$ ernn ")]
        parts = [line.partition(" < ") for line in lines]
        commands = [(shlex.split(command), file or None) for command, _, file in parts]
    output = ""
    for command, file in commands:
        name = command[1:2] if kind == "python" else command
        print(" ".join(name), file=sys.stderr, flush=True)
        begun = time.perf_counter()
        source = None if file is None else (folder / file).open("rb")
        done = subprocess.run(
            command, cwd=folder, stdout=subprocess.PIPE, text=True, env=environment, stdin=source
        )
        if source is not None:
            source.close()
        print(f"  {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
        if done.returncode:
            print(f"run_tutorial: exit code {done.returncode} of {command}", file=sys.stderr)
            raise SystemExit(3)
        output += done.stdout
    return output


def run(page: str, folder: Path) -> tuple[str, int]:
    """The page with what its blocks print now, and how many of them ran."""
    last, count = "", 0

    def made(match: re.Match) -> str:
        nonlocal last, count
        kind, text = match[1], match[2]
        if kind == "text":
            return f"```text\n{last}```"
        if kind == "python" or "$ ernn " in text:
            last, count = printed(kind, text, folder), count + 1
        return match[0]

    return BLOCK.sub(made, page), count


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="new folder")
    parser.add_argument("--page", choices=PAGES, default=PAGES[0], help="of docs/")
    parser.add_argument("--write", action="store_true", help="put the output into the page")
    arguments = parser.parse_args()
    if arguments.folder.exists():
        parser.error(f"{arguments.folder}: exists; give a new folder")
    arguments.folder.mkdir(parents=True)
    file = DOCS / arguments.page
    page = file.read_text(encoding="utf-8")
    changed, count = run(page, arguments.folder)
    if arguments.write:
        with new_file(file) as partial:
            partial.write_text(changed, encoding="utf-8")
        return 0
    lines = difflib.unified_diff(
        page.splitlines(), changed.splitlines(), "page", "now", lineterm=""
    )
    difference = "\n".join(lines)
    print(difference or f"{count} blocks print what the page says")
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
