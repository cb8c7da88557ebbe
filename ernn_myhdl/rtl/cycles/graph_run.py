"""A graph of layers cycle by cycle: its streams, their handshakes and back-pressure, and the recurrences of its layers.

Layers are those of `ernn_myhdl.rtl.cycles.streamed_layer`; the joins, the places where a stream divides and the FIFOs do what
their blocks do (`ernn_myhdl.rtl.joins`). m_axis is always ready.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.element_wise import ElementWise
from ernn_myhdl.design.graph import (
    ADDITION,
    INPUT,
    PRODUCT,
    ArgMax,
    Embedding,
    Graph,
    Window,
    number_of,
)
from ernn_myhdl.design.hardware import Hardware
from ernn_myhdl.design.time_joins import TimeJoin
from ernn_myhdl.numerics.circulant import blocks_for
from ernn_myhdl.rtl import fifo
from ernn_myhdl.rtl.cycles.choosing import Choosing
from ernn_myhdl.rtl.cycles.issue import NEVER, Frame
from ernn_myhdl.rtl.cycles.looking_up import LookingUp
from ernn_myhdl.rtl.cycles.streamed_layer import StreamedLayer
from ernn_myhdl.rtl.cycles.time_joining import TimeJoining
from ernn_myhdl.rtl.cycles.windowing import Windowing
from ernn_myhdl.rtl.joins.beats import MOST_HELD, STAGES
from ernn_myhdl.rtl.joins.concatenation import layout_of
from ernn_myhdl.rtl.joins.element_wise import stages_of
from ernn_myhdl.rtl.joins.product import PRODUCT_STAGES

#: Words of the FIFO at each operand of a join: (name of the join, place of the operand) -> depth, 0 without one.
Depths = Mapping[tuple[str, int], int]
#: A depth that nothing fills.
UNBOUNDED = 1 << 40


class Queue:
    """A FIFO of beats. held: as its register shows it."""

    def __init__(self, depth: int) -> None:
        self.depth, self.held, self.most = depth, 0, 0

    @property
    def valid(self) -> bool:
        return self.held > 0

    @property
    def ready(self) -> bool:
        return self.held < self.depth

    def move(self, pushed: bool, popped: bool) -> None:
        """The end of a cycle."""
        self.held += pushed - popped
        self.most = max(self.most, self.held)


class FrameSource:
    """x: beats that are offered from given cycles on, without a FIFO or behind that of `ernn_myhdl.rtl.joins.entry`."""

    def __init__(self, offered: Sequence[int], buffered: bool) -> None:
        self.offered, self.place = offered, 0
        self.accepted: list[int] = []
        self.queue = Queue(fifo.DEPTH) if buffered else None

    def valid(self, now: int) -> bool:
        return self.queue.valid if self.queue else self._offers(now)

    def _offers(self, now: int) -> bool:
        return self.place < len(self.offered) and self.offered[self.place] <= now

    def end(self, now: int, popped: bool) -> bool:
        """The end of a cycle, in which the beat that is offered behind was taken or not; whether one was accepted."""
        accepted = self._offers(now) and self.queue.ready if self.queue else popped
        if accepted:
            self.accepted.append(now)
            self.place += 1
        if self.queue:
            self.queue.move(accepted, popped)
        return accepted

    def next_event(self, now: int) -> int:
        if self.place < len(self.offered) and self.offered[self.place] > now:
            return self.offered[self.place]
        return NEVER


class Joining:
    """A join: what enters in a cycle, and the FIFO behind it. stages: cycles from a beat that enters to the FIFO."""

    def __init__(self, sums: bool, sizes: Sequence[int], size: int, stages: int = STAGES) -> None:
        self.sums, self.count, self.latency = sums, len(sizes), stages + fifo.FIFO_LATENCY
        self.beats = [blocks_for(n, size) for n in sizes]
        layout = layout_of(sizes, size)
        self.leaving, self.flushes = layout.leaving, layout.flushes
        self.turn, self.place, self.flushing = 0, 0, False
        self.held = 0
        self.coming: deque[int] = deque()

    def entering(self, now: int, valids: Sequence[bool]) -> tuple[bool, ...]:
        """Of which operands a beat enters; it follows from their valids and from the FIFO."""
        while self.coming and self.coming[0] <= now:
            self.coming.popleft()
            self.held += 1
        none = (False,) * self.count
        if self.held > MOST_HELD or self.flushing:
            return none
        if self.sums:
            return (all(valids),) * self.count
        if not valids[self.turn]:
            return none
        return tuple(place == self.turn for place in range(self.count))

    def end(self, now: int, entered: Sequence[bool], popped: bool) -> bool:
        """The end of a cycle; whether anything moved in it."""
        moved = any(entered) or popped
        leaves = self.sums and entered[0]
        if self.flushing and self.held <= MOST_HELD:
            self.flushing, leaves, moved = False, True, True
        elif not self.sums and any(entered):
            last = self.place == self.beats[self.turn] - 1
            leaves = not last or self.leaving[self.turn]
            self.place = 0 if last else self.place + 1
            if last:
                final = self.turn == self.count - 1
                self.flushing = final and self.flushes
                self.turn = 0 if final else self.turn + 1
        if leaves:
            self.coming.append(now + self.latency)
        self.held -= popped
        return moved

    def next_event(self, now: int) -> int:
        return self.coming[0] if self.coming else NEVER


def signal_frames(
    graph: Graph, turns: Sequence[int], ends: Sequence[bool]
) -> dict[str, list[tuple[int, bool]]]:
    """Of every signal its frames in order: their streams, and whether each is the last of its sequence.

    Without joins over time nothing tells ends: every stream is one sequence.
    """
    if not graph.over_time:
        ends = [False] * len(turns)
    found = {INPUT: list(zip(turns, ends or [True] * len(turns), strict=True))}
    for name in graph.order:
        own, join = found[graph.operands[name][0]], graph.join_of(name)
        found[name] = own
        if isinstance(join, Window):
            due = windows_due(join, own)
            kept = [frame for frame, (has, _) in zip(own, due, strict=True) if has]
            last = graph.last_window(name)
            if last is not None:
                kept = [(stream, i % (last + 1) == last) for i, (stream, _) in enumerate(kept)]
            found[name] = kept
        elif join is not None and join.over_time:
            frames = graph.frames[name]
            assert frames is not None  # of a join over time it is fixed
            found[name] = [
                (stream, i == frames - 1) for stream, last in own if last for i in range(frames)
            ]
    return found


def windows_due(window: Window, frames: Sequence[tuple[int, bool]]) -> list[tuple[bool, bool]]:
    """Of the frames of a signal, each with its stream and whether it ends its sequence, whether it has a window, and whether there
    are enough frames before it for one."""
    places: dict[int, int] = {}
    due: list[tuple[bool, bool]] = []
    for stream, last in frames:
        place = places.get(stream, 0)
        due.append((window.cadence.has(place), place >= window.skipped))
        places[stream] = 0 if last else place + 1
    return due


@dataclass(frozen=True)
class GraphTimes:
    """What happened. accepted: cycles of the beats of x on s_axis; delivered: of those of y on m_axis. layers: the frames of
    each. held: the most words that the FIFO of each operand held. stuck: nothing can move any more, though not all
    frames are delivered."""

    accepted: list[int]
    delivered: list[int]
    layers: list[list[Frame]]
    held: dict[tuple[str, int], int]
    stuck: bool


Join: TypeAlias = Choosing | Joining | LookingUp | TimeJoining | Windowing


class GraphRun:
    """A graph of cells on their hardware. sizes: elements of its signals; depths: of the FIFOs at joins. turns: the streams of the
    frames of x; ends: of each, whether it is the last of its sequence, none where every one is."""

    def __init__(
        self, graph: Graph, layers: Sequence[tuple[Cell, Hardware]], sizes: Mapping[str, int],
        depths: Depths, turns: Sequence[int], offered: Sequence[Sequence[int]], ends: Sequence[bool] = (),
    ) -> None:  # fmt: skip
        size = layers[0][1].samples_per_beat
        self.graph = graph
        frames = signal_frames(graph, turns, ends)
        self.source = FrameSource([c for frame in offered for c in frame], graph.input_divides)
        self.layers = [
            StreamedLayer(cell, hardware, [stream for stream, _ in frames[graph.sources[i]]])
            for i, (cell, hardware) in enumerate(layers)
        ]
        self.joins: dict[str, Join] = {}
        for i, join in enumerate(graph.joins):
            taken = frames[join.inputs[0]]
            if isinstance(join, Window):
                self.joins[f"join_{i}"] = Windowing(join, windows_due(join, taken), size)
            elif isinstance(join, ArgMax):
                self.joins[f"join_{i}"] = Choosing(blocks_for(join.size, size), size)
            elif isinstance(join, Embedding):
                self.joins[f"join_{i}"] = LookingUp(blocks_for(join.elements, size))
            elif isinstance(join, TimeJoin):
                own = [last for _, last in taken]
                beats = blocks_for(sizes[join.inputs[0]], size)
                self.joins[f"join_{i}"] = TimeJoining(join, beats, own)
            else:
                operands, sums = [sizes[n] for n in join.inputs], join.kind in (ADDITION, PRODUCT)
                stages = PRODUCT_STAGES if join.kind == PRODUCT else STAGES
                if isinstance(join, ElementWise):  # a beat enters, and leaves as one
                    sums, stages = True, stages_of(join)
                self.joins[f"join_{i}"] = Joining(sums, operands, size, stages)
        self.queues = {
            (name, place): Queue(depths[name, place])
            for name in self.joins
            for place in range(self.joins[name].count)
            if depths.get((name, place))
        }
        entries = {name: Entry(join) for name, join in self.joins.items()}
        self.branches: dict[tuple[str, int], Branch] = {}
        self.signals = {
            name: Divided(
                self._valid(name), [self._branch(t, entries) for t in graph.consumers[name]]
            )
            for name in (INPUT, *graph.order)
        }
        for name, entry in entries.items():
            entry.branches += [self.branches[name, place] for place in range(entry.join.count)]
        self.entries = list(entries.values())
        self._left = [(entry, self.signals[name]) for name, entry in entries.items()]
        self._through = [
            (layer, self.signals[f"layer_{i}"], self.branches[f"layer_{i}", 0])
            for i, layer in enumerate(self.layers)
        ]
        self.total = len(frames[graph.output]) * blocks_for(sizes[graph.output], size)
        self.delivered: list[int] = []

    def _valid(self, name: str) -> Callable[[int], bool]:
        """Whether a beat of a signal is offered, by the cycle."""
        if name == INPUT:
            return self.source.valid
        if name in self.joins:
            join = self.joins[name]
            return lambda now: join.held > 0
        return self.layers[number_of(name)].valid

    def _branch(self, taker: tuple[str, int], entries: Mapping[str, Entry]) -> Branch:
        name, place = taker
        entry = entries.get(name)
        layer = None if entry else self.layers[number_of(name)]
        branch = self.branches[taker] = Branch(self.queues.get(taker), entry, layer, place)
        return branch

    def run(self) -> GraphTimes:
        """Until all is delivered, or nothing moves any more."""
        now, stuck = 0, False
        while len(self.delivered) < self.total:
            if self._cycle(now):
                now += 1
                continue
            events = [self.source.next_event(now)]
            events += [layer.next_event(now) for layer in self.layers]
            events += [join.next_event(now) for join in self.joins.values()]
            following = min(events)
            if following >= NEVER:
                stuck = True
                break
            now = max(following, now + 1)
        held = {place: queue.most for place, queue in self.queues.items()}
        frames = [layer.frames for layer in self.layers]
        return GraphTimes(self.source.accepted, self.delivered, frames, held, stuck)

    def _cycle(self, now: int) -> bool:
        """One cycle; whether anything moved in it."""
        moved = False
        for layer in self.layers:
            moved |= layer.step(now)
        for entry in self.entries:
            if entry.join.coming:  # what has come is seen
                entry.join.entering(now, entry.nothing)
        for signal in self.signals.values():
            signal.offered = offered = signal.valid(now)
            for branch in signal.branches:
                branch.offered = offered and not branch.taken
        for entry in self.entries:
            seen = [b.queue.held > 0 if b.queue else b.offered for b in entry.branches]
            entry.entered = entry.join.entering(now, seen)
        for signal in self.signals.values():
            signal.popped = signal.offered  # without branches: m_axis takes it
            for branch in signal.branches:
                branch.pushed = branch.offered and branch.ready(now)
                if branch.pushed:
                    branch.taken = moved = True
                elif not branch.taken:
                    signal.popped = False
            if signal.popped:
                for branch in signal.branches:
                    branch.taken = False
        return self._end(now) or moved

    def _end(self, now: int) -> bool:
        """The end of a cycle, with what moved in it."""
        moved = self.source.end(now, self.signals[INPUT].popped)
        for entry, signal in self._left:
            for branch, entered in zip(entry.branches, entry.entered, strict=True):
                if branch.queue and branch.pushed != entered:
                    branch.queue.move(branch.pushed, entered)
            moved |= entry.join.end(now, entry.entered, signal.popped)
        for layer, signal, branch in self._through:
            if signal.popped:
                layer.pop(now)
                moved = True
            if branch.pushed:
                layer.accept(now)
        if self.signals[self.graph.output].popped:
            self.delivered.append(now)
        return moved


class Branch:
    """One of the ways of a signal: to an operand of a join, behind a FIFO or not, or to a layer. taken: whether it has the beat
    that the signal offers; pushed: whether it takes it in this cycle."""

    def __init__(
        self, queue: Queue | None, entry: Entry | None, layer: StreamedLayer | None, place: int
    ) -> None:
        self.queue, self.entry, self.layer, self.place = queue, entry, layer, place
        self.offered = self.taken = self.pushed = False

    def ready(self, now: int) -> bool:
        """Whether it takes a beat in this cycle; where a join does, what enters that is known."""
        if self.queue:
            return self.queue.ready
        if self.entry:
            return self.entry.entered[self.place]
        assert self.layer is not None  # the third that there is
        return self.layer.ready(now)


class Divided:
    """A signal and the ways on which its beats go. valid: whether one is offered, by the cycle; popped: whether it is taken by the
    last of them in this cycle."""

    def __init__(self, valid: Callable[[int], bool], branches: list[Branch]) -> None:
        self.valid, self.branches = valid, branches
        self.offered = self.popped = False


class Entry:
    """What enters a join in a cycle, on the branches that lead there."""

    def __init__(self, join: Join) -> None:
        self.join = join
        self.branches: list[Branch] = []
        self.nothing = self.entered = (False,) * join.count
