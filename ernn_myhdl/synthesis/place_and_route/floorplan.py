"""A picture of where the blocks of a core were placed."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

from ernn_myhdl.synthesis.place_and_route.names import Names

#: Kinds of blocks that have a colour of their own; the rest shares one.
COLOURED = 9
_PLACE = re.compile(r"X(\d+)/Y(\d+)/(\w+)")


def placement(netlist: Path) -> dict[str, tuple[int, int]]:
    """Column and row of each cell in the netlist that nextpnr writes (`--write`)."""
    modules = json.loads(netlist.read_text())["modules"].values()
    found = {}
    for module in modules:
        for name, cell in module["cells"].items():
            if match := _PLACE.match(cell["attributes"].get("NEXTPNR_BEL", "")):
                found[name] = int(match[1]), int(match[2])
    return found


def draw_floorplan(
    places: dict[str, tuple[int, int]], names: Names, title: str, file: Path
) -> None:
    """Draw every tile in the colour of the kind of block of which it holds most cells.

    A kind is the part below the core: lanes, an FFT unit, the cells of the recurrence.
    """
    from matplotlib.figure import Figure

    tiles: dict[tuple[int, int], Counter[str]] = {}
    size: Counter[str] = Counter()
    for cell, place in places.items():
        kind = names.block(cell)[0].split(".")[0]
        kind = re.sub(r"(_\d+)+$", "", kind)
        tiles.setdefault(place, Counter())[kind] += 1
        size[kind] += 1
    kinds = [kind for kind, _ in size.most_common(COLOURED)]
    figure = Figure(figsize=(9, 6.5), layout="constrained")
    axes = figure.subplots()
    for number, kind in enumerate([*kinds, "others"]):
        held = [
            place
            for place, cells in tiles.items()
            if (top := cells.most_common(1)[0][0]) == kind
            or (kind == "others" and top not in kinds)
        ]
        if held:
            colour = f"C{number + (number > 6)}" if kind != "others" else "0.6"  # C7 is grey
            label = f"{kind} ({size[kind]:,})" if kind in size else kind
            columns, rows = zip(*held, strict=True)
            axes.scatter(columns, rows, s=9, marker="s", color=colour, label=label)
    axes.invert_yaxis()
    axes.set(title=title, xlabel="column", ylabel="row", aspect="equal")
    figure.legend(loc="outside right upper", fontsize="small", title="block (cells)")
    figure.savefig(file, dpi=110, bbox_inches="tight")  # else its label is cut
