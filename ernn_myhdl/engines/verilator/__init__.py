"""The converted core, compiled."""
