"""`.ci/coverage`: the coverage of `make check` may not fall by more than a point."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT

from docs import coverage_page

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


def made(target: str, **variables: str) -> str:
    """What `make TARGET` would run."""
    environment = {k: v for k, v in os.environ.items() if k not in ("CI", "MAKEFLAGS", "MAKELEVEL")}
    command = ["make", "--dry-run", "--no-print-directory", target]
    done = subprocess.run(
        command, cwd=ROOT, env=environment | variables, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_page_is_of_all_tests_only():
    """`make coverage COVERED=FILE` wrote 0.3 % into it."""
    pages = [made("coverage", COVERED=tests).splitlines()[-1] for tests in ("", "tests/unit/x.py")]
    command = " -m docs.coverage_page build/coverage/all.json"
    assert [p.partition(command)[2].strip() for p in pages] == ["", "build/coverage/part.md"]


def test_ci_measures_the_tests_of_make_check_while_all_run():
    """Without running them twice, and by the same expression of markers."""
    (chosen,) = re.findall(r'pytest .*-m "(.*?)"', made("check"))
    pytest_line, comparison = made("test", CI="true").splitlines()[-2:]
    assert (
        f'--covered "{chosen}"' in pytest_line
        and "--cov-report=json:build/coverage/check.json" in pytest_line
    )
    assert " -m " not in pytest_line.partition("-m pytest")[2]
    assert comparison == ".ci/coverage build/coverage/check.json"
    assert "--cov" not in made("test")
    assert "\nmake test\n" in (ROOT / ".ci/run").read_text()


CASES = """
import pytest

def work(name):
    assert {"plain": 1, "marked": 2}[name]
    if name == "plain":
        return 1
    return 2

def test_plain():
    assert work("plain") == 1

@pytest.mark.slow
def test_slow():
    assert work("marked") == 2

@pytest.mark.slow
@pytest.mark.smoke
def test_smoke():
    pass
"""


@pytest.mark.parametrize(
    ("markers", "lines", "workers"), [("smoke or not (slow or ghdl)", 1, "2"), ("not ghdl", 0, "0")]
)
def test_only_the_chosen_tests_are_measured(markers, lines, workers, tmp_path):
    """A line that only the others reach is missing; with workers of pytest-xdist, and without any."""
    (tmp_path / "test_cases.py").write_text(CASES)
    report = tmp_path / "report.json"
    command = [
        sys.executable, "-m", "pytest", "-q", "-c", str(ROOT / "setup.cfg"), "--rootdir", str(tmp_path), "-p", "no:cacheprovider",
        "--basetemp", str(tmp_path / "of_its_own"),
        "--confcutdir", str(tmp_path), "-p", "conftest", "-n", workers, "--cov=.", "--cov-branch", f"--cov-report=json:{report}",
        "--covered", markers, "test_cases.py",
    ]  # fmt: skip
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("COV", "PYTEST"))}
    environment |= {"PYTHONPATH": str(ROOT / "tests"), "COVERAGE_FILE": str(tmp_path / "data")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert "3 passed" in done.stdout, done.stdout + done.stderr
    (file,) = json.loads(report.read_text())["files"].values()
    within_work = [n for n in file["missing_lines"] if 5 <= n <= 9]
    assert len(within_work) == lines, file


def test_the_page_lists_what_no_test_runs_by_file(tmp_path, capsys):
    def file(statements, lines, branches, missing_lines, missing_branches):
        covered = statements - len(missing_lines) + branches - len(missing_branches)
        summary = {
            "num_statements": statements, "num_branches": branches,
            "covered_lines": statements - len(missing_lines), "covered_branches": branches - len(missing_branches),
            "percent_covered": 100 * covered / (statements + branches),
        }  # fmt: skip
        return {
            "summary": summary,
            "missing_lines": missing_lines,
            "missing_branches": missing_branches,
        }

    files = {
        "ernn_myhdl/rtl/lane.py": file(10, 4, 4, [3, 4, 5, 9], [[2, 3], [7, -1]]),
        "ernn_myhdl/sweep.py": file(8, 0, 0, [], []),
        "golden/linear.py": file(20, 0, 6, [], [[11, 14]]),
    }
    totals = {
        "percent_covered": 85.4,
        "num_statements": 38,
        "missing_lines": 4,
        "num_branches": 10,
        "missing_branches": 3,
    }
    (tmp_path / "all.json").write_text(json.dumps({"files": files, "totals": totals}))
    assert coverage_page.main(str(tmp_path / "all.json"), str(tmp_path / "page.md")) == 0
    assert "85.4 % (92 wanted)" in capsys.readouterr().out
    text = (tmp_path / "page.md").read_text()
    assert (
        "**85.4 %** (92 % wanted). Of 38 lines\n4 are not run, of 10 branches 3 not taken" in text
    )
    assert "| `ernn_myhdl/rtl` | 1 | 57.1 | 4 | 2 |" in text
    assert "| `golden` | 1 | 96.2 | 0 | 1 |" in text
    assert "1 files of 3 are covered whole" in text
    # the branch to a line that is missing itself says nothing more
    rows = [line for line in text.splitlines() if ".py" in line]
    assert rows == [
        "| `ernn_myhdl/rtl/lane.py` | 57.1 | 3–5, 9, 7→end |",
        "| `golden/linear.py` | 96.2 | 11→14 |",
    ]
