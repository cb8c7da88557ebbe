"""What talks to a core on a board: registers, numbers, packets, a driver and its transports; needs numpy only."""
