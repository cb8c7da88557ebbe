"""The part of a core that loads weights: the loader, its banks, and the gate or the choice of a bank at s_axis.

A core of one layer and a network have one such part at their top; the layers only have memories that can be written and the bus
to them.
"""

from __future__ import annotations

from ernn_myhdl.design.structure import CoreStructure, Structure
from ernn_myhdl.hdl.components import Type
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.stream_port import SINK, SOURCE, WEIGHTS
from ernn_myhdl.hdl.types import Bit, Word, bits_for
from ernn_myhdl.rtl.stream_user import user_type
from ernn_myhdl.rtl.weights import bank_blocks
from ernn_myhdl.rtl.weights.distribution import LoadBus, bus_of, load_of
from ernn_myhdl.rtl.weights.idle_sequences import idle_sequences_leaf
from ernn_myhdl.rtl.weights.loader import ANSWERED, ASKED, STATUS, core_bus, loader
from ernn_myhdl.rtl.weights.memories import embedding_roms, layer_roms

#: Nets of a stream or of a bus by field or port.
Nets = dict[str, Net]


def layer_bus(layer: Structure) -> LoadBus:
    """The bus of the memories of a layer."""
    return bus_of([rom for _, rom in layer_roms(layer)], layer.hardware.weight_banks)


def loads_of_layer(n: Netlist, layer: Structure, given: Nets) -> dict[str, Nets]:
    """The nets that write the memories of a layer, by the memories' names; given: those of `layer_bus`."""
    bus, banks = layer_bus(layer), layer.hardware.weight_banks
    loads, first = {}, 0
    for _, rom in layer_roms(layer):
        count = len(rom.contents)
        part = LoadBus(bits_for(count), rom.address_bits + (banks > 1), rom.type.bits)
        loads[rom.name] = load_of(n, rom.name, given, bus, part, first, count)
        first += count
    return loads


def loads_of_network(n: Netlist, network: CoreStructure, given: Nets) -> dict[str, Nets]:
    """The nets of the bus of each layer and of each embedding, by their names; given: those of the bus of all memories."""
    bus, banks, first = core_bus(network), network.layers[0].hardware.weight_banks, 0
    loads: dict[str, Nets] = {}
    names = [prefix.rstrip(".") for prefix in network.layer_prefixes]
    parts = [
        (name, layer_bus(layer), sum(len(rom.contents) for _, rom in layer_roms(layer)))
        for name, layer in zip(names, network.layers, strict=True)
    ]
    for name, rom in embedding_roms(network):
        parts.append((name.partition(".")[0], bus_of([rom], banks), len(rom.contents)))
    for name, part, count in parts:
        loads[name] = load_of(n, name, given, bus, part, first, count)
        first += count
    return loads


class WeightLoading:
    """Adds the part to the top netlist of a core that has clk and rst.

    bus: the nets that write a word. source, ready: s_axis behind the part, by field; the core drives `ready`.
    """

    def __init__(self, n: Netlist, core: CoreStructure) -> None:
        self.n, self.core = n, core
        self.banks = core.layers[0].hardware.weight_banks
        self.asked = {name: n.net(f"weights_{name}", Bit()) for name in ASKED}
        self.answered = {name: self._answer(name) for name in ANSWERED}
        self.shadow = n.net("shadow_bank", Bit()) if self.banks > 1 else n.zero("bank", Bit())
        self.bus = {
            name: n.net(f"weights_{name}", kind) for name, kind in core_bus(core).types.items()
        }
        part = loader(core)
        ports = {
            name: n.input(name, port.type) if port.direction == "in" else n.output(name, port.type)
            for name, port in part.ports.items()
            if name.startswith(WEIGHTS) or name == STATUS
        }
        n.add(
            "weight_loader", part, clk=n.nets["clk"], rst=n.nets["rst"], bank=self.shadow,
            **ports, **self.asked, **self.answered, **self.bus,
        )  # fmt: skip
        self.source: Nets = {}
        self.ready = n.output(f"{SOURCE}_tready", Bit())
        self.gated = self.ready
        self.bank = n.net("frame_bank", Bit()) if self.banks > 1 else None
        self._enter()

    def _answer(self, name: str) -> Net:
        never = "incomplete" if self.banks > 1 else "pending"
        kind = self.n.zero if name == never else self.n.net
        return kind(f"weights_{name}", Bit())

    def _enter(self) -> None:
        """The stream of x at the ports, and behind the part."""
        n, shape = self.n, self.core.stream_shape
        kinds: dict[str, Type] = {"tvalid": Bit(), "tdata": Word(shape.data_bits), "tlast": Bit()}
        kinds["tuser"] = user_type(shape)
        if shape.streams > 1:
            kinds["tid"] = Word(bits_for(shape.streams))
        self.source = {f: n.input(f"{SOURCE}_{f}", kind) for f, kind in kinds.items()}
        if self.bank is not None:
            user = user_type(self.core.inner_shape)
            self.source["tuser"] = n.bundle("banked_user", user, self.source["tuser"], self.bank)
        else:
            self.source["tvalid"] = n.net("gated_tvalid", Bit())
            self.ready = n.net("gated_tready", Bit())

    def finish(self) -> None:
        """Add the banks, when the core has all its ports."""
        n = self.n
        names = ("tvalid", "tready", "tlast")
        m_valid, m_ready, m_last = (n.nets[f"{SINK}_{name}"] for name in names)
        s_valid, s_last = (n.nets[f"{SOURCE}_{name}"] for name in ("tvalid", "tlast"))
        common = {
            "clk": n.nets["clk"], "rst": n.nets["rst"], "m_valid": m_valid, "m_ready": m_ready,
            "m_last": m_last, "error": n.nets["frame_error"], "claim": self.asked["claim"],
            "accepted": self.asked["accepted"], "granted": self.answered["granted"],
            "denied": self.answered["denied"],
        }  # fmt: skip
        if self.bank is None:
            due, sequences = self._ended_sequences(s_last)
            n.add(
                "idle_bank", bank_blocks.idle_leaf(due), **common, **sequences, s_valid=s_valid, s_last=s_last,
                core_ready=self.ready, load=self.bus["load"], damaged=self.asked["damaged"],
                core_valid=self.source["tvalid"], s_ready=self.gated,
                incomplete=self.answered["incomplete"],
            )  # fmt: skip
            return
        beat = {"valid": s_valid, "ready": self.ready, "last": s_last}
        sequences = self._sequences(beat)
        n.add(
            "bank_switch", bank_blocks.switch_leaf(), **common, **beat, **sequences, bank=self.bank,
            fresh_bank=n.nets["fresh_bank"], shadow=self.shadow, pending=self.answered["pending"],
        )  # fmt: skip

    def _ended_sequences(self, last: Net) -> tuple[int | None, Nets]:
        """Where y stands for sequences its frames for one of them, and the nets that tell of those that run and end."""
        n, shape, graph = self.n, self.core.stream_shape, self.core.graph
        if graph is None or not graph.over_time:
            return None, {}
        tid = n.nets.get(f"{SOURCE}_tid") or n.zero("only_stream", Word(bits_for(shape.streams)))
        closes = n.bundle("beat_closes", Bit(), (n.nets[f"{SOURCE}_tuser"], shape.user_bits - 1, 1))
        made = n.add(
            "idle_sequences", idle_sequences_leaf(shape.streams), clk=n.nets["clk"], rst=n.nets["rst"],
            valid=self.source["tvalid"], ready=self.ready, last=last, closes=closes, stream=tid,
        )  # fmt: skip
        return graph.frames[graph.output], {name: made[name] for name in ("running", "ended")}

    def _sequences(self, beat: Nets) -> Nets:
        """Whether a sequence starts, and whether one that is not over has the shadow bank."""
        n, shape = self.n, self.core.stream_shape
        user = n.nets[f"{SOURCE}_tuser"]
        first = n.bundle("beat_starts", Bit(), (user, 0, 1))
        never = n.zero("never_closes", Bit())
        place = (user, user.type.bits - 1, 1)
        closes = n.bundle("beat_closes", Bit(), place) if shape.sequence_ends else never
        tid = n.nets.get(f"{SOURCE}_tid") or n.zero("only_stream", Word(bits_for(shape.streams)))
        assert self.bank is not None  # there are two
        made = n.add(
            "sequence_banks", bank_blocks.sequences_leaf(shape.streams), clk=n.nets["clk"],
            rst=n.nets["rst"], **beat, first=first, closes=closes, stream=tid,
            fresh_bank=n.net("fresh_bank", Bit()), shadow=self.shadow, bank=self.bank,
        )  # fmt: skip
        return {name: made[name] for name in ("starts", "used")}
