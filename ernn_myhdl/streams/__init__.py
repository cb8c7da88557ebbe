"""AXI4-Streams: beats, traffic, framing, initial states and their file."""
