"""Recognisers: recurrent layers with a linear read-out, trained on speech, compressed, and scored as designs.

`ernn train` and `ernn explore model` are made of this; docs/recognisers.md.
"""
