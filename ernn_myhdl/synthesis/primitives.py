"""Ways through the primitives of Xilinx devices, and registers of their multipliers."""

from __future__ import annotations

import re

from ernn_myhdl.errors import ToolError
from ernn_myhdl.synthesis import resources
from ernn_myhdl.synthesis.paths import CARRY, DSP, LUT, MUX, NONE, Arc, LogicPath, NetlistCell, Pin

#: Cells that a path ends and begins at, whole.
REGISTERED = (resources.FLIP_FLOP, resources.RAM_18, resources.RAM_36)
CLOCKS = re.compile(r"C|CLK|WCLK|CLKARDCLK|CLKBWRCLK|RDCLK|WRCLK|RDRCLK|REGCLK\w*")
#: Pipeline register before each operand of a DSP48.
DSP_OPERANDS = {"A": "AREG", "B": "BREG", "C": "CREG", "D": "DREG"}
DSP_CONTROL = {"OPMODE": "OPMODEREG", "ALUMODE": "ALUMODEREG", "CARRYIN": "CARRYINREG",
               "INMODE": "INMODEREG", "CARRYINSEL": "CARRYINSELREG"}  # fmt: skip


def parameter(cell: dict, name: str) -> int:
    """A parameter of a cell in the JSON, where it is a number or a string of binary digits."""
    value = cell.get("parameters", {}).get(name, 0)
    return value if isinstance(value, int) else int(value, 2)


def _pins(cell: dict, direction: str) -> list[Pin]:
    ways = cell["port_directions"]
    return [
        (port, i)
        for port, bits in cell["connections"].items()
        if ways[port] == direction
        for i in range(len(bits))
    ]


def primitive(cell: dict) -> NetlistCell:
    """The model of a primitive of the JSON; ToolError for an unknown type."""
    kind = cell["type"]
    inputs = [p for p in _pins(cell, "input") if not CLOCKS.fullmatch(p[0])]
    outputs = _pins(cell, "output")
    model = NetlistCell(loads=dict.fromkeys(inputs, 1))
    if resources.LOGIC_LUT.fullmatch(kind):
        model.arcs = [Arc(i, o, LUT) for i in inputs for o in outputs]
    elif resources.WIDE.fullmatch(kind):
        model.arcs = [Arc(i, o, MUX) for i in inputs for o in outputs]
    elif kind in ("CARRY4", "CARRY8"):
        model.arcs = [
            Arc(i, o, CARRY)
            for i in inputs
            for o in outputs
            if i[0] in ("CI", "CI_TOP", "CYINIT")
            or i[1] < o[1]
            or (i[1] == o[1] and _same_bit(i, o))
        ]
    elif any(p.fullmatch(kind) for p in REGISTERED):
        model.capture = dict.fromkeys(inputs, LogicPath(NONE))
        model.launch = dict.fromkeys(outputs, LogicPath(NONE))
    elif kind in resources.MEMORY_LUTS:
        model.capture = dict.fromkeys(inputs, LogicPath(NONE))
        model.launch = dict.fromkeys(outputs, LogicPath(NONE))
        model.arcs = [Arc(i, o, LUT) for i in inputs for o in outputs if _addresses(i[0], o[0])]
    elif kind in ("DSP48E1", "DSP48E2"):
        _dsp(cell, model, inputs, outputs)
    elif kind not in resources.FREE:
        raise ToolError(f"timing: no model of a {kind}")
    return model


def _same_bit(source: Pin, target: Pin) -> bool:
    """DI of a bit of CARRY4 goes to its carry only, S to its sum as well."""
    return source[0] == "S" or target[0] == "CO"


def _addresses(pin: str, output: str) -> bool:
    """Is this pin of a memory in LUTs the address of that output?"""
    if output in ("DOA", "DOB", "DOC", "DOD"):  # RAM32M, RAM64M
        return pin == f"ADDR{output[2]}"
    if output == "DPO":
        return pin.startswith("DPRA")
    return re.fullmatch(r"A\d*", pin) is not None


def _dsp(cell: dict, model: NetlistCell, inputs: list[Pin], outputs: list[Pin]) -> None:
    """A DSP48 by its pipeline registers: operands, product (M), result (P)."""
    product, result = parameter(cell, "MREG"), parameter(cell, "PREG")
    for pin in inputs:
        own = DSP_OPERANDS.get(pin[0]) or DSP_CONTROL.get(pin[0])
        if own is None or parameter(cell, own):
            model.capture[pin] = LogicPath(NONE)  # a register of its own, or an enable or reset
        elif result or (product and pin[0] in ("A", "B", "D")):
            model.capture[pin] = LogicPath(DSP)
        else:
            model.arcs += [Arc(pin, o, DSP) for o in outputs]
    model.launch = dict.fromkeys(outputs, LogicPath(NONE if result else DSP))


#: Pipeline registers of a DSP48 that a multiplier must use: both operands and the product.
DSP_REGISTERS = ("AREG", "BREG", "MREG")


def dsp_registers(module: dict) -> dict[str, int]:
    """How many multipliers the cells of a module are, and how many use each pipeline register."""
    found = dict.fromkeys(("dsp", *DSP_REGISTERS, "PREG"), 0)
    for cell in module["cells"].values():
        if cell["type"].startswith("DSP48"):
            for name in found:
                found[name] += name == "dsp" or parameter(cell, name) > 0
    return found
