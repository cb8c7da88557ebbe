"""Files: outputs that appear complete or not at all, inputs read within limits."""
