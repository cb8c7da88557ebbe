"""What joins frames in a graph of layers: concatenation and addition of several signals, windows over the frames of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ernn_myhdl.errors import DesignError
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.whole_numbers import whole

CONCATENATION, ADDITION, WINDOW, ARGMAX = "concatenation", "addition", "window", "argmax"
EMBEDDING, ELEMENT_WISE, PRODUCT = "embedding", "element_wise", "product"
KINDS = (CONCATENATION, ADDITION, PRODUCT, WINDOW, ARGMAX, EMBEDDING, ELEMENT_WISE)
#: What one is made as, of the kinds that have parameters of their own.
_OWN = {
    WINDOW: "a Window", ARGMAX: "an ArgMax", EMBEDDING: "an Embedding", ELEMENT_WISE: "an ElementWise",
}  # fmt: skip
#: Operands of a join: more are a mistake in a file.
MAX_OPERANDS = 16
#: Largest parameters of a window, elements of one, and frames that it reaches back.
WINDOW_LIMITS = {"size": 65536, "kernel": 256, "dilation": 4096, "stride": 4096}
MOST_ELEMENTS, MOST_REACH = 65536, 4096
#: What a window has beside what every join has, as files hold it.
WINDOW_FIELDS = ("size", "kernel", "dilation", "stride", "padding")


@dataclass(frozen=True)
class Cadence:
    """Which frames of a sequence of x have a frame of a signal: number `first`, counted from 0, and every `step`-th behind it."""

    first: int = 0
    step: int = 1

    def then(self, following: Cadence) -> Cadence:
        """Of what has a frame for some frames of a signal of this cadence."""
        return Cadence(self.first + self.step * following.first, self.step * following.step)

    def frames(self, given: int) -> int:
        """Frames of a sequence of which x has `given`."""
        return max(-(-(given - self.first) // self.step), 0)

    def has(self, number: int) -> bool:
        """Whether frame `number` of x has one."""
        return number >= self.first and (number - self.first) % self.step == 0


@dataclass(frozen=True)
class Join:
    """Several signals as one.

    kind: "concatenation", elements one after the other, "addition" of signals of equal size, or "product" of two such, element by
    element. inputs: names of the signals, in order; one may come twice. format: of the result; None where it is not chosen yet, which no
    network may have.
    """

    kind: str
    inputs: tuple[str, ...]
    format: Format | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", tuple(self.inputs))
        if self.kind not in KINDS:
            raise DesignError(
                f"join kind = {self.kind!r}: must be {' or '.join(map(repr, KINDS))}, or one over time "
                "(`ernn_myhdl.design.time_joins`)"
            )
        self._check_operands()

    @property
    def over_time(self) -> bool:
        """Whether it takes the frames of a sequence together (`ernn_myhdl.design.time_joins`)."""
        return False

    def without_format(self) -> Join:
        """The same join, for which a format is to be chosen."""
        return replace(self, format=None)

    def format_behind(self, name: str, source: Format) -> Format:
        """Of a join over time the format of its result; source: that of the signal."""
        raise NotImplementedError

    def frames_of(self, name: str, operands: Sequence[int | None]) -> int | None:
        """Frames of a sequence, None where they follow from those of x; operands: those of the signals that it takes.

        DesignError where they do not fit; name: of the join.
        """
        if len(set(operands)) > 1:
            each = zip(self.inputs, operands, strict=True)
            told = ", ".join(
                f"{n} {'as many as x' if frames is None else frames}" for n, frames in each
            )
            raise DesignError(
                f"graph {name}: its operands have other numbers of frames in a sequence ({told}); must be equal"
            )
        return operands[0]

    def size_of(self, sizes: Sequence[int]) -> int:
        """Elements of the result of operands of these sizes."""
        return sum(sizes) if self.kind == CONCATENATION else sizes[0]

    def _check_operands(self) -> None:
        if self.kind in _OWN:
            made = _OWN[self.kind]
            raise DesignError(f"join kind = {self.kind!r}: has parameters of its own; make {made}")
        if self.kind == PRODUCT and len(self.inputs) != 2:
            raise DesignError(
                f"join inputs: {len(self.inputs)} signals, must be 2 of a product; multiply the others by a join of their own"
            )
        if not 2 <= len(self.inputs) <= MAX_OPERANDS:
            raise DesignError(
                f"join inputs: {len(self.inputs)} signals, must be 2 to {MAX_OPERANDS}; join the others "
                "by a join of their own"
            )


@dataclass(frozen=True)
class Window(Join):
    """Each frame of a signal behind frames before it: `kernel` frames, each `dilation` frames after the one before, the oldest
    first, as one frame of kernel x size elements.

    size: elements of a frame of the signal. stride: a window for every frame, or for every so many. padding: whether frames
    before a sequence count as zeros; else the first window is that of the first frame behind which there are enough, so that
    (kernel - 1) x dilation fewer come out. format: of the signal, which is not changed.
    """

    kind: str = WINDOW
    inputs: tuple[str, ...] = ()
    format: Format | None = None
    size: int = 1
    kernel: int = 2
    dilation: int = 1
    stride: int = 1
    padding: bool = True

    def _check_operands(self) -> None:
        if self.kind != WINDOW:
            raise DesignError(f"join kind = {self.kind!r}: a Window's must be {WINDOW!r}")
        if len(self.inputs) != 1:
            raise DesignError(
                f"window inputs: {len(self.inputs)} signals, must be 1; concatenate several before"
            )
        for name, most in WINDOW_LIMITS.items():
            whole(f"window {name}", getattr(self, name), 1, most)
        if not isinstance(self.padding, bool):
            raise DesignError(f"window padding = {self.padding!r}: must be true or false")
        if self.kernel * self.size > MOST_ELEMENTS:
            raise DesignError(
                f"window kernel = {self.kernel} of {self.size} elements: {self.kernel * self.size} elements, must be at "
                f"most {MOST_ELEMENTS}; choose a shorter kernel"
            )
        if self.reach > MOST_REACH:
            raise DesignError(
                f"window kernel = {self.kernel}, dilation = {self.dilation}: reaches {self.reach} frames back, must be at "
                f"most {MOST_REACH}; choose fewer"
            )
        if self.kernel == self.stride == 1:
            raise DesignError(
                "window kernel = 1, stride = 1: is the signal itself; let the layer take that"
            )

    def size_of(self, sizes: Sequence[int]) -> int:
        return self.elements

    def frames_of(self, name: str, operands: Sequence[int | None]) -> int | None:
        given = operands[0]
        if given is None:
            return None
        if not (frames := self.cadence.frames(given)):
            raise DesignError(
                f"graph {name}: {self.inputs[0]} has {given} frames a sequence, a window without padding reaches over "
                f"{self.reach + 1}; pad it, or repeat more frames"
            )
        return frames

    @property
    def cadence(self) -> Cadence:
        """Which frames of its signal have a window."""
        return Cadence(self.skipped, self.stride)

    @property
    def reach(self) -> int:
        """Frames from the oldest of a window to its newest."""
        return (self.kernel - 1) * self.dilation

    @property
    def elements(self) -> int:
        """Elements of a window."""
        return self.kernel * self.size

    @property
    def skipped(self) -> int:
        """Frames of a sequence before that of the first window."""
        return 0 if self.padding else self.reach


@dataclass(frozen=True)
class ArgMax(Join):
    """The number of the largest element of a frame, the first of equal ones: a frame of one element, a whole number.

    size: elements of a frame of the signal, from 2. format: follows from it.
    """

    kind: str = ARGMAX
    inputs: tuple[str, ...] = ()
    format: Format | None = None
    size: int = 2

    def _check_operands(self) -> None:
        if self.kind != ARGMAX or len(self.inputs) != 1:
            raise DesignError(f"argmax inputs: {len(self.inputs)} signals, must be 1; concatenate several before")  # fmt: skip
        whole("argmax size", self.size, 2, MOST_ELEMENTS)
        own = Format(self.index_bits + 1, 0)
        if self.format not in (None, own):
            raise DesignError(f"argmax format = {self.format}: must be {own}, which holds the numbers of {self.size} elements")  # fmt: skip
        object.__setattr__(self, "format", own)

    def size_of(self, sizes: Sequence[int]) -> int:
        return 1

    def without_format(self) -> ArgMax:
        return self

    @property
    def index_bits(self) -> int:
        """Bits of a number."""
        return (self.size - 1).bit_length()
