"""Joins over time: the frames of one signal in a sequence as other frames.

    last      the last frame
    repeat    a frame that stands for a sequence, `frames` times
    maximum   of each element the largest over the frames
    sum       of each element the sum over the frames, at most `frames` of them; exact
    mean      of each element the mean over the frames, exactly `frames` of them, rounded once

What ends a sequence is its last frame, which tuser marks (`Hardware.sequence_ends`); a sequence that is begun anew
before that gives nothing. last, maximum, sum and mean give one frame a sequence, when its last one has come. Where the length
varies, the mean is the sum that the host divides (`HostStep("per_frame")`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from ernn_myhdl.design.graph import Graph, row
from ernn_myhdl.design.joins import Join
from ernn_myhdl.errors import DesignError
from ernn_myhdl.numerics.formats import MAX_WORD, Format
from ernn_myhdl.whole_numbers import whole

LAST, REPEAT, MAXIMUM, SUM, MEAN = "last", "repeat", "maximum", "sum", "mean"
#: Frames that a join may count.
MOST_FRAMES = 1 << 16
#: Bits of the constant that a mean multiplies with, instead of dividing: one input of a multiplier.
MULTIPLIER_BITS = 17
#: What a layer gives: every frame, or the last one of a sequence.
OUTPUTS = ("all", LAST)


@dataclass(frozen=True)
class TimeJoin(Join):
    """The frames of a signal in a sequence, taken together.

    inputs: the name of the signal, alone. format: of a mean; the others have none of their own. frames: see the module.
    """

    #: Whether `frames` is of the kind, what it is, and the fewest.
    counts: ClassVar[str] = ""
    has_format: ClassVar[bool] = False
    frames: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", tuple(self.inputs))
        if len(self.inputs) != 1:
            raise DesignError(
                f"join {self.kind} inputs: {len(self.inputs)} signals, must be one, whose frames it takes together"
            )
        if self.counts:
            whole(f"join {self.kind} frames", self.frames, 1, MOST_FRAMES)
        elif self.frames:
            raise DesignError(f"join {self.kind} frames = {self.frames}: has none; remove it")
        if self.format is not None and not self.has_format:
            raise DesignError(
                f"join {self.kind} format = {self.format}: follows from its signal; remove it"
            )

    @property
    def over_time(self) -> bool:
        return True

    def frames_of(self, name: str, operands: Sequence[int | None]) -> int | None:
        return 1

    def format_behind(self, name: str, source: Format) -> Format:
        return source


@dataclass(frozen=True)
class LastFrame(TimeJoin):
    """The last frame of a sequence."""

    kind: str = field(default=LAST, init=False)


@dataclass(frozen=True)
class Repeat(TimeJoin):
    """A frame that stands for a sequence `frames` times, as a sequence of so many."""

    kind: str = field(default=REPEAT, init=False)
    counts: ClassVar[str] = "that come of one"

    def frames_of(self, name: str, operands: Sequence[int | None]) -> int | None:
        if operands[0] != 1:
            raise DesignError(
                f"graph {name}: repeats {self.inputs[0]}, which has more than one frame a sequence; take its last "
                "frame, maximum or mean before"
            )
        return self.frames


@dataclass(frozen=True)
class Maximum(TimeJoin):
    """Of each element the largest over the frames of a sequence."""

    kind: str = field(default=MAXIMUM, init=False)


@dataclass(frozen=True)
class Sum(TimeJoin):
    """Of each element the exact sum over the frames of a sequence, of which it has at most `frames`."""

    kind: str = field(default=SUM, init=False)
    counts: ClassVar[str] = "at most"

    def format_behind(self, name: str, source: Format) -> Format:
        return self.total(name, source)

    def total(self, name: str, source: Format) -> Format:
        """The exact sum of frames in a format."""
        total = Format(source.word + (self.frames - 1).bit_length(), source.frac)
        if total.word > MAX_WORD:
            raise DesignError(
                f"graph {name}: the sum of {self.frames} frames needs {total.word} bits, must be at most {MAX_WORD}; "
                "declare fewer frames"
            )
        return total

    def frames_of(self, name: str, operands: Sequence[int | None]) -> int | None:
        given = operands[0]
        if given is not None and not self.takes(given):
            raise DesignError(
                f"graph {name}: {self.inputs[0]} has {given} frames a sequence, but its {self.kind} is of "
                f"{self.counts} {self.frames}; declare so many"
            )
        return 1

    def takes(self, frames: int) -> bool:
        """Whether a sequence may have so many frames."""
        return 1 <= frames <= self.frames


@dataclass(frozen=True)
class Mean(Sum):
    """Of each element the mean over the frames of a sequence, of which it has exactly `frames`.

    The exact sum is multiplied with a constant of at most MULTIPLIER_BITS bits, 2**shift / frames rounded, and brought to the format
    with one rounding half up and saturation.
    """

    kind: str = field(default=MEAN, init=False)
    counts: ClassVar[str] = "exactly"
    has_format: ClassVar[bool] = True

    def format_behind(self, name: str, source: Format) -> Format:
        if self.format is None:
            raise DesignError(f"graph {name}: has no format; give it one")
        product = self.product(name, source)
        if product.word + max(self.format.frac - product.frac, 0) > MAX_WORD:
            raise DesignError(
                f"graph {name}: its format {self.format} is too fine for a mean of {source}; choose one with fewer "
                "fraction bits"
            )
        return self.format

    def product(self, name: str, source: Format) -> Format:
        """The sum times the constant."""
        total, (constant, shift) = self.total(name, source), self.constant
        word = total.word + constant.bit_length()
        if word > MAX_WORD:
            raise DesignError(
                f"graph {name}: the mean of {self.frames} frames needs {word} bits, must be at most {MAX_WORD}; choose "
                "shorter words"
            )
        return Format(word, total.frac + shift)

    @property
    def constant(self) -> tuple[int, int]:
        """Multiplier m and shift s, so that m * 2**-s is about 1 / frames; exact for powers of two."""
        shift = MULTIPLIER_BITS + (self.frames - 1).bit_length()
        while True:
            multiplier = ((1 << shift + 1) + self.frames) // (2 * self.frames)
            if multiplier < 1 << MULTIPLIER_BITS:
                break
            shift -= 1
        while multiplier % 2 == 0 and shift:
            multiplier, shift = multiplier // 2, shift - 1
        return multiplier, shift

    def takes(self, frames: int) -> bool:
        return frames == self.frames


#: The joins over time by their kinds.
TIME_JOINS: dict[str, type[TimeJoin]] = {
    LAST: LastFrame, REPEAT: Repeat, MAXIMUM: Maximum, SUM: Sum, MEAN: Mean,
}  # fmt: skip


def with_outputs(graph: Graph | None, outputs: Sequence[str]) -> Graph:
    """The graph (that of a row if None) of layers of which those with "last" give the last frame of a sequence only.

    outputs: "all" or "last" for each layer. What took such a layer, takes its last frame. Raises DesignError for anything
    else.
    """
    graph = graph or row(len(outputs))
    if len(outputs) != len(graph.sources):
        raise DesignError(
            f"outputs: {len(outputs)}, must be one for each of {len(graph.sources)} layers"
        )
    renamed, joins = {}, list(graph.joins)
    for i, kind in enumerate(outputs):
        if kind not in OUTPUTS:
            raise DesignError(f"outputs of layer {i} = {kind!r}: must be 'all' or 'last'")
        if kind == LAST:
            renamed[f"layer_{i}"] = f"join_{len(joins)}"
            joins.append(LastFrame((f"layer_{i}",)))
    if not renamed:
        return graph

    def of(name: str) -> str:
        return renamed.get(name, name)

    own = len(graph.joins)
    joins[:own] = [replace(j, inputs=tuple(map(of, j.inputs))) for j in joins[:own]]
    return Graph(tuple(map(of, graph.sources)), tuple(joins), of(graph.output), graph.heads)


def check_lengths(graph: Graph | None, lengths: Sequence[int]) -> None:
    """DesignError where sequences have other numbers of frames than a sum or a mean takes, or too few for a window."""
    for number, frames in enumerate(lengths):
        check_frames(graph, frames, True, f"sequence {number}")


def check_frames(graph: Graph | None, frames: int, whole: bool, where: str) -> None:
    """DesignError where a sequence of x may not have so many frames. whole: it ends with them; where: names it."""
    if graph is None:
        return
    if whole and frames < graph.least:
        raise DesignError(
            f"{where}: has {frames} frames, but windows without padding give a first frame of y for {graph.least}; "
            "give longer sequences, or make the design with padding"
        )
    for i, join in enumerate(graph.joins):
        if not isinstance(join, Sum) or graph.frames[join.inputs[0]] is not None:
            continue
        taken = graph.cadences[join.inputs[0]].frames(frames)
        if not (join.takes(taken) if whole else taken < join.frames):
            more = "" if whole else " and more"
            raise DesignError(
                f"{where}: has {taken} frames{more}, but the {join.kind} join_{i} is of {join.counts} "
                f"{join.frames}; cut or fill the sequence, or make the design with other frames"
            )


def taken_lengths(graph: Graph | None, lengths: Sequence[int]) -> list[int]:
    """Lengths that the windows, sums and means of a graph take, close to these."""
    if graph is None:
        return list(lengths)
    lengths = [max(n, graph.least) for n in lengths]
    for join in graph.joins:
        if isinstance(join, Sum) and graph.frames[join.inputs[0]] is None:
            most = join.frames + graph.cadences[join.inputs[0]].first
            lengths = [most if isinstance(join, Mean) else min(n, most) for n in lengths]
    return list(lengths)
