"""Digital waveforms of a run's per-cycle trace."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.ticker import MaxNLocator

from ernn_myhdl.engines.registry import ENGINES
from ernn_myhdl.engines.trace import STAGE_VALID
from ernn_myhdl.errors import DesignError
from ernn_myhdl.hdl.stream_port import READY, SINK, SOURCE, VALID, signals
from ernn_myhdl.plots.picture import BLUE, GREEN, GREY, SKY, VERMILION, description, picture
from ernn_myhdl.runs.run import Run

#: Lanes drawn without --signals, as far as the run has them: of the streams and of each layer.
DEFAULT_SOURCE = signals(SOURCE, VALID, READY, "tdata")
DEFAULT_SINK = signals(SINK, VALID, READY, "tdata", "tlast")
DEFAULT_SIGNALS = (
    "input_spectrum",
    "operation",
    "gate_spectra",
    "gate_sums",
    "gates_0",
    "cell_state",
    "cell_output",
    "projection_spectra",
    "candidate_spectra",
    "output",
)
OPERATION = "operation"
MOST_SIGNALS = 40
MOST_CYCLES = 20000
#: Height of a lane's trace and width of a character, in inches.
LANE, CHARACTER = 0.33, 0.062
WIDTH = 14.0
#: Part of the width that the lanes' area takes.
AREA = 0.84

_SOURCE_COLOURS = {"x": BLUE, "y": SKY, "m": VERMILION}


@dataclass(frozen=True)
class Segment:
    """A value that a bus holds from cycle `start` to before cycle `stop`."""

    start: int
    stop: int
    text: str
    colour: str


def signal_names(run: Run) -> list[str]:
    """Names that `--signals` takes for this run."""
    _check_trace(run)
    return [*(prefix + OPERATION for prefix in run.design.layer_prefixes), *run.trace]


def _check_trace(run: Run) -> None:
    if not run.trace:
        able = " or ".join(e.name for e in ENGINES.values() if e.cycles and e.stages)
        raise DesignError(
            f"run of engine {run.engine!r}: holds no per-cycle trace; simulate with --engine "
            f"{able} and without --no-stages"
        )


def plot_waveform(
    run: Run,
    file: str | Path,
    signals: list[str] | None = None,
    first: int | None = None,
    last: int | None = None,
) -> None:
    """Draw `signals` (default: a readable selection) from cycle `first` to cycle `last`.

    The default window is the first frame.
    """
    names = signal_names(run)
    if signals is None:
        layers = [prefix + s for prefix in run.design.layer_prefixes for s in DEFAULT_SIGNALS]
        wanted = [*DEFAULT_SOURCE, *layers, *DEFAULT_SINK]
        signals = [s for s in wanted if s in names][:MOST_SIGNALS]
    _check_signals(signals, names)
    cycles = len(next(iter(run.trace.values())))
    first, last = _window(run, cycles, first, last)
    with picture(file, WIDTH, 1.5 + LANE * len(signals)) as figure:
        axes = figure.add_subplot()
        per_cycle = WIDTH * AREA / (last - first + 1)
        for row, name in enumerate(signals):
            _draw(axes, run, name, len(signals) - 1 - row, first, last, per_cycle)
        axes.set_xlim(first, last + 1)
        axes.set_ylim(-0.75, len(signals) - 0.4)
        axes.set_yticks(range(len(signals)), [_label(run, s) for s in reversed(signals)])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="y", visible=False)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12))
        axes.set_xlabel("cycle (0: first after reset); buses: raw integer of the first element")
        axes.set_title(
            f"{description(run.design)} — cycles {first} to {last}"
            + (f" of {cycles}" if last - first + 1 < cycles else "")
        )


def _check_signals(signals: list[str], names: list[str]) -> None:
    if not 1 <= len(signals) <= MOST_SIGNALS:
        raise DesignError(f"signals: {len(signals)} given, must be 1 to {MOST_SIGNALS}")
    for name in signals:
        if name not in names:
            close = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean {close[0]}?" if close else ""
            raise DesignError(
                f"signal {name!r}: is not in the trace; {hint or 'see --signals list'}"
            )


def _window(run: Run, cycles: int, first: int | None, last: int | None) -> tuple[int, int]:
    if first is None and last is None:
        delivered = int(run.known_frame_cycles[0, 1])
        return 0, min(cycles - 1, delivered + max(4, delivered // 20))
    first = 0 if first is None else first
    last = cycles - 1 if last is None else last
    if first >= cycles:
        raise DesignError(f"cycle {first}: the run has cycles 0 to {cycles - 1}")
    if not 0 <= first <= last:
        raise DesignError(f"cycles {first} to {last}: must be 0 or more, and in this order")
    last = min(last, cycles - 1)
    if last - first >= MOST_CYCLES:
        raise DesignError(
            f"cycles {first} to {last}: at most {MOST_CYCLES} can be drawn; use --from and --to"
        )
    return first, last


def _label(run: Run, name: str) -> str:
    if name.endswith("_tdata"):
        return f"{name} [0]"
    if name + STAGE_VALID in run.trace:
        return f"{name} [0]"
    return name


def _draw(axes, run: Run, name: str, row: int, first: int, last: int, per_cycle: float) -> None:
    if name.endswith(OPERATION):
        segments = _operations(run, name.removesuffix(OPERATION), first, last)
    else:
        values = run.trace[name][first : last + 1]
        valid = _validity(run, name, first, last)
        if valid is None and set(np.unique(run.trace[name])) <= {0, 1}:
            _bit(axes, values, row, first)
            return
        segments = _bus(values, valid, first)
    _segments(axes, segments, row, first, last, per_cycle)


def _validity(run: Run, name: str, first: int, last: int) -> np.ndarray | None:
    if name.endswith("_tdata"):
        return run.trace[name.replace("tdata", "tvalid")][first : last + 1]
    valid = run.trace.get(name + STAGE_VALID)
    return None if valid is None else valid[first : last + 1]


def _bit(axes, values: np.ndarray, row: int, first: int) -> None:
    x = np.repeat(np.arange(first, first + len(values) + 1), 2)[1:-1]
    y = np.repeat(row - 0.3 + 0.6 * values, 2)
    axes.plot(x, y, color=GREEN, linewidth=1.3, solid_joinstyle="miter")
    axes.fill_between(x, row - 0.3, y, color=GREEN, alpha=0.18, linewidth=0)


def _bus(values: np.ndarray, valid: np.ndarray | None, first: int) -> list[Segment]:
    """Runs of equal values; where not valid there is no segment."""
    shown = np.ones(len(values), dtype=bool) if valid is None else valid.astype(bool)
    segments = []
    start = 0
    for i in range(1, len(values) + 1):
        if i < len(values) and values[i] == values[start] and shown[i] == shown[start]:
            continue
        if shown[start]:
            segments.append(Segment(first + start, first + i, str(values[start]), BLUE))
        start = i
    return segments


def _operations(run: Run, prefix: str, first: int, last: int) -> list[Segment]:
    """Runs of operations of a layer with one source: "x 0-3" multiplies columns 0 to 3 of x."""
    trace = {n: run.trace[f"{prefix}{n}"] for n in ("op_valid", "op_index", "op_recurrent")}
    second = run.trace[f"{prefix}op_second"].astype(bool)
    if (second_x := run.trace.get(f"{prefix}op_second_x")) is not None:
        second &= second_x == 0
    segments: list[Segment] = []
    source, begin, indices = "", first, [0]

    def close(stop: int) -> None:
        if source:
            low, high = indices[0], indices[-1]
            text = f"{source} {low}" if low == high else f"{source} {low}–{high}"
            segments.append(Segment(begin, stop, text, _SOURCE_COLOURS[source]))

    for cycle in range(first, last + 1):
        now = ""
        if trace["op_valid"][cycle]:
            now = "m" if second[cycle] else "y" if trace["op_recurrent"][cycle] else "x"
        index = int(trace["op_index"][cycle])
        if now != source or (now and index != indices[-1] + 1):
            close(cycle)
            source, begin, indices = now, cycle, [index]
        else:
            indices.append(index)
    close(last + 1)
    return segments


def _segments(
    axes, segments: list[Segment], row: int, first: int, last: int, per_cycle: float
) -> None:
    """Hexagons with the value inside or, where a burst of them leaves no room, listed behind it.

    Where the bus holds nothing there is a line.
    """
    axes.plot([first, last + 1], [row, row], color=GREY, linewidth=0.7, zorder=1)
    polygons, colours = [], []
    burst: list[Segment] = []  # adjacent segments
    written = False  # one of them at least holds its text
    for s, following in zip_longest(segments, segments[1:]):
        bend = min(0.25, 0.06 / per_cycle, (s.stop - s.start) / 3)
        points = [(s.start, 0.0), (s.start + bend, 0.3), (s.stop - bend, 0.3), (s.stop, 0.0),
                  (s.stop - bend, -0.3), (s.start + bend, -0.3)]  # fmt: skip
        polygons.append([(x, row + y) for x, y in points])
        colours.append(s.colour)
        burst.append(s)
        if _width(s.text) <= (s.stop - s.start - bend) * per_cycle:
            middle = (s.start + s.stop) / 2
            axes.text(middle, row - 0.03, s.text, ha="center", va="center", fontsize=7, zorder=4)
            written = True
        free_until = following.start if following else last + 1
        if free_until > s.stop:
            if not written:
                text = _listed([b.text for b in burst], (free_until - s.stop) * per_cycle - 0.1)
                left = s.stop + 0.05 / per_cycle
                axes.text(left, row + 0.08, text, ha="left", va="bottom", fontsize=7, color=GREY)
            burst, written = [], False
    light = [_lighter(c) for c in colours]
    axes.add_collection(PolyCollection(polygons, facecolors=light, edgecolors="none", zorder=2))
    outline = LineCollection([[*p, p[0]] for p in polygons], colors=colours, linewidths=1, zorder=3)
    axes.add_collection(outline)


def _width(text: str) -> float:
    return len(text) * CHARACTER


def _listed(texts: list[str], room: float) -> str:
    """As many of the texts as fit, separated by commas; empty where not even one does."""
    for count in range(len(texts), 0, -1):
        text = ", ".join(texts[:count]) + (" …" if count < len(texts) else "")
        if _width(text) <= room:
            return text
    return ""


def _lighter(colour: str) -> tuple[float, ...]:
    return tuple(1 - 0.3 * (1 - c) for c in to_rgb(colour))
