"""Puts the repository and this folder on the import path, for runs without an installation."""

import signal
import sys
from pathlib import Path

from hypothesis import settings

for folder in (Path(__file__).parents[1], Path(__file__).parent):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

# a shell ignores Ctrl-C for what it runs in the background; tests raise it, and their children heed it
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# how long an example takes says nothing on a machine that others use too
settings.register_profile("without deadline", deadline=None)
settings.load_profile("without deadline")
