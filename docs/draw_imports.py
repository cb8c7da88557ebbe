"""Draws docs/imports.svg, the picture of the package's imports in docs/architecture.md.

    python docs/draw_imports.py [FILE]      FILE ends in .svg or .png; docs/imports.svg without one
    python docs/draw_imports.py --check     exit code 1 if docs/imports.svg shows other imports than the code has

Rooms are the packages of ernn_myhdl, floors are the layers of the contract in setup.cfg. On the left an arrow is left out where
others lead from its start to its end; on the right all are counted. The numbers are pairs of files, lazy imports included, as
they were when it was drawn; --check compares rooms, floors and which room imports which.
"""

from __future__ import annotations

import ast
import configparser
import json
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "ernn_myhdl"
PICTURE = Path(__file__).with_name("imports.svg")
#: Where a room stands on its floor, so that arrows pass beside the others; in the middle without an entry.
PLACE = {
    "cli": 4.4, "demo": 5.7, "recogniser": 3.6, "plots": 2.4, "compare": 2.2, "explore": 2.0, "runs": 2.85,
    "synthesis": 0.0, "mapping": -0.2, "engines": 2.0, "train": 4.5, "convert": 1.65, "cycle_model": 2.95, "exchange": 4.35,
    "rtl": 1.4, "streams": 2.5, "calibration": 3.6, "program": 0.8, "host": 1.9, "golden": 3.1, "design": 2.2,
    "corpus": 4.9, "sweep": -0.8, "numerics": 1.7, "console": 5.7, "hdl": -0.3, "files": 3.6,
    "processes": 3.0, "errors": 1.6,
}  # fmt: skip
#: Where rooms without an entry stand, and how wide each is.
MIDDLE, WIDTH = 2.5, 0.94
INK, PALE, EXCEPTION = "#222222", "#777777", "#c0392b"
TINTS = ("#cfe5f5", "#fbe3b5", "#c9ebdd", "#f3d5e5")


def contract() -> tuple[list[list[str]], set[tuple[str, str]]]:
    """Floors, the highest first, and the pairs of rooms that the contract of layers excepts."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    layers = settings["importlinter:contract:layers"]
    floors = [[room.strip() for room in line.split("|")] for line in layers["layers"].split("\n")]
    lines = [line for line in layers.get("ignore_imports", "").split("\n") if "->" in line]
    pairs = [[room_of(module.strip()) for module in line.split("->")] for line in lines]
    return [floor for floor in floors if floor != [""]], {(a, b) for a, b in pairs}


def room_of(module: str) -> str:
    return (module.split(".") + [""])[1]


def files() -> dict[str, Path]:
    """Module -> file of the whole package, with what its symbolic links lead to."""
    found = {}
    for folder in [PACKAGE, *(path for path in PACKAGE.iterdir() if path.is_dir())]:
        for path in sorted(folder.glob("*.py") if folder == PACKAGE else folder.rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports() -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    """Pairs of rooms -> pairs of their files, the first of which imports the second; room -> files."""
    modules = files()
    pairs = set()
    for module, path in modules.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                inner = [f"{node.module}.{alias.name}" for alias in node.names]
                names = [name if name in modules else node.module for name in inner]
            else:
                continue
            pairs |= {(module, name) for name in names if name in modules}
    counts = Counter((room_of(a), room_of(b)) for a, b in pairs)
    rooms = {room for floor in contract()[0] for room in floor}
    inside = {pair: n for pair, n in sorted(counts.items()) if pair[0] != pair[1]}
    sizes = Counter(room_of(module) for module in modules)
    return (
        {pair: n for pair, n in inside.items() if rooms.issuperset(pair)},
        {room: sizes[room] for room in sorted(rooms)},
    )


def facts() -> str:
    """What the picture shows but for the counts of the day, as text; the SVG carries it."""
    floors, exceptions = contract()
    return json.dumps([floors, sorted(exceptions), sorted(imports()[0])])


def shown() -> str:
    """What docs/imports.svg carries; "" without it."""
    if not PICTURE.exists():
        return ""
    description = "{http://purl.org/dc/elements/1.1/}description"
    return next((e.text or "" for e in ElementTree.parse(PICTURE).iter(description)), "")


def crowded() -> list[str]:
    """Rooms that touch the one to their left on the same floor."""
    found = []
    for floor in contract()[0]:
        row = sorted(floor, key=lambda room: PLACE.get(room, MIDDLE))
        for left, right in pairwise(row):
            if PLACE.get(right, MIDDLE) - PLACE.get(left, MIDDLE) < WIDTH + 0.1:
                found.append(right)
    return found


def direct(counts: dict[tuple[str, str], int]) -> list[tuple[str, str]]:
    """The pairs that no chain of others joins."""
    after: dict[str, set[str]] = {}
    for a, b in counts:
        after.setdefault(a, set()).add(b)

    def below(room: str) -> set[str]:
        return set().union(*({b} | below(b) for b in after.get(room, ())))

    return [(a, b) for a, b in counts if not any(b in below(c) for c in after[a] - {b})]


def draw_house(axes, floors, exceptions, counts, sizes) -> None:
    from matplotlib.patches import FancyBboxPatch

    place = {}
    for i, floor in enumerate(reversed(floors)):
        for room in floor:
            place[room] = (PLACE.get(room, MIDDLE), i)
        axes.axhline(i - 0.5, color="#e4e4e4", linewidth=0.8, zorder=0)
    allowed = {pair: n for pair, n in counts.items() if pair not in exceptions}
    for pair in [*direct(allowed), *(pair for pair in exceptions if pair in counts)]:
        (x, y), (to_x, to_y) = (place[room] for room in pair)
        up = pair in exceptions
        colour = EXCEPTION if up else INK
        style = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.0, "mutation_scale": 10}
        style |= {"shrinkA": 0, "shrinkB": 0, "linestyle": (0, (4, 2)) if up else "solid"}
        if up:
            style["connectionstyle"] = "arc3,rad=0.25"
        side = 0.28 if up else -0.28
        axes.annotate("", (to_x, to_y - side), (x, y + side), arrowprops=style, zorder=1)
        if not up:
            at = 0.68 if y - to_y > 1 else 0.6
            x, y = x + (to_x - x) * at, y - 0.28 + (to_y - y + 0.56) * at
            box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
            axes.text(x, y, str(counts[pair]), ha="center", va="center", fontsize=8, bbox=box)
    for i, floor in enumerate(reversed(floors)):
        for room in floor:
            x, y = place[room]
            box = FancyBboxPatch(
                (x - WIDTH / 2, y - 0.28), WIDTH, 0.56, boxstyle="round,pad=0,rounding_size=0.06",
                facecolor=TINTS[i % len(TINTS)], edgecolor=INK, linewidth=1.0, zorder=2,
            )  # fmt: skip
            axes.add_patch(box)
            axes.text(x, y + 0.07, room, ha="center", va="center", fontsize=9, zorder=3)
            size = f"{sizes[room]} file{'s' if sizes[room] > 1 else ''}"
            axes.text(
                x, y - 0.17, size, ha="center", va="center", fontsize=6.5, color=PALE, zorder=3
            )
    axes.set(xlim=(-1.35, 6.3), ylim=(-0.6, len(floors) - 0.4))
    axes.set_axis_off()


def draw_table(axes, floors, exceptions, counts) -> None:
    rooms = [room for floor in floors for room in floor]
    row = {room: i for i, room in enumerate(rooms)}
    edge = 0
    for i, floor in enumerate(
        floors
    ):  # a floor imports from lower ones only: what is right of its square
        axes.fill_between(
            [edge - 0.5, edge + len(floor) - 0.5], edge - 0.5, edge + len(floor) - 0.5,
            color=TINTS[(len(floors) - 1 - i) % len(TINTS)], linewidth=0,
        )  # fmt: skip
        edge += len(floor)
    for i in range(len(rooms) + 1):
        axes.axhline(i - 0.5, color="#e4e4e4", linewidth=0.6, zorder=0)
        axes.axvline(i - 0.5, color="#e4e4e4", linewidth=0.6, zorder=0)
    for (a, b), n in counts.items():
        colour = EXCEPTION if (a, b) in exceptions else INK
        axes.text(row[b], row[a], str(n), ha="center", va="center", fontsize=8.5, color=colour)
    axes.set(xlim=(-0.5, len(rooms) - 0.5), ylim=(len(rooms) - 0.5, -0.5))
    axes.set_xticks(range(len(rooms)), rooms, rotation=90, fontsize=9)
    axes.set_yticks(range(len(rooms)), rooms, fontsize=9)
    axes.tick_params(length=0, labeltop=True, labelbottom=False, top=True, bottom=False)
    axes.set_title("a row imports from a column: pairs of files", fontsize=10, pad=10)


def draw(file: Path) -> None:
    if rooms := crowded():
        raise SystemExit(
            f"{', '.join(rooms)}: in another room of the same floor; give them places in PLACE"
        )
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "imports"  # the same file each time
    floors, exceptions = contract()
    counts, sizes = imports()
    figure, (house, table) = plt.subplots(
        1, 2, figsize=(17.5, 10), width_ratios=[1.05, 1], layout="constrained"
    )
    draw_house(house, floors, exceptions, counts, sizes)
    draw_table(table, floors, exceptions, counts)
    metadata = {"Date": None, "Description": facts()} if file.suffix == ".svg" else {}
    figure.savefig(file, dpi=80, metadata=metadata, facecolor="white")


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        if shown() != facts():
            print(
                "docs/imports.svg shows other imports than the code has: python docs/draw_imports.py"
            )
            return 1
        return 0
    draw(Path(arguments[0]) if arguments else PICTURE)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
