"""Graphs of layers: which signals every layer and every join of a network takes.

A signal is x of the network, y of a layer or the result of a join, and may go to any number of them. Signals are
named: `x`, `layer_0`, `layer_1`, ... as the layers are numbered, and `join_0`, `join_1`, ... as the joins are. There are
two joins of frames that belong together: the concatenation, and the sum of signals of equal size. Each has a
format of its own: operands are aligned to it, rounded half up and saturated once. A third one, the window, joins each frame of
one signal with frames before it, as a convolution over time needs them (`Window`); a linear layer that takes it is that convolution.
Others take one signal too: `ArgMax`, `Embedding`, `ernn_myhdl.design.element_wise.ElementWise`.

A core has one output. Several heads are several operands of a concatenation, which have names (`Graph.heads`): their frames
come in one frame of y in that order. Separate ports would need as many sinks, whose back-pressures differ, in every engine and on
every board, and what is sent as one frame cannot be mistaken for another frame's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from ernn_myhdl.design.embedding import Embedding
from ernn_myhdl.design.joins import (
    ADDITION,
    ARGMAX,
    CONCATENATION,
    EMBEDDING,
    PRODUCT,
    WINDOW,
    ArgMax,
    Cadence,
    Join,
    Window,
)
from ernn_myhdl.errors import DesignError

#: The joins come with the graph.
__all__ = [
    "ADDITION", "ARGMAX", "CONCATENATION", "EMBEDDING", "INPUT", "PRODUCT", "WINDOW", "ArgMax", "Cadence", "Embedding", "Graph", "Join",
    "Window", "number_of", "row",
]  # fmt: skip

#: The name of x of a network.
INPUT = "x"
#: Joins of a graph: more are a mistake in a file.
MAX_JOINS = 64


@dataclass(frozen=True)
class Graph:
    """How the signals of a network go.

    sources: for each layer the name of the signal that it takes. joins: in any order that has no circle. output: name of the
    signal that is y of the network. heads: names of the operands of the output, which is a concatenation then;
    none where y is one thing. Raises DesignError where anything names what is not there, makes a circle or leads nowhere.
    """

    sources: tuple[str, ...]
    joins: tuple[Join, ...]
    output: str
    heads: tuple[str, ...] = ()
    order: tuple[str, ...] = field(init=False, repr=False, compare=False)
    #: Name of every signal -> its frames in a sequence; None: as many as x has.
    frames: dict[str, int | None] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sources", tuple(self.sources))
        object.__setattr__(self, "joins", tuple(self.joins))
        object.__setattr__(self, "heads", tuple(self.heads))
        if len(self.joins) > MAX_JOINS:
            raise DesignError(f"graph joins: {len(self.joins)}, must be at most {MAX_JOINS}")
        for where, name in self._named():
            if name not in self.operands and name != INPUT:
                raise DesignError(
                    f"graph {where} = {name!r}: no such signal; there are {self._known()}"
                )
        object.__setattr__(self, "order", self._order())
        object.__setattr__(self, "frames", self._frames())
        self._check_ends()
        self._check_embeddings()
        self._check_heads()
        self._check_cadences()

    @cached_property
    def operands(self) -> dict[str, tuple[str, ...]]:
        """Name of every signal but x -> names of those that it is made of."""
        made = {f"layer_{i}": (source,) for i, source in enumerate(self.sources)}
        return made | {f"join_{i}": join.inputs for i, join in enumerate(self.joins)}

    @cached_property
    def consumers(self) -> dict[str, tuple[tuple[str, int], ...]]:
        """Name of every signal -> (layer or join, place among its operands) of all that take it."""
        found: dict[str, list[tuple[str, int]]] = {name: [] for name in (INPUT, *self.order)}
        for name in self.order:
            for place, source in enumerate(self.operands[name]):
                found[source].append((name, place))
        return {name: tuple(takers) for name, takers in found.items()}

    @property
    def over_time(self) -> bool:
        """Whether a join takes the frames of a sequence together, so that their ends must be known."""
        return any(join.over_time for join in self.joins)

    @property
    def is_row(self) -> bool:
        """Whether it is what a network without a graph is: layers one after the other."""
        names = (INPUT, *(f"layer_{i}" for i in range(len(self.sources))))
        return not self.joins and self.sources == names[:-1] and self.output == names[-1]

    @property
    def first_taker(self) -> str:
        """The first of the layers that take x; where none does, of the windows and embeddings, which know the size of x too."""
        takers = [name for name, _ in self.consumers[INPUT]]
        layers = [name for name in takers if name.startswith("layer_")]
        return layers[0] if layers else next(n for n in takers if self.sized_of(n))

    def input_size(self, inputs: Sequence[int]) -> int:
        """Elements of x. inputs: of every layer."""
        join = self.sized_of(self.first_taker)
        return join.size if join else inputs[number_of(self.first_taker)]

    @property
    def input_divides(self) -> bool:
        """Whether x goes to more than one layer, to a window or an embedding: its frames are made whole before."""
        return len(self.consumers[INPUT]) > 1 or self.sized_of(self.first_taker) is not None

    @property
    def windows(self) -> list[tuple[str, Window]]:
        """The windows among the joins, with their names."""
        joins = ((f"join_{i}", join) for i, join in enumerate(self.joins))
        return [(name, join) for name, join in joins if isinstance(join, Window)]

    def without_formats(self) -> Graph:
        """The same graph, for whose joins formats are to be chosen."""
        return replace(self, joins=tuple(join.without_format() for join in self.joins))

    def renumbered(self, order: Sequence[int]) -> Graph:
        """The same graph with its layers in another order: layer i is what layer order[i] was."""
        new = {f"layer_{old}": f"layer_{i}" for i, old in enumerate(order)}

        def name(signal: str) -> str:
            return new.get(signal, signal)

        joins = (replace(join, inputs=tuple(map(name, join.inputs))) for join in self.joins)
        sources = tuple(name(self.sources[old]) for old in order)
        return Graph(sources, tuple(joins), name(self.output), self.heads)

    def join_of(self, name: str) -> Join | None:
        """The join that makes a signal; None where a layer does."""
        return self.joins[number_of(name)] if name.startswith("join_") else None

    def window_of(self, name: str) -> Window | None:
        """The window that makes a signal; None where something else does."""
        join = self.join_of(name)
        return join if isinstance(join, Window) else None

    def sized_of(self, name: str) -> Window | Embedding | None:
        """The window or embedding that makes a signal, which knows size and format of x; None where something else does."""
        join = self.join_of(name)
        return join if isinstance(join, Window | Embedding) else None

    @property
    def embedding(self) -> Embedding | None:
        """The first embedding that takes x, which is a whole number then; None without one."""
        return next((join for join in self.joins if isinstance(join, Embedding)), None)

    def _named(self) -> list[tuple[str, str]]:
        found = [(f"sources of layer {i}", name) for i, name in enumerate(self.sources)]
        found += [
            (f"inputs of join {i}", n) for i, join in enumerate(self.joins) for n in join.inputs
        ]
        return [*found, ("output", self.output)]

    def _known(self) -> str:
        return ", ".join((INPUT, *self.operands))

    def _order(self) -> tuple[str, ...]:
        """Layers and joins, each behind what it takes."""
        made, left, order = {INPUT}, list(self.operands), []
        while left:
            ready = [name for name in left if made.issuperset(self.operands[name])]
            if not ready:
                raise DesignError(
                    f"graph: {', '.join(left)} follow from each other in a circle; only layers keep a state, "
                    "take the signal of a frame from what comes before"
                )
            order.append(ready[0])
            made.add(ready[0])
            left.remove(ready[0])
        return tuple(order)

    def _frames(self) -> dict[str, int | None]:
        found: dict[str, int | None] = {INPUT: None}
        for name in self.order:
            operands = [found[operand] for operand in self.operands[name]]
            join = self.join_of(name)
            found[name] = operands[0] if join is None else join.frames_of(name, operands)
        return found

    def _check_ends(self) -> None:
        """Every signal but the output is taken by something."""
        if self.output == INPUT:
            raise DesignError("graph output = 'x': must be the signal of a layer or of a join")
        takers = self.consumers
        if takers[self.output]:
            raise DesignError(
                f"graph output = {self.output!r}: {takers[self.output][0][0]} takes it too, and leads nowhere; "
                "concatenate both for the output"
            )
        for name in self.order:
            if name != self.output and not takers[name]:
                raise DesignError(
                    f"graph: nothing takes {name}, so it does no work; leave it out, or concatenate it to the output"
                )
        if not any(
            taker.startswith("layer_") or self.sized_of(taker) for taker, _ in takers[INPUT]
        ):
            raise DesignError(
                "graph: no layer takes x, whose format is that of a layer; let one take it"
            )

    def _check_embeddings(self) -> None:
        """Where x is the number of a row, nothing takes it as anything else."""
        if self.embedding is None:
            return
        for name, _ in self.consumers[INPUT]:
            join = self.join_of(name)
            if not isinstance(join, Embedding):
                raise DesignError(
                    f"graph {name}: takes x, which is the number of a row of an embedding; let it take what an embedding gives"
                )
            if join.rows != self.embedding.rows:
                raise DesignError(
                    f"graph {name}: has {join.rows} rows, another embedding of x {self.embedding.rows}; make them equal"
                )

    @cached_property
    def cadences(self) -> dict[str, Cadence]:
        """Which frames of x every signal has one of; behind a join over time all of its own."""
        found = {INPUT: Cadence()}
        for name in self.order:
            first = found[self.operands[name][0]]
            window = self.window_of(name)
            found[name] = first.then(window.cadence) if window else first
            if self.frames[name] is not None:  # behind a join over time
                found[name] = Cadence()
        return found

    def output_frames(self, length: int) -> int:
        """Frames of y of a sequence of so many of x."""
        frames = self.frames[self.output]
        return self.cadence.frames(length) if frames is None else frames

    def last_window(self, name: str) -> int | None:
        """The number of the last window of a sequence, counted from 0, where frames behind it have none and a join over time tells
        how many there are; None where the last frame has a window, and marks it, or ends are unknown, and of other signals."""
        window, frames = self.window_of(name), self.frames[self.operands[name][0]]
        if window is None or frames is None or window.cadence.has(frames - 1):
            return None
        return window.cadence.frames(frames) - 1

    def unused_frames(self) -> int:
        """The most frames that may follow those of the last frame of y, since windows with a stride leave them out."""
        found = max(cadence.step for cadence in self.cadences.values()) - 1
        for name in self.order:
            last, frames = self.last_window(name), self.frames[self.operands[name][0]]
            window = self.window_of(name)
            if window and frames is not None and last is not None:
                found += frames - 1 - window.cadence.first - window.cadence.step * last
        return found

    @property
    def frames_of_x(self) -> bool:
        """Whether every signal has a frame for each of x."""
        return not self.over_time and set(self.cadences.values()) == {Cadence()}

    @property
    def least(self) -> int:
        """Frames of the shortest sequence of x of which every signal has one."""
        return 1 + max(cadence.first for cadence in self.cadences.values())

    @property
    def cadence(self) -> Cadence:
        """Which frames of x have a frame of y."""
        return self.cadences[self.output]

    def _check_cadences(self) -> None:
        strided: set[str] = set()  # signals that have no last frame of a sequence
        for name in self.order:
            first, *others = self.operands[name]
            join, window = self.join_of(name), self.window_of(name)
            # where a join over time tells how many frames there are, the last window is known
            if self.frames[name] is None and (
                strided.intersection(self.operands[name]) or (window and window.stride > 1)
            ):
                strided.add(name)
            if join is not None and join.over_time and first in strided:
                raise DesignError(
                    f"graph {name}: takes the frames of {first} together, of which windows with a stride leave some out, the last of "
                    "a sequence among them; let the window have no stride"
                )
            for other in others:
                if self.cadences[other] != self.cadences[first]:
                    raise DesignError(
                        f"graph {name}: joins {first} and {other}, but windows without padding or with a stride leave "
                        "frames out of one of them; give both the same windows, or pad them"
                    )

    def _check_heads(self) -> None:
        if not self.heads:
            return
        join = self.join_of(self.output)
        if join is None or join.kind != CONCATENATION or len(join.inputs) != len(self.heads):
            raise DesignError(
                f"graph heads: {len(self.heads)} names, must be one for each operand of the concatenation that is "
                "the output, or none"
            )
        for name in self.heads:
            if not isinstance(name, str) or not re.fullmatch(
                r"[A-Za-z_][A-Za-z0-9_.:/-]{0,63}", name
            ):
                raise DesignError(
                    f"graph heads: {name!r} must be a name of letters, digits and _ . : / -"
                )
        if len(set(self.heads)) != len(self.heads):
            raise DesignError(f"graph heads: {', '.join(self.heads)} must differ from each other")


def number_of(name: str) -> int:
    """The number of a layer or a join by its name."""
    return int(name.rpartition("_")[2])


def row(layers: int) -> Graph:
    """Layers one after the other."""
    names = (INPUT, *(f"layer_{i}" for i in range(layers)))
    return Graph(names[:-1], (), names[-1])
