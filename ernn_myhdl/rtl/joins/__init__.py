"""The blocks of a graph of layers: streams that divide, and streams that are joined."""
