"""Conversion of a design to hierarchical VHDL-2008 or Verilog.

Each distinct leaf of the netlist is converted by MyHDL into an entity of its own; netlists become
architectures that only instantiate and wire; memories with initial values come from a template, one
entity per shape, their contents apart from the logic.
"""

from ernn_myhdl.convert.writer import HDLS, convert

__all__ = ["HDLS", "convert"]
