"""What a measurement was made on, and the printing and writing of its result."""

from __future__ import annotations

import datetime
import json
import os
import platform
import resource
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def environment(*more: str) -> dict:
    """Date, processor, cores and versions; more: other packages that matter, "none" where not installed."""
    packages = ("myhdl", "numpy", "fxpmath")
    return {
        "date": datetime.date.today().isoformat(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
        **{name: _installed(name) for name in more},
    }


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _processor() -> str:
    """Model name of the processor where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def peak_megabytes() -> float:
    """Largest memory so far of this process, or of one of its children that has ended.

    VmHWM begins anew in a fresh process; the figure of getrusage is inherited from its parent.
    """
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text().splitlines()
        own = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1000


def markdown(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def report(result: dict, text: str, file: Path | None) -> None:
    """Print the table with its environment; write the result as JSON where a file is given."""
    print(text)
    print(", ".join(f"{name} {value}" for name, value in result["environment"].items()))
    if file:
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(result, indent=2) + "\n")
        partial.replace(file)
