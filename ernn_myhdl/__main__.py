"""`python -m ernn_myhdl` is `ernn`."""

import os
import sys

# Python puts the current folder first, where a `random.py` of the user's may lie; behind all others it
# serves a checkout that is not installed
if not getattr(sys.flags, "safe_path", False) and sys.path[:1] in ([""], [os.getcwd()]):
    del sys.path[0]
    sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from ernn_myhdl.cli.main import main

sys.exit(main())
