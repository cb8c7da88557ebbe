"""Docstrings of the public names are in the form of numpydoc, and name what there is."""

from __future__ import annotations

import dataclasses
import inspect
import re

import pytest

import ernn_myhdl

PUBLIC = {n: getattr(ernn_myhdl, n) for n in ernn_myhdl.__all__ if n != "__version__"}
FUNCTIONS = [name for name, what in PUBLIC.items() if inspect.isfunction(what)]
RECORDS = [name for name, what in PUBLIC.items() if dataclasses.is_dataclass(what)]
#: Records that are made by the package alone, of what is right.
MADE = ("Mismatch", "Run", "Traffic")
SECTIONS = ("Parameters", "Returns", "Raises")


def sections(text: str) -> dict[str, list[str]]:
    """Lines below every heading of a docstring that is underlined as long as it is, in order."""
    found: dict[str, list[str]] = {}
    lines = inspect.cleandoc(text).splitlines()
    at = ""
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if line and below == "-" * len(line):
            at = line
            found[at] = []
        elif at and line != "-" * len(at):
            found[at].append(line)
    return found


def parameters(text: str) -> list[str]:
    """Names that the section of parameters describes; each line of them is `name, name : type` or `*name`."""
    names: list[str] = []
    for line in sections(text)["Parameters"]:
        if line and not line.startswith(" "):
            assert re.fullmatch(r"(\*\*)?\w+(, \w+)* : \S.*|\*{1,2}\w+|\w+", line), line
            names += [n.strip("* ") for n in line.partition(" : ")[0].split(",")]
    return names


def first_line(text: str) -> str:
    return text.partition("\n")[0]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_tells_its_parameters_result_and_errors(name):
    text = PUBLIC[name].__doc__
    assert first_line(text).endswith(".")
    assert tuple(sections(text)) == SECTIONS
    assert sorted(parameters(text)) == sorted(inspect.signature(PUBLIC[name]).parameters)
    assert sections(text)["Returns"][0] and "DesignError" in sections(text)["Raises"]


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_tells_its_fields_and_errors(name):
    text = PUBLIC[name].__doc__
    assert first_line(text).endswith(".")
    fields = [f.name for f in dataclasses.fields(PUBLIC[name]) if f.init]
    assert sorted(parameters(text)) == sorted(fields)
    assert ("Raises" in sections(text)) == (name not in MADE)


def test_all_public_names_are_looked_at():
    others = set(PUBLIC) - {*FUNCTIONS, *RECORDS}
    assert others == {"DesignError", "ToolError"} and len(FUNCTIONS) == 14


def test_the_form_is_told_from_others():
    text = """One line.

    Parameters
    ----------
    a, b : int
        Of c : d.
    **rest

    Returns
    -------
    int
    """
    assert parameters(text) == ["a", "b", "rest"] and list(sections(text)) == [
        "Parameters",
        "Returns",
    ]
    assert list(sections("One line.\n\nParameters\n---\na : int")) == []
