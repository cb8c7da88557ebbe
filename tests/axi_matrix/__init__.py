"""The AXI system under cocotb and cocotbext-axi."""
