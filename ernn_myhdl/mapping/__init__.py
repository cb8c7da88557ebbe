"""Technology mapping: Yosys, and the netlist of a core in the cells of a device, for placing and for simulation."""
