// How to instantiate the core in Verilog. Wires of the module; inputs are yours to drive:
SIGNALS

    CORE_TOP CORE_TOP_i (
CONNECTIONS
    );
