"""The clock that a design reached, as a folder of a place and route tells."""

from __future__ import annotations

from pathlib import Path

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.json_text import read_json

RESULT = "place_and_route.json"


def measured_clock(
    folder: str | Path, design: CoreSpecification, wanted: str | None = None
) -> tuple[float, str]:
    """The median of the seeds in MHz, and in words where it is from.

    DesignError where the folder has no report, a damaged one, or that of another design, or of another device than
    the one that is wanted (by its title); None takes any.
    """
    file = Path(folder) / RESULT
    if not file.is_file():
        raise DesignError(
            f"{folder}: holds no {RESULT}; give a folder of ernn synth --tool nextpnr --run"
        )
    try:
        report = read_json(file)
        digest, clock = report["design_digest"], report["fmax_mhz"]
        device, seeds = report["device"]["name"], len(report["seeds"])
        legal = isinstance(clock, (int, float)) and 0 < clock < 10_000 and isinstance(device, str)
    except (LookupError, TypeError, ValueError):
        legal = False
    if not legal:
        raise DesignError(f"{file}: is damaged; place and route again")
    if digest != design.digest:
        raise DesignError(
            f"{file}: is of a design with digest {str(digest)[:12]}, must be {design.digest[:12]} of "
            "this one; place and route it"
        )
    if wanted is not None and device != wanted:
        raise DesignError(
            f"{file}: was placed on {device}, the device is {wanted}; name the device that was placed on, or place the design on this one"
        )
    runs = f"median of {seeds} seeds" if seeds > 1 else "one seed"
    return float(clock), f"measured: {device}, {runs}"
