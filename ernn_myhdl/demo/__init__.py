"""The demonstration model: Japanese Vowels speaker recognition with a block-circulant LSTM."""
