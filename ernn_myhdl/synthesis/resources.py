"""Cells of a netlist as the resources of a device, and tables of them.

Those of ECP5 stand beside those of Xilinx: a MULT18X18D is a `dsp`, a DP16KD of 18 kbit a `ramb18`.
"""

from __future__ import annotations

import re

from ernn_myhdl.synthesis.devices import Device

#: LUTs that a memory or shift register primitive occupies (UG474, UG574: a LUT holds 64 bits, one
#: read port each; the wide ones fill a slice).
MEMORY_LUTS = {
    "SRL16": 1, "SRL16E": 1, "SRLC16E": 1, "SRLC32E": 1,
    "RAM32X1S": 1, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4, "RAM512X1S": 8,
    "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM256X1D": 8,
    "RAM32X2S": 2, "RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8,
    "RAM32X16DR8": 8, "RAM64X8SW": 8,
    "TRELLIS_DPR16X4": 4,
}  # fmt: skip
LOGIC_LUT = re.compile(r"LUT[1-6]|INV")  # an inverter that nothing absorbs takes a LUT
FLIP_FLOP = re.compile(r"FD[RSCP]E?(_1)?|TRELLIS_FF")
LATCH = re.compile(r"LD[CP]E?(_1)?")
DSP = re.compile(r"DSP48E[12]?|MULT18X18D")
RAM_18 = re.compile(r"RAMB18(E[12])?|FIFO18E[12]|DP16KD|PDPW16KD")
RAM_36 = re.compile(r"RAMB36(E[12])?|FIFO36E[12]")
#: A CCU2C is made of two LUTs.
CARRY = re.compile(r"CARRY[48]|CCU2C")
CARRY_LUTS = {"CCU2C": 2}
WIDE = re.compile(r"MUXF[789]|PFUMX|L6MUX21")
FREE = {"GND", "VCC"}

RESOURCES = ("lut", "lutram", "ff", "carry", "mux", "dsp", "ramb18", "ramb36")


def count_resources(cells: dict[str, int]) -> dict:
    """Resources of a netlist's cells, given as type -> number.

    lut: all LUTs; lutram: those of them used as memory or shift register. latch: must not occur.
    other: cells that are none of these, such as black boxes, by type.
    """
    found = dict.fromkeys((*RESOURCES, "latch"), 0)
    other: dict[str, int] = {}
    kinds = {
        "lut": LOGIC_LUT, "ff": FLIP_FLOP, "latch": LATCH, "dsp": DSP, "ramb18": RAM_18,
        "ramb36": RAM_36, "carry": CARRY, "mux": WIDE,
    }  # fmt: skip
    for cell, number in cells.items():
        if cell in MEMORY_LUTS:
            found["lut"] += number * MEMORY_LUTS[cell]
            found["lutram"] += number * MEMORY_LUTS[cell]
            continue
        kind = next((k for k, pattern in kinds.items() if pattern.fullmatch(cell)), None)
        if kind:
            found[kind] += number
            found["lut"] += number * CARRY_LUTS.get(cell, 0)
        elif cell not in FREE:
            other[cell] = number
    return {**found, "other": other}


def total_resources(blocks: list[dict]) -> dict:
    """Sum over blocks of `each` times `instances`, with bram36."""
    total = {name: sum(b["each"][name] * b["instances"] for b in blocks) for name in RESOURCES}
    total["bram36"] = total["ramb36"] + -(-total["ramb18"] // 2)
    return total


def percentages(total: dict, device: Device) -> dict:
    """Percentage of the device used; bram36 = RAMB36 + half of RAMB18, rounded up."""
    return {n: round(100.0 * total[n] / getattr(device, n), 2) for n in device.limited}


def format_resources(resources: dict, most: int = 20) -> str:
    """The result of a synthesis with Yosys as a table: the `most` largest blocks, the sum of the rest."""
    header = ["block", "instances", "LUT", "as memory", "FF", "DSP48", "RAMB36", "RAMB18"]
    names = ("lut", "lutram", "ff", "dsp", "ramb36", "ramb18")
    device = resources["device"]
    blocks = []
    for block in resources["blocks"]:
        values = [block["each"][n] * block["instances"] for n in names]
        if any(values):
            blocks.append((block["name"], block["instances"], values))
    share = {"lut": device["lut"], "ff": device["ff"], "dsp": device["dsp"]}
    share |= {"ramb36": device["bram36"], "ramb18": 2 * device["bram36"]}
    # The largest are those that take most of whatever they take most of.
    blocks.sort(
        key=lambda b: -max(v / share[n] for n, v in zip(names, b[2], strict=True) if n in share)
    )
    if len(blocks) > most:
        rest = blocks[most:]
        sums = [sum(column) for column in zip(*(b[2] for b in rest), strict=True)]
        blocks = [*blocks[:most], (f"{len(rest)} others", sum(b[1] for b in rest), sums)]
    rows = [[name, str(count), *(f"{v:,}" for v in values)] for name, count, values in blocks]
    total, used = resources["total"], resources["percent"]
    # Two RAMB18 share one RAMB36, so the device is compared with both columns at once.
    rows += [
        ["total", "", *(f"{total[n]:,}" for n in names)],
        [device["name"], "", f"{device['lut']:,}", "", f"{device['ff']:,}", f"{device['dsp']:,}",
         f"{device['bram36']:,}", f"{2 * device['bram36']:,}"],
        ["used", "", f"{used['lut']:.1f} %", "", f"{used['ff']:.1f} %", f"{used['dsp']:.1f} %",
         f"{used['bram36']:.1f} %", ""],
    ]  # fmt: skip
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = [_line(header, widths), "-" * (sum(widths) + 2 * len(widths) - 2)]
    lines += [_line(row, widths) for row in rows]
    lines.insert(-3, lines[1])
    verdict = "fits" if resources["fits"] else "does not fit"
    lines += [
        "",
        f"{verdict} in {device['part']}; all instances of a block counted like one; {resources['tool']}",
    ]
    return "\n".join(lines)


def _line(cells: list[str], widths: list[int]) -> str:
    first = cells[0].ljust(widths[0])
    rest = [c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True)]
    return "  ".join([first, *rest]).rstrip()
