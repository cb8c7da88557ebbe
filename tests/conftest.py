"""Puts the repository and this folder on the import path, for runs without an installation.

Chooses the tests of which `make test` measures the coverage in CI.
"""

import gc
import os
import re
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

for folder in (Path(__file__).parents[1], Path(__file__).parent):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

# a core is tens of thousands of objects: Python's own thresholds look through it while it is made, and find no garbage
gc.set_threshold(100_000, 20, 50)

# a shell ignores Ctrl-C for what it runs in the background; tests raise it, and their children heed it
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# no test cuts the power, and every file that a test writes would wait for the disk
os.fsync = lambda handle: None

# how long an example takes says nothing on a machine that others use too
settings.register_profile("without deadline", deadline=None)
settings.load_profile("without deadline")


def pytest_addoption(parser):
    parser.addoption(
        "--covered",
        metavar="MARKERS",
        help="with --cov: the coverage of tests that -m MARKERS would choose; the others run too",
    )


def chosen(markers: str, item: pytest.Item) -> bool:
    """Whether `-m MARKERS` would choose the test."""
    own = {marker.name for marker in item.iter_markers()}
    words = re.sub(r"\b(?!(?:and|or|not)\b)\w+", lambda m: str(m[0] in own), markers)
    return bool(eval(words, {"__builtins__": {}}))


# after the markers that folders give their tests
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    if markers := config.getoption("--covered"):
        for item in items:
            if not chosen(markers, item):
                item.add_marker("no_cover")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session):
    """What is there once tests are collected stays: Python need not look through it again and again for garbage."""
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    """pytest looks for garbage five times and more when a session ends, to tell of errors in finalisers: once finds them."""
    gc.collect()
    gc.freeze()
