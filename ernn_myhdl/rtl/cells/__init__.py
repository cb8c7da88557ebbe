"""Element-wise units of the cells."""
