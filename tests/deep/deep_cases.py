"""Cases of the deep tests: a name says all that a design or network is drawn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from random_designs import corner_inputs, random_design, random_inputs, random_network
from time_join_graphs import time_join_graph

from ernn_myhdl.design.cells import ACTIVATIONS, BLOCK_SIZES, CELLS, RESETS
from ernn_myhdl.design.time_joins import taken_lengths
from ernn_myhdl.streams.traffic import Traffic

#: Ten times what the tests run.
DESIGNS, NETWORKS = 1000, 80
#: Engine -> (one of so many designs, one of so many networks).
EVERY = {"myhdl": (1, 1), "ghdl": (10, 4), "verilator": (20, 8)}
#: Block size -> (share of the designs, most inputs and cells): large blocks simulate slowly.
BLOCKS = {1: (0.25, 8), 2: (0.25, 10), 4: (0.25, 14), 8: (0.16, 18), 16: (0.07, 20), 32: (0.02, 34)}
#: Kinds that are no cell.
GROUPS = ("network", "graph")
assert set(BLOCKS) == set(BLOCK_SIZES)


@dataclass(frozen=True)
class Case:
    """A design of a kind of cell, a network of some layers, or a graph of some nodes with joins over time.

    options: of the cell, by the words of `WORDS`; what no option says is drawn from the seed, as are
    sizes, weights, formats and hardware.
    """

    kind: str
    number: int  # block size, layers of a network, or nodes of a graph
    options: tuple[str, ...]
    seed: int

    @property
    def name(self) -> str:
        """gru-4-tanh-before-uniform-stressed-20261128000017"""
        return "-".join([self.kind, str(self.number), *self.options, str(self.seed)])

    @classmethod
    def of(cls, name: str) -> Case:
        """The case of a name."""
        parts = name.split("-")
        kind, options = parts[0], parts[2:-1]
        numbers = [int(part) for part in (parts[1:2] + parts[-1:]) if part.isdecimal()]
        known = len(parts) > 2 and len(numbers) == 2 and set(options) <= WORDS.keys()
        if not known or not (kind in GROUPS or (kind in CELLS and numbers[0] in BLOCKS)):
            raise ValueError(f"case {name}: unknown; names are like {EXAMPLE.name}")
        number, seed = numbers
        return cls(kind, number, tuple(options), seed)

    def design(self):
        """The design or network, the same each time."""
        if self.kind == "network":
            return random_network(self.seed, self.number)
        if self.kind == "graph":
            return time_join_graph(self.seed, self.number, functions="functions" in self.options)
        largest = BLOCKS[self.number][1]
        options = dict(WORDS[word] for word in self.options)
        return random_design(
            self.seed, kind=self.kind, block=self.number, max_inputs=largest, max_hidden=largest, **options
        )  # fmt: skip

    def sequences(self, design) -> list[np.ndarray]:
        """One of random kinds of numbers, one of extreme frames."""
        lengths = taken_lengths(design.graph, [2, 1 + self.seed % 3])
        return [random_inputs(self.seed, design, lengths[0]), corner_inputs(design, lengths[1])]

    def traffic(self, rough: bool) -> Traffic:
        """Order of the streams; where it is rough, gaps and back-pressure as well."""
        share = 0.3 if rough else 0.0
        return Traffic(share, share, self.seed % 2**32, shuffle=bool(self.seed & 1))


#: Word in a name -> argument of `random_design`.
WORDS = {
    **{word: ("reset", word) for word in RESETS},
    **{word: ("g_activation", word) for word in ACTIVATIONS},
    "relu": ("activation", "relu"),
    "squashed": ("activation", "tanh"),
    "projected": ("projection", True),
    "plain": ("projection", False),
    "peepholes": ("peepholes", True),
    "blind": ("peepholes", False),
    "mixed": ("mixed", True),
    "uniform": ("mixed", False),
    "stressed": ("stress", True),
    "calibrated": ("stress", False),
    "functions": ("functions", True),
}
#: Whether the matrices have block sizes of their own.
BLOCK_MIXES = ("mixed", "uniform", "uniform")
EXAMPLE = Case("gru", 4, ("tanh", "before", "uniform", "stressed"), 20261128000017)


def numbered_case(day: int, number: int) -> Case:
    """Design `number` of a day."""
    rng = np.random.default_rng([day, number])
    shares = [share for share, _ in BLOCKS.values()]
    block, kind = int(rng.choice(list(BLOCKS), p=shares)), str(rng.choice(list(CELLS)))
    choices = {
        "lstm": [ACTIVATIONS, ("projected", "plain"), ("peepholes", "blind"), BLOCK_MIXES],
        "gru": [ACTIVATIONS, RESETS, BLOCK_MIXES],
        "linear": [BLOCK_MIXES],
        "rnn": [("relu", "squashed"), BLOCK_MIXES],
    }.get(kind, [])
    choices = [*choices, ("stressed", "calibrated")]
    options = tuple(str(rng.choice(words)) for words in choices)
    return Case(kind, block, options, 1_000_000 * day + number)


def cases(engine: str, day: int, designs: int, networks: int) -> list[Case]:
    """All cases of a day on an engine."""
    every, every_network = EVERY[engine]
    first = [numbered_case(day, number) for number in range(0, designs, every)]
    layers = [
        Case("network", 1 + number % 3, (), 1_000_000 * day + 500_000 + number)
        for number in range(0, networks, every_network)
    ]
    graphs = [
        Case(
            "graph",
            2 + number % 5,
            ("functions",) * (number // every_network % 2),
            1_000_000 * day + 700_000 + number,
        )
        for number in range(0, networks, every_network)
    ]
    return first + layers + graphs
