"""Does the converted VHDL synthesise, and without latches?

GHDL's synthesis refuses latches unless told otherwise. But GHDL 2.0 misses some of internal signals:
what only holds its own value it takes for a signal without a driver, and drives it with 'X'. So the
result is searched for such signals as well.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from pathlib import Path

from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.processes.child_process import run

LOG = "ghdl_synth.log"
MESSAGE = re.compile(
    r"^(?P<place>[^\s:]+:\d+:\d+):(?:(?P<kind>warning|note|error):)? ?(?P<text>.*)$"
)
#: Attributes are for the vendor's tool; GHDL says of each memory that it does not keep them.
NOT_KEPT = re.compile(r'attribute "(?:rom_style|keep|dont_touch)"')
#: A signal that GHDL drives with X, in its Verilog, behind a comment with the place.
UNDRIVEN = re.compile(
    r"/\* (?P<place>\S+) +\*/\s+(?:always @\*\s+|assign )(?P<name>\S+) = \d+'b[xX]+; // \(i?signal\)"
)


def ghdl_synth_check(folder: str | Path) -> dict:
    """Analyse and synthesise the VHDL of a conversion's folder with `ghdl --synth --std=08`.

    Returns {"top", "files", "warnings"}; ToolError without GHDL or where it fails, which includes
    any latch and any signal that is read but not driven. Then ghdl_synth.log in the folder has the
    messages.
    """
    folder = Path(folder)
    if shutil.which("ghdl") is None:
        raise ToolError("ghdl not found: sudo apt-get install ghdl")
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
    except (OSError, ValueError) as error:
        raise DesignError(
            f"{folder}: no readable manifest.json; give an ernn convert folder"
        ) from error
    if manifest["hdl"] != "vhdl":
        raise DesignError(
            f"{folder}: holds {manifest['hdl']}, must be vhdl; convert with --hdl vhdl"
        )
    messages = ""
    with tempfile.TemporaryDirectory() as work:
        options = ["--std=08", f"--workdir={work}"]
        steps = (
            ["ghdl", "-a", *options, *manifest["files"]],
            ["ghdl", "--synth", *options, "--out=verilog", manifest["top"]],
        )
        for step in steps:
            done = run(step, folder)
            messages += done.stderr
            reason = _reason(done.returncode, messages, done.stdout)
            if reason:
                log = folder / LOG
                log.write_text(messages + done.stdout)
                raise ToolError(f"ghdl {step[1]} failed on {manifest['top']}: {reason}; see {log}")
    warnings = [
        f"{m['place']}: {m['text']}"
        for m in _messages(messages, "warning")
        if not NOT_KEPT.search(m["text"])
    ]
    return {"top": manifest["top"], "files": len(manifest["files"]), "warnings": warnings}


def _reason(code: int, messages: str, verilog: str) -> str | None:
    """Why a step failed; None if it did not."""
    if code:
        crash = "GHDL itself crashed" if "GHDL Bug occurred" in messages else ""
        error = next((f"{m['place']}: {m['text']}" for m in _messages(messages, "error")), "")
        return "; ".join(filter(None, (error, crash))) or "no message"
    if found := UNDRIVEN.search(verilog):
        return f"signal {found['name']} at {found['place']} is a latch or has no driver"
    return None


def _messages(text: str, kind: str):
    """Messages of GHDL of one kind; errors have no word for it."""
    for line in text.splitlines():
        match = MESSAGE.match(line)
        if match and (match["kind"] or "error") == kind:
            yield match
