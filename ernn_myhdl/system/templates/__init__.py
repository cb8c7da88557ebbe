"""How the system is instantiated, in VHDL and Verilog."""
