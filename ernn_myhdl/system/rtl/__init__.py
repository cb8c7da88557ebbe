"""The blocks of the AXI system in MyHDL."""
