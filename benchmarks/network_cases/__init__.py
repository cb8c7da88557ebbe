"""Recurrent networks that people put on FPGAs, with random weights: PyTorch modules and the same in Keras."""
