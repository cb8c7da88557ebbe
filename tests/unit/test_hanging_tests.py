"""A test that hangs ends the run in finite time, with its name and the place where it stands."""

import re
import subprocess
import sys

from pages import ROOT

HANGS = """
import subprocess, sys

def test_that_hangs():
    child = [sys.executable, "-c", "import time; time.sleep(20)"]
    with subprocess.Popen(child, stdout=subprocess.PIPE) as process:
        process.communicate()

def test_behind_it():
    pass
"""


def test_a_test_that_hangs_is_named_and_the_others_run(tmp_path):
    """With the settings of this repository, but for the seconds."""
    file = tmp_path / "test_hanging.py"
    file.write_text(HANGS)
    command = [sys.executable, "-m", "pytest", "-c", ROOT / "setup.cfg", "--rootdir", tmp_path, "-n", "1", "--dist",
               "worksteal", "-p", "no:cacheprovider", "--basetemp", tmp_path / "of_its_own",
               "-o", "faulthandler_timeout=1", file]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"crashed while running '\S*test_hanging\.py::test_that_hangs'", done.stdout)
    assert "1 failed, 1 passed" in done.stdout
    assert re.search(r'test_hanging\.py", line \d+ in test_that_hangs', done.stderr)
    assert "in communicate" in done.stderr
