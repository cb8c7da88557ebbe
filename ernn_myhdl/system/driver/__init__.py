"""The driver in C99: a header made of the description of the registers, and a fixed source."""
