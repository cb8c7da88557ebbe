"""How a core is instantiated, and its test benches, in VHDL and Verilog."""
