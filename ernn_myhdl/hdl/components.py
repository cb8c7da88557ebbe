"""Components that are no netlists: blocks with their parameters, and memories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, overload

from myhdl import always

from ernn_myhdl.hdl.types import AnySignal, Array, Bit, Signals, Word

Type = Bit | Word | Array
#: Bits of the number of a memory at the ports of an External.
CONTENTS_BITS = 16
#: Of a function that makes a component: the same arguments give the same component, which nobody changes.
made_once = lru_cache(maxsize=1 << 12)


@dataclass(frozen=True)
class Port:
    """Direction ("in" or "out") and type of a port."""

    direction: str
    type: Type


def ins(**types: Type) -> dict[str, Port]:
    """Input ports by name."""
    return {name: Port("in", t) for name, t in types.items()}


def outs(**types: Type) -> dict[str, Port]:
    """Output ports by name."""
    return {name: Port("out", t) for name, t in types.items()}


@dataclass(frozen=True)
class Leaf:
    """A MyHDL block with its parameters.

    name: the entity's name; two leaves of one name must be equal.
    block: the MyHDL block; called with the ports and then the parameters as keyword arguments.
    kept: synthesis must leave its registers where others hold the same.
    """

    name: str
    block: Callable[..., Any]
    ports: dict[str, Port]
    parameters: dict[str, Any] = field(default_factory=dict)
    kept: bool = False


class Contents(Sequence[tuple[int, ...]]):
    """Contents of several memories of one shape: one tuple of raw words a memory.

    They are made when they are first looked at: who only counts memories never waits for them.
    """

    def __init__(
        self, memories: int, depth: int, make: Callable[[], Sequence[tuple[int, ...]]]
    ) -> None:
        self.memories, self.depth, self._make = memories, depth, make

    @cached_property
    def _words(self) -> tuple[tuple[int, ...], ...]:
        words = tuple(self._make())
        if len(words) != self.memories or any(len(w) != self.depth for w in words):
            raise ValueError(f"contents are not {self.memories} memories of {self.depth} words")
        return words

    def __len__(self) -> int:
        return self.memories

    @overload
    def __getitem__(self, index: int) -> tuple[int, ...]: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[tuple[int, ...], ...]: ...
    def __getitem__(self, index: int | slice) -> tuple[int, ...] | tuple[tuple[int, ...], ...]:
        return self._words[index]

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (
            isinstance(other, Sequence) and len(self) == len(other) and self._words == tuple(other)
        )

    __hash__ = None  # type: ignore[assignment]  # how Python says: not hashable


@dataclass(frozen=True)
class Rom:
    """A read-only memory with a registered output, one entity for all instances.

    contents: one tuple of raw words (non-negative integers of the port's bits) an instance; the
    instance's index selects its own. Ports: clk, address, q. Latency 1 cycle.
    """

    name: str
    address_bits: int
    type: Word | Array
    contents: Contents

    def __post_init__(self) -> None:
        # GHDL 2.0 crashes when it synthesises a memory of one word
        if self.contents.depth < 2:
            given = self.contents
            padded = Contents(len(given), 2, lambda: [(*words, 0) for words in given])
            object.__setattr__(self, "contents", padded)

    @property
    def depth(self) -> int:
        return self.contents.depth

    @cached_property
    def ports(self) -> dict[str, Port]:
        return ins(clk=Bit(), address=Word(self.address_bits)) | outs(q=self.type)

    def process(self, index: int, **nets: Any) -> Any:
        """The MyHDL process of the instance that holds contents number `index`; nets: its Signals by port."""
        return _rom_process(self, index, **nets)


@dataclass(frozen=True)
class External:
    """A memory whose words come from outside the design, in the place of a Rom.

    Ports: clk, base and contents (their sum is the number of the memory), address, q.
    """

    rom: Rom

    @property
    def name(self) -> str:
        return self.rom.name

    @property
    def ports(self) -> dict[str, Port]:
        number = Word(CONTENTS_BITS)
        return ins(clk=Bit(), base=number, contents=number) | {
            name: port for name, port in self.rom.ports.items() if name != "clk"
        }


def _rom_process(rom: Rom, index: int, clk: AnySignal, address: AnySignal, q: Signals) -> Any:
    contents = rom.contents[index]
    depth = len(contents)
    if isinstance(rom.type, Array):
        width, fields = rom.type.width, list(q)
        mask, sign = (1 << width) - 1, 1 << (width - 1)
        table = [
            [(((word >> (width * i)) & mask) ^ sign) - sign for i in range(len(fields))]
            for word in contents
        ]

        shown = None  # the word at q; a lane that waits reads the same one in every cycle

        def read() -> None:
            nonlocal shown
            word = int(address)
            if word != shown and word < depth:
                for signal, value in zip(fields, table[word], strict=True):
                    signal.next = value
                shown = word
    else:

        def read() -> None:
            if address < depth:
                q.next = contents[int(address)]

    return always(clk.posedge)(read)
