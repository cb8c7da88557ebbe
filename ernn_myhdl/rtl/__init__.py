"""The blocks of the core in MyHDL, one file each; `core` joins them, `cells` holds the element-wise units."""

from ernn_myhdl.hdl import block_text

block_text.install(__name__)
