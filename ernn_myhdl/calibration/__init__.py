"""What is chosen from data: formats, segments, defaults; random and preset designs."""
