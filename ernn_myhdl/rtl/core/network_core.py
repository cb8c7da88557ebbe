"""The core of a network: the cores of its layers in a row, m_axis of each on s_axis of the next.

The FIFOs at both ends of every link let the layers work on successive frames at the same time. The ports
are those of a core of one layer (`ernn_myhdl.rtl.core.top`); frame_error is that of any layer. Where initial
states are loaded, s_state has tdest too, the number of the layer that a frame is for.
"""

from __future__ import annotations

from collections.abc import Sequence

from myhdl import always_comb, block

from ernn_myhdl.design.structure import CoreStructure
from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.renaming import told_apart
from ernn_myhdl.hdl.types import Bit, Word
from ernn_myhdl.rtl.core.graph import GraphWiring
from ernn_myhdl.rtl.core.weight_loading import WeightLoading, loads_of_network
from ernn_myhdl.rtl.cycles.graph_run import Depths
from ernn_myhdl.rtl.cycles.graph_times import graph_depths, graph_shape
from ernn_myhdl.rtl.state_route import route_leaf
from ernn_myhdl.rtl.stream_user import user_type

#: Fields of a link, beside tvalid and tready.
_FIELDS = ("tdata", "tlast", "tuser", "tid")


@block
def any_of(bits, target):
    """target = whether any of the bits is 1."""

    @always_comb
    def look():
        target.next = bits != 0

    return look


def any_leaf(count: int) -> Leaf:
    return Leaf("any_error", any_of, ins(bits=Word(count)) | outs(target=Bit()))


def joining_leaves(states: Sequence[bool]) -> list[Leaf]:
    """What joins layers, of which those that are True load states: the errors of all, and the route of states."""
    loads = any(states)
    return [any_leaf(len(states) + loads), *([route_leaf(list(states))] if loads else [])]


def core(network: CoreStructure, cores: list[Netlist], depths: Depths | None = None) -> Netlist:
    """The netlist of the network; cores: of its layers. depths: of the FIFOs of a graph, those of the cycle model if None."""
    n = Netlist(f"{network.name}_core")
    layers = told_apart(
        cores,
        [name.rstrip(".") for name in network.layer_prefixes],
    )
    clk, rst = n.input("clk", Bit()), n.input("rst", Bit())
    if network.graph is not None:
        return _graph_core(n, network, layers, depths)
    ends = layers[0], layers[-1]
    fields = ["tvalid", *(f for f in _FIELDS if f"s_axis_{f}" in layers[0].ports)]
    loading, loads = _weights(n, network)
    if loading is None:
        source = {f: n.input(f"s_axis_{f}", ends[0].ports[f"s_axis_{f}"].type) for f in fields}
        ready = n.output("s_axis_tready", Bit())
    else:
        source, ready = loading.source, loading.ready
    errors: list[Net] = []
    outer = user_type(network.stream_shape)
    states = _state_links(n, layers, clk, rst, errors)
    for i, layer in enumerate(layers):
        last = i == len(layers) - 1
        nets = {f"s_axis_{f}": net for f, net in source.items()} | {"s_axis_tready": ready}

        def sink(field: str, layer: Netlist = layer, last: bool = last, i: int = i):
            kind = layer.ports[f"m_axis_{field}"].type
            if last and (field != "tuser" or kind == outer):
                return n.output(f"m_axis_{field}", kind)
            return n.net(f"link_{i}_{field}", kind)

        source = {f: sink(f) for f in fields}
        nets |= {f"m_axis_{f}": net for f, net in source.items()} | states[i] | loads[i]
        ready = n.input("m_axis_tready", Bit()) if last else n.net(f"link_{i}_tready", Bit())
        name = network.layer_prefixes[i].rstrip(".")
        made = n.add(name, layer, clk=clk, rst=rst, m_axis_tready=ready, **nets)
        errors.append(made["frame_error"])
    if "m_axis_tuser" not in n.nets:  # without the bank
        n.wire(n.output("m_axis_tuser", outer), (source["tuser"], 0, outer.bits))
    _any_error(n, errors)
    if loading is not None:
        loading.finish()
    return n


def _weights(
    n: Netlist, network: CoreStructure
) -> tuple[WeightLoading | None, list[dict[str, Net]]]:
    """The part that loads weights, if any, and the nets that write the memories of each layer."""
    if not network.layers[0].hardware.loadable:
        return None, [{} for _ in network.layers]
    loading = WeightLoading(n, network)
    return loading, list(loads_of_network(n, network, loading.bus).values())


def _graph_core(
    n: Netlist, network: CoreStructure, layers: list[Netlist], depths: Depths | None
) -> Netlist:
    """The netlist of a graph, which has clk and rst."""
    if depths is None:
        depths = graph_depths(graph_shape(network))
    errors: list[Net] = []
    states = _state_links(n, layers, n.nets["clk"], n.nets["rst"], errors)
    loading = WeightLoading(n, network) if network.layers[0].hardware.loadable else None
    errors += GraphWiring(n, network, layers, depths, loading).streams(states)
    _any_error(n, errors)
    if loading is not None:
        loading.finish()
    return n


def _any_error(n: Netlist, errors: list[Net]) -> None:
    """frame_error: that of any layer, of x or of s_state."""
    leaf = any_leaf(len(errors))
    bits = n.bundle("layer_errors", leaf.ports["bits"].type, *errors)
    n.add("any_error", leaf, bits=bits, target=n.output("frame_error", Bit()))


def _state_links(
    n: Netlist, layers: list[Netlist], clk: Net, rst: Net, errors: list[Net]
) -> list[dict[str, Net]]:
    """The nets of s_state of each layer that has it, behind that of the network, which tdest divides."""
    has = ["s_state_tvalid" in layer.ports for layer in layers]
    links: list[dict[str, Net]] = [{} for _ in layers]
    if not any(has):
        return links
    ports = layers[has.index(True)].ports
    shared = {
        port: n.input(port, ports[port].type)
        for port in ("s_state_tdata", "s_state_tlast", "s_state_tid")
        if port in ports
    }
    leaf = joining_leaves(has)[1]
    never = n.zero("no_state_ready", Bit())
    readies = [n.net(f"state_{i}_tready", Bit()) if h else never for i, h in enumerate(has)]
    made = n.add(
        "state_route", leaf, clk=clk, rst=rst, valid=n.input("s_state_tvalid", Bit()),
        layer=n.input("s_state_tdest", leaf.ports["layer"].type),
        readies=n.bundle("state_readies", leaf.ports["readies"].type, *readies),
        ready=n.output("s_state_tready", Bit()),
    )  # fmt: skip
    errors.append(made["error"])
    for i, link in enumerate(links):
        if has[i]:
            valid = n.bundle(f"state_{i}_tvalid", Bit(), (made["valids"], i, 1))
            link |= shared | {"s_state_tvalid": valid, "s_state_tready": readies[i]}
    return links
