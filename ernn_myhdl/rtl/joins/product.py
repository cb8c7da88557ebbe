"""Product: a beat of both operands enters at once; samples are multiplied exactly, rounded and saturated.

    operands -> control -> multiply -> round -> FIFO -> result

The multiplication is that of an output gate (`ernn_myhdl.rtl.cells.lstm`), on words as long as the longer ones of both operands.
"""

from __future__ import annotations

from dataclasses import replace

from ernn_myhdl.design.hardware import StreamShape
from ernn_myhdl.design.signals import Signals
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Array
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.rtl import delay, rounding, stages
from ernn_myhdl.rtl.cells.lstm import product_leaf
from ernn_myhdl.rtl.joins.addition import together_leaf
from ernn_myhdl.rtl.joins.beats import MOST_HELD, Control
from ernn_myhdl.rtl.joins.element_wise import samples_leaf

#: Cycles from a beat that enters to the FIFO.
PRODUCT_STAGES = stages.latency(stages.OUTPUT, stages.ROUNDING)
#: Words of the FIFO: what it may hold when a beat enters, and what is on its way.
PRODUCT_SLOTS = MOST_HELD + 1 + PRODUCT_STAGES


def product(
    n: Netlist, name: str, signals: Signals, shape: StreamShape, given: list[dict[str, Net]],
    formats: list[Format], control: Control,
) -> dict[str, Net]:  # fmt: skip
    """The products; fields of a beat with valid and samples."""
    valids, readies, held = control
    clk, rst = n.nets["clk"], n.nets["rst"]
    go = n.add("control", together_leaf(2), rst=rst, valids=valids, readies=readies, held=held)[
        "go"
    ]
    exact, fmt, size = signals.sum_of(name), signals.formats[name], shape.samples_per_beat
    word = exact.word // 2
    arrays = []
    for place, (fields, own) in enumerate(zip(given, formats, strict=True)):
        parts: list[Net | tuple[Net, int, int]] = []
        for i in range(size):
            low = i * shape.sample_bits
            parts.append((fields["tdata"], low, own.word))
            parts += [(fields["tdata"], low + own.word - 1, 1)] * (word - own.word)
        arrays.append(n.bundle(f"operand_{place}", Array(size, word), *parts))
    kept = signals.sizes[name] % size or size
    mask = n.add("elements", samples_leaf(size, kept), last=given[0]["tlast"])["mask"]
    leaf = product_leaf(size, word)
    products = n.add(
        "multiply", replace(leaf, name=f"{name}_{leaf.name}"), clk=clk, gate=arrays[0], squashed=arrays[1], mask=mask,
    )["product"]  # fmt: skip
    samples = n.add(
        "round", rounding.leaf(size, exact.word, fmt.word, exact.frac - fmt.frac), clk=clk, source=products
    )["target"]  # fmt: skip
    first = {field: net for field, net in given[0].items() if field != "tdata"}
    late = {f: delay.delayed(n, f"late_{f}", net, PRODUCT_STAGES) for f, net in first.items()}
    return late | {"valid": delay.delayed(n, "late_valid", go, PRODUCT_STAGES), "samples": samples}
