"""Synthesis of a design: a ready folder for Vivado, resources and path lengths from Yosys, a check with
GHDL."""

from ernn_myhdl.synthesis.devices import Device, device_named, devices
from ernn_myhdl.synthesis.flow import TOOLS, synthesise
from ernn_myhdl.synthesis.ghdl_check import ghdl_synth_check
from ernn_myhdl.synthesis.resources import format_resources
from ernn_myhdl.synthesis.timing_report import format_timing

__all__ = [
    "TOOLS",
    "Device",
    "device_named",
    "devices",
    "format_resources",
    "format_timing",
    "ghdl_synth_check",
    "synthesise",
]
