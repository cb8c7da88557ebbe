"""The tests on a machine without the optional packages: files that need them are skipped, and none fails to be collected."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions

import pytest
from pages import ROOT

#: Collects the tests as if the modules that are its arguments were not installed.
COLLECT = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[1:]))
import pytest
sys.exit(pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "tests"]))
"""


def extras() -> dict[str, set[str]]:
    """Extra -> its distributions, of setup.cfg; not that of the tests."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    found = {
        extra: {re.split(r"[<>=!~\[; ]", line)[0].lower() for line in lines.split()}
        for extra, lines in settings["options.extras_require"].items()
    }
    tests = found.pop("test")
    return {extra: names - tests for extra, names in found.items() if names - tests}


def modules(distributions: set[str]) -> list[str]:
    """What distributions that are installed give to import."""
    return sorted(
        module
        for module, given in packages_distributions().items()
        if distributions & {name.lower() for name in given}
    )


@pytest.mark.slow
@pytest.mark.parametrize("left_out", [[], ["onnx"], ["keras"], ["torch", "train"]], ids=str)
def test_tests_are_collected_without_optional_packages(left_out):
    """`make test` of a user without PyTorch ended with an error in a file of tests; CI has it."""
    given = extras()
    names = set().union(*(given[extra] for extra in left_out or given))
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    done = subprocess.run(
        [sys.executable, "-c", COLLECT, *modules(names)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert int(re.search(r"(\d+) tests collected", done.stdout)[1]) > 2000
