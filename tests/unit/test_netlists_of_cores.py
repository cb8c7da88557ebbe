"""No block of a core has more ports and parameters than can be read; every net that is read is driven, once."""

from __future__ import annotations

import pytest

from ernn_myhdl import new_design
from ernn_myhdl.calibration.generate import new_network
from ernn_myhdl.design.cells import GruCell, LinearCell, LstmCell
from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.parts import composed, part
from ernn_myhdl.hdl.types import Bit
from ernn_myhdl.rtl.core.top import core

MOST_PARAMETERS = 25


def core_of(kind: str) -> Netlist:
    """A small core that has what its kind says."""
    few = {"block": 4, "lanes": 4, "ifft_units": 2}
    if kind == "wide beats":
        return core(new_design(12, 24, 16, 8, True, lanes=8, ifft_units=4, samples_per_beat=16))
    if kind == "initial states":
        return core(new_design(5, 6, 2, 1, lanes=4, ifft_units=1, streams=2, initial_states=True))
    if kind == "split candidate":
        return core(new_design(5, 9, cell="gru", input_block=2, streams=4, **few))
    cells = [GruCell(5, 8, 4), LstmCell(8, 8, 4, 4), LinearCell(4, 3, 1)]
    return core(new_network(cells, streams=2, initial_states=True))


of_each_kind = pytest.mark.parametrize(
    "kind", ["wide beats", "initial states", "split candidate", "network"]
)


def netlists(top: Netlist) -> list[Netlist]:
    found = [top]
    found += [c for c, _ in top.components().values() if isinstance(c, Netlist)]
    return found


@of_each_kind
def test_no_leaf_of_a_core_has_more_ports_and_parameters(kind):
    leaves = [c for c, _ in core_of(kind).components().values() if isinstance(c, Leaf)]
    sizes = {leaf.name: len(leaf.ports) + len(leaf.parameters) for leaf in leaves}
    assert {name: size for name, size in sizes.items() if size > MOST_PARAMETERS} == {}


@of_each_kind
def test_every_net_that_is_read_is_driven_once(kind):
    for netlist in netlists(core_of(kind)):
        drivers = [n for n in netlist.nets.values() if n.direction == "in" or n.zero]
        read = [s[0] for w in netlist.wires for s in w.slices]
        drivers += [w.target for w in netlist.wires]
        for instance in netlist.instances:
            for port, spec in instance.component.ports.items():
                (drivers if spec.direction == "out" else read).append(instance.nets[port])
        read += [n for n in netlist.nets.values() if n.direction == "out"]
        driven = {id(n) for n in drivers}
        assert [n.name for n in read if id(n) not in driven] == []
        assert len(driven) == len(drivers), netlist.name


def test_a_part_whose_input_nothing_drives_is_refused():
    leaf = Leaf("leaf", lambda: None, ins(source=Bit()) | outs(target=Bit()))
    with pytest.raises(ValueError, match="top: nothing drives other"):
        composed("top", [part("leaf", leaf, source="other")], outs(target=Bit()))
