"""Models of a core that know no hardware: float, fxpmath and integer; imported as `ernn_myhdl.golden`."""
