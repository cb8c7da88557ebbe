"""The system around a core: an AXI4-Lite slave and two AXI4-Streams that a DMA drives, its files, and its simulation."""
