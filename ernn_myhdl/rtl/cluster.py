"""Clusters of lanes: each a broadcast register with at most CLUSTER lanes and their weight memories.

Lane i belongs to column group i % groups, and within its group to cluster i // groups // CLUSTER.
The drain chains run through a group: lane i takes over from lane i + chain, which lies
chain / groups places further in the same group and so in the same or in a later cluster. What
crosses the border of a cluster are the drains of its first lanes and the ports below of its last.

The lanes of a cluster are one component, whatever their weights: its generic CONTENTS is the number of
its first lane, and its memories hold the weights of the lanes from there on, every groups-th.

A memory made of LUTs reads its address more than once for every bit of a word. So such memories have an address register
for ADDRESS_REACH bits of words, at least for each lane; the first lanes have that of the broadcast register.

Block RAM has few readers of its address, but gives a word late. There each lane has a register behind its memory, and the
address comes a cycle earlier (`Clusters.address_lead`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from ernn_myhdl.hdl.block_ram import in_block_ram
from ernn_myhdl.hdl.components import Leaf, Rom
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Array, Bit
from ernn_myhdl.hdl.writable_memory import WritableMemory
from ernn_myhdl.rtl import broadcast
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
        return [
            *([(load, clusters)] if load else []),
            *([(own, further)] if own and further else []),
            *([(word, self.lanes)] if word else []),
            (self.register, clusters),
            (self.lane, self.lanes),
            (self.weights, self.lanes),
        ]

    def netlist(self, size: int) -> Netlist:
        """A cluster of `size` lanes.

        Ports: those of the broadcast register on the side of the source; below, the drains of the
        `crossing` lanes that follow; drain, those of its own first lanes.
        """
        n = Netlist(f"lanes_{size}", base=True)
        ports = self.lane.ports
        sums = ports["drain"].type
        crossing = Array(self.crossing * sums.count, sums.width)
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
        below = n.input("below", crossing)
        load: dict[str, Net] = {}
        if isinstance(self.weights, WritableMemory):
            bus = memory_bus(self.weights)
            load = copied(n, "load", {p: n.input(p, kind) for p, kind in bus.types.items()}, bus)
        own, place = self.address_register, copy["address_copy"]
        drains = [n.net(f"drain_{j}", sums) for j in range(size)]
        for j in range(size):
            after = j + self.crossing
            if after < size:
                source = drains[after]
            else:
                low = (after - size) * sums.bits
                source = n.bundle(f"below_{j}", sums, (below, low, sums.bits))
            if own and j and j % self.addressed == 0:
                place = n.add(f"address_{j}", own, clk=clk, address=n.nets["address"])["address_q"]
            weights = n.add(
                f"weights_{j}", self.weights, j * self.groups, clk=clk, address=place, **load,
            )["q"]  # fmt: skip
            if self.word_register:
                weights = n.add(f"word_{j}", self.word_register, clk=clk, word=weights)["word_q"]
            n.add(
                f"lane_{j}", self.lane, clk=clk, column=copy["column_copy"], weights=weights,
                valid=copy["valid_copy"], first=copy["first_copy"], last=copy["last_copy"],
                shift=copy["shift_copy"], below=source, drain=drains[j],
            )  # fmt: skip
        n.wire(n.output("drain", crossing), *drains[: self.crossing])
        return n

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
        drains = {
            (g, c): n.net(f"lanes_{g}_{c}_drain", kind)
            for g in range(self.groups)
            for c in range(count)
        }
        for (g, c), drain in drains.items():
            n.add(
                f"lanes_{g}_{c}", components[self.sizes[c]],
                c * CLUSTER * self.groups + g, clk=n.nets["clk"], column=buses[g],
                **control, **load, address=address, below=drains.get((g, c + further), end), drain=drain,
            )  # fmt: skip
        sums = self.lane.ports["drain"].type
        heads = []
        for i in range(self.chain):
            c, j = divmod(i // self.groups, CLUSTER)
            part = (drains[i % self.groups, c], j * sums.bits, sums.bits)
            heads.append(n.bundle(f"drain_{i}", sums, part))
        return heads
