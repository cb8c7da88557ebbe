"""Synthesis scripts: fixed Tcl for Vivado, templates for Yosys and nextpnr; see docs/synthesis.md.

A package only so that the scripts are installed with, and found by, `ernn_myhdl.synthesis`.
"""
