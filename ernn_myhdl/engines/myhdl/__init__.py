"""The core in MyHDL."""
