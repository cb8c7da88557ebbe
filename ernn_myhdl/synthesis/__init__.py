"""Synthesis of a design: a ready folder for Vivado, resources from Yosys, a check with GHDL."""

from ernn_myhdl.synthesis.devices import Device, device_named, devices
from ernn_myhdl.synthesis.flow import TOOLS, synthesise
from ernn_myhdl.synthesis.ghdl_check import ghdl_synth_check
from ernn_myhdl.synthesis.resources import format_resources

__all__ = [
    "TOOLS",
    "Device",
    "device_named",
    "devices",
    "format_resources",
    "ghdl_synth_check",
    "synthesise",
]
