"""Cores put together: a layer, a network, the loading of states."""
