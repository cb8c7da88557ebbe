"""What a core is: cells, formats, hardware, weights, and how they are stored."""
