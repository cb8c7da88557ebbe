"""`.ci/coverage`: the coverage of `make check` may not fall by more than a point."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
from pages import ROOT

main = runpy.run_path(str(ROOT / ".ci" / "coverage"))["main"]


@pytest.fixture
def compared(tmp_path):
    """Exit code of a coverage, against the record of this test."""

    def compared(percent: float, *options: str) -> int:
        totals = {
            "percent_covered": percent, "missing_lines": 5, "num_statements": 90,
            "missing_branches": 3, "num_branches": 20,
        }  # fmt: skip
        report = tmp_path / "report.json"
        report.write_text(json.dumps({"totals": totals}))
        return main(str(report), *options, record=tmp_path / "coverage.txt")

    return compared


def recorded(folder: Path) -> str:
    return (folder / "coverage.txt").read_text()


def test_it_may_not_fall_by_more_than_a_point(compared, tmp_path, capsys):
    assert compared(90.04, "--record") == 0
    assert recorded(tmp_path) == "90.0\n"
    assert [compared(p) for p in (97.0, 90.0, 89.01, 88.99, 50.0)] == [0, 0, 0, 1, 1]
    said = capsys.readouterr().out
    assert "branch coverage of make check: 89.0 % (5 of 90 lines and 3 of 20 branches" in said
    assert "it was 90.0 %" in said
    assert recorded(tmp_path) == "90.0\n"  # only --record changes it


def test_the_first_number_is_recorded(compared, tmp_path, capsys):
    assert compared(81.26) == 0
    assert recorded(tmp_path) == "81.3\n"
    assert "commit it" in capsys.readouterr().out
