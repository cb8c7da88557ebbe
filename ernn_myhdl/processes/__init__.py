"""Child processes, and one way of stopping for all signals."""
