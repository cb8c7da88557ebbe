"""Synthesis scripts: fixed Tcl for Vivado, script templates for Yosys; see docs/synthesis.md.

A package only so that the scripts are installed with, and found by, `ernn_myhdl.synthesis`.
"""
