"""Draws docs/datapath.svg, the picture of the core in docs/architecture.md.

    python docs/draw_datapath.py [FILE]

FILE ends in .svg or .png; docs/datapath.svg without one.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

#: Kind of block -> (fill, legend). Tints of the Okabe-Ito colours.
KINDS = {
    "stream": ("#cfe5f5", "AXI4-Stream"),
    "transform": ("#fbe3b5", "real FFT, inverse FFT"),
    "memory": ("#c9ebdd", "memory, registers"),
    "arithmetic": ("#f3d5e5", "multipliers and adders"),
    "rounding": ("#ffffff", "rounding, saturation"),
    "control": ("#e3e3e3", "control"),
}
INK, CONTROL = "#222222", "#777777"


class Picture:
    """Boxes and arrows on a canvas of 16 x 9 units."""

    def __init__(self) -> None:
        self.figure, self.axes = plt.subplots(figsize=(14.4, 8.1))
        self.axes.set(xlim=(0, 16), ylim=(0, 9))
        self.axes.set_axis_off()
        self.figure.subplots_adjust(0, 0, 1, 1)

    def box(self, x, y, width, height, text, kind, size=10.5):
        """A box around the centre (x, y)."""
        corner = (x - width / 2, y - height / 2)
        style = "round,pad=0,rounding_size=0.08"
        patch = FancyBboxPatch(
            corner, width, height, boxstyle=style, facecolor=KINDS[kind][0], edgecolor=INK,
            linewidth=1.1,
        )  # fmt: skip
        self.axes.add_patch(patch)
        self.text(x, y, text, size)

    def text(self, x, y, text, size=10.0, colour=INK, align="center"):
        self.axes.text(x, y, text, ha=align, va="center", fontsize=size, color=colour)

    def path(self, *points, control=False):
        """An arrow through the points."""
        colour, style = (CONTROL, (0, (4, 2))) if control else (INK, "solid")
        width = 1.0 if control else 1.4
        if len(points) > 2:
            xs, ys = zip(*points[:-1], strict=True)
            self.axes.plot(xs, ys, color=colour, linewidth=width, linestyle=style,
                           solid_joinstyle="miter", solid_capstyle="butt")  # fmt: skip
        self.axes.annotate(
            "", xy=points[-1], xytext=points[-2],
            arrowprops={
                "arrowstyle": "-|>", "color": colour, "linewidth": width, "linestyle": style,
                "shrinkA": 0, "shrinkB": 0, "mutation_scale": 11,
            },
        )  # fmt: skip


def input_and_stores(p: Picture) -> None:
    p.text(0.42, 7.02, "s_axis\n(x)")
    p.path((0.1, 6.6), (0.85, 6.6))
    p.box(1.4, 6.6, 1.1, 0.8, "FIFO", "stream")
    p.path((1.95, 6.6), (2.25, 6.6))
    p.box(2.95, 6.6, 1.4, 0.8, "framing\n(blocks of k)", "stream")
    p.path((3.65, 6.6), (4.0, 6.6))
    for y, name, units in ((6.6, "x", ""), (5.4, "y", "U / G x"), (4.2, "m", "E x")):
        p.box(4.85, y, 1.7, 0.8, f"FFT, round\n{units}" if units else "FFT, round", "transform")
        p.path((5.7, y), (6.0, y))
        pages = "1 page" if name == "m" else "2 pages"
        p.box(6.65, y, 1.3, 0.8, f"{name} store\n{pages}", "memory")
        p.path((7.3, y), (7.65, y))


def lanes(p: Picture) -> None:
    p.box(8.2, 5.4, 1.1, 3.2, "column\nselect\n\nsums\na + b\nb - a\n\nG x", "arithmetic")
    p.path((8.75, 5.4), (9.15, 5.4))
    p.box(9.75, 5.4, 1.2, 3.2, "broadcast\nregisters\n\none per\n32 lanes", "memory")
    for y, name in ((6.65, "lane L-1"), (5.15, "lane 1"), (4.15, "lane 0")):
        p.path((10.35, y), (10.85, y))
        p.box(11.75, y, 1.8, 0.7, f"{name}\nmultiply-accumulate", "arithmetic", 9.5)
        p.box(14.4, y, 1.6, 0.7, "weight memory", "memory", 9.5)
        p.path((13.6, y), (12.65, y))
    p.text(11.75, 5.9, "…", 16)
    p.text(14.4, 5.9, "…", 16)
    p.text(13.1, 5.9, "drain chain:\nshifts by U lanes\na cycle", 9.0, CONTROL)
    p.path((11.75, 6.3), (11.75, 6.05))
    p.path((11.75, 5.75), (11.75, 5.5))
    p.path((11.75, 4.8), (11.75, 4.5))


def control(p: Picture) -> None:
    p.box(7.0, 8.3, 1.9, 0.75, "program memory", "memory")
    p.path((7.95, 8.3), (8.4, 8.3), control=True)
    p.box(9.3, 8.3, 1.8, 0.75, "sequencer", "control")
    p.text(10.35, 8.52, "one operation a cycle, issued when its operands are there, the drain is", 9.0,
           CONTROL, "left")  # fmt: skip
    p.text(10.35, 8.22, "free (last of a row) and an output page is free (first of a frame)", 9.0,
           CONTROL, "left")  # fmt: skip
    p.path((9.0, 7.92), (9.0, 7.5), (8.2, 7.5), (8.2, 7.0), control=True)
    p.path((9.75, 7.92), (9.75, 7.0), control=True)
    p.text(9.9, 7.5, "valid, first, last, shift, weight address", 9.0, CONTROL, "left")
    p.path((8.7, 7.92), (8.7, 7.68), (6.65, 7.68), (6.65, 7.0), control=True)
    p.text(7.4, 7.5, "store addresses", 9.0, CONTROL)
    p.path((6.4, 7.0), (6.4, 7.3), (5.6, 7.3), (5.6, 8.75), (9.3, 8.75), (9.3, 8.68), control=True)
    p.text(5.5, 7.95, "blocks written:\navailability counters", 9.0, CONTROL, "right")


def drain(p: Picture) -> None:
    p.path((11.75, 3.8), (11.75, 2.95))
    p.text(11.9, 3.38, "U block rows a cycle", 9.0, CONTROL, "left")
    p.box(11.75, 2.55, 1.9, 0.8, "combine, join\nU x", "arithmetic")
    p.path((10.8, 2.55), (10.45, 2.55))
    p.box(9.95, 2.55, 1.0, 0.8, "round\nU x", "rounding")
    p.path((9.45, 2.55), (9.1, 2.55))
    p.box(8.4, 2.55, 1.4, 0.8, "inverse FFT\nU x", "transform")
    p.path((7.7, 2.55), (7.35, 2.55))
    p.box(6.85, 2.55, 1.0, 0.8, "round\nU x", "rounding")
    p.path((6.35, 2.55), (6.0, 2.55))
    p.text(6.2, 3.12, "gate rows", 9.0, CONTROL)
    p.box(5.4, 2.55, 1.2, 0.8, "gather\n4 gates", "memory")
    p.path((4.8, 2.55), (4.5, 2.55))
    p.box(3.4, 2.55, 2.2, 0.8, "element-wise unit\nE blocks of k cells", "arithmetic")
    p.box(2.45, 1.4, 1.7, 0.6, "state memory c", "memory", 9.5)
    p.path((2.6, 1.7), (2.6, 2.15))
    p.path((2.4, 2.15), (2.4, 1.7))
    p.box(4.5, 1.4, 2.0, 0.6, "bias, peepholes, mask", "memory", 9.5)
    p.path((4.2, 1.7), (4.2, 2.15))
    p.path((3.4, 2.95), (3.4, 4.2), (4.0, 4.2))
    p.text(3.3, 3.6, "m", 10.5, align="right")


def output(p: Picture) -> None:
    p.path((8.4, 2.15), (8.4, 1.3))
    p.text(8.5, 1.72, "projection rows", 9.0, CONTROL, "left")
    p.box(8.4, 0.9, 1.5, 0.8, "round, mask\nU / G x", "rounding")
    p.path((9.15, 0.9), (9.75, 0.9))
    p.text(9.45, 1.08, "y", 10.5)
    p.box(10.5, 0.9, 1.5, 0.8, "output store\n2 pages", "memory")
    p.path((11.25, 0.9), (11.6, 0.9))
    p.box(12.3, 0.9, 1.4, 0.8, "framing\n(beats)", "stream")
    p.path((13.0, 0.9), (13.35, 0.9))
    p.box(13.9, 0.9, 1.1, 0.8, "FIFO", "stream")
    p.path((14.45, 0.9), (15.2, 0.9))
    p.text(15.6, 0.9, "m_axis\n(y)")
    p.path((7.65, 0.9), (7.2, 0.9), (7.2, 0.6), (1.0, 0.6), (1.0, 5.4), (4.0, 5.4))
    p.text(1.12, 4.9, "y, for the next frame", 9.0, CONTROL, "left")
    p.text(3.4, 0.35, "without a projection y is m: both y paths start at the element-wise unit", 9.0,
           CONTROL)  # fmt: skip


def legend(p: Picture) -> None:
    for i, (colour, name) in enumerate(KINDS.values()):
        x, y = 13.6, 3.2 - 0.28 * i
        patch = FancyBboxPatch((x, y - 0.09), 0.3, 0.18, boxstyle="square,pad=0",
                               facecolor=colour, edgecolor=INK, linewidth=0.8)  # fmt: skip
        p.axes.add_patch(patch)
        p.text(x + 0.42, y, name, 9.0, align="left")


def main(arguments: list[str]) -> None:
    file = Path(arguments[0]) if arguments else Path(__file__).with_name("datapath.svg")
    plt.rcParams["svg.hashsalt"] = "datapath"  # the same file each time
    picture = Picture()
    for part in (input_and_stores, lanes, control, drain, output, legend):
        part(picture)
    metadata = {"Date": None} if file.suffix == ".svg" else {}
    picture.figure.savefig(file, dpi=110, metadata=metadata, facecolor="white")


if __name__ == "__main__":
    main(sys.argv[1:])
