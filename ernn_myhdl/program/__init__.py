"""The static program of a layer, which is weight layout and cycle model at once."""
