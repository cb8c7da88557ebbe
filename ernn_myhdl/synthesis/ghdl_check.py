"""Does the converted VHDL synthesise? GHDL's synthesis refuses latches unless told otherwise."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from ernn_myhdl.errors import DesignError, ToolError

LOG = "ghdl_synth.log"
MESSAGE = re.compile(r"^(?P<place>[^\s:]+:\d+:\d+):(?:(?P<kind>warning|note|error):)? ?(?P<text>.*)$")


def ghdl_synth_check(folder: str | Path) -> dict:
    """Analyse and synthesise the VHDL of a conversion's folder with `ghdl --synth --std=08`.

    Returns {"top", "files", "warnings"}; ToolError without GHDL or where it fails, which includes
    any inferred latch. The messages are kept in ghdl_synth.log in the folder when it fails.
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
            ["ghdl", "--synth", *options, "--out=none", manifest["top"]],
        )
        for step in steps:
            done = subprocess.run(step, cwd=folder, capture_output=True, text=True)
            messages += done.stderr + done.stdout
            if done.returncode:
                log = folder / LOG
                log.write_text(messages)
                reason = next((m["text"] for m in _messages(messages, "error")), "no message")
                if "GHDL Bug occurred" in messages:
                    reason = "GHDL itself crashed, which synthesis of each entity alone locates"
                raise ToolError(f"ghdl {step[1]} failed on {manifest['top']}: {reason}; see {log}")
    warnings = [f"{m['place']}: {m['text']}" for m in _messages(messages, "warning")]
    return {"top": manifest["top"], "files": len(manifest["files"]), "warnings": warnings}


def _messages(text: str, kind: str):
    """Messages of GHDL of one kind; errors have no word for it."""
    for line in text.splitlines():
        match = MESSAGE.match(line)
        if match and (match["kind"] or "error") == kind:
            yield match
