"""The core: all blocks of one design joined into a netlist.

    s_axis -> FIFO -> framing -> FFT -> x store --+
                                                  +-> column select -> broadcast -> lanes (weights)
        +--> FFT -> y store ----------------------+                                   |
        |    FFT -> m store ----------------------+                             drain chain
        |     ^                                                                       |
    output    +---- element-wise unit <- gather <---- round <- IFFT <- round <- combine, join
        |                                               |
        +<----------------------------------------------+ (second phase: a projection's mask, or the
        v                                                  candidate's unit; without one, y is m)
    output store -> framing -> FIFO -> m_axis

Ports: clk; rst, synchronous and active high; s_axis_* and m_axis_* (AXI4-Stream: tvalid, tready,
tdata, tlast on the last beat of a frame, tuser on the first beat of a sequence, and with several
streams tid, the stream of the frame); frame_error, high from a frame of wrong length until reset.
With `Hardware.initial_states` tuser has a second bit, of sequences that start from a loaded state, and
s_state_* brings those states (`ernn_myhdl.rtl.core.state_loading`).
"""

from __future__ import annotations

from ernn_myhdl.design.structure import CoreStructure, Structure
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.stream_port import SOURCE
from ernn_myhdl.rtl.core import network_core
from ernn_myhdl.rtl.core.element_wise import element_wise
from ernn_myhdl.rtl.core.input_side import input_side
from ernn_myhdl.rtl.core.output_side import output_side, spectra
from ernn_myhdl.rtl.core.products import columns, operations, products
from ernn_myhdl.rtl.core.state_loading import StateLoading
from ernn_myhdl.rtl.core.weight_loading import WeightLoading, layer_bus, loads_of_layer
from ernn_myhdl.rtl.core.wiring import Wiring


def layer_core(design: Structure, inside: bool = False) -> Netlist:
    """The netlist of the core of one layer. inside: of a network, which loads the weights of all its layers."""
    w = Wiring(design, inside)
    loading = None
    if design.hardware.loadable:
        if inside:
            bus = {name: w.n.input(name, kind) for name, kind in layer_bus(design).types.items()}
        else:
            loading = WeightLoading(w.n, design)
            bus = loading.bus
            w.given = {f"{SOURCE}_{field}": net for field, net in loading.source.items()}
            w.given[f"{SOURCE}_tready"] = loading.ready
        w.loads = loads_of_layer(w.n, design, bus)
    states = StateLoading(w) if design.loads_states else None
    entered = input_side(w, states)
    op = operations(w, entered.frame)
    read = columns(w, op, entered.spectrum, states)
    made = element_wise(w, op, products(w, op, read), states)
    spectra(w, made, read)
    output_side(w, made)
    if states is not None:
        states.pages(entered.head, entered.cut, made.group)
    if loading is not None:
        loading.finish()
    return w.n


def core(design: CoreStructure) -> Netlist:
    """The netlist of the whole core, of one layer or of a network."""
    if isinstance(design, Structure):
        return layer_core(design)
    return network_core.core(design, [layer_core(layer, True) for layer in design.layers])
