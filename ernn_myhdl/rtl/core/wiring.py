"""What the sides of a core share: its netlist, its sizes, the nets that go from one side to another.

A side makes its blocks in `Wiring.n` and drives those of the shared nets that are its own; what only the
next side needs, it returns. All attributes are there from the start, so that no side depends on another
having run before.
"""

from __future__ import annotations

from ernn_myhdl.design.structure import Structure
from ernn_myhdl.hdl.components import Type
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Array, Bit, Word, bits_for
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.program.program import program_for
from ernn_myhdl.rtl import delay, fft, state_pages
from ernn_myhdl.rtl.core.latencies import latencies
from ernn_myhdl.rtl.memory import store
from ernn_myhdl.rtl.sequencer.tags import FIRST, LOADED, flags, tag_bits
from ernn_myhdl.rtl.stream_user import user_type


class Wiring:
    """The netlist of a core in the making.

    x_write, m_write, y_write: a group of spectra is written; y_written_tag: the tag of that of y. x_coming, m_coming, y_coming,
    y_coming_tag: the same, a cycle earlier.
    x_release: a page of x was read for the last time; output_release: one of y. stream, tag,
    user: types of a stream's number, of a frame's tag and of tuser inside the core; inside: the layer is in a network, where
    tuser is that at its ports too. given: nets that stand for ports which something else has. loads: the nets that write the
    memories of weights that can be loaded, by the memories' names.
    """

    def __init__(self, design: Structure, inside: bool = False) -> None:
        self.design = design
        self.cell, self.hw, self.formats = design.cell, design.hardware, design.formats.given
        self.program = program_for(design)
        self.time = latencies(design)
        self.stream = Word(bits_for(self.hw.streams))
        self.tag = Word(tag_bits(design))
        self.flags = flags(self.hw.initial_states, self.hw.sequence_ends, self.hw.weight_banks)
        self.user = user_type(design.inner_shape)
        self.inside = inside
        self.given: dict[str, Net] = {}
        self.loads: dict[str, dict[str, Net]] = {}
        # one stream: m of the next frame waits for y, so for all that reads m
        self.m_pages = self.hw.frames_in_flight if self.hw.streams > 1 else 1
        n = self.n = Netlist(f"{design.name}_core")
        self.clk, self.rst = n.input("clk", Bit()), n.input("rst", Bit())
        self.x_write, self.y_write, self.m_write = (
            n.net(f"{source}_write", Bit()) for source in ("x", "y", "m")
        )
        self.x_coming, self.y_coming, self.m_coming = (
            n.net(f"{source}_coming", Bit()) for source in ("x", "y", "m")
        )
        self.y_written_tag = n.net("y_written_tag", self.tag)
        self.y_coming_tag = n.net("y_coming_tag", self.tag)
        self.output_release = n.net("output_release", Bit())
        self.x_release = n.net("x_release", Bit())
        self._forwards: dict[str, Netlist] = {}

    def input(self, name: str, kind: Type) -> Net:
        """An input port, or the net that stands for it."""
        return self.given.get(name) or self.n.input(name, kind)

    def output(self, name: str, kind: Type) -> Net:
        """An output port, or the net that stands for it."""
        return self.given.get(name) or self.n.output(name, kind)

    def banked(self, label: str, address: Net, tag: Net) -> Net:
        """The address in a memory of weights for the frame of a tag: with two banks the lowest bit is the bank."""
        if self.hw.weight_banks == 1:
            return address
        bank = (tag, self.flags - 2, 1)
        return self.n.bundle(f"{label}_banked", Word(address.type.bits + 1), bank, address)

    def delayed(self, label: str, net: Net, cycles: int) -> Net:
        """The net some cycles later."""
        return delay.delayed(self.n, label, net, cycles)

    def written(self, source: str, valid: Net, cycles: int) -> None:
        """The nets that tell when a group of spectra of x, m or y is written: so many cycles after `valid`."""
        coming, write = (self.n.nets[f"{source}_{name}"] for name in ("coming", "write"))
        self.n.wire(coming, self.delayed(f"{source}_nearly_written", valid, cycles - 1))
        self.n.wire(write, self.delayed(f"{source}_written", coming, 1))

    def never_written(self, source: str) -> None:
        """No spectra of m or y are."""
        for name in ("coming", "write"):
            never = self.n.zero(f"{source}_never_{name}", Bit())
            self.n.wire(self.n.nets[f"{source}_{name}"], never)

    def low_bits(self, label: str, net: Net, kind: Type) -> Net:
        """The low bits of a word, padded with zeros where it is shorter than `kind`."""
        if net.type == kind:
            return net
        parts: list = [(net, 0, min(kind.bits, net.type.bits))]
        if kind.bits > net.type.bits:
            parts.append(self.n.zero(f"{label}_padding", Word(kind.bits - net.type.bits)))
        return self.n.bundle(label, kind, *parts)

    def split(self, label: str, net: Net, count: int) -> list[Net]:
        """An array net cut into arrays of `count` elements."""
        width = net.type.width
        return [
            self.n.bundle(
                f"{label}_{i}", Array(count, width), (net, i * count * width, count * width)
            )
            for i in range(net.type.count // count)
        ]

    def joined(self, label: str, nets: list[Net]) -> Net:
        """Arrays of one width, one after the other."""
        kind = nets[0].type
        return self.n.bundle(label, Array(kind.count * len(nets), kind.width), *nets)

    def forward(self, label: str, name: str, source: Net, target: Format | None) -> Net:
        """A forward transform; `name` is the source format's field."""
        cell = self.cell
        points = {"input": cell.x_block, "output": cell.y_block, "cell_output": cell.m_block}[name]
        if name not in self._forwards:
            self._forwards[name] = fft.forward(
                f"fft_{name}", points, getattr(self.formats, name), target
            )
        return self.n.add(label, self._forwards[name], clk=self.clk, rst=self.rst, source=source)[
            "target"
        ]

    def read(self, name: str, item: Array, items: int, write_items: int, read_items: int, pages: int,
             label: str = "", /, **nets: Net) -> Net:  # fmt: skip
        """A store of blocks with its read data; nets: its other ports, padded or cut to their widths."""
        memory = store(f"{name}_store", items, item, write_items, read_items, pages)
        for port in ("write_page", "write_index", "read_page", "read_index"):
            nets[port] = self.low_bits(
                f"{label or name}_{port}", nets[port], memory.ports[port].type
            )
        return self.n.add(f"{label or name}_store", memory, clk=self.clk, rst=self.rst, **nets)["q"]

    def fresh(self, label: str, tag: Net) -> Net:
        """Whether the frame of a tag starts from a state of zeros."""
        if not self.design.loads_states:
            return self.n.bundle(f"{label}_fresh", Bit(), (tag, FIRST, 1))
        first, loaded = (
            self.n.bundle(f"{label}_{name}", Bit(), (tag, bit, 1))
            for name, bit in (("first", FIRST), ("loaded", LOADED))
        )
        leaf = state_pages.not_loaded_leaf()
        return self.n.add(f"{label}_fresh", leaf, first=first, loaded=loaded)["fresh"]

    def stream_of(self, label: str, tag: Net) -> Net:
        """The stream of the frame of a tag."""
        return self.n.bundle(f"{label}_stream", self.stream, (tag, self.flags, self.stream.width))

    def page_of(self, label: str, tag: Net) -> Net:
        """The page of m, in the tags of a cell that keeps values for its second phase."""
        low = self.flags + self.stream.width
        kind = Word(self.tag.width - low)
        return self.n.bundle(f"{label}_page", kind, (tag, low, kind.width))
