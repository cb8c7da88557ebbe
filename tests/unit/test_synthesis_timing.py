"""Paths between registers, on netlists written by hand in the form of Yosys's JSON."""

import pytest

from ernn_myhdl.errors import ToolError
from ernn_myhdl.synthesis.paths import Arc, Length
from ernn_myhdl.synthesis.primitives import dsp_registers, primitive
from ernn_myhdl.synthesis.timing import reduce_module
from ernn_myhdl.synthesis.timing_report import format_timing, timing_evidence

DIRECTIONS = {
    "D": "input", "Q": "output", "C": "input", "CE": "input", "R": "input", "O": "output",
    "CO": "output", "P": "output", "CLK": "input", "SPO": "output", "DPO": "output",
    "DOA": "output", "DOB": "output", "DOADO": "output",
}  # fmt: skip


def cell(kind, parameters=None, directions=None, **connections):
    directions = DIRECTIONS | (directions or {})
    return {
        "type": kind,
        "parameters": parameters or {},
        "port_directions": {p: directions.get(p, "input") for p in connections},
        "connections": {p: b if isinstance(b, list) else [b] for p, b in connections.items()},
    }


def flip_flop(d, q, **more):
    return cell("FDRE", D=d, Q=q, C=1, **more)


def lut(output, *inputs):
    pins = {f"I{i}": bit for i, bit in enumerate(inputs)}
    return cell(f"LUT{len(inputs)}", O=output, **pins)


def module(cells, inputs=None, outputs=None, names=None):
    ports = {n: {"direction": "input", "bits": b} for n, b in (inputs or {}).items()}
    ports |= {n: {"direction": "output", "bits": b} for n, b in (outputs or {}).items()}
    bits = {b for c in cells.values() for pins in c["connections"].values() for b in pins}
    bits |= {b for p in ports.values() for b in p["bits"]}
    nets = {f"n{b}": {"hide_name": 1, "bits": [b]} for b in bits if isinstance(b, int)}
    nets |= {n: {"hide_name": 0, "bits": b} for n, b in (names or {}).items()}
    return {"ports": ports, "cells": cells, "netnames": nets}


def test_luts_between_registers_are_counted():
    """Three LUTs one way, one the other; the constant and the clock are no way."""
    found = reduce_module(
        module(
            {
                "a": flip_flop("0", 2),
                "l1": lut(3, 2, "1"),
                "l2": lut(4, 3, 2),
                "l3": lut(5, 2, 4),
                "b": flip_flop(5, 6),
            },
            names={"start": [2], "end": [6]},
        ),
        {},
    )
    assert found.worst.length == Length(levels=3)
    assert (found.worst.start, found.worst.end) == ("start", "end")


def test_a_carry_chain_is_entered_at_a_bit_and_left_at_one():
    """From bit 2 of the first CARRY4 to the sum of bit 0 of the second: two of them."""
    chain = {
        "a": flip_flop(90, 2),
        "xor": lut(3, 2, "0"),
        "low": cell("CARRY4", CI="0", S=["0", "0", 3, "0"], DI=["0"] * 4,
                    O=[10, 11, 12, 13], CO=[14, 15, 16, 17]),
        "high": cell("CARRY4", CI=17, S=["0"] * 4, DI=["0"] * 4, O=[20, 21, 22, 23],
                     CO=[24, 25, 26, 27]),
        "last": lut(30, 20),
        "b": flip_flop(30, 31),
        "below": flip_flop(11, 32),
    }  # fmt: skip
    found = reduce_module(module(chain), {})
    assert found.worst.length == Length(levels=2, carry=2)
    assert found.worst.end == "n31"  # the sum of bit 1 does not depend on bit 2


def test_di_reaches_the_carry_of_its_bit_but_not_its_sum():
    arcs = {
        (a.source, a.target)
        for a in primitive(cell("CARRY4", CI="0", S=[1, 2, 3, 4], DI=[5, 6, 7, 8],
                                O=[11, 12, 13, 14], CO=[15, 16, 17, 18])).arcs
    }  # fmt: skip
    assert (("S", 1), ("O", 1)) in arcs and (("DI", 1), ("CO", 1)) in arcs
    assert (("DI", 1), ("O", 1)) not in arcs and (("DI", 1), ("O", 2)) in arcs
    assert (("S", 2), ("O", 1)) not in arcs
    assert (("CI", 0), ("O", 0)) in arcs


def test_orders_disagree_on_the_longest_path():
    chain = {
        "a": flip_flop("0", 2),
        "l1": lut(3, 2),
        "l2": lut(4, 3),
        "b": flip_flop(4, 5),
        "c": cell("CARRY4", CI=2, S=["0"] * 4, DI=["0"] * 4, O=[10, 11, 12, 13],
                  CO=[14, 15, 16, 17]),
        "d": flip_flop(10, 6),
    }  # fmt: skip
    netlist = module(chain)
    assert reduce_module(netlist, {}, "levels").worst.length == Length(levels=2)
    assert reduce_module(netlist, {}, "carry").worst.length == Length(carry=1)


def test_enable_and_reset_end_a_path_and_muxf_is_no_level():
    found = reduce_module(
        module(
            {
                "a": flip_flop("0", 2),
                "l": lut(3, 2),
                "m": cell("MUXF7", I0="0", I1=3, S="0", O=4),
                "b": flip_flop("0", 5, CE=4),
            }
        ),
        {},
    )
    assert found.worst.length == Length(levels=1, mux=1)


@pytest.mark.parametrize(
    ("registers", "captured", "launched"),
    [
        ("AREG BREG MREG PREG", Length(), Length()),
        ("AREG BREG MREG", Length(), Length(dsp=1)),
        ("BREG MREG", Length(dsp=1), Length(dsp=1)),
        ("PREG", Length(dsp=1), Length()),
    ],
)
def test_registers_of_a_dsp(registers, captured, launched):
    parameters = {r: "1" if r in registers.split() else "0" for r in
                  ("AREG", "BREG", "MREG", "PREG")}  # fmt: skip
    dsp = cell("DSP48E1", parameters, A=[2], B=[3], CEP="1", CLK=1, P=[4])
    model = primitive(dsp)
    assert model.capture["A", 0].length == captured
    assert model.launch["P", 0].length == launched
    assert not model.arcs
    assert ("CLK", 0) not in model.loads
    counted = dsp_registers({"cells": {"a": dsp, "b": lut(5, 4)}})
    assert counted["dsp"] == 1
    assert [r for r in parameters if counted[r]] == registers.split()


def test_a_dsp_without_registers_is_combinational():
    model = primitive(cell("DSP48E1", {}, A=[2], P=[4, 5]))
    assert Arc(("A", 0), ("P", 1), Length(dsp=1)) in model.arcs


def test_memories_in_luts_are_read_through_and_written_at_the_clock():
    model = primitive(cell("RAM64X1D", A0=2, DPRA0=3, D=4, WE=5, WCLK=1, SPO=6, DPO=7))
    ways = {(a.source[0], a.target[0]) for a in model.arcs}
    assert ways == {("A0", "SPO"), ("DPRA0", "DPO")}
    assert {"A0", "D", "WE"} <= {port for port, _ in model.capture}
    model = primitive(cell("RAM32M", ADDRA=[2], ADDRB=[3], DIA=[4], WE=5, DOA=[6], DOB=[7]))
    assert {(a.source[0], a.target[0]) for a in model.arcs} == {("ADDRA", "DOA"), ("ADDRB", "DOB")}


def test_block_ram_is_a_register_at_both_sides():
    model = primitive(cell("RAMB18E1", ADDRARDADDR=[2], CLKARDCLK=1, DOADO=[3]))
    assert model.capture["ADDRARDADDR", 0].length == model.launch["DOADO", 0].length == Length()
    assert not model.arcs


def test_an_unknown_cell_is_refused():
    with pytest.raises(ToolError, match="no model of a LDCE"):
        primitive(cell("LDCE", D=1, Q=2))


def test_a_combinational_loop_is_refused():
    loop = module({"a": lut(2, 3), "b": lut(3, 2)}, names={"here": [2]})
    with pytest.raises(ToolError, match="combinational loop through here"):
        reduce_module(loop, {})


def two_levels():
    """Three blocks: a register behind a LUT, two LUTs without a register, LUT and register."""
    source = module({"f": flip_flop(2, 3), "l": lut(4, 3)}, {"d": [2]}, {"q": [4]}, {"state": [3]})
    wires = module({"l1": lut(4, 2), "l2": lut(5, 4, 3)}, {"a": [2, 3]}, {"y": [5, 3]})
    sink = module(
        {"l": lut(4, 2, 3), "f": flip_flop(4, 5), "g": flip_flop(3, 6)},
        {"a": [2, 3]}, {"q": [5]}, {"kept": [5]},
    )  # fmt: skip
    both = {"d": "input", "q": "output"}
    top = module(
        {
            "first": cell("source", directions=both, d=10, q=11),
            "between": cell("wires", directions={"y": "output"}, a=[11, 12], y=[13, 14]),
            "last": cell("sink", directions={"q": "output"}, a=[13, 14], q=15),
        },
        {"x": [10], "enable": [12]},
        {"y": [15]},
    )
    return {"source": source, "wires": wires, "sink": sink, "top": top}


def test_paths_cross_the_borders_of_blocks():
    known = {}
    for name, netlist in two_levels().items():
        known[name] = reduce_module(netlist, known)
    assert known["source"].worst is None and known["sink"].worst is None
    worst = known["top"].worst
    assert worst.length == Length(levels=1 + 2 + 1)
    assert (worst.start, worst.end, worst.through) == ("first.state", "last.kept", ("between",))
    # the second bit of `wires` passes unchanged: to a LUT of `sink`, and through one more before
    assert known["top"].capture["enable", 0].length == Length(levels=2)
    assert known["top"].launch["y", 0].length == Length()


def test_fanout_adds_the_pins_of_all_blocks():
    modules = two_levels()
    modules["sink"]["cells"] |= {f"h{i}": flip_flop(2, 20 + i) for i in range(5)}
    modules["source"]["ports"]["q"]["bits"] = [3]  # the register itself, which drives a LUT as well
    modules["top"]["cells"]["last"]["connections"]["a"] = [11, 14]
    for i in range(20, 25):
        modules["sink"]["netnames"][f"n{i}"] = {"hide_name": 1, "bits": [i]}
    known = {}
    for name, netlist in modules.items():
        known[name] = reduce_module(netlist, known)
    assert known["source"].fanout.pins == 1
    assert known["sink"].loads["a", 0] == 1 + 5
    # its own LUT, one LUT of `wires`, LUT and five registers of `sink`
    assert known["top"].fanout.pins == 1 + 1 + 6
    assert known["top"].fanout.net == "n11"


def test_the_evidence_of_a_core_and_its_text():
    evidence = timing_evidence(two_levels(), {"source": 1, "wires": 1, "sink": 1, "top": 1}, "top")
    assert evidence["longest"]["levels"]["levels"] == 4
    assert evidence["ports"]["in"]["levels"] == 2
    assert evidence["ports"]["out"]["levels"] == 0
    assert evidence["multipliers"] == {"dsp": 0, "AREG": 0, "BREG": 0, "MREG": 0, "PREG": 0}
    assert [b["name"] for b in evidence["blocks"]] == ["source", "wires", "sink", "top"]
    text = format_timing(evidence)
    assert "4 LUT, 0 CARRY4: first.state -> last.kept through between" in text
    assert "0 with AREG" in text


def test_the_longest_path_into_each_kind_of_block_is_told():
    modules = two_levels()
    cells = modules["top"]["cells"]
    cells["again"] = cell("sink", directions={"q": "output"}, a=[11, 11], q=20)
    cells["own"] = flip_flop(13, 21)
    modules["top"]["netnames"] |= {f"n{i}": {"hide_name": 1, "bits": [i]} for i in (20, 21)}
    evidence = timing_evidence(modules, {"source": 1, "wires": 1, "sink": 2, "top": 1}, "top")
    found = [(e["block"], e["levels"], e["end"]) for e in evidence["ends"]["levels"]]
    assert found == [("sink", 4, "last.kept"), ("top", 3, "n21")]
    assert (
        "  into sink: 4 LUT, 0 CARRY4: first.state -> last.kept through between"
        in format_timing(evidence)
    )


def test_a_loop_through_blocks_is_refused():
    """Each block is combinational and fine; joined they are a loop."""
    inverter = module({"l": lut(3, 2)}, {"a": [2]}, {"y": [3]})
    directions = {"y": "output"}
    top = module(
        {
            "one": cell("inverter", directions=directions, a=2, y=3),
            "two": cell("inverter", directions=directions, a=3, y=2),
        }
    )
    known = {"inverter": reduce_module(inverter, {})}
    with pytest.raises(ToolError, match="combinational loop"):
        reduce_module(top, known)
