"""The blocks of the core in MyHDL, one file each, and the netlist that joins them (`top`)."""
