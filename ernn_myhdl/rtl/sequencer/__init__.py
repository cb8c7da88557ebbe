"""The sequencer: which operation of the program is next, block by block."""
