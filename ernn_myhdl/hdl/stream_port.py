"""AXI4-Streams, read from the ports of a netlist.

Nothing but the block that declares a stream spells out the names of its signals: whoever offers, takes or
shows beats asks a `StreamPort` for them, or `signals` where no netlist is at hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ernn_myhdl.hdl.components import Port, Type

#: The streams of a core: x and y of every frame, the states that sequences start from, images of weights.
SOURCE, SINK, LOADER, WEIGHTS = "s_axis", "m_axis", "s_state", "s_weights"
VALID, READY = "tvalid", "tready"


def signals(stream: str, *fields: str) -> tuple[str, ...]:
    """Names of the signals of a stream: s_axis, tdata -> s_axis_tdata."""
    return tuple(f"{stream}_{field}" for field in fields)


@dataclass(frozen=True)
class StreamPort:
    """One AXI4-Stream at the ports of a netlist.

    direction: "in" where beats enter, "out" where they leave. fields: type of tdata, tlast, ..., all but
    the handshake, in the order of the ports.
    """

    name: str
    direction: str
    fields: Mapping[str, Type]

    def signal(self, field: str) -> str:
        """The port of a field, or of the handshake."""
        (name,) = signals(self.name, field)
        return name

    @property
    def valid(self) -> str:
        return self.signal(VALID)

    @property
    def ready(self) -> str:
        return self.signal(READY)

    @property
    def data(self) -> str:
        return self.signal("tdata")

    @property
    def last(self) -> str:
        return self.signal("tlast")

    @property
    def user(self) -> str:
        return self.signal("tuser")

    @property
    def handshake(self) -> tuple[str, str]:
        return self.valid, self.ready

    @property
    def field_signals(self) -> dict[str, str]:
        """Field -> port, without the handshake."""
        return {field: self.signal(field) for field in self.fields}


def stream_ports(ports: Mapping[str, Port]) -> dict[str, StreamPort]:
    """The streams among `ports` by name: those with a handshake of two directions."""
    found = {}
    for port, declared in ports.items():
        name, _, end = port.rpartition("_")
        ready = ports.get(f"{name}_{READY}")
        if end != VALID or ready is None or ready.direction == declared.direction:
            continue
        fields = {
            other.rpartition("_")[2]: p.type
            for other, p in ports.items()
            if other.startswith(f"{name}_t")
            and p.direction == declared.direction
            and other != port
            and other.rpartition("_")[0] == name
        }
        found[name] = StreamPort(name, declared.direction, fields)
    return found
