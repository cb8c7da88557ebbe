"""Placement and routing with open tools: nextpnr behind Yosys, for families of `families.FAMILIES`."""
