"""How a core is instantiated, in VHDL and Verilog."""
