"""`python -m ernn_myhdl` is `ernn`."""

import sys

from ernn_myhdl.cli.main import main

sys.exit(main())
