"""Clusters of lanes: each a broadcast register with at most CLUSTER lanes and their weight memories.

Lane i belongs to column group i % groups, and within its group to cluster i // groups // CLUSTER.
The drain chains run through a group: behind lane i comes lane i + chain, which lies
chain / groups places further in the same group and so in the same or in a later cluster. Up to three neighbours share
a register (`ernn_myhdl.rtl.drain_chain`), never beyond a cluster. What crosses its border are the drains of its
first registers, the ports below of its last, and whose turn it is.

The lanes of a cluster are one component, whatever their weights: its generic CONTENTS is the number of
its first lane, and its memories hold the weights of the lanes from there on, every groups-th.

A memory made of LUTs reads its address more than once for every bit of a word. So such memories have an address register
for ADDRESS_REACH bits of words, at least for each lane; the first lanes have that of the broadcast register.

Block RAM has few readers of its address, but gives a word late. There each lane has a register behind its memory, and the
address comes a cycle earlier (`Clusters.address_lead`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from ernn_myhdl.hdl.block_ram import in_block_ram
from ernn_myhdl.hdl.components import Leaf, Rom
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Array, Bit
from ernn_myhdl.hdl.writable_memory import WritableMemory
from ernn_myhdl.rtl import broadcast, drain_chain, lane
from ernn_myhdl.rtl.delay import delayed
from ernn_myhdl.rtl.weights.distribution import copied, copy_leaf, memory_bus

NONE: Mapping[str, Net] = MappingProxyType({})
#: Lanes behind one copy of the broadcast registers; a power of two.
CLUSTER = 32
#: Bits of words of memories made of LUTs behind one address register: 8 of 12 bits.
ADDRESS_REACH = 96


@dataclass(frozen=True)
class Clusters:
    """All lanes of a core.

    lanes: number of them, a multiple of chain. groups: column groups (G). chain: distance of lanes in
    the drain chain (U), a multiple of groups; both powers of two. lane, weights: the components.
    """

    lanes: int
    groups: int
    chain: int
    lane: Leaf
    weights: Rom

    @property
    def step(self) -> int:
        """Distance of neighbours in the drain chain, in lanes of one group."""
        return self.chain // self.groups

    @cached_property
    def sizes(self) -> list[int]:
        """Lanes of each cluster of a group; either the step divides all, or all divide the step."""
        count = self.lanes // self.groups
        return [min(CLUSTER, count - first) for first in range(0, count, CLUSTER)]

    @property
    def crossing(self) -> int:
        """Drains that cross the border of a cluster on each side."""
        return min(self.step, CLUSTER)

    def shares(self, size: int) -> list[int]:
        """Lanes of each register of a chain in a cluster of `size` lanes."""
        return drain_chain.shares(size // self.crossing)

    def chain_register(self, lanes: int) -> Leaf:
        """The register of so many lanes of a chain."""
        sums = self.sums
        return drain_chain.chain_leaf(sums.count, sums.width, lanes)

    @property
    def sums(self) -> Array:
        """Type of the sums of a lane."""
        kind = self.lane.ports["sums"].type
        assert isinstance(kind, Array)
        return kind

    @property
    def load_register(self) -> Leaf | None:
        """The register in front of a cluster for the words that are written; None where none are."""
        if not isinstance(self.weights, WritableMemory):
            return None
        return copy_leaf(memory_bus(self.weights))

    @property
    def register(self) -> Leaf:
        """The broadcast register in front of a cluster."""
        column, address = self.lane.ports["column"].type, self.weights.ports["address"].type
        return broadcast.broadcast_leaf(column.count, column.width, address.width)

    @property
    def address_register(self) -> Leaf | None:
        """A further address register; None where memories are block RAM, which has few readers."""
        if in_block_ram(self.weights):
            return None
        return broadcast.address_leaf(self.weights.ports["address"].type.bits)

    @property
    def word_register(self) -> Leaf | None:
        """The register behind a weight memory; None where memories are not block RAM."""
        if not in_block_ram(self.weights):
            return None
        word = self.weights.type
        assert isinstance(word, Array)  # a word for each product of a bin
        return broadcast.word_leaf(word)

    @property
    def address_lead(self) -> int:
        """Cycles that the address of a cluster comes before the column, for the registers behind the memories."""
        return int(self.word_register is not None)

    @property
    def addressed(self) -> int:
        """Lanes behind an address register."""
        return max(ADDRESS_REACH // self.weights.type.bits, 1)

    def components(self) -> list[tuple[Leaf | Rom, int]]:
        """The distinct components of all clusters with their instances."""
        clusters = self.groups * len(self.sizes)
        load, own, word = self.load_register, self.address_register, self.word_register
        further = self.groups * sum((size - 1) // self.addressed for size in self.sizes)
        shares = Counter(lanes for size in self.sizes for lanes in self.shares(size))
        chains = [
            (self.chain_register(lanes), self.groups * self.crossing * count)
            for lanes, count in sorted(shares.items())
        ]
        return [
            *([(load, clusters)] if load else []),
            *([(own, further)] if own and further else []),
            *([(word, self.lanes)] if word else []),
            (self.register, clusters),
            (self.lane, self.lanes),
            *chains,
            (self.weights, self.lanes),
        ]

    def netlist(self, size: int) -> Netlist:
        """A cluster of `size` lanes.

        Ports: those of the broadcast register on the side of the source; below, the drains of the
        `crossing` registers that follow; drain, those of its own first registers; turn, turn_below: whose turn it
        is of these, see `ernn_myhdl.rtl.drain_chain`.
        """
        n = Netlist(f"lanes_{size}", base=True)
        ports = self.lane.ports
        column, address = ports["column"].type, self.weights.ports["address"].type
        clk = n.input("clk", Bit())
        copy = n.add(
            "broadcast",
            self.register,
            clk=clk,
            column=n.input("column", column),
            **{name: n.input(name, Bit()) for name in ("valid", "first", "last", "shift")},
            address=n.input("address", address),
        )
        load: dict[str, Net] = {}
        if isinstance(self.weights, WritableMemory):
            bus = memory_bus(self.weights)
            load = copied(n, "load", {p: n.input(p, kind) for p, kind in bus.types.items()}, bus)
        own, place = self.address_register, copy["address_copy"]
        sums = []
        for j in range(size):
            if own and j and j % self.addressed == 0:
                place = n.add(f"address_{j}", own, clk=clk, address=n.nets["address"])["address_q"]
            weights = n.add(
                f"weights_{j}", self.weights, j * self.groups, clk=clk, address=place, **load,
            )["q"]  # fmt: skip
            if self.word_register:
                weights = n.add(f"word_{j}", self.word_register, clk=clk, word=weights)["word_q"]
            made = n.add(
                f"lane_{j}", self.lane, clk=clk, column=copy["column_copy"], weights=weights,
                valid=copy["valid_copy"], first=copy["first_copy"],
            )  # fmt: skip
            sums.append(made["sums"])
        self._chains(n, copy, sums)
        return n

    def _chains(self, n: Netlist, tags: dict[str, Net], sums: list[Net]) -> None:
        """The registers of the chains of a cluster whose lanes give these sums."""
        kind, crossing = self.sums, self.crossing
        border = Array(crossing * kind.count, kind.width)
        below, turn = n.input("below", border), n.input("turn", Bit())
        shares = self.shares(len(sums))
        heads, turns = [], []
        for i in range(crossing):
            drains = [n.net(f"drain_{i}_{r}", kind) for r in range(len(shares))]
            heads.append(drains[0])
            bits = (below, i * kind.bits, kind.bits)
            drains.append(n.bundle(f"below_{i}", kind, bits))
            place, now = i, turn
            for r, lanes in enumerate(shares):
                own = {f"sums_{k}": sums[place + k * crossing] for k in range(lanes)}
                place += lanes * crossing
                made = n.add(
                    f"chain_{i}_{r}", self.chain_register(lanes), clk=n.nets["clk"],
                    last=tags["last_copy"], shift=tags["shift_copy"], turn=now, **own,
                    below=drains[r + 1], drain=drains[r],
                )  # fmt: skip
                now = made.get("turn_below", now)
            turns.append(now)
        n.wire(n.output("drain", border), *heads)
        n.wire(n.output("turn_below", Bit()), turns[0])

    def add(
        self,
        n: Netlist,
        buses: list[Net],
        address: Net,
        control: dict[str, Net],
        load: Mapping[str, Net] = NONE,
    ) -> list[Net]:
        """Instantiate all clusters in `n`; returns the heads of the chains.

        buses: one for each group. address: `address_lead` cycles before the operands are on the buses. control: valid, first, last and
        shift. load: what writes the weights, where they are written.
        """
        components = {size: self.netlist(size) for size in dict.fromkeys(self.sizes)}
        kind = components[self.sizes[0]].ports["drain"].type
        count = len(self.sizes)
        further = self.step // self.crossing  # clusters from one to the one below it
        end = n.zero("drain_end", kind)
        places = [(g, c) for g in range(self.groups) for c in range(count)]
        drains = {(g, c): n.net(f"lanes_{g}_{c}_drain", kind) for g, c in places}
        # of the first registers as their own `last` in the cluster
        begin = delayed(
            n, "drain_turn", control["last"], lane.LAST_DELAY + broadcast.BROADCAST_LATENCY
        )
        turns: dict[tuple[int, int], Net] = {}
        for g, c in places:
            made = n.add(
                f"lanes_{g}_{c}", components[self.sizes[c]],
                c * CLUSTER * self.groups + g, clk=n.nets["clk"], column=buses[g],
                **control, **load, address=address, below=drains.get((g, c + further), end), drain=drains[g, c],
                turn=turns.get((g, c - further), begin),
            )  # fmt: skip
            turns[g, c] = made["turn_below"]
        sums = self.sums
        heads = []
        for i in range(self.chain):
            c, j = divmod(i // self.groups, CLUSTER)
            part = (drains[i % self.groups, c], j * sums.bits, sums.bits)
            heads.append(n.bundle(f"drain_{i}", sums, part))
        return heads
