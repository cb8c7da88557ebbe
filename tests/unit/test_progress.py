"""Progress is shown on a terminal, and nothing of it in a file."""

from __future__ import annotations

import io
import sys

import pytest

from ernn_myhdl.console import frame_progress, say_step, step_progress


class Terminal(io.StringIO):
    """Standard error that somebody looks at."""

    def isatty(self) -> bool:
        return True


def shown(monkeypatch, stream: io.StringIO) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    with frame_progress("myhdl", 40) as frames:
        frames(10, 500)
        frames(40, 2000)
    with step_progress("explore", "candidate") as steps:
        steps(1, 3, "k = 4")
        steps(3, 3, "k = 8")
    say_step("reading weights")
    return stream.getvalue()


@pytest.mark.parametrize(
    "words", ["myhdl: 100%", "40/40", "cycle 2000, ", "explore: 100%", "3/3", "k = 8", "reading weights ...\n"]
)  # fmt: skip
def test_a_terminal_shows_how_far_the_work_is(words, monkeypatch):
    assert words in shown(monkeypatch, Terminal())


def test_a_file_shows_nothing_of_it(monkeypatch):
    assert shown(monkeypatch, io.StringIO()) == ""
