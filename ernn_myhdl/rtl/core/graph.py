"""The core of a network that is a graph: the cores of its layers, the joins, and where a stream divides.

x that goes to more than one layer or join passes `ernn_myhdl.rtl.joins.entry` before. The depths of the FIFOs at the operands of
joins are those of `ernn_myhdl.rtl.cycles.graph_times`. The ports are those of a network of layers one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence

from ernn_myhdl.design.graph import INPUT, number_of
from ernn_myhdl.design.structure import CoreStructure
from ernn_myhdl.design.time_joins import TimeJoin
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Bit, Word
from ernn_myhdl.rtl import fifo
from ernn_myhdl.rtl.core.weight_loading import WeightLoading, loads_of_network
from ernn_myhdl.rtl.cycles.graph_run import Depths
from ernn_myhdl.rtl.joins.beats import beat_fields
from ernn_myhdl.rtl.joins.divide import divide_leaf
from ernn_myhdl.rtl.joins.entry import entry
from ernn_myhdl.rtl.joins.join import join_netlist
from ernn_myhdl.rtl.joins.time_join import time_join_netlist
from ernn_myhdl.rtl.stream_user import user_type

#: Nets of a stream by their fields, with tvalid and tready.
Stream = dict[str, Net]


class GraphWiring:
    """The streams between the nodes of a graph, in a netlist that has clk and rst.

    layers: the netlists of the layers. errors: of x, where it is repaired before it divides.
    loading: the part that loads weights, if any.
    """

    def __init__(
        self,
        n: Netlist,
        core: CoreStructure,
        layers: Sequence[Netlist],
        depths: Depths,
        loading: WeightLoading | None = None,
    ) -> None:
        graph, signals = core.graph, core.signals
        assert graph is not None and signals is not None  # a row has none
        self.n, self.core, self.depths = n, core, depths
        self.graph, self.signals = graph, signals
        self.shape = core.inner_shape
        self.fields = beat_fields(self.shape)
        self.errors: list[Net] = []
        self._layers = layers
        self._loading = loading
        self._loads = {} if loading is None else loads_of_network(n, core, loading.bus)
        self.made = {name: self._stream(name) for name in (INPUT, *graph.order)}
        self.taken: dict[tuple[str, int], Stream] = {}

    def streams(self, states: Sequence[dict[str, Net]]) -> list[Net]:
        """Add all but clk and rst; states: the nets of s_state of each layer. The error of every layer, and that of x."""
        if self.graph.input_divides:
            self._enter()
        for name in (INPUT, *self.graph.order):
            self._divide(name)
        for name in self.graph.order:
            if self.graph.join_of(name) is None:
                self._add_layer(name, states[number_of(name)])
            else:
                self._add_join(name)
        return self.errors

    def _stream(self, name: str) -> Stream:
        """The nets of a signal; of x and y those of the ports."""
        n = self.n
        if name == self.graph.output:
            made = {f: n.output(f"m_axis_{f}", k) for f, k in self.fields.items() if f != "tuser"}
            made["tuser"] = self._output_user()
            made["tvalid"] = n.output("m_axis_tvalid", Bit())
            return made | {"tready": n.input("m_axis_tready", Bit())}
        if name == INPUT and not self.graph.input_divides and self._loading is not None:
            return self._loading.source | {"tready": self._loading.ready}
        if name == INPUT and not self.graph.input_divides:
            made = {f: n.input(f"s_axis_{f}", kind) for f, kind in self.fields.items()}
            made["tvalid"] = n.input("s_axis_tvalid", Bit())
            return made | {"tready": n.output("s_axis_tready", Bit())}
        return self._inner(name)

    def _output_user(self) -> Net:
        """tuser of y inside the core, of which the port has all but the bank of weights."""
        n, outer = self.n, user_type(self.core.stream_shape)
        if outer == self.fields["tuser"]:
            return n.output("m_axis_tuser", outer)
        inner = n.net("output_user", self.fields["tuser"])
        n.wire(n.output("m_axis_tuser", outer), (inner, 0, outer.bits))
        return inner

    def _inner(self, name: str) -> Stream:
        made = {f: self.n.net(f"{name}_{f}", kind) for f, kind in self.fields.items()}
        return made | {f: self.n.net(f"{name}_{f}", Bit()) for f in ("tvalid", "tready")}

    def _enter(self) -> None:
        n, shape = self.n, self.shape
        if self._loading is None:
            ports = {f"s_{f}": n.input(f"s_axis_{f}", kind) for f, kind in self.fields.items()}
            ports["s_tvalid"] = n.input("s_axis_tvalid", Bit())
            ports["s_tready"] = n.output("s_axis_tready", Bit())
        else:
            ports = {f"s_{f}": net for f, net in self._loading.source.items()}
            ports["s_tready"] = self._loading.ready
        ports |= {f"m_{f}": net for f, net in self.made[INPUT].items()}
        made = n.add(
            "entry", entry(shape, self.core.inputs, self.core.input_format.word), **self._clock(),
            **ports,
        )  # fmt: skip
        self.errors.append(made["error"])

    def _divide(self, name: str) -> None:
        """The stream of every taker of a signal."""
        n, takers, stream = self.n, self.graph.consumers[name], self.made[name]
        if len(takers) == 1:
            self.taken[takers[0]] = stream
        if len(takers) < 2:
            return
        word = Word(len(takers))
        readies = [n.net(f"{name}_to_{i}_tready", Bit()) for i in range(len(takers))]
        valids = n.add(
            f"{name}_divide", divide_leaf(len(takers)), **self._clock(), valid=stream["tvalid"],
            ready=stream["tready"], readies=n.bundle(f"{name}_readies", word, *readies),
        )["valids"]  # fmt: skip
        for i, (taker, ready) in enumerate(zip(takers, readies, strict=True)):
            valid = n.bundle(f"{name}_to_{i}_tvalid", Bit(), (valids, i, 1))
            self.taken[taker] = stream | {"tvalid": valid, "tready": ready}

    def _add_layer(self, name: str, state: dict[str, Net]) -> None:
        ports = {f"s_axis_{f}": net for f, net in self.taken[name, 0].items()}
        ports |= {f"m_axis_{f}": net for f, net in self.made[name].items()}
        made = self.n.add(
            name,
            self._layers[number_of(name)],
            **self._clock(),
            **ports,
            **state,
            **self._loads.get(name, {}),
        )
        self.errors.append(made["frame_error"])

    def _add_join(self, name: str) -> None:
        join = self.graph.join_of(name)
        assert join is not None  # layers are added elsewhere
        ports = {f"m_{f}": net for f, net in self.made[name].items()}
        for place in range(len(join.inputs)):
            stream = self._buffered(name, place)
            ports |= {f"s{place}_{f}": net for f, net in stream.items()}
        shape = self.shape
        netlist = (
            time_join_netlist(name, join, self.signals, shape)
            if isinstance(join, TimeJoin)
            else join_netlist(
                name, join, self.signals, shape, self.core.layers[0].hardware, self.graph.last_window(name)
            )
        )  # fmt: skip
        ports |= self._loads.get(name, {})
        made = self.n.add(name, netlist, **self._clock(), **ports)
        if "error" in made:
            self.errors.append(made["error"])

    def _buffered(self, name: str, place: int) -> Stream:
        """The stream of an operand behind its FIFO, if it has one."""
        n, stream, depth = self.n, self.taken[name, place], self.depths[name, place]
        if not depth:
            return stream
        label = f"{name}_operand_{place}"
        word = Word(sum(kind.bits for kind in self.fields.values()))
        beat = n.bundle(f"{label}_beat", word, *[stream[field] for field in self.fields])
        late = self._inner(label)
        head = n.add(
            f"{label}_fifo", fifo.fifo_leaf(word.width, depth),
            **self._clock(), in_valid=stream["tvalid"], in_ready=stream["tready"], in_word=beat,
            out_valid=late["tvalid"], out_ready=late["tready"],
        )["out_word"]  # fmt: skip
        low = 0
        for field, kind in self.fields.items():
            n.wire(late[field], (head, low, kind.bits))
            low += kind.bits
        return late

    def _clock(self) -> Stream:
        return {"clk": self.n.nets["clk"], "rst": self.n.nets["rst"]}
