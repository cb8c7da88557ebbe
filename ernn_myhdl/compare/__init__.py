"""Comparison with published cores: ESE, C-LSTM and E-RNN."""
