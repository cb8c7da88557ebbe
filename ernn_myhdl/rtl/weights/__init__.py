"""Weights that are loaded while a core runs: their memories, the image that brings them, the blocks that write it."""
