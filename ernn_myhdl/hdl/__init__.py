"""Structural HDL on MyHDL: types, netlists, written blocks; knows no network."""
