"""Fixed-point formats, circulant matrices, transforms, piecewise linear functions: integers and floats only."""
