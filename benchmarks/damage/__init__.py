"""Parts of `python -m benchmarks.damaged_inputs`."""
