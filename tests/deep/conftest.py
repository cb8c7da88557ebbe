"""Options of the deep tests, which plain `pytest` does not collect: `make test-deep`."""

from __future__ import annotations

import datetime

import pytest
from deep_cases import DESIGNS, NETWORKS, Case, cases


def pytest_addoption(parser):
    group = parser.getgroup("deep tests")
    today = int(f"{datetime.date.today():%Y%m%d}")
    group.addoption("--seed", type=int, default=today, help="of all cases (default: the date)")
    group.addoption("--designs", type=int, default=DESIGNS, help=f"default {DESIGNS}")
    group.addoption("--networks", type=int, default=NETWORKS, help=f"default {NETWORKS}")
    group.addoption("--case", action="append", metavar="NAME", help="only the case of this name")


def pytest_configure(config):
    for name in config.getoption("case") or []:
        try:
            Case.of(name)
        except ValueError as error:
            raise pytest.UsageError(str(error)) from None


def pytest_collection_modifyitems(config, items):
    """Who asks for cases gets these, and not the graphs of hypothesis, which have no names."""
    if config.getoption("case"):
        others = [item for item in items if "case" not in item.fixturenames]
        items[:] = [item for item in items if "case" in item.fixturenames]
        config.hook.pytest_deselected(items=others)


def pytest_report_header(config):
    seed = config.getoption("seed")
    return f"seed {seed}: `make test-deep SEED={seed}` repeats this, `CASE=NAME` one case"


def pytest_generate_tests(metafunc):
    if "case" not in metafunc.fixturenames:
        return
    option = metafunc.config.getoption
    chosen = (
        [Case.of(name) for name in option("case")]
        if option("case")
        else cases(metafunc.function.engine, option("seed"), option("designs"), option("networks"))
    )
    metafunc.parametrize("case", chosen, ids=lambda case: case.name)
