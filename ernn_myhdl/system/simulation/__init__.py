"""The simulated board: the AXI system in Verilator, behind the transport of the host's driver."""
